"""Whether a role may ever write what a task names, by the contract; the gate judges what becomes of it all the same."""

from __future__ import annotations

from pointsman.core.contract.model import Contract
from pointsman.core.contract.verdict import PathStatus, PathVerdict, judge
from pointsman.core.model import MODE_FILE, PathChange, Sha
from pointsman.core.schedule.model import Paths

_OID = Sha("0" * 40)


def denied(contract: Contract, role: str, paths: Paths) -> PathVerdict | None:
    """The first file that the contract denies the role, whoever approves; None where there is none.

    Folders are left out, since which files are meant is not known; so is what is merely outside the role's scope,
    which may be widened for the finished change."""
    changes = tuple(_change(path, "M") for path in paths.modifies if not path.endswith("/"))
    changes += tuple(_change(path, "A") for path in paths.creates if not path.endswith("/"))
    if not changes:
        return None
    names = frozenset(change.path for change in changes)
    judged = judge(contract, role, changes, head=_OID, now=float("inf"), existing=names)
    return next((verdict for verdict in judged.paths if verdict.status is PathStatus.DENIED), None)


def _change(path: str, status: str) -> PathChange:
    new = status == "A"
    return PathChange(
        path=path,
        status=status,
        old_mode=0 if new else MODE_FILE,
        new_mode=MODE_FILE,
        old_oid=None if new else _OID,
        new_oid=_OID,
    )
