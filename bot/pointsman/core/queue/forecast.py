"""How likely a change is red, from how the changes before it ended: counts, shrunk, added as log-odds; no I/O.

Two questions are asked of a change. Is it red *alone*? That depends on what it is like: on words such as
`role:coder`, `size:3`, `area:web`, `migration:yes`, `retry:no`. Each word has a rate of its own, drawn towards that
of all changes as long as few had it; how far it lies from that, in log-odds, is what the word adds. Words that tell
the same (a role and its area) would count twice: one factor, the damping, scales them all, and it is the one of five
that would have foretold the past best (log loss, every change foretold before it was learnt). Old changes fade, so
that a repository may change its ways. Is it red only *together* with another? That depends on how many it meets and
how (`Overlap`).

All of it can be said to a person: a `Forecast` is the sum of its parts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from pointsman.core.model import GitPath
from pointsman.core.queue.observation import Odds, Touch
from pointsman.core.queue.overlap import Overlap, Overlaps

DAMPING = (0.0, 0.25, 0.5, 0.75, 1.0)
LEAST, MOST = 0.002, 0.9
"""No forecast is surer than this."""

PRIOR = (1.0, 12.0)
"""Reds among changes, as if seen before the first: one in twelve is red alone."""

PRIOR_WORDS = {"retry:yes": math.log(1.5), "migration:yes": math.log(1.2), "heals:yes": math.log(1.2)}
"""What a word adds, in log-odds, before anything is known: its prior rate is the base rate moved by this."""

PRIOR_JOINT = {
    Overlap.DISJOINT: 0.003,
    Overlap.ADDITIVE: 0.006,
    Overlap.MIGRATIONS: 0.02,
    Overlap.DESTRUCTIVE: 0.03,
}
"""For each way to meet, how likely one other change makes this one red though each is green alone."""

CROWD = 0.85
MOST_MET = 24
"""n others, and no more than `MOST_MET`, count as n ** CROWD: conflicts rise slower than the number of pairs. Source:
SubmitQueue (EuroSys 2019), 5 % of changes with 1 other at work, 40 % with 15, which 1 - 0.95 ** (n ** CROWD) meets."""

MOST_AREAS = 3
MOST_WORDS = 5000
"""Words with counts; beyond it those longest not seen go, so that nothing grows without bound."""


SILENT = ("met:", "contract:")
"""Words that are kept with a change and say nothing of how red it is by itself."""


class End(StrEnum):
    """How a change ended, as far as a forecast learns from it."""

    GREEN = "green"
    RED = "red"
    TOGETHER = "together"


@dataclass(frozen=True, kw_only=True, slots=True)
class Met:
    """How many of those before it in the line a change meets in each way; each of them counts once."""

    disjoint: int = 0
    additive: int = 0
    migrations: int = 0
    destructive: int = 0

    @property
    def exposures(self) -> dict[Overlap, float]:
        """How much each way to meet counts, where there is any of it."""
        counts = zip(Overlap, (self.disjoint, self.additive, self.migrations, self.destructive), strict=True)
        return {how: min(count, MOST_MET) ** CROWD for how, count in counts if count}

    @property
    def word(self) -> str:
        return f"met:{self.disjoint}:{self.additive}:{self.migrations}:{self.destructive}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Forecast:
    """`p`, and why: its parts in log-odds, the rate of all changes (`base`) first, then what each word adds."""

    p: float
    parts: tuple[tuple[str, float], ...]


@dataclass(kw_only=True, slots=True)
class Tally:
    """How often a word was seen, and red, as of the `at`-th change that ended; both fade from then on."""

    seen: float = 0.0
    reds: float = 0.0
    at: int = 0


@dataclass(kw_only=True, slots=True)
class History:
    """What was learnt of one repository's changes.

    `strength`: how many changes of the base rate a word starts with; `half_life`: after so many changes an old one
    counts half. A word's rate is (reds + strength * prior) / (seen + strength). Memory is bounded by `MOST_WORDS`.
    """

    strength: float = 20.0
    half_life: float = 2000.0
    ended: int = 0
    _all: Tally = field(default_factory=Tally)
    _words: dict[str, Tally] = field(default_factory=dict)
    _loss: list[float] = field(default_factory=lambda: [4 * abs(damping - 0.5) for damping in DAMPING])
    _met: dict[Overlap, Tally] = field(default_factory=lambda: {how: Tally() for how in Overlap})

    def base(self) -> float:
        """How many of all changes were red alone."""
        return (self._all.reds + PRIOR[0]) / (self._all.seen + PRIOR[1])

    @property
    def damping(self) -> float:
        """The factor that would have foretold the past best; words count half until enough was learnt."""
        return DAMPING[min(range(len(DAMPING)), key=lambda place: (self._loss[place], place))]

    def alone(self, words: Iterable[str]) -> Forecast:
        """How likely a change of these words is red by itself. Words that say whom it met count for nothing here."""
        base, damping = self.base(), self.damping
        shifts = [(word, damping * self._shift(word, base)) for word in words if not word.startswith(SILENT)]
        parts = (("base", _logit(base)), *shifts)
        return Forecast(p=_expit(sum(part for _, part in parts)), parts=parts)

    def joint(self, met: Met) -> float:
        """How likely a change is red only together with one of those that it met: it is not with any of them."""
        return min(MOST, 1 - math.prod(1 - hazard for hazard in self._hazards(met).values()))

    def _hazards(self, met: Met) -> dict[Overlap, float]:
        """For each way to meet, how likely one of those met like that makes the change red."""
        return {how: 1 - (1 - self._rate(how)) ** exposure for how, exposure in met.exposures.items()}

    def _rate(self, how: Overlap) -> float:
        tally = self._faded(self._met[how])
        return min(0.5, (tally.reds + self.strength * PRIOR_JOINT[how]) / (tally.seen + self.strength))

    def odds(self, words: Iterable[str], met: Met) -> Odds:
        return Odds(alone=self.alone(words).p, joint=max(LEAST, self.joint(met)))

    def learn(self, words: Sequence[str], end: End) -> None:
        """One more change ended. Every damping is first judged by what it would have said, then all is counted."""
        told = [word for word in dict.fromkeys(words) if not word.startswith(SILENT)]
        red = end is End.RED
        self._judge(told, red=red)
        self.ended += 1
        self._count(self._all, reds=red)
        for word in told:
            tally = self._words.pop(word, None) or Tally(at=self.ended)
            self._count(tally, reds=red)
            self._words[word] = tally
        while len(self._words) > MOST_WORDS:
            del self._words[next(iter(self._words))]
        met = met_of(words)
        if met is not None and not red:
            self._learn_met(met, red=end is End.TOGETHER)

    def _learn_met(self, met: Met, *, red: bool) -> None:
        """Where several ways could be at fault, each is as far as it was likely to be."""
        hazards = self._hazards(met)
        for how, exposure in met.exposures.items():
            fault = hazards[how] / sum(hazards.values()) if red else 0.0
            self._count(self._met[how], reds=fault, weight=exposure)

    def _judge(self, words: Sequence[str], *, red: bool) -> None:
        base = self.base()
        total = sum(self._shift(word, base) for word in words)
        fade = 0.5 ** (1 / self.half_life)
        for place, damping in enumerate(DAMPING):
            p = _expit(_logit(base) + damping * total)
            self._loss[place] = self._loss[place] * fade - math.log(p if red else 1 - p)

    def _shift(self, word: str, base: float) -> float:
        prior = _expit(_logit(base) + PRIOR_WORDS.get(word, 0.0))
        tally = self._words.get(word)
        if tally is None:
            return _logit(prior) - _logit(base)
        now = self._faded(tally)
        return _logit((now.reds + self.strength * prior) / (now.seen + self.strength)) - _logit(base)

    def _faded(self, tally: Tally) -> Tally:
        fade = 0.5 ** ((self.ended - tally.at) / self.half_life)
        return Tally(seen=tally.seen * fade, reds=tally.reds * fade, at=self.ended)

    def _count(self, tally: Tally, *, reds: float, weight: float = 1.0) -> None:
        now = self._faded(tally)
        tally.seen, tally.reds, tally.at = now.seen + weight, now.reds + reds, now.at


def words_of(
    touch: Touch | None, role: str | None, *, retry: bool = False, heals: bool = False
) -> tuple[str, ...]:
    """What a change is like, in words; what is not known has none. The size is in files: its binary logarithm.

    `retry`: it was returned before; `heals`: the queue had to heal its migrations."""
    words = [f"role:{role}"] if role is not None else []
    if touch is not None:
        paths = touch.modified | touch.added
        words.append(f"size:{min(5, len(paths).bit_length())}")
        words += [f"area:{area}" for area in _areas(paths)]
        words.append("migration:yes" if touch.migrations else "migration:no")
    words += ["heals:yes"] if heals else []
    words.append("retry:yes" if retry else "retry:no")
    return tuple(words)


def _areas(paths: Iterable[GitPath]) -> list[str]:
    """The folders at the top that hold most of the paths; `.` stands for the root itself."""
    counts: dict[str, int] = {}
    for path in paths:
        top, slash, _ = path.partition("/")
        area = top if slash else "."
        counts[area] = counts.get(area, 0) + 1
    return sorted(counts, key=lambda area: (-counts[area], area))[:MOST_AREAS]


def meeting(found: Overlaps, ahead: int) -> Met:
    """Whom a change meets among those of the bits `ahead`."""
    counts = {how.value: found.of(how, ahead).bit_count() for how in Overlap}
    return Met(**counts)


def kept_words(words: Sequence[str], met: Met, contract: str) -> tuple[str, ...]:
    """What is saved of a change (`Change.features`): its words, whom it met, and the digest of the contract that gave
    it its role."""
    return (*words, met.word, _contract_word(contract))


def role_in(words: Sequence[str], contract: str) -> str | None:
    """The role that saved words name under the contract of that digest; None where they don't say."""
    if _contract_word(contract) not in words:
        return None
    return next((word.removeprefix("role:") for word in words if word.startswith("role:")), None)


def _contract_word(digest: str) -> str:
    return f"contract:{digest[:12]}"


def met_of(words: Iterable[str]) -> Met | None:
    """Whom a change met, from its words; None where they don't say."""
    for word in words:
        kind, *counts = word.split(":")
        if kind == "met" and len(counts) == len(Overlap) and all(count.isdecimal() for count in counts):
            return Met(**{how.value: int(count) for how, count in zip(Overlap, counts, strict=True)})
    return None


def _within(p: float) -> float:
    return min(MOST, max(LEAST, p))


def _logit(p: float) -> float:
    p = _within(p)
    return math.log(p / (1 - p))


def _expit(x: float) -> float:
    return _within(1 / (1 + math.exp(-x)))
