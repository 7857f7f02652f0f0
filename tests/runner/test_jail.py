"""What hostile code in a jail comes to: one test for each thing it may try, on what this machine can take away."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from pointsman.adapters.accounts import UNPRIVILEGED
from pointsman.adapters.gates.local import LocalGates
from pointsman.adapters.git.repository import GitRepository
from pointsman.adapters.jail import WALLS, Jail, Protection
from pointsman.adapters.sandbox import Sandbox
from pointsman.core.contract.model import Sandbox as Policy
from pointsman.core.gates import JobResult, Why
from pointsman.core.model import Sha
from pointsman.core.queue.model import RunState
from tests.runner.test_local_gates import check, ended
from tests.runner.test_sandbox import eventually, is_alive, run
from tests.support.repo import Repo

ABLE = Sandbox().capabilities()
walled = pytest.mark.skipif(not ABLE.isolates, reason=f"this machine can't shut a job in: {ABLE.why_not}")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can run a job under another account")

TRIES = """
    import errno
    def tried(name, step):
        try:
            print(name, "done", step())
        except OSError as problem:
            print(name, errno.errorcode.get(problem.errno, problem))
"""


def hostile(folder: Path, script: str, jail: Jail) -> tuple[JobResult, dict[str, str]]:
    """Run a script that reports each of its tries; what came of them by name."""
    text = textwrap.dedent(TRIES) + textwrap.dedent(script)
    result, log = run(folder, [sys.executable, "-I", "-c", text], jail=jail)
    assert result.exit_code == 0, (result, log)
    lines = [line.partition(" ") for line in log.splitlines()]
    return result, {name: rest for name, _, rest in lines}


@pytest.fixture
def cell(tmp_path: Path) -> Path:
    """The job's own folder, in a folder that holds what it must not reach."""
    folder = tmp_path / "cell"
    folder.mkdir()
    return folder


@pytest.fixture
def walls(cell: Path) -> Jail:
    return Jail(demanded=WALLS, everything=True, writable=(cell,))


@walled
def test_it_has_a_loopback_and_no_other_network(cell: Path, walls: Jail) -> None:
    script = """
        import socket
        server = socket.create_server(("127.0.0.1", 0))
        tried("loopback", lambda: socket.create_connection(server.getsockname()).close())
        tried("outside", lambda: socket.create_connection(("192.0.2.1", 80), timeout=5))
        tried("raw", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP))
        """
    _, said = hostile(cell, script, walls)

    assert said == {"loopback": "done None", "outside": "ENETUNREACH", "raw": "EPERM"}


@walled
def test_it_writes_nowhere_but_in_its_folder(cell: Path, walls: Jail) -> None:
    outside = cell.parent / "outside"
    outside.write_text("as it was")
    script = f"""
        import os, tempfile
        tried("own", lambda: open("mine", "w").close())
        tried("over", lambda: open({str(outside)!r}, "w"))
        tried("beside", lambda: open({str(outside)!r} + "2", "w"))
        tried("delete", lambda: os.unlink({str(outside)!r}))
        tried("tmp", lambda: open("/tmp/pointsman-was-here", "w"))
        tried("linked", lambda: (os.symlink({str(outside)!r}, "link"), open("link", "w")))
        tried("shared", lambda: open("/dev/shm/x", "w").close())
        """
    _, said = hostile(cell, script, walls)

    assert said == {
        **dict.fromkeys(("over", "beside", "delete", "tmp", "linked"), "EROFS"),
        **dict.fromkeys(("own", "shared"), "done None"),
    }
    assert outside.read_text() == "as it was"
    assert (cell / "mine").exists()


@walled
def test_of_a_hidden_folder_it_sees_what_is_shown_again_but_for_what_is_hidden_in_that(
    cell: Path, walls: Jail
) -> None:
    home = cell.parent / "home"
    shown = home / "user" / "venv"
    secret = shown / "secret"
    secret.mkdir(parents=True)
    (secret / "key").touch()
    (shown / "lib").touch()
    (home / "user" / "other").touch()
    script = f"""
        import os
        print("home", os.listdir({str(home / "user")!r}))
        print("shown", sorted(os.listdir({str(shown)!r})))
        print("secret", os.listdir({str(secret)!r}))
        tried("write", lambda: open({str(home / "user" / "new")!r}, "w"))
        """
    jail = replace(walls, hidden=(home, home / "user", secret), visible=(shown,))
    _, said = hostile(cell, script, jail)

    assert said == {"home": "['venv']", "shown": "['lib', 'secret']", "secret": "[]", "write": "EROFS"}


@walled
def test_it_cannot_take_the_walls_down(cell: Path, walls: Jail) -> None:
    script = """
        import ctypes, os
        libc = ctypes.CDLL(None, use_errno=True)
        def call(name, *args):
            if getattr(libc, name)(*args) != 0:
                raise OSError(ctypes.get_errno(), name)
        tried("remount", lambda: call("mount", None, b"/", None, ctypes.c_ulong(4096 | 32), None))
        tried("unmount", lambda: call("umount2", b"/proc", 2))
        tried("enter", lambda: call("setns", os.open("/proc/1/ns/mnt", os.O_RDONLY), 0))
        tried("device", lambda: os.mknod("disk", 0o660 | 0o060000, os.makedev(254, 0)))
        tried("kernel", lambda: open("/proc/sys/kernel/core_pattern", "w"))
        tried("rights", lambda: "NoNewPrivs:\\t1" in open("/proc/self/status").read())
        print("disks", [name for name in os.listdir("/dev") if name.startswith(("sd", "vd", "nvme", "mem"))])
        """
    _, said = hostile(cell, script, walls)

    assert said["rights"] == "done True"
    assert said["disks"] == "[]"
    refused = {said[name] for name in ("remount", "unmount", "enter", "device", "kernel")}
    assert refused <= {"EPERM", "EACCES", "EROFS", "EINVAL"}


@walled
def test_a_namespace_of_its_own_does_not_give_it_back_what_was_taken(cell: Path, walls: Jail) -> None:
    outside = cell.parent / "outside"
    script = f"""
        import subprocess
        again = "mount -o remount,bind,rw / ; mount -o remount,bind,rw {cell.parent} ; echo x > {outside}"
        done = subprocess.run(["unshare", "-r", "-m", "sh", "-c", again], capture_output=True, text=True)
        print("inner", done.returncode)
        """
    _, said = hostile(cell, script, walls)

    assert said["inner"] != "0"
    assert not outside.exists()


@walled
def test_it_sees_no_process_and_no_environment_but_its_own(
    cell: Path, walls: Jail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "hunter2")
    with subprocess.Popen(["sleep", "60"]) as secretive:
        script = f"""
            import glob, os
            seen = b""
            for path in glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/cmdline"):
                try:
                    seen += open(path, "rb").read()
                except OSError:
                    pass
            print("token", b"hunter" + b"2" in seen or "GITHUB_TOKEN" in os.environ)
            print("many", len(glob.glob("/proc/[0-9]*")) > 5)
            tried("kill", lambda: os.kill({secretive.pid}, 9))
            tried("parent", lambda: os.getppid())
            """
        _, said = hostile(cell, script, walls)
        assert secretive.poll() is None
        secretive.kill()

    assert said == {"token": "False", "many": "False", "kill": "ESRCH", "parent": "done 1"}


@walled
def test_what_it_forked_off_ends_with_it(cell: Path, walls: Jail) -> None:
    marker = f"{os.getpid()}{time.monotonic_ns()}"
    script = (
        f"(setsid sh -c 'exec sleep 3{marker[-7:]}' &); (setsid setsid sleep 3{marker[-7:]} &); sleep 0.2"
    )
    result, _ = run(cell, script, jail=walls)

    assert result.exit_code == 0

    def left() -> list[str]:
        names = [path.name for path in Path("/proc").iterdir() if path.name.isdigit()]
        return [name for name in names if f"3{marker[-7:]}" in _command(name)]

    assert eventually(lambda: not left())


def _command(pid: str) -> str:
    try:
        return Path("/proc", pid, "cmdline").read_text(errors="replace")
    except OSError:
        return ""


@walled
def test_a_fork_bomb_is_ended_inside_too(cell: Path, walls: Jail) -> None:
    result, _ = run(cell, "while :; do sleep 60 & done", jail=walls, processes=30)

    assert result.process_limit


@walled
def test_it_ends_as_its_command_ended(cell: Path, walls: Jail) -> None:
    assert run(cell, "exit 7", jail=walls)[0].exit_code == 7
    crashed = run(cell, ["sh", "-c", "kill -SEGV $$"], jail=walls)[0]
    assert crashed.signal == 11 or crashed.exit_code == 128 + 11, "as a shell says it, through bubblewrap"
    assert run(cell, "no-such-command", jail=walls)[0].exit_code == 127
    stopped = run(cell, "sleep 60 & sleep 60", jail=walls, timeout=0.5, grace=0.5)[0]
    assert stopped.timed_out
    assert stopped.signal == 15
    stubborn = run(cell, "trap '' TERM; sleep 60; sleep 60", jail=walls, timeout=0.5, grace=0.2)[0]
    assert (stubborn.timed_out, stubborn.signal in (9, 15)) == (True, True), "15: bubblewrap itself went"


@walled
def test_printing_for_ever_fills_no_disk(cell: Path, walls: Jail) -> None:
    result, log = run(cell, "yes", jail=walls, timeout=0.5, grace=0.1, log_limit=10_000)

    assert result.timed_out
    assert result.log_truncated
    assert len(log) < 10_100


def test_a_file_that_grows_for_ever_stops_at_its_limit(cell: Path) -> None:
    result, _ = run(cell, "yes > big", file_size=1 << 20)

    assert result.exit_code != 0
    assert (cell / "big").stat().st_size == 1 << 20


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_memory_is_bounded_for_all_its_processes_together(cell: Path) -> None:
    eater = "import time; b = bytearray(60 << 20); b[::4096] = b'x' * len(b[::4096]); time.sleep(60)"
    script = f'for i in 1 2 3 4; do {sys.executable} -c "{eater}" & done; wait'
    result, log = run(cell, script, memory=150 << 20)

    assert result.signal == 9
    assert "together used more than" in log


@walled
def test_keys_and_tokens_at_home_look_empty(cell: Path, walls: Jail, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = cell.parent / "state"
    secret.mkdir()
    (secret / "state.db").write_text("secret")
    script = f"""
        import os
        tried("list", lambda: os.listdir({str(secret)!r}))
        tried("open", lambda: open({str(secret / "state.db")!r}))
        tried("make", lambda: open({str(secret / "new")!r}, "w"))
        """
    _, said = hostile(cell, script, replace(walls, hidden=(secret,)))

    assert said == {"list": "done []", "open": "ENOENT", "make": "EROFS"}


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that every account can come to, which pytest's own are not."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name).resolve()


@as_root
def test_it_runs_under_another_account(public: Path) -> None:
    import pwd

    cell = public / "cell"
    cell.mkdir()
    cell.chmod(0o777)
    jail = Jail(demanded=frozenset({Protection.USER, Protection.PRIVILEGES}), user=UNPRIVILEGED)
    result, log = run(cell, "id -u; id -G; touch mine", jail=jail)

    account = pwd.getpwnam(UNPRIVILEGED)
    assert log.split() == [str(account.pw_uid), str(account.pw_gid)]
    assert (cell / "mine").stat().st_uid == account.pw_uid
    assert result.isolated == ("user", "privileges")


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system binds nothing to processors")
def test_it_starts_on_as_many_processors_as_it_may(cell: Path) -> None:
    jail = Jail(demanded=frozenset({Protection.PROCESSORS}), processors=1)
    _, said = hostile(cell, "import os; print('cpus', len(os.sched_getaffinity(0)))", jail)

    assert said == {"cpus": "1"}


@pytest.mark.parametrize(
    ("jail", "said"),
    [
        pytest.param(
            Jail(demanded=frozenset({Protection.USER}), user="no-such-account"), "no account", id="account"
        ),
        pytest.param(
            Jail(demanded=frozenset({Protection.READ_ONLY}), read_only=(Path("/no/such/folder"),)),
            "read_only: ",
            id="folder",
        ),
    ],
)
def test_i6_what_is_demanded_and_impossible_is_not_passed(cell: Path, jail: Jail, said: str) -> None:
    result, _ = run(cell, "touch ran", jail=jail)

    assert result.exit_code is None
    assert "can't isolate" in (result.error or "")
    assert said in (result.error or "")
    assert not (cell / "ran").exists()


@walled
def test_what_is_only_wanted_and_impossible_leaves_the_job_as_it_is(cell: Path) -> None:
    jail = Jail(wanted=WALLS, read_only=(Path("/no/such/folder"),), writable=(cell,))
    result, log = run(cell, "ls /dev/null && touch ran && echo fine", jail=jail)

    assert log.endswith("fine\n")
    assert "read_only" not in result.isolated
    assert {"network", "processes"} <= {*result.isolated}


# Checks of a gate, with a contract's `sandbox`.

STRICT = Policy(network="none", read_only_git=True, cpu=1, memory=1 << 30)


@pytest.fixture
def gates(repo: Repo) -> Iterator[LocalGates]:
    with gates_of(repo) as found:
        yield found


@contextmanager
def gates_of(repo: Repo) -> Iterator[LocalGates]:
    repo.commit("first", files={"a.txt": "one\n"})
    root = repo.path / ".git" / "pointsman"
    root.mkdir()
    with closing(sqlite3.connect(root / "state.db")) as state:
        state.execute("CREATE TABLE changes (id)")
    with GitRepository.open(repo.path) as git:
        yield LocalGates(git, Sandbox(), root)


def gate(gates: LocalGates, repo: Repo, script: str, policy: Policy | None) -> tuple[RunState, str]:
    """The state that a check with this Python script ends in, and its log."""
    (repo.path.parent / "hostile.py").write_text(textwrap.dedent(TRIES) + textwrap.dedent(script))
    command = f"{sys.executable} -I {repo.path.parent / 'hostile.py'}"
    gates.start(1, Sha(repo.git("rev-parse", "HEAD")), check(command), policy)
    result = ended(gates, 1)
    return result.state, Path(result.log).read_text() if result.log else ""


REWRITE = """
    import os, subprocess
    git = {git!r}
    tried("ref", lambda: open(git + "/refs/heads/main", "w").write("0" * 40))
    tried("config", lambda: open(git + "/config", "a").write("[core] fsmonitor = evil"))
    tried("hook", lambda: os.mkdir(git + "/hooks"))
    tried("object", lambda: os.mkdir(git + "/objects/zz"))
    tried("lock", lambda: open(git + "/index.lock", "w"))
    done = subprocess.run(["git", "--git-dir", git, "update-ref", "refs/heads/evil", "HEAD"], capture_output=True)
    print("git", done.returncode)
    print("own", subprocess.run(["git", "commit", "-qm", "x", "--allow-empty"], env=dict(os.environ,
        GIT_AUTHOR_NAME="a", GIT_AUTHOR_EMAIL="a@b", GIT_COMMITTER_NAME="a", GIT_COMMITTER_EMAIL="a@b")).returncode)
    """


@walled
def test_i7_the_git_directory_of_the_real_repository_cannot_be_rewritten(
    repo: Repo, gates: LocalGates
) -> None:
    state, log = gate(gates, repo, REWRITE.format(git=str(repo.path / ".git")), STRICT)

    assert state is RunState.PASSED
    assert log.split("\n")[:5] == [f"{name} EROFS" for name in ("ref", "config", "hook", "object", "lock")]
    assert "git 0" not in log
    assert log.endswith("own 0\n"), "its own repository is its own"
    assert repo.git("for-each-ref", "--format=%(refname)") == "refs/heads/main"


@walled
def test_i7_the_queues_own_database_cannot_be_reached(repo: Repo, gates: LocalGates) -> None:
    state = repo.path / ".git/pointsman/state.db"
    script = f"""
        import os, sqlite3
        tried("list", lambda: os.listdir({str(state.parent)!r}))
        try:
            sqlite3.connect({str(state)!r}).execute("DROP TABLE changes")
        except sqlite3.Error as problem:
            print("drop", problem)
        """
    _, log = gate(gates, repo, script, STRICT)

    assert log.startswith("list done ['work']\ndrop ")
    with closing(sqlite3.connect(state)) as kept:
        assert kept.execute("SELECT count(*) FROM changes").fetchone() == (0,)


@as_root
@walled
def test_without_a_contract_root_loses_what_a_check_does_not_miss(repo: Repo, gates: LocalGates) -> None:
    state, log = gate(gates, repo, REWRITE.format(git=str(repo.path / ".git")), None)

    assert state is RunState.PASSED
    assert "ref EROFS" in log


@as_root
def test_a_check_runs_as_the_contracts_user_and_owns_its_tree(public: Path) -> None:
    repo = Repo(public / "repo").init()
    policy = Policy(user=UNPRIVILEGED, read_only_git=True)
    with gates_of(repo) as gates:
        command = check("echo two >> a.txt && id -un && git status --porcelain")
        gates.start(1, Sha(repo.git("rev-parse", "HEAD")), command, policy)
        result = ended(gates, 1)

    assert result.state is RunState.PASSED
    assert result.log is not None
    assert Path(result.log).read_text() == f"{UNPRIVILEGED}\n M a.txt\n"


def test_i6_a_contracts_user_that_is_not_here_is_not_passed(repo: Repo, gates: LocalGates) -> None:
    tip = Sha(repo.git("rev-parse", "HEAD"))
    gates.start(1, tip, check("true"), Policy(user="no-such-account"))

    result = ended(gates, 1)

    assert (result.state, result.reason) == (RunState.FAILED, Why.NOT_STARTED)
    assert "no-such-account" in result.why


@walled
def test_i5_killing_the_supervisor_leaves_nothing_inside_alive(cell: Path, walls: Jail) -> None:
    from tests.runner.test_sandbox import job

    running = Sandbox().start(job(cell, "touch ready; sleep 300", jail=walls))
    assert eventually((cell / "ready").exists)
    inside = _below(running.pid)
    assert len(inside) >= 3
    os.kill(running.pid, 9)
    running.wait(20)

    assert eventually(lambda: not any(is_alive(pid) for pid in inside))


def _below(root: int) -> list[int]:
    from pointsman.runner.processes import descendants

    return descendants(root)
