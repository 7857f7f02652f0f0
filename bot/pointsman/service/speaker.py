"""Keeps one comment and three check runs of each pull request in step with its story; it decides nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pointsman.core.contract import Approval, Contract
from pointsman.core.errors import ForgeRefused, ForgeUnavailable, MissingObject
from pointsman.core.model import Sha
from pointsman.core.pulls.model import Pull, PullState
from pointsman.core.pulls.telling import (
    PullStory,
    compose_checks,
    compose_comment,
    compose_group_checks,
    unpaced,
)
from pointsman.core.queue.model import Change, ChangeState
from pointsman.ports import Clock, Forge, Git, People, Pulls, Store
from pointsman.service.check import CheckReport
from pointsman.service.groups import Groups, MergeGroup
from pointsman.service.migrations import Reader
from pointsman.service.poster import Draft, Poster, digest_of
from pointsman.service.reviews import Reviewed
from pointsman.service.said import Said
from pointsman.service.stories import Stories

__all__ = ["MergeGroup", "Speaker"]

AGAIN = 30.0
"""Seconds until the forge is asked again where it did not say when."""
GROUPS = 0
"""Stands in the notes for the number of a pull request where a group of the forge's own queue is told of."""
ABSENT = 600.0
"""Seconds until a commit that is not here, or a permission that is missing, is looked for again."""


@dataclass(kw_only=True)
class Speaker:
    """Speaks for one repository, one thread at a time; anything may be told again. The commits that are spoken of are
    in the repository. `trouble` hears, once each, what the forge refuses for good. `regenerates`: see `Verdicts`.
    """

    pulls: Pulls
    store: Store
    git: Git
    forge: Forge
    people: People
    clock: Clock
    reader: Reader
    trouble: Callable[[str], None] = lambda _: None
    regenerates: bool = False

    def __post_init__(self) -> None:
        self._said = Said(store=self.store, clock=self.clock)
        self._poster = Poster(pulls=self.pulls, said=self._said, clock=self.clock, trouble=self.trouble)
        self._verdicts = Reviewed(
            git=self.git,
            store=self.store,
            people=self.people,
            clock=self.clock,
            reader=self.reader,
            pulls=self.pulls,
            regenerates=self.regenerates,
        )
        self._stories = Stories(git=self.git, store=self.store, forge=self.forge, verdicts=self._verdicts)
        self._groups = Groups(
            git=self.git,
            pulls=self.pulls,
            forge=self.forge,
            verdicts=self._verdicts,
            contract_of=self._stories.contract,
        )

    def judge(
        self, pull: Pull, tip: Sha, contract: Contract, *, approvals: tuple[Approval, ...] = ()
    ) -> CheckReport:
        """The contract's and the migrations' verdict on landing the pull request on `tip`; a heal is planned, not
        proved. Errors: `ForgeUnavailable` where the contract asks for more of its author than is known."""
        return self._verdicts.of_pull(pull, tip, contract, approvals=approvals)

    def story(self, number: int, *, pull: Pull | None = None) -> PullStory | None:
        """All that there is to tell now, for `/status` too; None where there is nothing of that number that is open or
        was ever queued. Without `pull` the queued head counts; the forge is asked where there is none."""
        change = self._stories.change(number)
        if pull is None and self._is_asked_for(number, change):
            pull = self.pulls.pull(number)
        if change is None and (pull is None or pull.state is not PullState.OPEN):
            return None
        head = pull.head if pull is not None else change.head if change is not None else Sha("")
        if pull is not None and pull.state is not PullState.OPEN:
            self.closed(number)
            return self._stories.story(change, pull)
        return self._stories.story(change, pull, same_head=self._same_head(number, head))

    def tell(self, number: int, *, pull: Pull | None = None) -> None:
        """Post what differs from what was posted. What can't be posted now is owed (see `owed`)."""
        try:
            story = self.story(number, pull=pull)
            waits = self._post(story) if story is not None else None
        except ForgeUnavailable as problem:
            self._said.owe(number, at=max(problem.again_at, self.clock.now() + AGAIN))
            return
        except ForgeRefused as problem:
            self._poster.refused("pull requests", problem, verb="read")
            self._said.owe(number, at=self.clock.now() + ABSENT)
            return
        except MissingObject:
            self._said.owe(number, at=self.clock.now() + ABSENT)
            return
        if waits is not None:
            self._said.owe(number, at=waits)
            return
        owed = self._said.owed(number)
        if owed is None:
            return
        self._said.settle(number)
        if owed.last:
            self.forget(number)

    def tell_group(self, group: MergeGroup) -> None:
        """Put the three checks on a group of the forge's own merge queue, whose commits are in the repository. Errors:
        `ForgeUnavailable`; ask again."""
        judged = self._groups.judged(group)
        self._said.at_head(GROUPS, group.head)
        outputs = compose_group_checks(judged, head=group.head)
        self._poster.post([(output, digest_of(output)) for output in outputs], None)

    def owe(self, number: int) -> None:
        """Have the pull request told again, even if this process dies first."""
        self._said.owe(number, at=self.clock.now())

    def owed(self) -> tuple[int, ...]:
        """The pull requests that are due to be told again, longest due first."""
        now = self.clock.now()
        due = [(owed.at, number) for number, owed in self._said.all_owed().items() if owed.at <= now]
        return tuple(number for _, number in sorted(due))

    def closed(self, number: int) -> None:
        """The pull request is closed or merged: those that share its head are to be told again (rule 17)."""
        for other in self._said.closed(number):
            self.owe(other)

    def forget(self, number: int) -> None:
        """Drop what is remembered of a closed pull request, once nothing is owed to it any more."""
        if self._said.owed(number) is not None:
            self._said.owe(number, at=self.clock.now(), last=True)
            return
        for other in self._said.forget(number):
            self.owe(other)

    def _post(self, story: PullStory) -> float | None:
        """When the rest may be posted, None when nothing is left."""
        quiet = unpaced(story)
        news = {output.name: digest_of(output) for output in compose_checks(quiet)}
        draft = None
        if story.queued_head is not None or self._said.comment(story.number) is not None:
            draft = Draft(
                number=story.number,
                body=compose_comment(story),
                news=digest_of(compose_comment(quiet)),
                is_final=story.is_final,
            )
        return self._poster.post([(output, news[output.name]) for output in compose_checks(story)], draft)

    def _is_asked_for(self, number: int, change: Change | None) -> bool:
        """Whether only the forge knows the head of now: nothing was queued, or it moved on after it left the queue."""
        if change is None:
            return True
        left = change.state in (ChangeState.RETURNED, ChangeState.WITHDRAWN)
        return left and self._said.head(number) not in (None, change.head)

    def _same_head(self, number: int, head: Sha) -> tuple[int, ...]:
        """Other open pull requests with that head; the forge is asked only where the notes know of one (rule 17)."""
        for other in self._said.at_head(number, head):
            self.owe(other)
        if not self._said.others_at(number, head):
            return ()
        return tuple(sorted({pull.number for pull in self.pulls.pulls_with_head(head)} - {number}))
