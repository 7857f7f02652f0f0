"""GitHubGates on the fake GitHub: candidates are pushed, workflows run, reports are judged, and what all that costs."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from pointsman.adapters.git.repository import GitRepository
from pointsman.adapters.github.forge import GitHubForge
from pointsman.adapters.github.gates import GitHubGates, SplitGates
from pointsman.adapters.github.mirror import open_mirror
from pointsman.adapters.github.remote import GitRemote
from pointsman.adapters.store.sql import SqlStore
from pointsman.core.contract import Check
from pointsman.core.contract.model import Sandbox
from pointsman.core.gates import GateResult, Outcome, Why
from pointsman.core.model import Sha, Signature
from pointsman.core.queue.model import Run, RunState
from tests.github.desk import Desk, desk
from tests.github.fake import ACTIONS_APP, ZERO

UNIT = Check(name="unit", check_run="unit", timeout=1800.0)
LINT = Check(name="lint", check_run="lint", timeout=1800.0)
HEADS = "refs/heads/"
TREE_CHECKS = "/repos/{owner}/{repo}/commits/{ref}/check-runs"


class RealTokens:
    """Tokens of the fake, of any kind."""

    def __init__(self, token: str) -> None:
        self._token = token

    def token(self) -> str:
        return self._token


@dataclass
class Bench:
    """Gates on a repository whose workflow runs the jobs `unit` and `lint` on candidates."""

    at: Desk
    git: GitRepository
    store: SqlStore
    remote: GitRemote
    forge: GitHubForge
    gates: GitHubGates
    made: int = field(default=0)

    def again(self, **options: Any) -> GitHubGates:
        """As after a restart: nothing but the store is remembered."""
        return GitHubGates(
            self.git,
            self.remote,
            self.at.pulls,
            self.store,
            self.at.clock,
            default_app=ACTIONS_APP,
            **options,
        )

    def candidate(self, *parents: Sha) -> Sha:
        self.made += 1
        tip = self.forge.tip("main")
        assert tip is not None
        who = Signature(name="Pointsman", email="p@example.org", when=1_700_000_000 + self.made)
        tree = self.git.edit(self.git.tree_of(tip), {"n.txt": str(self.made).encode()})
        return self.git.commit(tree=tree, parents=[tip, *parents], message="c", author=who, committer=who)

    def run(self, commit: Sha, check: Check = UNIT) -> int:
        """A run as the queue saves it before it starts it; its id."""
        run = Run(
            id=0,
            lane="main",
            candidate=None,
            check=check.name,
            digest="d",
            commit=commit,
            tree=self.git.tree_of(commit),
            attempt=1,
            state=RunState.RUNNING,
            started_at=self.at.clock.now(),
        )
        (stored,) = self.store.save(run, at=self.at.clock.now())
        assert isinstance(stored, Run)
        return stored.id

    def start(self, commit: Sha, check: Check = UNIT) -> int:
        run = self.run(commit, check)
        self.gates.start(run, commit, check)
        return run

    def saved(self, run: int, state: RunState) -> None:
        """The queue has written down how the run ended."""
        (known,) = [one for one in self.store.runs(running=True) if one.id == run]
        self.store.save(replace(known, state=state), at=self.at.clock.now())

    def candidates(self) -> dict[str, str]:
        """The bot's branches on GitHub."""
        prefix = f"{HEADS}pointsman/"
        return {ref.removeprefix(HEADS): sha for ref, sha in self.at.repo.bare.refs(prefix).items()}

    def reads(self) -> int:
        """How often the checks of a commit were read since this was last asked."""
        return len([line for line in self.at.requests() if "GET" in line and line.endswith(TREE_CHECKS)])

    def finish(self, ref: str, name: str, conclusion: str = "success", **more: Any) -> None:
        self.at.hub.finish_check(self.at.repo, ref, name, conclusion, **more)

    def ended(self, run: int) -> GateResult:
        """The result, looked for as a webhook would have it."""
        (asked,) = [one for one in self.gates._notes.all_asked() if one.run == run]
        self.gates.hint(asked.commit)
        result = self.gates.poll(run)
        assert result is not None
        return result


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    (tmp_path / "hub").mkdir()
    with desk(tmp_path / "hub") as at, open_mirror(tmp_path / "mirror.git") as git:
        at.repo.workflow("ci", ["unit", "lint"], on_push=["pointsman/**"])
        yield bench_at(tmp_path, at, git)


def bench_at(folder: Path, at: Desk, git: GitRepository, token: str = "", **options: Any) -> Bench:
    store = SqlStore.open(folder / "state.db")
    tokens = RealTokens(token) if token else at.opened.tokens
    remote = GitRemote(git, at.repo.clone_url, tokens, clock=at.clock, pause=0.01)
    forge = GitHubForge(git=git, remote=remote, pulls=at.pulls, clock=at.clock)
    gates = GitHubGates(git, remote, at.pulls, store, at.clock, default_app=ACTIONS_APP, **options)
    return Bench(at, git, store, remote, forge, gates)


def test_rule_5_a_candidate_stands_on_a_branch_under_one_prefix_and_workflows_run(bench: Bench) -> None:
    commit = bench.candidate()
    run = bench.start(commit)
    branch = f"pointsman/{run}-{commit[:12]}"
    assert bench.candidates() == {branch: commit}
    assert bench.gates.poll(run) is None
    bench.finish(branch, "unit", text="==== 12 passed in 0.1s ====")
    result = bench.ended(run)
    assert (result.state, result.reason, result.tests) == (RunState.PASSED, Why.PASSED, 12)
    assert result.log is not None
    assert result.log.startswith(bench.at.hub.url)
    assert result.seconds >= 0


def test_rule_7_a_red_a_skipped_or_a_cancelled_check_is_not_green(bench: Bench) -> None:
    states = {}
    for conclusion in ("failure", "skipped", "cancelled"):
        commit = bench.candidate()
        run = bench.start(commit)
        bench.finish(commit, "unit", conclusion)
        states[conclusion] = bench.ended(run).state
    assert states.pop("cancelled") is RunState.LOST
    assert set(states.values()) == {RunState.FAILED}


def test_rule_7_a_check_of_another_app_does_not_count(bench: Bench) -> None:
    commit = bench.candidate()
    run = bench.start(commit)
    stranger = bench.at.hub.app("stranger")
    bench.at.hub.spoof_check(bench.at.repo, commit, "unit", stranger.id)
    bench.gates.hint(commit)
    assert bench.gates.poll(run) is None


def test_rule_18_what_never_comes_is_a_time_out_read_afresh(bench: Bench) -> None:
    commit = bench.candidate()
    run = bench.start(commit, replace(UNIT, check_run="no-such-job"))
    assert bench.gates.poll(run) is None
    bench.finish(commit, "unit")
    bench.finish(commit, "lint")
    bench.at.clock.sleep(1801)
    result = bench.gates.poll(run)
    assert result is not None
    assert result.state is RunState.FAILED
    assert "no-such-job" in result.why


def test_rule_18_a_pass_that_came_while_nobody_looked_is_not_a_time_out(bench: Bench) -> None:
    commit = bench.candidate()
    run = bench.start(commit)
    bench.at.clock.sleep(20)
    assert bench.gates.poll(run) is None
    bench.finish(commit, "unit")
    bench.at.clock.sleep(1801)
    result = bench.gates.poll(run)
    assert result is not None
    assert result.state is RunState.PASSED


def test_one_push_serves_all_checks_of_a_candidate(bench: Bench) -> None:
    commit = bench.candidate()
    unit, lint = bench.start(commit, UNIT), bench.start(commit, LINT)
    assert set(bench.candidates()) == {f"pointsman/{unit}-{commit[:12]}"}
    bench.finish(commit, "unit")
    bench.finish(commit, "lint", "failure")
    assert bench.ended(unit).state is RunState.PASSED
    assert bench.ended(lint).state is RunState.FAILED


def test_a_check_that_is_started_late_shares_the_push_of_its_candidate(bench: Bench) -> None:
    commit = bench.candidate()
    unit = bench.start(commit, UNIT)
    bench.finish(commit, "unit")
    bench.finish(commit, "lint")
    assert bench.ended(unit).state is RunState.PASSED
    bench.saved(unit, RunState.PASSED)
    pushes = len(bench.at.hub.git_log)
    lint = bench.start(commit, LINT)
    assert bench.ended(lint).state is RunState.PASSED
    assert [move for move in bench.at.hub.git_log[pushes:] if move.new != ZERO] == []


def test_rule_5_a_second_attempt_is_a_new_push_and_the_first_ones_reports_do_not_count(bench: Bench) -> None:
    commit = bench.candidate()
    first = bench.start(commit)
    bench.finish(commit, "unit", "failure")
    assert bench.ended(first).state is RunState.FAILED
    bench.saved(first, RunState.FAILED)
    second = bench.start(commit)
    assert f"pointsman/{second}-{commit[:12]}" in bench.candidates()
    bench.gates.hint(commit)
    assert bench.gates.poll(second) is None
    bench.finish(commit, "unit", "success")
    assert bench.ended(second).state is RunState.PASSED


def test_rule_5_the_same_after_a_restart(bench: Bench) -> None:
    commit = bench.candidate()
    first = bench.start(commit)
    bench.finish(commit, "unit", "failure")
    bench.ended(first)
    bench.saved(first, RunState.FAILED)
    bench.gates = bench.again()
    bench.gates.sweep([])
    second = bench.start(commit)
    assert bench.gates.poll(second) is None
    bench.finish(commit, "unit", "success")
    assert bench.ended(second).state is RunState.PASSED


def test_reports_of_a_pull_requests_own_workflows_are_no_answer_for_a_probe_of_its_head(bench: Bench) -> None:
    """They are of GitHub's merge with some base, though they stand on the head (rule 4)."""
    bench.at.repo.workflow("pr", ["unit"], on_pull_request=True)
    number = bench.at.pull("one")
    head = bench.forge.branch_heads([f"#{number}"])[f"#{number}"]
    bench.finish(head, "unit")
    run = bench.start(head)
    bench.gates.hint(head)
    assert bench.gates.poll(run) is None
    bench.finish(head, "unit", "failure")
    assert bench.ended(run).state is RunState.FAILED


def test_a_candidate_that_nobody_had_before_costs_no_look_at_the_start(bench: Bench) -> None:
    commit = bench.candidate()
    bench.at.requests()
    run = bench.start(commit)
    assert bench.gates.poll(run) is None
    assert bench.at.requests() == []


def test_rule_9_looks_are_shared_and_grow_rarer_while_nothing_is_heard(bench: Bench) -> None:
    commit = bench.candidate()
    runs = [bench.start(commit, UNIT), bench.start(commit, LINT)]
    bench.reads()
    for _ in range(120):
        bench.at.clock.sleep(5)
        assert [bench.gates.poll(run) for run in runs] == [None, None]
    assert 8 <= bench.reads() <= 12


def test_rules_6_and_9_with_webhooks_a_gate_of_ten_minutes_is_read_once(bench: Bench) -> None:
    commit = bench.candidate()
    run = bench.start(commit)
    bench.reads()
    bench.gates.hint(commit, check="unit", ended=False)
    for step in range(24):
        bench.at.clock.sleep(10)
        bench.gates.hint(commit, check=f"job-{step}")
        assert bench.gates.poll(run) is None
    bench.finish(commit, "unit")
    bench.gates.hint(commit, check="unit")
    assert bench.gates.poll(run) is not None
    assert bench.reads() <= 2


def test_rule_6_a_lost_webhook_costs_minutes_only(bench: Bench) -> None:
    commit = bench.candidate()
    run = bench.start(commit)
    bench.gates.hint(commit, check="other")
    bench.finish(commit, "unit")
    results = []
    for _ in range(31):
        bench.at.clock.sleep(10)
        results.append(bench.gates.poll(run))
        if results[-1] is not None:
            break
    assert results[-1] is not None
    assert results[-1].state is RunState.PASSED


def test_hints_of_commits_that_nobody_waits_for_cost_nothing(bench: Bench) -> None:
    bench.at.requests()
    bench.gates.hint(Sha("1" * 40))
    assert bench.at.requests() == []


def test_rule_2_where_github_cannot_be_asked_the_run_goes_on(bench: Bench) -> None:
    commit = bench.candidate()
    run = bench.start(commit)
    bench.finish(commit, "unit")
    bench.at.hub.fail_next("GET", "/check-runs", 500, times=99)
    bench.gates.hint(commit)
    assert bench.gates.poll(run) is None
    bench.at.hub.faults.clear()
    bench.at.clock.sleep(60)
    result = bench.gates.poll(run)
    assert result is not None
    assert result.state is RunState.PASSED


class Outage:
    """A remote that can't be reached until it is mended."""

    def __init__(self, remote: GitRemote) -> None:
        self._url = remote.url
        self.down = True

    def __call__(self) -> str:
        return "http://127.0.0.1:1/acme/widgets.git" if self.down else self._url


def test_rule_2_a_push_that_did_not_go_through_is_made_later(bench: Bench) -> None:
    outage = Outage(bench.remote)
    bench.remote = GitRemote(bench.git, outage, bench.at.opened.tokens, clock=bench.at.clock, pause=0.01)
    commit = bench.candidate()
    bench.gates = bench.again()
    run = bench.start(commit)
    bench.at.clock.sleep(3600)
    assert bench.gates.poll(run) is None
    assert bench.candidates() == {}
    outage.down = False
    bench.gates = bench.again()
    assert bench.gates.poll(run) is None
    assert bench.candidates() == {f"pointsman/{run}-{commit[:12]}": commit}
    bench.finish(commit, "unit")
    assert bench.ended(run).state is RunState.PASSED


def test_rule_10_a_push_that_is_refused_fails_with_githubs_words(bench: Bench) -> None:
    extra = [{"type": "creation"}]
    bench.at.repo.ruleset("candidates", branches=["refs/heads/pointsman/**"], extra=extra)
    run = bench.start(bench.candidate())
    result = bench.gates.poll(run)
    assert result is not None
    assert (result.state, result.reason) == (RunState.FAILED, Why.NOT_STARTED)
    assert "creations being restricted" in result.why
    assert f"pointsman/{run}-" in result.why


def test_a_run_that_nothing_is_remembered_of_is_lost(bench: Bench) -> None:
    result = bench.gates.poll(99)
    assert result is not None
    assert (result.state, result.reason) == (RunState.LOST, Why.LOST)


def test_a_note_that_cannot_be_read_is_a_lost_run_and_never_a_green_one(bench: Bench) -> None:
    from pointsman.core.queue.model import Note

    bench.store.save(Note(key="gate:5", value='{"run": 5}'), Note(key="gate:6", value="[]"), at=1.0)
    results = [bench.gates.poll(run) for run in (5, 6)]
    assert [result.state for result in results if result] == [RunState.LOST, RunState.LOST]


def test_polling_again_after_a_crash_gives_the_same_result(bench: Bench) -> None:
    commit = bench.candidate()
    run = bench.start(commit)
    bench.finish(commit, "unit")
    bench.finish(commit, "lint")
    first = bench.ended(run)
    assert bench.again().poll(run) == first


def test_starting_again_after_a_crash_changes_nothing(bench: Bench) -> None:
    commit = bench.candidate()
    run = bench.start(commit)
    moves = len(bench.at.hub.git_log)
    bench.again().start(run, commit, UNIT)
    assert len(bench.at.hub.git_log) == moves


def test_a_crash_between_the_note_and_the_push_is_made_good(bench: Bench) -> None:
    commit = bench.candidate()
    outage = Outage(bench.remote)
    real = bench.remote
    bench.remote = GitRemote(bench.git, outage, bench.at.opened.tokens, clock=bench.at.clock, pause=0.01)
    run = bench.run(commit)
    bench.again().start(run, commit, UNIT)
    bench.remote = real
    gates = bench.again()
    assert gates.poll(run) is None
    assert bench.candidates() == {f"pointsman/{run}-{commit[:12]}": commit}


def test_the_branch_goes_when_all_that_ran_on_it_has_ended(bench: Bench) -> None:
    commit = bench.candidate()
    unit, lint = bench.start(commit, UNIT), bench.start(commit, LINT)
    bench.finish(commit, "unit")
    bench.ended(unit)
    assert len(bench.candidates()) == 1
    bench.finish(commit, "lint")
    bench.ended(lint)
    assert bench.candidates() == {}


def test_the_branch_of_a_red_candidate_goes_with_the_next_one(bench: Bench) -> None:
    red = bench.candidate()
    run = bench.start(red)
    bench.finish(red, "unit", "failure")
    bench.ended(run)
    assert len(bench.candidates()) == 1
    bench.saved(run, RunState.FAILED)
    other = bench.candidate()
    bench.start(other)
    assert list(bench.candidates().values()) == [other]


def test_cancelling_takes_the_branch_away_unless_another_run_needs_it_and_asks_nothing(bench: Bench) -> None:
    commit = bench.candidate()
    unit, lint = bench.start(commit, UNIT), bench.start(commit, LINT)
    bench.at.requests()
    bench.gates.cancel(unit)
    assert len(bench.candidates()) == 1
    bench.gates.cancel(lint)
    assert bench.candidates() == {}
    assert bench.at.requests() == []
    result = bench.gates.poll(unit)
    assert result is not None
    assert result.state is RunState.LOST


def test_after_a_cancelled_run_another_check_gets_a_push_of_its_own(bench: Bench) -> None:
    commit = bench.candidate()
    bench.gates.cancel(bench.start(commit, UNIT))
    lint = bench.start(commit, LINT)
    assert bench.candidates() == {f"pointsman/{lint}-{commit[:12]}": commit}
    bench.finish(commit, "lint", "failure")
    bench.gates.hint(commit)
    assert bench.gates.poll(lint) is None
    bench.finish(commit, "lint")
    assert bench.ended(lint).state is RunState.PASSED


def test_sweeping_leaves_what_runs_and_what_is_not_ours(bench: Bench) -> None:
    kept, dropped = bench.candidate(), bench.candidate()
    runs = [bench.start(kept), bench.start(dropped)]
    stray = bench.candidate()
    bench.remote.push(f"{HEADS}pointsman/77-{stray[:12]}", new=stray, expected=None)
    bench.at.repo.push("ada", "pointsman/heal-12", {"x.txt": "x\n"})
    bench.at.repo.push("ada", "pointsman/88-0123456789ab", {"y.txt": "y\n"})
    gates = bench.again()
    gates.sweep([runs[0]])
    assert set(bench.candidates()) == {
        f"pointsman/{runs[0]}-{kept[:12]}",
        "pointsman/heal-12",
        "pointsman/88-0123456789ab",
    }
    assert gates.poll(runs[0]) is None
    lost = gates.poll(runs[1])
    assert lost is not None
    assert lost.state is RunState.LOST


def test_sweeping_without_a_network_is_put_off(bench: Bench) -> None:
    run = bench.start(bench.candidate())
    bench.remote = GitRemote(
        bench.git, Outage(bench.remote), bench.at.opened.tokens, clock=bench.at.clock, pause=0.01
    )
    bench.again().sweep([])
    assert len(bench.candidates()) == 1
    assert run


def test_notes_do_not_pile_up(bench: Bench) -> None:
    for _ in range(2):
        commit = bench.candidate()
        run = bench.start(commit)
        for job in ("unit", "lint"):
            bench.finish(commit, job)
        bench.ended(run)
        bench.saved(run, RunState.PASSED)
    bench.at.clock.sleep(4 * 24 * 3600)
    last = bench.start(bench.candidate())
    assert set(bench.store.notes("gate:")) == {f"gate:{last}"}
    assert len(bench.store.notes("gate-branch:")) == 1


def test_rule_10_with_github_token_the_workflow_is_dispatched(tmp_path: Path) -> None:
    (tmp_path / "hub").mkdir()
    with desk(tmp_path / "hub") as at, open_mirror(tmp_path / "mirror.git") as git:
        at.repo.workflow("gate", ["unit"], on_push=["pointsman/**"], on_dispatch=True)
        token = at.hub.actions_token(at.repo, {"contents": "write"})
        options = {"how": "dispatch", "workflow": "gate.yml"}
        bench = bench_at(tmp_path, at, git, token, **options)
        commit = bench.candidate()
        run = bench.start(commit)
        assert [(one.event, one.inputs) for one in at.repo.runs.values()] == [
            ("workflow_dispatch", {"commit": commit})
        ]
        bench.finish(commit, "unit")
        assert bench.ended(run).state is RunState.PASSED
        with pytest.raises(ValueError, match="workflow"):
            bench.again(how="dispatch")


def test_rule_2_a_dispatch_that_nobody_answered_is_made_later(tmp_path: Path) -> None:
    (tmp_path / "hub").mkdir()
    with desk(tmp_path / "hub") as at, open_mirror(tmp_path / "mirror.git") as git:
        at.repo.workflow("gate", ["unit"], on_dispatch=True)
        bench = bench_at(tmp_path, at, git, how="dispatch", workflow="gate.yml")
        at.hub.fail_next("POST", "/dispatches", 502, times=1)
        run = bench.start(bench.candidate())
        assert list(at.repo.runs.values()) == []
        at.clock.sleep(60)
        assert bench.gates.poll(run) is None
        assert len(at.repo.runs) == 1


@dataclass
class Here:
    """Gates of this machine, as far as being told goes."""

    told: list[tuple[str, object]] = field(default_factory=list)

    def start(self, run_id: int, commit: Sha, check: Check, policy: Sandbox | None = None) -> None:
        self.told.append(("start", run_id))

    def poll(self, run_id: int) -> GateResult | None:
        self.told.append(("poll", run_id))
        passed = Outcome(state=RunState.PASSED, reason=Why.PASSED, why="exit code 0")
        return GateResult(outcome=passed, seconds=1.0, log=None)

    def cancel(self, run_id: int) -> None:
        self.told.append(("cancel", run_id))

    def sweep(self, keep: Collection[int]) -> None:
        self.told.append(("sweep", tuple(keep)))


def test_commands_run_here_and_what_others_report_is_waited_for(bench: Bench) -> None:
    here = Here()
    gates = SplitGates(here, bench.gates)
    commit = bench.candidate()
    mine = replace(UNIT, name="mine", run="make test", check_run=None)
    command, reported = bench.run(commit, mine), bench.run(commit, UNIT)
    gates.start(command, commit, mine)
    gates.start(reported, commit, UNIT)
    assert gates.poll(command) is not None
    assert gates.poll(reported) is None
    gates.cancel(command)
    gates.sweep([reported])
    assert here.told == [("start", command), ("poll", command), ("cancel", command), ("sweep", (reported,))]
    assert set(bench.candidates()) == {f"pointsman/{reported}-{commit[:12]}"}
    gates.cancel(reported)
    assert bench.candidates() == {}


def test_a_rule_of_the_branch_without_an_app_takes_any_apps_report(bench: Bench) -> None:
    commit = bench.candidate()
    run = bench.start(commit, Check(name="required::ci/other", check_run="ci/other"))
    bench.at.hub.status(bench.at.repo, commit, "ci/other", "success", by="ada")
    assert bench.ended(run).state is RunState.PASSED
