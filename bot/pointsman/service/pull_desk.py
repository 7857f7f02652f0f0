"""Takes pull requests into the queue and out of it, and keeps what people said of them; it reads no comment."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from pointsman.core import messages
from pointsman.core.contract import Contract
from pointsman.core.model import Sha
from pointsman.core.pulls.model import CANDIDATES, Account, Pull, PullState, Review
from pointsman.core.queue.model import (
    Change,
    ChangeState,
    Entry,
    Note,
    RecordedApproval,
    RecordedGrant,
)
from pointsman.ports import Clock, Forge, Git, People, Pulls, Store
from pointsman.service.contracts import contract_at
from pointsman.service.door import (
    NotSubmitted,
    Submitted,
    dependencies,
    enter,
    leave,
    messages_brought,
    queued_from,
    role_refusal,
    too_old,
)
from pointsman.service.recorded import standing_approvals
from pointsman.service.reviews import approving

GRANTS = "grants:"
"""Notes of scope grants for a pull request's head, so that they hold for every time that this head is queued."""

REVIEWS = "review:"
"""Notes of the commit that a review spoke of when it was first seen: GitHub changes that later (rule 3)."""

FORGOTTEN = "reviews:forgotten"
"""The note of the greatest id among reviews that are not remembered any more. Such a one counts for nothing: nobody
knows which head it was made on, for the forge moves it along."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Base:
    """The branch that a pull request wants to land on, as it is now, and its contract."""

    lane: str
    tip: Sha
    head: Sha | None
    contract: Contract


@dataclass(kw_only=True)
class PullDesk:
    """One repository's pull requests on their way in and out. The head that counts is git's, never the API's."""

    git: Git
    store: Store
    forge: Forge
    pulls: Pulls
    people: People
    clock: Clock

    def base_of(self, pull: Pull) -> Base | None:
        """The base, its contract and the head, read at once; None when the base branch is gone. UserError when
        the contract is missing or can't be read."""
        heads = self.forge.branch_heads([pull.base, f"#{pull.number}"])
        tip = heads.get(pull.base)
        if tip is None:
            return None
        contract = contract_at(self.git, tip)
        return Base(lane=pull.base, tip=tip, head=heads.get(f"#{pull.number}"), contract=contract)

    def queue(
        self, pull: Pull, base: Base, *, priority: int = 0, on_behalf_of: Account | None = None
    ) -> Submitted | NotSubmitted:
        """Queue the head as git has it now. Whatever was queued of an older head leaves. A pull request of our own is
        queued on behalf of the person who asked for it: we have no role ourselves."""
        refusal = self._unfit(pull, base)
        if refusal is not None or base.head is None:
            return refusal or _refuse(pull, "no_head", f"#{pull.number} has no head; its fork may be gone")
        known = queued_from(self.store, base.lane, f"#{pull.number}")
        if known is not None and known.head == base.head:
            return Submitted(change=known, again=True)
        change = self._change(pull, base, base.head, priority, on_behalf_of or pull.author)
        author = self.people.author(change.author, change.account, base.contract)
        refusal = role_refusal(change, author, base.contract) or too_old(
            self.git, pull.branch, base.contract, base.tip, base.head, self.clock.now()
        )
        if refusal is not None:
            return refusal
        entered = enter(self.store, self.git, self.clock, change, known)
        self._take_grants_along(entered.change)
        return entered

    def current(self, number: int) -> Change | None:
        """The queued change of a pull request, in whichever lane."""
        queued = self.store.changes(states=(ChangeState.QUEUED,), number=number)
        return queued[-1] if queued else None

    def newest(self, number: int) -> Change | None:
        """The last change of a pull request, however it ended."""
        known = self.store.changes(number=number)
        return known[-1] if known else None

    def withdraw(self, change: Change, *, by: str) -> Change:
        return leave(self.store, self.clock, change, by=by)

    def hold(self, change: Change, *, by: str, why: str) -> None:
        """Keep its place, test and land nothing of it. An empty `by` lets it go on."""
        text = f"held by {by}" + (f": {why}" if why else "") if by else ""
        kind = "held" if by else "unheld"
        body = {"change": change.id, "branch": change.branch, "why": text}
        entry = Entry(lane=change.lane, kind=kind, body=body)
        freed = replace(change, hold=text, wait=change.wait if by else None)
        self.store.save(freed, entries=(entry,), at=self.clock.now())

    def prioritise(self, change: Change, priority: int, *, by: str) -> None:
        body = {"change": change.id, "branch": change.branch, "priority": priority, "by": by}
        entry = Entry(lane=change.lane, kind="prioritised", body=body)
        self.store.save(replace(change, priority=priority), entries=(entry,), at=self.clock.now())

    def sync_approvals(self, change: Change) -> int:
        """Bring the recorded approvals of the change's head in line with the reviews; how many changed."""
        if change.number is None:
            return 0
        said = self._approving(change, self.pulls.reviews(change.number))
        now = self.clock.now()
        recorded = {
            one.account: one
            for one in standing_approvals(self.store.approvals([change.id]))
            if one.head == change.head
        }
        news = [
            RecordedApproval(
                change=change.id,
                head=change.head,
                by=review.author.login,
                at=now,
                human=not review.author.bot,
                account=review.author.id,
            )
            for account, review in said.items()
            if account not in recorded
        ]
        news += [
            replace(one, at=now, revoked=True) for account, one in recorded.items() if account not in said
        ]
        entries = [
            Entry(
                lane=change.lane,
                kind="revoked" if one.revoked else "approved",
                body={"change": change.id, "branch": change.branch, "head": one.head, "by": one.by},
            )
            for one in news
        ]
        if news:
            self.store.save(*news, entries=tuple(entries), at=now)
        return len(news)

    def keep_grant(self, number: int, head: Sha, grant: RecordedGrant) -> None:
        """Remember the grant for every time that this head is queued."""
        key = f"{GRANTS}{number}:{head}"
        kept = json.loads(self.store.note(key) or "[]")
        kept.append([grant.pattern, grant.by, grant.account, grant.at, grant.expires])
        self.store.save(Note(key=key, value=json.dumps(kept[-50:])), at=self.clock.now())

    def forget(self, number: int) -> None:
        """Drop the notes of a pull request that is closed."""
        gone = [Note(key=key, value="") for key in self.store.notes(f"{GRANTS}{number}:")]
        if gone:
            self.store.save(*gone, at=self.clock.now())

    def _approving(self, change: Change, reviews: tuple[Review, ...]) -> dict[int | None, Review]:
        """The yeses to the queued head that were yeses to it when they were first seen."""
        seen = {review.id: self._first_seen(review) for review in reviews}
        said = approving(self.git, change.head, reviews)
        return {review.author.id: review for review in said if seen[review.id] == change.head}

    def _first_seen(self, review: Review) -> str | None:
        key = f"{REVIEWS}{review.id}"
        known = self.store.note(key)
        if known is None and review.id <= int(self.store.note(FORGOTTEN) or 0):
            return None
        if known is None and review.commit is not None:
            self.store.save(Note(key=key, value=review.commit), at=self.clock.now())
            return review.commit
        return known

    def _unfit(self, pull: Pull, base: Base) -> NotSubmitted | None:
        if pull.state is not PullState.OPEN:
            return _refuse(pull, "not_open", f"it is {pull.state.value}; reopen it first")
        if pull.draft:
            return _refuse(pull, "draft", "it is a draft; mark it as ready for review, then `/queue`")
        if pull.branch.startswith(CANDIDATES) and not pull.fork:
            return _refuse(pull, "own_branch", f"branches under {CANDIDATES} are the queue's own candidates")
        if base.head is None:
            return None
        if self.git.is_ancestor(base.head, base.tip):
            return _refuse(pull, "nothing_new", f"{messages.short(base.head)} is already on {base.lane}")
        if not self.git.merge_bases(base.tip, base.head):
            return _refuse(pull, "unrelated", f"it has no history in common with {base.lane}")
        if self.pulls.rules(base.lane).merge_queue:
            text = f"{base.lane} has GitHub's own merge queue: use its button; my checks answer its groups"
            return _refuse(pull, "own_queue", text)
        return self._same_head(pull, base.head)

    def _same_head(self, pull: Pull, head: Sha) -> NotSubmitted | None:
        """Two pull requests with one head can't be told apart by their checks (rule 17)."""
        for other in self.store.changes(states=(ChangeState.QUEUED,)):
            if other.head == head and other.number != pull.number:
                text = f"{other.label} is queued with the same head {messages.short(head)}; close one of them"
                return _refuse(pull, "same_head", text)
        return None

    def _change(self, pull: Pull, base: Base, head: Sha, priority: int, author: Account) -> Change:
        brought = messages_brought(self.git, base.tip, head)
        return Change(
            id=0,
            lane=base.lane,
            branch=pull.branch,
            head=head,
            author=author.login,
            account=author.id,
            number=pull.number,
            title=pull.title.strip() or pull.branch,
            body=pull.body,
            priority=priority,
            depends_on=dependencies((pull.body, *brought)),
            submitted_at=self.clock.now(),
        )

    def _take_grants_along(self, change: Change) -> None:
        kept = json.loads(self.store.note(f"{GRANTS}{change.number}:{change.head}") or "[]")
        now = self.clock.now()
        grants = [
            RecordedGrant(
                change=change.id,
                head=change.head,
                pattern=pattern,
                by=by,
                account=account,
                at=at,
                expires=expires,
            )
            for pattern, by, account, at, expires in kept
            if expires > now
        ]
        if grants:
            self.store.save(*grants, at=now)


def _refuse(pull: Pull, code: str, text: str) -> NotSubmitted:
    return NotSubmitted(branch=pull.branch, code=code, text=text)
