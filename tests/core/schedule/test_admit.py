"""R16, R19, R23, R63-R65: whether a task may start, and the claim that its holder gets."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pointsman.core.schedule.admit import Ask, admit
from pointsman.core.schedule.model import Board, Claim, Outcome, Refusal, Ruling, Status, Task
from tests.core.schedule.facts import NOW, PLAIN, board, claim, contract, queued, task


def ask(name: str, **facts: object) -> Ask:
    return Ask(**{"task": name, "role": "coder", "holder": "ada", **facts})  # type: ignore[arg-type]


def why(ruling: Ruling) -> Refusal:
    assert ruling.refusal is not None, ruling
    return ruling.refusal


def test_a_claim_holds_what_its_task_says() -> None:
    wanted = task("a", modifies=("f",), creates=("n/",), resources=("staging-db",), branch="agent/a")
    assert admit(ask("a"), board(wanted), PLAIN) == Ruling(
        claim=Claim(
            task="a",
            role="coder",
            holder="ada",
            branch="agent/a",
            resources=("staging-db",),
            modifies=("f",),
            creates=("n/",),
            claimed_at=NOW,
            expires_at=NOW + 8 * 3600,
        ),
        kind="claimed",
    )


FREE = task("a")
DONE = replace(claim("a"), ended_at=NOW - 5, outcome=Outcome.DONE, branch="agent/a")
LATE = claim("a", expires_at=NOW)


@pytest.mark.parametrize(
    ("seen", "code", "because"),
    [
        pytest.param(board(), "unknown_task", (), id="not in the list"),
        pytest.param(board(task("a", status=Status.COMPLETE)), "complete", (), id="complete by the list"),
        pytest.param(
            board(task("a", branch="agent/a"), landed=frozenset({"agent/a"})),
            "complete",
            ("agent/a",),
            id="landed",
        ),
        pytest.param(board(FREE, claims=[claim("a")]), "taken", ("bob",), id="somebody's"),
        pytest.param(board(FREE, claims=[DONE]), "landing", ("agent/a",), id="done, not landed yet"),
        pytest.param(
            board(FREE, claims=[DONE], landed=frozenset({"agent/a"})),
            "complete",
            ("agent/a",),
            id="done and landed",
        ),
        pytest.param(
            board(FREE, claims=[replace(DONE, branch="")]), "complete", (), id="done, and nothing of it lands"
        ),
        pytest.param(
            board(task("a", status=Status.TESTING)), "in_progress", (), id="in progress by the list"
        ),
        pytest.param(board(task("a", "b"), task("b")), "dependency", ("b",), id="R63 before its dependency"),
        pytest.param(board(task("a", "zz")), "dependency", ("zz",), id="R63 of what nobody knows"),
        pytest.param(
            board(task("a", "agent/q1"), queued=(queued(1),)),
            "dependency",
            ("agent/q1",),
            id="R63 still queued",
        ),
        pytest.param(
            board(task("a", "#1"), returned={"#1": "returned"}),
            "dependency",
            ("#1",),
            id="R63 which came back",
        ),
        pytest.param(board(task("a", role="tester")), "wrong_role", (), id="another role's"),
        pytest.param(
            board(task("a", modifies=("ops/",), creates=("ops/new.sh",))),
            "not_allowed",
            ("ops/new.sh",),
            id="a file that the role can't touch",
        ),
        pytest.param(
            board(task("a", resources=("prod",))), "unknown_resource", ("prod",), id="R23 nobody's resource"
        ),
        pytest.param(
            board(task("a", resources=("main",))), "not_holder", ("main",), id="R23 another's resource"
        ),
        pytest.param(
            board(task("a", resources=("staging-db",)), claims=[claim("b", resources=("staging-db",))]),
            "resource_held",
            ("b",),
            id="R16 held by another task",
        ),
        pytest.param(
            board(task("a", modifies=("f",)), claims=[claim("elsewhere", modifies=("f",))]),
            "overlap",
            ("elsewhere",),
            id="R64 a file of a claim from another list",
        ),
        pytest.param(
            board(task("a", modifies=("d/f",)), task("b", modifies=("d/",), status=Status.IMPLEMENTING)),
            "overlap",
            ("b",),
            id="R64 a folder of a task in progress",
        ),
        pytest.param(
            board(task("a", creates=("f",)), claims=[claim("b", creates=("f",))]),
            "overlap",
            ("b",),
            id="R64 both add the same file",
        ),
        pytest.param(
            board(
                task("a", modifies=("f",)),
                task("b", modifies=("f",)),
                claims=[replace(claim("b"), ended_at=1.0, outcome=Outcome.DONE, branch="agent/b")],
            ),
            "overlap",
            ("b",),
            id="R64 done, and on its way to the base",
        ),
        pytest.param(
            board(task("a", modifies=("f",)), queued=(queued(1, modified="f"),)),
            "overlap",
            ("#1",),
            id="R64 queued",
        ),
    ],
)
def test_a_task_that_may_not_start_is_refused_for_a_reason(
    seen: Board, code: str, because: tuple[str, ...]
) -> None:
    refusal = why(admit(ask("a"), seen, PLAIN))
    assert (refusal.code, refusal.because) == (code, because)


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(board(task("a", "b"), task("b", status=Status.COMPLETE)), id="R63 after its dependency"),
        pytest.param(board(task("a", "#3"), landed=frozenset({"#3"})), id="R63 after a change that landed"),
        pytest.param(
            board(task("a", "agent/b"), task("b", branch="agent/b"), landed=frozenset({"agent/b"})),
            id="R63 named by the branch that landed",
        ),
        pytest.param(board(FREE, claims=[LATE]), id="the claim has expired"),
        pytest.param(
            board(task("a", status=Status.IMPLEMENTING), claims=[LATE]),
            id="the claim behind `in progress` has expired",
        ),
        pytest.param(
            board(FREE, claims=[replace(DONE, outcome=Outcome.ABANDONED)]), id="the last who had it gave up"
        ),
        pytest.param(
            board(FREE, claims=[DONE], returned={"agent/a": "returned"}), id="done, and the queue said no"
        ),
        pytest.param(
            board(task("a", creates=("n/x",)), claims=[claim("b", creates=("n/", "n/y"))]),
            id="R65 both add files to one folder",
        ),
        pytest.param(
            board(task("a", modifies=("n/x",)), claims=[claim("b", creates=("n/",))]),
            id="R65 new files beside one that is changed",
        ),
        pytest.param(
            board(task("a", modifies=("ab",)), claims=[claim("b", modifies=("a", "ab.py"))]),
            id="names that only begin alike",
        ),
        pytest.param(
            board(task("a", modifies=("f",), branch="agent/q1"), queued=(queued(1, modified="f"),)),
            id="its own change is queued",
        ),
    ],
)
def test_a_task_that_may_start_is_claimed(seen: Board) -> None:
    ruling = admit(ask("a"), seen, PLAIN)
    assert ruling.kind == "claimed", ruling.refusal


def test_R64_R65_the_contract_may_say_otherwise() -> None:
    rules = contract("queue: {overlap: {destructive: parallel, additive: serialize}}")
    both = board(task("a", modifies=("f",)), claims=[claim("b", modifies=("f",))])
    assert admit(ask("a"), both, rules).kind == "claimed"
    adds = board(task("a", creates=("n/x",)), claims=[claim("b", creates=("n/",))])
    assert "makes new files in n too" in why(admit(ask("a"), adds, rules)).text


def test_R64_files_that_the_contract_puts_together_are_in_nobodys_way() -> None:
    rules = contract("conflicts: {lockfiles: [{path: uv.lock, manifest: p.toml, regenerate: uv lock}]}")
    seen = board(task("a", modifies=("uv.lock",)), claims=[claim("b", modifies=("uv.lock",))])
    assert admit(ask("a"), seen, rules).kind == "claimed"
    assert why(admit(ask("a"), seen, PLAIN)).code == "overlap"


def test_R19_role_caps_count_claims_tasks_in_progress_and_the_gate_once() -> None:
    rules = contract("limits: {writers_per_role: {coder: 2}}")
    mine = claim("b", branch="agent/q1")
    gate = queued(1, role="coder")
    assert admit(ask("a"), board(FREE, claims=[mine], queued=(gate,)), rules).kind == "claimed"
    assert admit(ask("a"), board(FREE, claims=[mine], queued=(gate, queued(2))), rules).kind == "claimed"
    full = board(FREE, claims=[mine], queued=(gate, queued(2, role="coder")))
    assert why(admit(ask("a"), full, rules)).because == ("b", "#2")
    working = board(FREE, task("b", status=Status.TESTING), task("c", status=Status.VERIFYING))
    assert why(admit(ask("a"), working, rules)).code == "role_full"


def test_R19_the_ceiling_counts_claims_of_every_role() -> None:
    rules = contract("limits: {agents: 2}")
    one, two = claim("b"), claim("c", role="tester")
    assert admit(ask("a"), board(FREE, claims=[one]), rules).kind == "claimed"
    refusal = why(admit(ask("a"), board(FREE, claims=[one, two]), rules))
    assert (refusal.code, refusal.because) == ("agents_full", ("b", "c"))
    assert admit(ask("a"), board(FREE, claims=[one, replace(two, expires_at=NOW)]), rules).kind == "claimed"


def test_the_same_claim_again_is_the_same_claim_and_begins_anew_past_its_half() -> None:
    mine = claim("a", holder="ada", expires_at=NOW + 5 * 3600)
    seen = board(FREE, claims=[mine])
    assert admit(ask("a"), seen, PLAIN) == Ruling(claim=mine)
    assert admit(ask("a", role=""), seen, PLAIN) == Ruling(claim=mine)
    renewed = admit(ask("a", ttl=11 * 3600.0), seen, PLAIN)
    assert renewed == Ruling(claim=replace(mine, expires_at=NOW + 11 * 3600), kind="claim_renewed")
    assert why(admit(ask("a", holder="eve"), seen, PLAIN)).code == "taken"


def test_R33_two_agents_do_not_share_a_branch() -> None:
    seen = board(FREE, claims=[claim("b", branch="agent/x")])
    assert why(admit(ask("a", branch="agent/x"), seen, PLAIN)).code == "branch_taken"
    assert admit(ask("a", branch="agent/x", holder="bob"), seen, PLAIN).kind == "claimed"


def test_a_role_is_needed_and_has_to_be_one_of_the_contract() -> None:
    free = Task(id="a")
    assert why(admit(ask("a", role=""), board(free), PLAIN)).code == "no_role"
    assert why(admit(ask("a", role="boss"), board(free), PLAIN)).code == "unknown_role"
    made = admit(ask("a", role=""), board(FREE), PLAIN).claim
    assert made is not None
    assert made.role == "coder"
