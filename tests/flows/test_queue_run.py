"""`pointsman run` in processes of its own: two at once, Ctrl-C, kill, a daemon that hears of new work."""

from __future__ import annotations

import contextlib
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.world import World, contract, until

pytestmark = pytest.mark.slow


@pytest.fixture
def slow(tmp_path: Path) -> World:
    """A world whose gate, and a child of it, wait for the file `go`; they carry the folder's name."""
    wait = "while ! test -e $0/go; do sleep 0.05; done"
    gate = f"sh -c '{wait}' {tmp_path} & touch {tmp_path}/asked; sh -c '{wait}' {tmp_path}; wait"
    world = World(tmp_path, contract(gate))
    world.branch("agent/a")
    world.submit("agent/a")
    return world


@contextlib.contextmanager
def running(world: World, *options: str) -> Iterator[subprocess.Popen[str]]:
    with world.process("run", *options) as process:
        try:
            yield process
        finally:
            process.kill()


def gate_processes(world: World) -> list[str]:
    """The command lines of the gate's processes that still are, whatever numbers they see of themselves."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found.append(path.read_text(errors="replace"))
    return [line for line in found if str(world.folder) in line]


def gate_runs(world: World) -> bool:
    return (world.folder / "asked").exists() and len(gate_processes(world)) >= 3


def test_once_says_what_it_does_and_ends(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.branch("agent/a")
    world.branch("agent/red", {"red": ""})
    world.submit("agent/a", "agent/red")
    with world.process("run", "--once") as process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert re.search(r"^landed +#1 agent/a as [0-9a-f]{10}$", out, re.MULTILINE)
    assert re.search(r"^returned +#2 agent/red: check 'unit' failed", out, re.MULTILINE)
    assert "\x1b" not in out
    world.check_invariants()


def test_two_at_once_one_works_and_the_other_waits_or_says_so(slow: World) -> None:
    with running(slow, "--once") as first:
        until(lambda: gate_runs(slow))
        with running(slow, "--once", "--no-wait") as refused:
            out, err = refused.communicate(timeout=60)
        assert (refused.returncode, out) == (1, "")
        assert str(first.pid) in err
        with running(slow, "--once") as second:
            assert second.stderr is not None
            assert "waiting" in second.stderr.readline()
            (slow.folder / "go").touch()
            assert first.wait(60) == 0
            assert second.wait(60) == 0
    assert slow.order() == ["agent/a"]
    slow.check_invariants()


def test_ctrl_c_ends_it_promptly_with_its_gates_and_loses_nothing(slow: World) -> None:
    with running(slow) as process:
        until(lambda: gate_runs(slow))
        process.send_signal(signal.SIGINT)
        assert until(lambda: process.poll() is not None) < 20, "its gate would never end"
        assert process.returncode == 130
        assert process.stderr is not None
        said = process.stderr.read()
    assert "Traceback" not in said
    assert gate_processes(slow) == []
    assert slow.states() == {"agent/a": "queued"}
    (slow.folder / "go").touch()
    slow.work()
    assert slow.order() == ["agent/a"]
    assert not list((slow.path / ".git" / "pointsman" / "work").iterdir())


def test_I5_after_kill_9_its_gates_are_gone_and_the_next_run_lands_it(slow: World) -> None:
    with running(slow) as process:
        until(lambda: gate_runs(slow))
        process.kill()
        process.wait()
    until(lambda: gate_processes(slow) == [])
    (slow.folder / "go").touch()
    slow.work()
    assert slow.order() == ["agent/a"]
    work = slow.path / ".git" / "pointsman" / "work"

    def swept() -> bool:
        slow.work()
        return not list(work.iterdir())

    until(swept)


@pytest.mark.soak
def test_a_daemon_hears_of_a_later_submission_within_seconds(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.branch("agent/a")
    world.branch("agent/b")
    world.submit("agent/a")
    with running(world) as daemon:
        until(lambda: world.order() == ["agent/a"])
        world.submit("agent/b")
        heard = until(lambda: len(world.journal("building")) == 2)
        until(lambda: world.order() == ["agent/a", "agent/b"])
        daemon.terminate()
        assert daemon.wait(60) == 130
    assert heard < 15, "seconds, on a machine that is busy with other things"
    world.check_invariants()


def test_a_change_that_is_withdrawn_while_it_is_tested_does_not_land_and_its_gate_ends(slow: World) -> None:
    with running(slow, "--once") as process:
        until(lambda: gate_runs(slow))
        assert slow.cli("withdraw", "agent/a").code == 0
        assert process.wait(60) == 0
    assert gate_processes(slow) == []
    assert slow.states() == {"agent/a": "withdrawn"}
    assert slow.order() == []
    slow.check_invariants()
