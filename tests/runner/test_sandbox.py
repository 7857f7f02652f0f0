"""A job in the sandbox: what it sees, how it ends, and that nothing of it stays alive."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pointsman.adapters.sandbox import Job, Sandbox, base_environment, read_result
from pointsman.core.gates import JobResult

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
PATIENCE = 20.0


def job(folder: Path, command: str | list[str], **changes: Any) -> Job:
    given: dict[str, Any] = {
        "command": command,
        "cwd": folder,
        "env": base_environment(home=folder, tmp=folder),
        "log": folder / "log",
        "result": folder / "result.json",
        "timeout": PATIENCE,
        **changes,
    }
    return Job(**given)


def run(folder: Path, command: str | list[str], **changes: Any) -> tuple[JobResult, str]:
    result = Sandbox().run(job(folder, command, **changes))
    log = folder / "log"
    return result, log.read_text() if log.exists() else ""


def eventually(holds: Callable[[], bool]) -> bool:
    until = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def is_alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_result_and_output_come_back(tmp_path: Path) -> None:
    result, log = run(tmp_path, "echo out; echo err >&2; exit 3", labels={"check": "unit", "min_tests": 4})

    assert (result.exit_code, result.signal, log) == (3, None, "out\nerr\n")
    assert result.labels == {"check": "unit", "min_tests": 4}
    assert 0 < result.seconds < PATIENCE
    assert result.started <= result.finished
    assert read_result(tmp_path / "result.json") == result


def test_r45_a_script_stops_at_its_first_failing_line(tmp_path: Path) -> None:
    result, log = run(tmp_path, "false\necho all fine")

    assert (result.exit_code, log) == (1, "")


@pytest.mark.parametrize("command", ["no-such-command", ["no-such-command"]])
def test_r45_a_missing_command_is_exit_127(tmp_path: Path, command: str | list[str]) -> None:
    assert run(tmp_path, command)[0].exit_code == 127


def test_a_missing_folder_is_an_error_and_no_exit_code(tmp_path: Path) -> None:
    result, _ = run(tmp_path, "true", cwd=tmp_path / "gone")

    assert result.exit_code is None
    assert "gone" in (result.error or "")


def test_i7_nothing_of_our_environment_is_inherited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "PYTHONPATH", "GIT_DIR", "SSH_AUTH_SOCK"):
        monkeypatch.setenv(name, "hunter2")

    result, log = run(
        tmp_path, 'env; cat /proc/self/environ /proc/$PPID/environ 2>/dev/null; echo "home $HOME"'
    )

    assert result.exit_code == 0
    assert "hunter2" not in log
    assert f"home {tmp_path}" in log


@linux_only
def test_no_descriptor_terminal_or_input_is_inherited(tmp_path: Path) -> None:
    with (tmp_path / "secret").open("w") as secret:
        os.set_inheritable(secret.fileno(), True)
        script = """
            import os, sys
            for number in range(3, 200):
                try:
                    os.fstat(number)
                    print("inherited", number)
                except OSError:
                    pass
            print(repr(sys.stdin.read()), os.isatty(0), oct(os.umask(0)))
            """
        result, log = run(tmp_path, [sys.executable, "-I", "-c", textwrap.dedent(script)])

    assert (result.exit_code, log) == (0, "'' False 0o22\n")


def test_a_timeout_ends_the_whole_group(tmp_path: Path) -> None:
    result, _ = run(tmp_path, "sleep 60 & sleep 60", timeout=0.2, grace=0.2)

    assert (result.timed_out, result.signal) == (True, signal.SIGTERM)
    assert result.seconds < PATIENCE


def test_a_job_that_ignores_the_first_signal_gets_the_second(tmp_path: Path) -> None:
    result, _ = run(tmp_path, "trap '' TERM; sleep 60; sleep 60", timeout=0.2, grace=0.2)

    assert (result.timed_out, result.signal) == (True, signal.SIGKILL)


def test_a_flood_of_output_is_bounded_and_its_end_is_kept(tmp_path: Path) -> None:
    flood = "print('first'); [print('x' * 999) for _ in range(5000)]; print('last')"
    result, log = run(tmp_path, [sys.executable, "-c", flood], log_limit=10_000)

    assert result.exit_code == 0
    assert result.log_truncated
    assert log.startswith("first")
    assert log.endswith("last\n")
    assert "bytes left out" in log
    assert len(log) < 10_100


@linux_only
def test_memory_is_bounded(tmp_path: Path) -> None:
    result, log = run(tmp_path, [sys.executable, "-c", "bytearray(10**9)"], memory=200 << 20)

    assert result.exit_code == 1
    assert "MemoryError" in log


@linux_only
def test_a_fork_bomb_is_ended(tmp_path: Path) -> None:
    result, _ = run(tmp_path, "while :; do sleep 60 & done", processes=30)

    assert result.process_limit
    assert result.seconds < PATIENCE


ESCAPE = "(setsid sh -c 'echo $$ > pid; exec sleep 300' &) ; while [ ! -s pid ]; do sleep 0.01; done; "


@linux_only
def test_a_double_forked_grandchild_does_not_outlive_its_job(tmp_path: Path) -> None:
    result, _ = run(tmp_path, ESCAPE + "echo done")

    assert result.exit_code == 0
    assert not is_alive(int((tmp_path / "pid").read_text()))


@linux_only
def test_cancelling_ends_everything_before_it_returns(tmp_path: Path) -> None:
    running = Sandbox().start(job(tmp_path, ESCAPE + "touch ready; sleep 300"))
    assert eventually((tmp_path / "ready").exists)
    assert running.poll() is None

    result = running.cancel()

    assert result.cancelled
    assert not is_alive(int((tmp_path / "pid").read_text()))


@linux_only
def test_i5_killing_the_parent_kills_the_gate_and_its_grandchildren(tmp_path: Path) -> None:
    daemon = textwrap.dedent(
        f"""
        import sys, time
        sys.path.insert(0, {str(Path(__file__).parents[2])!r})
        from pathlib import Path
        from pointsman.adapters.sandbox import Sandbox
        from tests.runner.test_sandbox import ESCAPE, job
        running = Sandbox().start(job(Path({str(tmp_path)!r}), ESCAPE + "touch ready; sleep 300"))
        print(running.pid, flush=True)
        time.sleep(300)
        """
    )
    with subprocess.Popen([sys.executable, "-c", daemon], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        supervisor = int(parent.stdout.readline())
        assert eventually((tmp_path / "ready").exists)
        grandchild = int((tmp_path / "pid").read_text())
        assert is_alive(grandchild)
        parent.kill()

    assert eventually(lambda: not is_alive(supervisor))
    assert not is_alive(grandchild)
    left = read_result(tmp_path / "result.json")
    assert left is not None
    assert left.cancelled


@linux_only
def test_a_killed_supervisor_is_a_lost_run_whatever_file_lies_there(tmp_path: Path) -> None:
    running = Sandbox().start(job(tmp_path, "touch ready; sleep 300"))
    assert eventually((tmp_path / "ready").exists)
    (tmp_path / "result.json").write_text('{"exit_code": 0}')
    os.kill(running.pid, signal.SIGKILL)

    result = running.wait(PATIENCE)

    assert result is not None
    assert result.lost
