"""How likely each waiting change is red, given what ran: predictions, runs that have lasted, and red sets. It proposes
nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from pointsman.core.queue.strategies.model import Facts, Live, Waiting
from pointsman.core.queue.strategies.sets import bits

LEAST, MOST = 0.002, 0.97
"""Nothing is held for certain."""

RESIDUE = 0.005
"""What a prediction may have missed."""

HALF = 0.5
"""Of two changes that are only red together one can land: each bears half of that risk."""

UNKNOWN = 0.1
"""The risk of a change that runs although it is not among those that wait."""

ROUNDS = 3
"""Of mean-field Bayes; two are worse, five no better."""


def risks(facts: Facts, live: Sequence[Live], reds: Mapping[int, float]) -> dict[int, float]:
    """The probability that each waiting change is red on what it will stand on. `reds`: red sets, and when the run of
    each was started. O(rounds x members of red sets + members of what runs)."""
    risk = {one.bit: _prior(one) for one in facts.waiting}
    for content in (*(candidate.content for candidate in live), *reds):
        for bit in bits(content):
            risk.setdefault(bit, UNKNOWN)
    _outlast(risk, facts, live)
    if reds:
        _blame(risk, facts, reds)
    return risk


def _prior(one: Waiting) -> float:
    joint = one.joint * HALF + RESIDUE
    return min(MOST, joint if one.cleared >= 0 else 1 - (1 - one.alone) * (1 - joint))


def _outlast(risk: dict[int, float], facts: Facts, live: Sequence[Live]) -> None:
    """A long run that is not red yet is likelier green: of the red ones the part `tell * x` has ended by then."""
    lasted: dict[int, float] = {}
    for candidate in live:
        x = 1.0 if candidate.passed else facts.tell * min(0.95, (facts.now - candidate.start) / facts.gate)
        for bit in bits(candidate.content):
            lasted[bit] = max(x, lasted.get(bit, 0.0))
    for bit, x in lasted.items():
        risk[bit] = max(LEAST, risk[bit] * (1 - x) / (1 - risk[bit] * x))


def _blame(risk: dict[int, float], facts: Facts, reds: Mapping[int, float]) -> None:
    """Bayes, each change by itself, damped: a red set is certain if a member is at fault, else as likely as a fault
    among the others. A change that was cleared after the set's run was started is not at fault alone."""
    cleared = {one.bit: one.cleared for one in facts.waiting}
    prior = {bit: math.log(p / (1 - p)) for bit, p in risk.items()}
    members = {red: tuple(bits(red)) for red in reds}
    odds: dict[int, float] = {}
    for _ in range(ROUNDS):
        fresh: dict[int, float] = {}
        for red, at in reds.items():
            green = math.prod(1 - risk[bit] for bit in members[red])
            for bit in members[red]:
                if cleared.get(bit, -1.0) < at:
                    others = max(0.02, 1 - green / (1 - risk[bit]))
                    fresh[bit] = fresh.get(bit, prior[bit]) - math.log(others)
        for bit, x in fresh.items():
            odds[bit] = (x + odds[bit]) / 2 if bit in odds else x
            risk[bit] = min(MOST, 1 / (1 + math.exp(-min(odds[bit], 20.0))))
