"""What our own strategy sees of a wake-up: the chain, who is suspected, what a content is worth. It proposes nothing by
itself."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from pointsman.core.queue.model import Purpose
from pointsman.core.queue.strategies.belief import risks
from pointsman.core.queue.strategies.ground import Ground, oldest
from pointsman.core.queue.strategies.model import Facts, Live, Waiting
from pointsman.core.queue.strategies.sets import bits, holds, union

DOUBT = 0.1
"""A cleared change is a suspect again from this risk on: green on an older tip, it may clash with what landed."""

AGE = 0.5
"""Each gate waited adds this to what landing a change is worth, 1 at first."""

SHARE = 0.5
"""At most this part of the runners screens."""

CROWD = 0.5
"""Waiting changes a runner from which on insurance is charged with the links that it would end."""


class Board(Ground):
    """The ground, with beliefs.

    `top` is the chain's last content. `safe` are the cleared changes that nothing speaks against; `held` says of each
    red set which members stay out of the chain, `out` of all of them.
    """

    def __init__(self, facts: Facts) -> None:
        super().__init__(facts)
        self.risk = risks(facts, self.live, self.since_red)
        self.weight = {
            bit: 1 + AGE * (facts.now - self.waiting[bit].since) / facts.gate if bit in self.waiting else 1.0
            for bit in self.risk
        }
        blamed = union(bit for bit in bits(union(self.reds)) if self.risk[bit] > DOUBT)
        self.safe = union(one.bit for one in facts.waiting if one.cleared >= 0) & ~blamed
        self.links = self.chain()
        self.held = {red: self._held(red) for red in self.reds}
        self.reds.sort(key=self._age)
        self.out = union(self.held.values())
        self._likely: dict[int, float] = {}

    @property
    def top(self) -> int:
        return self.links[-1].content if self.links else 0

    def _held(self, red: int) -> int:
        """Suspects above what still runs, else the last of them."""
        beyond = red & ~self.top
        return beyond & ~self.safe or (1 << (beyond.bit_length() - 1) if beyond else 0)

    def _age(self, red: int) -> float:
        since = (self.waiting[bit].since for bit in bits(self.held[red]) if bit in self.waiting)
        return min(since, default=0.0)

    def start(self, content: int, added: int, purpose: Purpose) -> Live:
        mine = super().start(content, added, purpose)
        if purpose is Purpose.CHAIN:
            self.links.append(mine)
        return mine

    def room(self) -> bool:
        """Whether a runner is free; pushes out the youngest insurance if that helps."""
        if self.free <= 0 and (spare := self.spare()):
            self.drop(spare[-1])
        return self.free > 0

    def spare(self) -> list[Live]:
        """Insurance that a better use may push out, the youngest last: none of the chain, and no hotfix."""
        chained = {link.id for link in self.links}
        return oldest(
            [
                run
                for run in self.of(Purpose.INSURE)
                if run.id >= 0
                and not run.passed
                and run.id not in chained
                and not holds(self.urgent, run.content)
            ]
        )

    def may_screen(self) -> bool:
        return len(self.of(Purpose.SCREEN)) < max(1, SHARE * self.facts.runners)

    def green(self, content: int) -> float:
        """The probability that it is green."""
        known = self._likely.get(content)
        if known is None:
            known = self._likely[content] = math.prod(1 - self.risk[bit] for bit in bits(content))
        return known

    def weigh(self, content: int) -> float:
        return sum(self.weight[bit] for bit in bits(content))

    def gain(self, content: int, tests: Sequence[int]) -> float:
        """The weight of what lands with `content`, if that is green, and with none of `tests`. Of several tests that
        carry a change the likeliest counts: a bound, exact while they are nested."""
        left, total = content, 0.0
        for p, part in sorted(
            ((self.green(test & ~content), test & content) for test in tests), reverse=True
        ):
            if part & left:
                total += self.weigh(part & left) * (1 - p)
                left &= ~part
        return total + self.weigh(left)

    def regret(self, content: int) -> float:
        """The weight of the good changes whose link of the chain ends if `content` lands, counted the more the fuller
        the lane: with runners to spare a link that ends costs little."""
        crowd = len(self.facts.waiting) / max(1, self.facts.runners) - CROWD
        lost = union(link.content for link in self.links if content & ~link.content) & ~content
        if crowd <= 0 or not lost:
            return 0.0
        return min(1.0, crowd) * sum(self.weight[bit] * (1 - self.risk[bit]) for bit in bits(lost))

    def take(self, todo: Iterable[Waiting], base: int, size: int, least: float) -> int:
        """The first of `todo` that one link can add to `base` and that together are green with probability `least`, at
        most `size`; one of them whatever its risk."""
        added, p = 0, 1.0
        for one in todo:
            if not self.can_join(one.bit, base, added):
                continue
            p *= 1 - self.risk[one.bit]
            if added and (p < least or added.bit_count() >= size):
                break
            added |= one.bit
        return added

    def parts(self, suspects: int) -> list[int]:
        """What to screen next of them: each by itself while runners last, else two halves of equal suspicion; of what
        is left beside a half the whole."""
        rest = suspects & ~self.screened()
        members = sorted(bits(rest), key=lambda bit: -self.risk[bit])
        if self.free >= len(members) or len(members) == 1:
            return members
        if rest != suspects or len(members) < 3:
            return [rest] if rest != suspects else members
        half, got, taken = sum(self.risk[bit] for bit in members) / 2, 0.0, 0
        while taken < len(members) - 1 and (taken == 0 or got + self.risk[members[taken]] <= half):
            got += self.risk[members[taken]]
            taken += 1
        return [sum(members[:taken]), sum(members[taken:])]
