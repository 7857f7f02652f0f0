"""Who somebody is, asked of the forge now, as far as the contract wants to know it; it decides nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pointsman.core.contract import Author

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pointsman.core.contract import Contract
    from pointsman.core.contract.identity import Identity
    from pointsman.core.pulls.model import Account
    from pointsman.ports import Pulls


def known(pulls: Pulls, who: Account, contract: Contract) -> Author:
    """The account with its permission and, of the teams that the contract names, those that it is in."""
    teams = {identity.value for identity in _identities(contract) if identity.kind == "team"}
    return Author(
        login=who.login,
        account_id=who.id,
        human=not who.bot,
        permission=pulls.permission(who),
        teams=pulls.teams(who, teams) if teams and not who.bot else frozenset(),
    )


def _identities(contract: Contract) -> Iterator[Identity]:
    yield from contract.identities.values()
    for role in contract.roles.values():
        yield from role.who
    for several in contract.commands.values():
        yield from several
