"""Who somebody on GitHub is, as the contract asks it; looked up by the account's id, and no more than is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from pointsman.core.contract.identity import BOT, Author, Identity, is_one_of
from pointsman.core.pulls.model import Account
from pointsman.ports import Clock, Pulls

if TYPE_CHECKING:
    from pointsman.core.contract.model import Contract

KNOWN_SECONDS = 300.0
MOST_KNOWN = 1000


class GitHubPeople:
    """Implements `pointsman.ports.People`. What is not asked live is at most five minutes old."""

    def __init__(self, pulls: Pulls, clock: Clock) -> None:
        self._pulls, self._clock = pulls, clock
        self._known: dict[tuple[str, int, bool, frozenset[str]], tuple[float, Author]] = {}

    def author(
        self, name: str, account: int | None, contract: Contract | None = None, *, live: bool = False
    ) -> Author:
        if account is None:
            return Author.parse(name)
        if "@" in name and not name.endswith(BOT):
            return Author(email=name, account_id=account)
        human = not name.endswith(BOT)
        asked = tuple(_identities(contract)) if contract is not None else ()
        permission = human and (live or any(each.kind == "permission" for each in asked))
        teams = frozenset(each.value for each in asked if each.kind == "team") if human else frozenset()
        key = (name, account, permission, teams)
        found = self._known.get(key)
        now = self._clock.now()
        if found is not None and not live and 0 <= now - found[0] < KNOWN_SECONDS:
            return found[1]
        author = self._look_up(*key)
        if contract is not None and human and not permission and not _is_known(contract, author):
            author = replace(author, permission=self._pulls.permission(_account(name, account)))
        self._keep(key, now, author)
        return author

    def _look_up(self, login: str, account: int, permission: bool, teams: frozenset[str]) -> Author:
        who = _account(login, account)
        return Author(
            login=login,
            account_id=account,
            app_id=self._pulls.app if account == self._pulls.itself.id else None,
            permission=self._pulls.permission(who) if permission else None,
            teams=self._pulls.teams(who, teams) if teams else frozenset(),
            human=not who.bot,
        )

    def _keep(self, key: tuple[str, int, bool, frozenset[str]], at: float, author: Author) -> None:
        self._known.pop(key, None)
        self._known[key] = at, author
        while len(self._known) > MOST_KNOWN:
            del self._known[next(iter(self._known))]


def _account(login: str, account: int) -> Account:
    return Account(login=login, id=account, bot=login.endswith(BOT))


def _is_known(contract: Contract, author: Author) -> bool:
    """Whom the contract does not know may still approve, where a rule names nobody: by permission to write."""
    from pointsman.core.contract.roles import all_identities

    return is_one_of(all_identities(contract), author)


def _identities(contract: Contract) -> Iterator[Identity]:
    """Every identity that something in the contract compares somebody with."""
    yield from contract.identities.values()
    for role in contract.roles.values():
        yield from role.who
    for path_class in contract.classes.values():
        if path_class.approve is not None:
            yield from path_class.approve.by
    yield from contract.scope.by
    for allowed in contract.commands.values():
        yield from allowed
