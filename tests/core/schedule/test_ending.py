"""R68, and how claims end: each step by itself, again, late, and by the wrong hands."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pointsman.core.schedule.ending import advance, release
from pointsman.core.schedule.model import Claim, Held, Outcome, Ruling, Status
from pointsman.core.schedule.progress import ORDER
from tests.core.schedule.facts import NOW, claim

MINE = claim("a")
ENDED = replace(MINE, ended_at=NOW - 1, outcome=Outcome.DONE)


def held(*claims: Claim) -> Held:
    return Held(live=tuple(one for one in claims if one.is_live(NOW)), last={one.task: one for one in claims})


def code(ruling: Ruling) -> str:
    return ruling.refusal.code if ruling.refusal is not None else ruling.kind


@pytest.mark.parametrize("now", ORDER[:-1])
@pytest.mark.parametrize("then", ORDER)
def test_R68_one_step_on_or_back_and_never_past_one(now: Status, then: Status) -> None:
    mine = replace(MINE, status=now)
    ruling = advance(mine, held(mine), then, holder="", at=NOW)
    step = ORDER.index(then) - ORDER.index(now)
    allowed = step == 0 or (step <= 1 and then is not Status.READY)
    if allowed:
        assert ruling == Ruling(claim=replace(mine, status=then), kind="advanced" if step else "")
    else:
        assert code(ruling) == "illegal_step"


def test_R68_the_refusal_names_the_next_step() -> None:
    ruling = advance(MINE, held(MINE), Status.VERIFYING, holder="", at=NOW)
    assert ruling.refusal is not None
    assert ruling.refusal.text == (
        "a (claim 1) is ready and can't be verifying now: from ready the next step is testing"
    )


@pytest.mark.parametrize("status", ORDER)
def test_R68_work_is_done_when_it_was_verified_or_its_steps_were_never_told(status: Status) -> None:
    mine = replace(MINE, status=status)
    fine = status in (Status.READY, Status.VERIFYING, Status.COMPLETE)
    ruling = release(mine, held(mine), Outcome.DONE, holder="bob", at=NOW)
    assert code(ruling) == ("released" if fine else "illegal_step")
    assert code(release(mine, held(mine), Outcome.ABANDONED, holder="", at=NOW)) == "released"


def test_a_release_ends_the_claim_once() -> None:
    assert release(MINE, held(MINE), Outcome.DONE, holder="", at=NOW) == Ruling(
        claim=replace(MINE, ended_at=NOW, outcome=Outcome.DONE), kind="released"
    )
    assert release(ENDED, held(ENDED), Outcome.DONE, holder="", at=NOW) == Ruling(claim=ENDED)
    assert code(release(ENDED, held(ENDED), Outcome.ABANDONED, holder="", at=NOW)) == "ended"
    assert code(release(MINE, held(ENDED), Outcome.ABANDONED, holder="", at=NOW)) == "ended", (
        "seen in the transaction"
    )
    assert code(advance(MINE, held(ENDED), Status.TESTING, holder="", at=NOW)) == "ended"


def test_nobody_ends_or_moves_the_claim_of_another_who_says_who_they_are() -> None:
    assert code(release(MINE, held(MINE), Outcome.DONE, holder="eve", at=NOW)) == "not_yours"
    assert code(advance(MINE, held(MINE), Status.TESTING, holder="eve", at=NOW)) == "not_yours"


def test_who_is_late_may_still_be_done_unless_another_has_taken_over() -> None:
    late = replace(MINE, expires_at=NOW)
    other = claim("a", id=2, holder="eve")
    assert code(release(late, held(late), Outcome.DONE, holder="", at=NOW)) == "released"
    assert code(release(late, held(late, other), Outcome.DONE, holder="", at=NOW)) == "overtaken"
    assert code(advance(late, held(late), Status.TESTING, holder="", at=NOW)) == "expired"
    assert code(advance(late, held(late, other), Status.TESTING, holder="", at=NOW)) == "overtaken"
