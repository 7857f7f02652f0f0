"""How a claim goes on and ends: pure decisions, for a store to ask within one transaction."""

from __future__ import annotations

from dataclasses import replace

from pointsman.core.schedule import words
from pointsman.core.schedule.model import Claim, Held, Outcome, Ruling, Status
from pointsman.core.schedule.progress import done_problem, step_problem


def fresh(claim: Claim, held: Held) -> Claim:
    """The claim as it is within the transaction, where that is known: it was read before."""
    known = (*held.live, *held.last.values())
    return next((one for one in known if one.id == claim.id), claim)


def release(claim: Claim, held: Held, outcome: Outcome, *, holder: str, at: float) -> Ruling:
    """End the claim. `holder` '' is whoever asks. Once more the same changes nothing. Who was late may still say that
    it is done, unless the claim expired and the task is somebody else's by now."""
    claim = fresh(claim, held)
    newest = held.last.get(claim.task, claim)
    if holder and holder != claim.holder:
        return Ruling(refusal=words.not_yours(claim, holder))
    if claim.ended_at is not None:
        return Ruling(claim=claim) if claim.outcome is outcome else Ruling(refusal=words.ended(claim))
    if outcome is Outcome.DONE:
        if newest.id != claim.id:
            return Ruling(refusal=words.overtaken(claim, newest))
        why = done_problem(claim.status)
        if why:
            return Ruling(refusal=words.illegal_step(claim, Status.COMPLETE.value, why))
    return Ruling(claim=replace(claim, ended_at=at, outcome=outcome), kind="released")


def advance(claim: Claim, held: Held, then: Status, *, holder: str, at: float) -> Ruling:
    """The claimed task as far as it is now (R68); the claim's files and resources stay held until it is released."""
    claim = fresh(claim, held)
    if holder and holder != claim.holder:
        return Ruling(refusal=words.not_yours(claim, holder))
    if claim.ended_at is not None:
        return Ruling(refusal=words.ended(claim))
    if not claim.is_live(at):
        newest = held.last.get(claim.task, claim)
        late = words.expired(claim, at) if newest.id == claim.id else words.overtaken(claim, newest)
        return Ruling(refusal=late)
    why = step_problem(claim.status, then)
    if why:
        return Ruling(refusal=words.illegal_step(claim, then.value, why))
    return (
        Ruling(claim=claim)
        if claim.status is then
        else Ruling(claim=replace(claim, status=then), kind="advanced")
    )
