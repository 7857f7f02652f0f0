"""What people say yes to: approvals, scope grants, resuming; each pinned to a head and journalled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from pointsman.core.contract import Contract, ScopeGrant, grant_problem
from pointsman.core.queue.model import Change, Entry, RecordedApproval, RecordedGrant
from pointsman.ports import Clock, People, Store
from pointsman.service.recorded import LocalPeople


@dataclass(frozen=True, kw_only=True)
class Consents:
    """Writes consents down; whether they suffice is the contract's business when a candidate is built."""

    store: Store
    clock: Clock

    def approve(self, change: Change, *, by: str, human: bool) -> None:
        """`by` approves the change at its submitted head."""
        now = self.clock.now()
        approval = RecordedApproval(change=change.id, head=change.head, by=by, at=now, human=human)
        body = {"change": change.id, "branch": change.branch, "head": change.head, "by": by, "human": human}
        self.store.save(approval, entries=(Entry(lane=change.lane, kind="approved", body=body),), at=now)

    def grant(
        self,
        change: Change,
        *,
        patterns: Sequence[str],
        by: str,
        contract: Contract,
        people: People | None = None,
        account: int | None = None,
        keep: Callable[[RecordedGrant], None] | None = None,
    ) -> str:
        """Widen the change's scope at its submitted head; why not, or '' when it is done. `keep` hears each grant; a
        change that is not stored (id 0) has its grants nowhere else."""
        known = people if people is not None else LocalPeople()
        granter = known.author(by, account, contract)
        author = known.author(change.author, change.account, contract)
        now = self.clock.now()
        expires = now + contract.scope.expires
        for pattern in patterns:
            asked = ScopeGrant(pattern=pattern, by=by, head=change.head, expires=expires, identity=granter)
            problem = grant_problem(contract, asked, author)
            if problem is not None:
                return f"{pattern} is not granted: {problem}"
        grants = [
            RecordedGrant(
                change=change.id,
                head=change.head,
                pattern=pattern,
                by=by,
                at=now,
                expires=expires,
                account=account,
            )
            for pattern in patterns
        ]
        body = {
            "change": change.id,
            "branch": change.branch,
            "head": change.head,
            "patterns": ", ".join(patterns),
            "by": by,
            "expires": expires,
        }
        stored = grants if change.id else []
        self.store.save(*stored, entries=(Entry(lane=change.lane, kind="granted", body=body),), at=now)
        if keep is not None:
            for grant in grants:
                keep(grant)
        return ""

    def pause(self, lane: str, *, by: str, why: str = "") -> bool:
        """Stop building and landing in the lane until somebody resumes it; False when it was paused already."""
        state = self.store.lane(lane)
        if state.paused is not None:
            return False
        text = f"{by} paused it" + (f": {why}" if why else "")
        entry = Entry(lane=lane, kind="paused", body={"why": text, "by": by})
        self.store.save(replace(state, paused=text), entries=(entry,), at=self.clock.now())
        return True

    def resume(self, lane: str, *, by: str) -> bool:
        """Let a paused lane go on, with a clean count of failures; False when it was not paused."""
        state = self.store.lane(lane)
        if state.paused is None:
            return False
        now = self.clock.now()
        entry = Entry(lane=lane, kind="resumed", body={"by": by, "was": state.paused})
        self.store.save(replace(state, paused=None, failures=0, resumed_at=now), entries=(entry,), at=now)
        return True
