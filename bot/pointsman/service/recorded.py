"""What the store remembers of a change, in the contract's words."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pointsman.core.contract import Approval, Author, Contract, ScopeGrant
from pointsman.core.queue.model import Change, RecordedApproval
from pointsman.ports import People, Store
from pointsman.service.judging import Subject, local_author


@dataclass(frozen=True)
class LocalPeople:
    """Whoever there is on a rung without a forge: what the name says is all that is known."""

    def author(
        self, name: str, account: int | None, contract: Contract | None = None, *, live: bool = False
    ) -> Author:
        return local_author(name)


def subject_of(store: Store, people: People, change: Change, contract: Contract) -> Subject:
    """The change as the contract looks at it, with every approval and grant that was ever given to it; those
    of another head count for nothing, which is the contract's rule."""
    return Subject(
        author=change.author,
        who=people.author(change.author, change.account, contract),
        branch=change.branch,
        head=change.head,
        target=change.lane,
        worktree=change.worktree,
        approvals=tuple(
            Approval(by=one.by, identity=_approver(people, one, contract), head=one.head)
            for one in standing_approvals(store.approvals([change.id]))
        ),
        grants=tuple(
            ScopeGrant(
                pattern=one.pattern,
                by=one.by,
                head=one.head,
                expires=one.expires,
                identity=people.author(one.by, one.account, contract),
            )
            for one in store.grants([change.id])
        ),
    )


def standing_approvals(recorded: tuple[RecordedApproval, ...]) -> tuple[RecordedApproval, ...]:
    """Those that nobody took back: of each person's on each head the last word counts."""
    last = {(one.change, one.head, one.account or one.by): one for one in recorded}
    return tuple(one for one in last.values() if not one.revoked)


def _approver(people: People, recorded: RecordedApproval, contract: Contract) -> Author:
    known = people.author(recorded.by, recorded.account, contract)
    return replace(known, human=known.human and recorded.human)
