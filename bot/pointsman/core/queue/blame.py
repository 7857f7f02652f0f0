"""Who is to blame for a red check: the base, the change alone, or the change with one that landed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pointsman.core.model import Sha
from pointsman.core.queue.model import Run, RunState
from pointsman.core.queue.observation import BaseCommit


@dataclass(frozen=True, kw_only=True, slots=True)
class Ask:
    """One more probe is needed: the question (see `Run.probe`) and the base commit that it is about."""

    probe: str
    onto: Sha | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Pending:
    """The probe is running."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BaseIsRed:
    """The check fails on the base without the change: the change is not to blame."""

    run: Run


@dataclass(frozen=True, kw_only=True, slots=True)
class RedAlone:
    """The check fails on the change's own head."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RedOnBase:
    """The check fails on the base with the change; on its own head nobody asked."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RedTogether:
    """Green alone and the base green alone; red from `culprit` on (None: it could not be narrowed down)."""

    culprit: BaseCommit | None


Blame = Ask | Pending | BaseIsRed | RedAlone | RedTogether


def blame(
    *,
    tip: Sha,
    base_green: bool,
    history: Sequence[BaseCommit],
    probes: Sequence[Run],
    ask_base: bool,
) -> Blame:
    """The verdict on a red check, or the next probe to run: base, then alone, then a binary search.

    `history` is the base's first-parent commits since the change left it, oldest first; `probes` are the
    change's probes of this check. At most 2 + log2(len(history)) probes. Source: GITHUB-RULES 18, R47.
    """
    if ask_base and not base_green:
        verdict = _answer(probes, "base", tip)
        if not isinstance(verdict, Run):
            return verdict
        if verdict.state is not RunState.PASSED:
            return BaseIsRed(run=verdict)
    if not history:
        return RedAlone()
    alone = _answer(probes, "alone", None)
    if not isinstance(alone, Run):
        return alone
    if alone.state is not RunState.PASSED:
        return RedAlone()
    return _search(history, probes)


def _answer(probes: Sequence[Run], probe: str, commit: Sha | None) -> Run | Ask | Pending:
    """The newest usable run of a probe; base probes count only for the commit that they ran on."""
    runs = [run for run in probes if run.probe == probe and (commit is None or run.commit == commit)]
    ended = [run for run in runs if run.state in (RunState.PASSED, RunState.FAILED)]
    if ended:
        return ended[-1]
    if any(run.state is RunState.RUNNING for run in runs):
        return Pending()
    return Ask(probe=probe)


def _search(history: Sequence[BaseCommit], probes: Sequence[Run]) -> Ask | Pending | RedTogether:
    """The first base commit with which the change is red: green before `low`, red from `high` on."""
    low, high = 0, len(history) - 1
    while low < high:
        middle = (low + high) // 2
        onto = history[middle].commit
        verdict = _answer(probes, f"onto:{onto}", None)
        if isinstance(verdict, Ask):
            return Ask(probe=verdict.probe, onto=onto)
        if isinstance(verdict, Pending):
            return verdict
        if verdict.code == "unbuildable":
            return RedTogether(culprit=None)
        if verdict.state is RunState.PASSED:
            low = middle + 1
        else:
            high = middle
    return RedTogether(culprit=history[low])
