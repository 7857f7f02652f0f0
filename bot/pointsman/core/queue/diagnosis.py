"""Who is to blame for a change that was red alone: probes to run, a return, or a pause; it never lands anything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pointsman.core import messages
from pointsman.core.contract import Contract
from pointsman.core.queue.actions import Action, Discard, Pause, Return, StartProbe
from pointsman.core.queue.blame import Ask, BaseIsRed, Pending, RedAlone, RedOnBase, RedTogether, blame
from pointsman.core.queue.checks import check_named
from pointsman.core.queue.evidence import Evidence
from pointsman.core.queue.model import Candidate, Change, Run
from pointsman.core.queue.observation import Observation
from pointsman.core.queue.survey import RunIndex, Stand
from pointsman.core.queue.verdict import NO_EVIDENCE, CheckStanding, CheckVerdict, check_verdicts

PATIENCE = 2.0
"""Gates after which a change that was red by itself is given back with what is known, if no runner was ever idle to
find out more."""


def can_wait(action: Action) -> bool:
    """Whether it is a probe that only makes a return say more: it runs when nothing else wants the runner. One of the
    base can't wait: a red base stops the lane."""
    return isinstance(action, StartProbe) and action.probe != "base"


def diagnose(now: Observation, contract: Contract, known: Evidence) -> Iterator[Action]:
    """For each change that was red by itself: the next probe, or what the probes say."""
    if not known.alone:
        return
    runs = RunIndex(now.runs)
    for change in now.changes:
        candidate = known.alone.get(change.id)
        if candidate is None:
            continue
        verdict = _red(now, contract, candidate, runs.of(candidate))
        if verdict is None or verdict.failed is None:  # red without a failed run: nothing is known (I6)
            yield Discard(candidate=candidate, why=messages.no_record())
            continue
        yield from _diagnose(now, contract, candidate, change, verdict, verdict.failed)


def return_red_sets(now: Observation, known: Evidence, stands: Sequence[Stand]) -> Iterator[Return]:
    """Where the contract says that red batches are not taken apart: every change of one goes back. Who is in it only
    because it stood on them waits for what is said of them by themselves; one that is left over is tested alone."""
    returned: set[int] = set()
    changes = {change.id: change for change in now.changes}
    for red in known.reds:
        if len(red.changes) == 1 or any(stand.lands and stand.changes < red.changes for stand in stands):
            continue
        for one in sorted(red.changes - returned):
            others = [changes[other].label for other in sorted(red.changes) if other != one]
            yield Return(change=changes[one], reason=messages.red_batch(others))
            returned.add(one)


def _red(
    now: Observation, contract: Contract, candidate: Candidate, runs: Sequence[Run]
) -> CheckVerdict | None:
    verdicts = check_verdicts(candidate, runs, now.green, contract.queue.retry, since=now.lane.resumed_at)
    return next((one for one in verdicts if one.standing is CheckStanding.RED), None)


def _diagnose(
    now: Observation,
    contract: Contract,
    candidate: Candidate,
    change: Change,
    verdict: CheckVerdict,
    run: Run,
) -> Iterator[Action]:
    if run.code in NO_EVIDENCE:
        yield _give_back(contract, candidate, change, run, RedAlone())
        return
    base_tree = now.base_trees.get(candidate.base)
    finding = blame(
        tip=candidate.base,
        base_green=base_tree is not None and (base_tree, verdict.digest) in now.green,
        history=now.history.get(change.id, ()),
        probes=[one for one in now.runs if _is_probe(one, change, verdict, since=now.lane.resumed_at)],
        ask_base=contract.queue.retry.rerun_on_base,
    )
    if isinstance(finding, Ask):
        if now.running < contract.limits.running_gates:
            yield _probe(candidate, change, verdict, finding)
        elif finding.probe != "base" and _is_overdue(now, run):
            known = RedOnBase() if finding.probe == "alone" else RedTogether(culprit=None)
            yield _give_back(contract, candidate, change, run, known)
    elif isinstance(finding, BaseIsRed):
        if candidate.base == now.tip:
            yield Pause(why=messages.base_is_red(verdict.check, candidate.base, finding.run))
        elif now.tip is not None:  # the base has moved on since: whether this one is red has to be seen again
            yield Discard(candidate=candidate, why=messages.base_moved(candidate, now.tip))
    elif not isinstance(finding, Pending):
        yield _give_back(contract, candidate, change, run, finding)


def _is_overdue(now: Observation, run: Run) -> bool:
    return now.at - run.started_at - (run.seconds or 0.0) > PATIENCE * now.pace.gate


def _is_probe(run: Run, change: Change, verdict: CheckVerdict, *, since: float) -> bool:
    """A probe of this check for this change; one of the base counts whoever asked. Probes of before the lane was last
    resumed don't: a person says that the base is mended."""
    same = run.check == verdict.check and run.digest == verdict.digest and run.started_at >= since
    return run.candidate is None and same and (run.change == change.id or run.probe == "base")


def _probe(candidate: Candidate, change: Change, verdict: CheckVerdict, ask: Ask) -> StartProbe:
    commit = candidate.base if ask.probe == "base" else (ask.onto or change.head)
    return StartProbe(
        change=change, probe=ask.probe, commit=commit, check=verdict.check, digest=verdict.digest
    )


def _give_back(
    contract: Contract,
    candidate: Candidate,
    change: Change,
    run: Run,
    finding: RedAlone | RedOnBase | RedTogether,
) -> Return:
    reason = messages.red(
        run,
        check=check_named(contract, run.check),
        commit=candidate.commit,
        together=finding.culprit if isinstance(finding, RedTogether) else None,
        alone=None if isinstance(finding, RedOnBase) else isinstance(finding, RedAlone),
    )
    return Return(change=change, reason=reason, run=run, candidate=candidate)
