"""What every strategy stands on: which contents can be built and are worth a run, and the plan so far. It prefers
nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pointsman.core.queue.model import Purpose
from pointsman.core.queue.strategies.model import Facts, Live, Plan, Start, Waiting
from pointsman.core.queue.strategies.sets import bits, holds, is_single, union

AGAIN = 2.0
"""Gates after which a change that fits on nothing that runs, though it is green on the tip, is tried there again."""


class Ground:
    """The facts of one wake-up by bit, less what they contradict, and the plan that is being made.

    Made of facts it gives up at once whatever runs with a whole red set in it: that can't be green.
    """

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.plan = Plan()
        self.free = facts.free
        self.waiting = {one.bit: one for one in facts.waiting}
        self.known = union(self.waiting)
        self.needy = union(one.bit for one in facts.waiting if one.needs)
        self.crossed = union(one.bit for one in facts.waiting if one.apart)
        self.stubborn = union(one.bit for one in facts.waiting if one.barred)
        self.urgent = union(self.needed(one.bit) for one in facts.waiting if one.hotfix)
        self.since_red = {red: at for red, at in facts.reds if not self._refuted(red, at)}
        self.reds = sorted(self.since_red)
        self.live: list[Live] = []
        for candidate in facts.live:
            doomed = not candidate.passed and self._is_doomed(candidate)
            self._give_up(candidate) if doomed else self.live.append(candidate)

    def _refuted(self, red: int, at: float) -> bool:
        """A suspicion of one change that was green in a run that started later."""
        return is_single(red) and red in self.waiting and self.waiting[red].cleared >= at

    def _is_doomed(self, candidate: Live) -> bool:
        """A suspect that is being tested by itself is what answers the suspicion."""
        return not is_single(candidate.content) and self.is_red(candidate.content)

    def is_red(self, content: int) -> bool:
        """Whether it carries a whole red set."""
        return any(red & ~content == 0 for red in self.reds)

    def needed(self, bit: int) -> int:
        """The change with all that has to be in a content with it."""
        whole, todo = bit, bit & self.needy
        while todo:
            low = todo & -todo
            more = self.waiting[low].needs & ~whole
            whole |= more
            todo = (todo ^ low) | (more & self.needy)
        return whole

    def without(self, content: int, bit: int) -> int:
        """`content` less that change and all that needs it."""
        content &= ~bit
        while lost := union(
            each for each in bits(content & self.needy) if self.waiting[each].needs & ~content
        ):
            content &= ~lost
        return content

    def can_join(self, bit: int, base: int, added: int) -> bool:
        """Whether a link that adds `added` to `base` may add this change as well."""
        new = added | bit
        limit = self.facts.max_batch
        return (
            bit & self.known != 0
            and (limit is None or new.bit_count() <= limit)
            and not (bit & self.crossed and self.waiting[bit].apart & added)
            and not (bit & self.needy and self.waiting[bit].needs & ~(base | new))
            and not (new & self.stubborn and self._is_barred(new, base))
            and not (self.reds and self.is_red(base | new))
        )

    def _is_barred(self, added: int, base: int) -> bool:
        """Whether one of `added` could not be built behind `base`, or behind it and some of the others, whatever the
        order in which they are brought in. Behind more of them it can't be either."""
        return any(
            holds(base | (added & ~bit), barred)
            for bit in bits(added & self.stubborn)
            for barred in self.waiting[bit].barred
        )

    def front(self, todo: Iterable[Waiting], base: int, size: int) -> int:
        """The first `size` of `todo` that one link can add to `base`; 0 when none can."""
        added = 0
        for one in todo:
            if added.bit_count() >= size:
                break
            if self.can_join(one.bit, base, added):
                added |= one.bit
        return added

    def chain(self) -> list[Live]:
        """The nested chain among what runs, the shortest first: what has passed and will be the tip, then its links; a
        run that insures and carries all of it is its next link."""
        passed = [candidate for candidate in self.live if candidate.passed]
        links: list[Live] = []
        top = 0
        for group in (passed, self.of(Purpose.CHAIN), self.of(Purpose.INSURE)):
            for candidate in sorted(group, key=lambda one: one.content.bit_count()):
                if holds(candidate.content, top) and candidate.content != top:
                    links.append(candidate)
                    top = candidate.content
        return links

    def of(self, purpose: Purpose) -> list[Live]:
        return [candidate for candidate in self.live if candidate.purpose is purpose]

    def screened(self) -> int:
        """All that is being screened."""
        return union(candidate.content for candidate in self.of(Purpose.SCREEN))

    def is_live(self, content: int) -> bool:
        """Whether exactly that is being tested."""
        return any(candidate.content == content for candidate in self.live)

    def start(self, content: int, added: int, purpose: Purpose) -> Live:
        """Propose it; from now on it is among what runs, with an id below 0. What runs already is not started again."""
        for known in self.live:
            if known.content == content:
                return known
        self.plan.start.append(Start(content=content, added=added, purpose=purpose))
        self.free -= 1
        mine = Live(
            id=-len(self.plan.start), content=content, added=added, purpose=purpose, start=self.facts.now
        )
        self.live.append(mine)
        return mine

    def drop(self, candidate: Live) -> None:
        """Give up what runs."""
        self.live.remove(candidate)
        self._give_up(candidate)

    def _give_up(self, candidate: Live) -> None:
        self.plan.drop.append(candidate.id)
        self.free += 1

    def suspects(self) -> list[int]:
        """Changes that are suspected by elimination and are not being tested by themselves."""
        return [red for red in self.reds if red in self.waiting and not self.is_live(red)]

    def lost(self, top: int) -> list[int]:
        """Changes that could not be built on `top` and are due for a try on the tip, which also shows the engine
        whether one can be built there."""
        due = (self.waiting[bit] for bit in bits(self.stubborn & ~self.screened() & ~top))
        return [
            one.bit
            for one in due
            if any(holds(top, barred) for barred in one.barred)
            and not self.is_live(one.bit)
            and self.can_join(one.bit, 0, 0)
            and (one.cleared < 0 or self.facts.now - one.cleared > AGAIN * self.facts.gate)
        ]


def oldest(candidates: Sequence[Live]) -> list[Live]:
    """In the order in which they were started."""
    return sorted(candidates, key=lambda one: (one.start, one.id))
