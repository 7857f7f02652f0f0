"""What the store remembers of a change, in the contract's words."""

from __future__ import annotations

from dataclasses import replace

from pointsman.core.contract import Approval, ScopeGrant
from pointsman.core.queue.model import Change, RecordedApproval
from pointsman.ports import Store
from pointsman.service.judging import Subject, local_author


def subject_of(store: Store, change: Change) -> Subject:
    """The change as the contract looks at it, with every approval and grant that was ever given to it; those
    of another head count for nothing, which is the contract's rule."""
    return Subject(
        author=change.author,
        branch=change.branch,
        head=change.head,
        target=change.lane,
        worktree=change.worktree,
        approvals=tuple(_approval(one) for one in store.approvals([change.id])),
        grants=tuple(
            ScopeGrant(
                pattern=one.pattern,
                by=one.by,
                head=one.head,
                expires=one.expires,
                identity=local_author(one.by),
            )
            for one in store.grants([change.id])
        ),
    )


def _approval(recorded: RecordedApproval) -> Approval:
    who = replace(local_author(recorded.by), human=recorded.human)
    return Approval(by=recorded.by, identity=who, head=recorded.head)
