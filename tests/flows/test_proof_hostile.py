"""A hostile migration in a proof: one try for each thing that it may be after, on real Alembic."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import textwrap
from contextlib import closing
from pathlib import Path

import pytest

from pointsman.adapters.git.repository import GitRepository
from pointsman.adapters.proof import SandboxProver
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
def connect():
    # As C code does: no audit hook of Python's sees it.
    libc = ctypes.CDLL(None, use_errno=True)
    address = b"\\x02\\x00\\x00\\x50\\xc0\\x00\\x02\\x01" + b"\\0" * 8
    if libc.connect(libc.socket(2, 1, 0), address, 16) != 0:
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
tried("network", connect)
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


@walled
def test_i7_a_hostile_migration_comes_to_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "hunter2")
    git, nap = tmp_path / "repo/.git", 4_000_000 + os.getpid()
    elsewhere = tmp_path / "of another"
    elsewhere.mkdir()
    tries = TRIES.format(git=str(git), parent=os.getpid(), nap=nap, elsewhere=str(elsewhere))
    project = Project(tmp_path, healed={path("c1"): revision("c1", "b1", block(tries))})
    project.repo.git("config", "http.extraheader", "AUTHORIZATION: hunter2")

    proof = hostile(project)

    found = re.search(r"<(\{.*\})>", proof.reason or "")
    assert found is not None, proof
    said = json.loads(found[1])
    # Gone altogether where the proof runs under an account that could not come there.
    assert {said.pop("ref"), said.pop("config")} <= {"EROFS", "ENOENT"}
    assert said.pop("token") in ("refused", "ENOENT")
    assert said == {
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
    assert project.repo.git("rev-parse", "HEAD") == project.healed
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
