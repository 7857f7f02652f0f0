"""The local gates on real repositories: the tree that is tested, the logs that stay, what a restart finds."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pointsman.adapters.gates.local import Limits, LocalGates
from pointsman.adapters.git.repository import GitRepository
from pointsman.adapters.sandbox import Sandbox
from pointsman.core.contract import Check
from pointsman.core.contract.model import Sandbox as Policy
from pointsman.core.errors import PointsmanError
from pointsman.core.gates import GateResult, Why
from pointsman.core.model import Sha
from pointsman.core.queue.model import RunState
from tests.runner.test_sandbox import PATIENCE, eventually, linux_only
from tests.support.repo import Repo


def check(run: str, **more: object) -> Check:
    return Check(name="unit", run=run, **more)  # type: ignore[arg-type]


def ended(gates: LocalGates, run_id: int) -> GateResult:
    until = time.monotonic() + PATIENCE
    while (result := gates.poll(run_id)) is None:
        assert time.monotonic() < until, "the run did not end"
        time.sleep(0.01)
    return result


@pytest.fixture
def root(repo: Repo) -> Path:
    return repo.path / ".git" / "pointsman"


@pytest.fixture
def tip(repo: Repo) -> Sha:
    return Sha(repo.commit("first", files={"a.txt": "one\n", "sub/b.txt": "two\n"}))


@pytest.fixture
def gates(repo: Repo, root: Path, tip: Sha) -> Iterator[LocalGates]:
    with GitRepository.open(repo.path) as git:
        yield LocalGates(git, Sandbox(), root)


def test_i1_the_check_sees_the_exact_tree_and_leaves_the_repository_alone(
    repo: Repo, gates: LocalGates, root: Path, tip: Sha
) -> None:
    repo.write({"a.txt": "not committed\n"})

    gates.start(1, tip, check("cat a.txt sub/b.txt; git rev-parse HEAD; echo x > a.txt"))
    result = ended(gates, 1)

    assert result.state is RunState.PASSED
    assert result.log is not None
    assert Path(result.log).read_text() == f"one\ntwo\n{tip}\n"
    assert (repo.path / "a.txt").read_text() == "not committed\n"
    assert repo.git("rev-parse", "HEAD") == tip
    gates.stop()
    assert not list((root / "work").iterdir())


def test_the_check_cannot_name_the_repositorys_refs(repo: Repo, gates: LocalGates, tip: Sha) -> None:
    gates.start(1, tip, check("git update-ref refs/heads/main HEAD~1 || git branch -f evil HEAD; true"))
    ended(gates, 1)

    assert repo.git("for-each-ref", "--format=%(refname)") == "refs/heads/main"


def test_r45_a_green_run_with_too_few_tests_is_not_passed(gates: LocalGates, tip: Sha) -> None:
    gates.start(1, tip, check("echo '3 passed in 0.1s'", min_tests=5))

    result = ended(gates, 1)

    assert (result.state, result.reason, result.tests) == (RunState.FAILED, Why.TOO_FEW_TESTS, 3)


def test_the_checks_own_variables_arrive(gates: LocalGates, tip: Sha) -> None:
    gates.start(1, tip, check('test "$MODE-$CI" = strict-1', env={"MODE": "strict"}))

    assert ended(gates, 1).state is RunState.PASSED


def test_a_check_has_its_timeout(gates: LocalGates, tip: Sha) -> None:
    gates.start(1, tip, check("sleep 60", timeout=0.2))

    assert ended(gates, 1).reason is Why.TIMED_OUT


def test_r19_checks_run_side_by_side(gates: LocalGates, tip: Sha) -> None:
    for run_id in (1, 2, 3):
        gates.start(run_id, tip, check(f"test {run_id} != 2"))

    assert [ended(gates, run_id).state for run_id in (1, 2, 3)] == [
        RunState.PASSED,
        RunState.FAILED,
        RunState.PASSED,
    ]


def test_r52_every_attempt_keeps_its_log(repo: Repo, gates: LocalGates, root: Path, tip: Sha) -> None:
    gates.start(1, tip, check("echo first; sleep 60"))
    assert eventually(lambda: (root / "logs/1.log").read_bytes() != b"")
    gates.cancel(1)
    with GitRepository.open(repo.path) as git:
        again = LocalGates(git, Sandbox(), root)
        again.start(1, tip, check("echo second"))
        result = ended(again, 1)

    assert result.log is not None
    assert Path(result.log).read_text() == "second\n"
    assert (root / "logs/1.log").read_text() == "first\n"


def test_a_run_that_ended_is_found_after_a_restart_and_not_run_again(
    repo: Repo, gates: LocalGates, root: Path, tip: Sha
) -> None:
    gates.start(1, tip, check("echo '2 passed in 0.1s'", min_tests=1))
    assert eventually((root / "results/1.json").exists)
    with GitRepository.open(repo.path) as git:
        restarted = LocalGates(git, Sandbox(), root)
        restarted.start(1, tip, check("exit 1"))
        result = restarted.poll(1)
    ended(gates, 1)

    assert result is not None
    assert (result.state, result.tests) == (RunState.PASSED, 2)


def test_a_run_that_nobody_runs_is_lost(gates: LocalGates) -> None:
    result = gates.poll(99)

    assert result is not None
    assert (result.state, result.log) == (RunState.LOST, None)


@linux_only
def test_i5_after_a_kill_the_run_is_lost_and_its_tree_is_swept(
    repo: Repo, gates: LocalGates, root: Path, tip: Sha
) -> None:
    daemon = textwrap.dedent(
        f"""
        import sys, time
        sys.path.insert(0, {str(Path(__file__).parents[2])!r})
        from pathlib import Path
        from pointsman.adapters.gates.local import LocalGates
        from pointsman.adapters.git.repository import GitRepository
        from pointsman.adapters.sandbox import Sandbox
        from tests.runner.test_local_gates import check
        with GitRepository.open(Path({str(repo.path)!r})) as git:
            LocalGates(git, Sandbox(), Path({str(root)!r})).start(1, {tip!r}, check("touch ready; sleep 300"))
            print("started", flush=True)
            time.sleep(300)
        """
    )
    with subprocess.Popen([sys.executable, "-c", daemon], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"started\n"
        assert eventually((root / "work/1/tree/ready").exists)
        gates.sweep([])
        assert (root / "work/1/tree/ready").exists(), "a living process's tree was swept"
        parent.kill()
    assert eventually((root / "results/1.json").exists)

    result = gates.poll(1)
    assert result is not None
    assert result.state is RunState.LOST

    def is_swept() -> bool:
        gates.sweep([])
        return not (root / "work/1").exists()

    assert eventually(is_swept)


def test_sweeping_spares_what_runs_and_what_is_to_be_kept(gates: LocalGates, root: Path, tip: Sha) -> None:
    gates.start(1, tip, check("sleep 60"))
    for left in ("7", "8"):
        (root / "work" / left / "tree").mkdir(parents=True)

    gates.sweep([8])

    assert sorted(folder.name for folder in (root / "work").iterdir()) == ["1", "8"]
    gates.cancel(1)


def test_a_tree_made_read_only_is_removed_all_the_same(gates: LocalGates, root: Path, tip: Sha) -> None:
    gates.start(1, tip, check("mkdir -p d/e; touch d/e/f; chmod 500 d/e d"))
    ended(gates, 1)
    gates.stop()

    assert not list((root / "work").iterdir())


def test_a_check_that_is_no_command_is_refused(gates: LocalGates, tip: Sha) -> None:
    with pytest.raises(ValueError, match="built in"):
        gates.start(1, tip, Check(name="ownership", builtin="ownership"))


class SlowGit:
    """Writes no tree before it is told to."""

    def __init__(self, git: GitRepository) -> None:
        self.git = git
        self.go = threading.Event()

    def materialise(self, commit: Sha, directory: Path) -> None:
        assert self.go.wait(PATIENCE)
        self.git.materialise(commit, directory)


def test_r19_a_tree_that_takes_long_to_write_keeps_nothing_waiting(repo: Repo, root: Path, tip: Sha) -> None:
    with GitRepository.open(repo.path) as git:
        slow = SlowGit(git)
        gates = LocalGates(slow, Sandbox(), root)  # type: ignore[arg-type]
        gates.start(1, tip, check("true"))
        gates.start(2, tip, check("touch /nowhere/started"))
        assert gates.poll(1) is None
        gates.cancel(2)
        slow.go.set()
        assert ended(gates, 1).state is RunState.PASSED
        gates.stop()

    assert (root / "logs/2.log").read_bytes() == b"", "what was cancelled before it started never runs"
    assert not list((root / "work").iterdir())


def test_i6_a_tree_that_cannot_be_written_is_told_and_the_run_is_lost(
    repo: Repo, gates: LocalGates, tip: Sha
) -> None:
    gates.start(1, Sha("12" * 20), check("true"))

    with pytest.raises(PointsmanError):
        ended(gates, 1)
    assert ended(gates, 1).state is RunState.LOST


@linux_only
def test_this_machines_limits_hold_for_every_check(repo: Repo, root: Path, tip: Sha) -> None:
    with GitRepository.open(repo.path) as git:
        gates = LocalGates(git, Sandbox(), root, Limits(processes=20))
        gates.start(1, tip, check("while :; do sleep 60 & done"))
        result = ended(gates, 1)

    assert result.reason is Why.TOO_MANY_PROCESSES


def test_i6_a_contract_without_network_and_with_a_memory_limit_is_obeyed_or_not_passed(
    gates: LocalGates, tip: Sha
) -> None:
    script = "import socket; socket.create_connection(('192.0.2.1', 80), timeout=5)"
    policy = Policy(network="none", memory=500 << 20)
    gates.start(1, tip, check(f'{sys.executable} -c "{script}"'), policy)
    result = ended(gates, 1)

    isolates = Sandbox().capabilities().isolates
    assert result.state is RunState.FAILED
    assert result.reason is (Why.EXIT_CODE if isolates else Why.NOT_STARTED)
    if isolates and result.log is not None:
        assert "Network is unreachable" in Path(result.log).read_text()
