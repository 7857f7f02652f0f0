"""Contracts and changes for the tests of the contract, as small as each can be; nothing is asserted here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pointsman.core.contract import (
    Approval,
    Author,
    Contract,
    ContractErrors,
    ContractVerdict,
    ScopeGrant,
    judge,
    load,
)
from pointsman.core.model import MODE_FILE, PathChange, Sha

HEAD = Sha("1" * 40)
OLD_HEAD = Sha("2" * 40)
BLOB = Sha("3" * 40)
OTHER_BLOB = Sha("4" * 40)

HEADER = """\
version: 1
base: main
identities:
  alice: {user: alice, id: 11}
  coder: {app: coder, id: 77}
  leads: {team: acme/leads}
"""


def contract(text: str, *, header: str = HEADER) -> Contract:
    """The contract of HEADER and `text`; it has to load."""
    loaded = load((header + text).encode())
    assert isinstance(loaded, Contract), str(loaded)
    return loaded


def errors_of(data: str | bytes) -> list[str]:
    """Every mistake in what is not a contract."""
    loaded = load(data.encode() if isinstance(data, str) else data)
    assert isinstance(loaded, ContractErrors)
    return [str(error) for error in loaded.errors]


def change(path: str, status: str = "M", *, mode: int = MODE_FILE, old_mode: int | None = None) -> PathChange:
    """One changed path; `mode` is the new mode (the old one for a deletion)."""
    before = 0 if status == "A" else (old_mode if old_mode is not None else mode)
    after = 0 if status == "D" else mode
    return PathChange(
        path=path,
        status=status,
        old_mode=before,
        new_mode=after,
        old_oid=BLOB if before else None,
        new_oid=OTHER_BLOB if after else None,
    )


def verdict(
    rules: Contract,
    role: str,
    paths: Iterable[str | PathChange],
    *,
    approvals: Sequence[Approval] = (),
    grants: Sequence[ScopeGrant] = (),
    now: float = 0.0,
    existing: Sequence[str] | None = None,
    author: Author | None = None,
) -> ContractVerdict:
    """The verdict on modifying `paths` at HEAD."""
    changes = [change(path) if isinstance(path, str) else path for path in paths]
    return judge(
        rules,
        role,
        changes,
        head=HEAD,
        approvals=approvals,
        grants=grants,
        now=now,
        existing=existing,
        author=author,
    )


def status(rules: Contract, role: str, path: str | PathChange) -> str:
    return verdict(rules, role, [path]).paths[0].status.value


def approval(by: str, *, head: Sha = HEAD, **facts: object) -> Approval:
    identity = Author(login=by, **facts)  # type: ignore[arg-type]
    return Approval(by=by, identity=identity, head=head)


LEAD = approval("lena", teams=frozenset({"acme/leads"}))
