"""A hostile migration in a proof: one try for each thing that it may be after, on real Alembic."""

from __future__ import annotations

import json
import os
import re
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from pointsman.adapters.accounts import UNPRIVILEGED, account
from pointsman.adapters.git.repository import GitRepository
from pointsman.adapters.proof import SandboxProver
from pointsman.adapters.proof_cell import CROWDED
from pointsman.adapters.sandbox import Sandbox
from pointsman.core.contract.model import Sandbox as Policy
from pointsman.core.proof import Proof
from tests.flows.alembic_project import Project, path, revision

ABLE = Sandbox().capabilities()
walled = pytest.mark.skipif(not ABLE.isolates, reason=f"this machine can't shut a job in: {ABLE.why_not}")

TRIES = """
import ctypes, errno, glob, json, os, sqlite3, subprocess
git, parent = {git!r}, {parent}
said = {{}}
def tried(name, step):
    try:
        step()
        said[name] = "done"
    except OSError as problem:
        said[name] = errno.errorcode.get(problem.errno, "refused")
    except Exception as problem:
        said[name] = "refused"
def connect(address):
    # As C code does: no audit hook of Python's sees it.
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.connect(libc.socket(address[0], 1, 0), address, len(address)) != 0:
        raise OSError(ctypes.get_errno(), "connect")
def environ():
    seen = [dict(os.environ)]
    for one in glob.glob("/proc/[0-9]*/environ"):
        try:
            seen.append(open(one).read())
        except OSError:
            pass
    if "hunter" + "2" not in repr(seen):
        raise OSError(errno.ENODATA, "nothing")
tried("environment", environ)
tried("outside", lambda: open("/tmp/pointsman-was-here", "w"))
for name, address in {addresses!r}.items():
    tried(name, lambda: connect(address))
tried("ref", lambda: open(git + "/refs/heads/main", "w"))
tried("config", lambda: open(git + "/config", "a"))
tried("state", lambda: open(git + "/pointsman/state.db"))
tried("sqlite", lambda: sqlite3.connect(git + "/pointsman/state.db").execute("DROP TABLE t"))
def attach():
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.ptrace(16, os.getppid(), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "ptrace")
def steal():
    libc = ctypes.CDLL(None, use_errno=True)
    for number in range(3, 64):
        if libc.syscall(438, os.pidfd_open(os.getppid()), number, 0) >= 0:
            return
    raise OSError(ctypes.get_errno(), "pidfd_getfd")
tried("trace", attach)
tried("memory", lambda: open(f"/proc/{{os.getppid()}}/mem", "r+b"))
tried("channel", lambda: open(f"/proc/{{os.getppid()}}/fd/3", "wb"))
tried("descriptor", steal)
tried("neighbours", lambda: os.listdir({elsewhere!r}))
tried("token", lambda: open(git + "/config").read().index("hunter" + "2"))
tried("shell", lambda: subprocess.run(["sh", "-c", "echo x >> " + git + "/HEAD"], check=True))
tried("kill", lambda: os.kill(parent, 9))
tried("daemon", lambda: subprocess.Popen(["sh", "-c", "setsid sleep {nap} &"]).wait())
raise RuntimeError("<" + json.dumps(said, separators=(",", ":")) + ">")
"""


def block(script: str) -> str:
    """As the body of upgrade()."""
    return textwrap.indent(textwrap.dedent(script).strip(), "    ").lstrip()


def hostile(project: Project) -> Proof:
    """The proof of the change on a repository that has a queue's state."""
    state = project.repo.path / ".git/pointsman"
    state.mkdir()
    with closing(sqlite3.connect(state / "state.db")) as database:
        database.execute("CREATE TABLE t (id)")
    with GitRepository.open(project.repo.path) as git:
        prover = SandboxProver(git, Sandbox(), folder=project.folder / "scratch", state=state)
        return project.prove(prover, timeout=60.0)


ELSEWHERE = b"\x02\x00\x00\x50\xc0\x00\x02\x01" + b"\0" * 8
"""192.0.2.1:80."""
SHUT_OUT = {"hidden": "ENOENT", "in sight": "ECONNREFUSED", "abstract": "ECONNREFUSED"}


def attacked(folder: Path, addresses: dict[str, bytes], *, nap: int = 0) -> tuple[dict[str, str], Proof]:
    """What becomes of each try of a hostile migration; `nap` marks the daemon that it leaves."""
    git, elsewhere = folder / "repo/.git", folder / "of another"
    elsewhere.mkdir()
    tries = TRIES.format(
        git=str(git), parent=os.getpid(), nap=nap, elsewhere=str(elsewhere), addresses=addresses
    )
    project = Project(folder, healed={path("c1"): revision("c1", "b1", block(tries))})
    project.repo.git("config", "http.extraheader", "AUTHORIZATION: hunter2")
    proof = hostile(project)
    found = re.search(r"<(\{.*\})>", proof.reason or "")
    assert found is not None, proof
    assert project.repo.git("rev-parse", "HEAD") == project.healed
    said: dict[str, str] = json.loads(found[1])
    return said, proof


def _in_sight() -> Path | None:
    """A folder that a proof sees and this account can write to."""
    gone = [Path(place).resolve() for place in (*CROWDED, tempfile.gettempdir(), Path.home())]
    places = (Path("/srv"), Path("/opt"), Path("/var/lib"), Path(__file__).resolve().parents[2])
    return next(
        (p for p in places if os.access(p, os.W_OK) and not any(p.is_relative_to(g) for g in gone)), None
    )


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[dict[str, bytes]]:
    """Servers of this machine that let everybody in: in a folder that is hidden, in one that is not, and in none."""
    with ExitStack() as stack:
        addresses: dict[str, Path | str] = {
            "hidden": tmp_path / "server",
            "abstract": f"\0pointsman-test-{os.getpid()}",
        }
        if (place := _in_sight()) is not None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sockets-", dir=place)))
            folder.chmod(0o755)
            addresses["in sight"] = folder / "server"
        for address in addresses.values():
            server = stack.enter_context(socket.socket(socket.AF_UNIX))
            server.bind(str(address))
            server.listen()
            if isinstance(address, Path):
                address.chmod(0o777)
        yield {name: sockaddr(os.fsencode(address)) for name, address in addresses.items()}


def sockaddr(path: bytes) -> bytes:
    """As the kernel takes it. The name of an abstract socket ends where the address does."""
    return struct.pack("=H", socket.AF_UNIX) + path + (b"" if path[:1] == b"\0" else b"\0")


@walled
def test_i7_a_hostile_migration_comes_to_nothing(
    tmp_path: Path, listening: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "hunter2")
    nap = 4_000_000 + os.getpid()

    said, proof = attacked(tmp_path, {"network": ELSEWHERE, **listening}, nap=nap)

    # Gone altogether where the proof runs under an account that could not come there.
    assert {said.pop("ref"), said.pop("config")} <= {"EROFS", "ENOENT"}
    assert said.pop("token") in ("refused", "ENOENT")
    assert said == {
        **{name: SHUT_OUT[name] for name in listening},
        "environment": "ENODATA",
        "outside": "EROFS",
        "network": "ENETUNREACH",
        "state": "ENOENT",
        "sqlite": "refused",
        "trace": "EPERM",
        "memory": "EACCES",
        "channel": "EACCES",
        "descriptor": "EPERM",
        "neighbours": "ENOENT",
        "shell": "refused",
        "kill": "ESRCH",
        "daemon": "done",
    }
    assert {"network", "read_only", "hidden", "processes", "privileges"} <= {*proof.isolated}
    assert not any(str(nap) in _command(one) for one in Path("/proc").glob("[0-9]*"))


def _command(process: Path) -> str:
    try:
        return (process / "cmdline").read_text(errors="replace")
    except OSError:
        return ""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run a proof under another account")
@walled
def test_i7_root_does_not_prove_as_root(tmp_path: Path) -> None:
    up = 'import os; raise RuntimeError(f"uid {os.getuid()} {os.getgroups()}")'
    proof = hostile(Project(tmp_path, healed={path("c1"): revision("c1", "b1", up)}))

    assert "uid 65534 [65534]" in (proof.reason or "")


@pytest.mark.soak
@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary account runs the test above")
@walled
def test_i7_nor_for_a_proof_that_an_ordinary_account_runs(listening: dict[str, bytes]) -> None:
    user, here = account(UNPRIVILEGED), Path(__file__).resolve().parents[2]
    if user is None or not all(user.can_reach(place) for place in (here, Path(sys.executable))):
        pytest.skip("there is no such account, or it can't come here")
    with tempfile.TemporaryDirectory() as folder:
        os.chown(folder, user.uid, user.gid)
        script = (
            "import json, sys; from pathlib import Path\n"
            "from tests.flows.test_proof_hostile import ABLE, attacked\n"
            f"said = attacked(Path({folder!r}), {listening!r})[0] if ABLE.isolates else None\n"
            "print(json.dumps(said))\n"
        )
        done = subprocess.run(
            [sys.executable, "-B", "-c", script],
            user=user.uid, group=user.gid, extra_groups=[], cwd=here,
            env=os.environ | {"HOME": folder, "GIT_CONFIG_GLOBAL": os.devnull, "TMPDIR": "/tmp"},
            check=True, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
    said = json.loads(done.stdout)
    if said is None:
        pytest.skip("this machine can't shut in a job of an ordinary account")
    assert {name: said[name] for name in listening} == {name: SHUT_OUT[name] for name in listening}


ANSWER = {
    "ran": True, "passed": True, "reason": None, "rows": True, "environment": "env.py", "database": "sqlite",
    "routes": [{"name": "empty -> head", "ok": True, "detail": None, "seconds": 0.1}],
}  # fmt: skip
REPORT = {
    "heads": ["c1"], "graph": {"c1": ["b1"], "b1": ["f0"], "f0": []}, "undoable": {"f0": True, "b1": True, "c1": True},
    "problem": None, "version_table": "alembic_version",
}  # fmt: skip
FORGERS = [
    pytest.param(
        """
        import json, os, stat
        for number in range(3, 64):
            try:
                if stat.S_ISFIFO(os.fstat(number).st_mode):
                    os.write(number, json.dumps({report}).encode())
            except OSError:
                pass
        os._exit(0)
        """,
        (True, False),
        "the database stands at b1, not at c1",
        id="reports that it ran, and exits",
    ),
    pytest.param(
        """
        import json, os, time
        said = json.dumps({answer}).encode()
        if os.fork() == 0:
            os.setsid()
            while True:
                for number in range(3, 64):
                    try:
                        os.write(number, b"started\\n" + said)
                    except OSError:
                        pass
                for folder in (".", "..", "../.."):
                    for name in ("answer", "answer.json", "result.json"):
                        try:
                            open(os.path.join(os.environ["HOME"], folder, name), "wb").write(said)
                        except OSError:
                            pass
        time.sleep(0.3)
        raise RuntimeError("and fails")
        """,
        (True, False),
        "empty -> head: ",
        id="leaves a daemon that writes answers everywhere",
    ),
    pytest.param(
        "import os, signal; os.kill(os.getppid(), signal.SIGKILL)",
        (False, False),
        "migrations ended with",
        id="kills",
    ),
    pytest.param("import os; os._exit(0)", (True, False), "in the middle (exit 0)", id="exits early"),
]


@walled
@pytest.mark.parametrize(("up", "verdict", "reason"), FORGERS)
def test_i6_a_migration_that_says_itself_that_it_passed_has_not(
    tmp_path: Path, up: str, verdict: tuple[bool, bool], reason: str
) -> None:
    body = block(up).replace("{report}", repr(REPORT)).replace("{answer}", repr(ANSWER))
    proof = hostile(Project(tmp_path, healed={path("c1"): revision("c1", "b1", body)}))

    assert (proof.ran, proof.passed) == verdict, proof
    assert reason in (proof.reason or "")


@pytest.mark.soak
@walled
@pytest.mark.parametrize(
    ("up", "reason"),
    [
        pytest.param(
            """
            for number in range(10**6):
                with open(f"part-{number}", "wb") as file:
                    file.write(b"x" * (1 << 26))
            """,
            "of the disk",
            id="fills the disk",
        ),
        pytest.param("open('big', 'wb').truncate(1 << 40)", "File too large", id="one sparse file"),
        pytest.param(
            """
            import mmap
            held = []
            while True:
                held.append(mmap.mmap(-1, 1 << 26))
                held[-1].write(b"x" * (1 << 26))
            """,
            "used more than",
            id="shared memory",
        ),
        pytest.param(
            """
            import os
            while True:
                os.fork()
            """,
            "processes",
            id="fork bomb",
        ),
    ],
)
def test_what_a_migration_uses_up_is_bounded(
    tmp_path: Path, up: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pointsman.adapters.proof.MAX_DISK", 1 << 29)
    project = Project(tmp_path, healed={path("c1"): revision("c1", "b1", block(up))})

    proof = project.prove(memory=1 << 29)

    assert not proof.passed
    assert reason in (proof.reason or ""), proof


@pytest.mark.soak
def test_what_lies_in_the_tree_under_a_known_name_is_not_loaded_by_the_first_process(tmp_path: Path) -> None:
    trap = "raise RuntimeError('loaded from the tree')\n"
    names = ("sitecustomize", "usercustomize", "conftest", "pointsman/__init__", "pointsman/runner/answer")
    proof = Project(tmp_path, healed={f"{name}.py": trap for name in names}).prove()

    assert proof.passed, proof


@pytest.mark.soak
def test_links_in_the_tree_lead_nobody_outside(tmp_path: Path) -> None:
    outside = tmp_path / "outside" / "__pycache__"
    outside.mkdir(parents=True)
    (outside / "kept.pyc").touch()
    project = Project(tmp_path)
    versions = project.repo.path / "migrations/versions"
    (versions / "__pycache__").symlink_to(outside)
    (versions / "more").symlink_to(outside.parent)
    project.healed = project.repo.commit("links")

    proof = project.prove()

    assert proof.passed, proof
    assert (outside / "kept.pyc").exists()


DEMANDS = [
    pytest.param(Policy(network="none", memory=1 << 30, cpu=1), True, "", id="what there is"),
    pytest.param(Policy(user="no-such-account"), False, "as the contract demands", id="no account"),
]


@walled
@pytest.mark.parametrize(("demanded", "passed", "reason"), DEMANDS)
def test_a_proof_is_held_to_the_walls_that_the_contract_demands(
    tmp_path: Path, demanded: Policy, passed: bool, reason: str
) -> None:
    proof = Project(tmp_path).prove(sandbox=demanded)

    assert (proof.ran, proof.passed) == (passed, passed), proof
    assert reason in (proof.reason or "")
    assert passed == ({"network", "processors", "memory"} <= {*proof.isolated})


def test_printing_for_ever_is_bounded(tmp_path: Path) -> None:
    up = "while True: print('x' * 10000)"
    project = Project(tmp_path, healed={path("c1"): revision("c1", "b1", up)})
    proof = project.prove(timeout=1.5)

    assert (proof.ran, proof.passed) == (False, False)
    assert "longer than 1.5 s" in (proof.reason or "")
