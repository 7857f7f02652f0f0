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
tried("shell", lambda: subprocess.run(["sh", "-c", "echo x >> " + git + "/HEAD"], check=True))
tried("kill", lambda: os.kill(parent, 9))
tried("daemon", lambda: subprocess.Popen(["sh", "-c", "setsid sleep {nap} &"]).wait())
raise RuntimeError("<" + json.dumps(said, separators=(",", ":")) + ">")
"""


def hostile(project: Project, up: str) -> Proof:
    """The proof of a change with that upgrade(), on a repository that has a queue's state."""
    state = project.repo.path / ".git/pointsman"
    state.mkdir()
    with closing(sqlite3.connect(state / "state.db")) as database:
        database.execute("CREATE TABLE t (id)")
    with GitRepository.open(project.repo.path) as git:
        return project.prove(SandboxProver(git, Sandbox(), folder=project.folder / "scratch", state=state))


@walled
def test_i7_a_hostile_migration_comes_to_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "hunter2")
    git, nap = tmp_path / "repo/.git", 4_000_000 + os.getpid()
    tries = TRIES.format(git=str(git), parent=os.getpid(), nap=nap)
    up = textwrap.indent(tries.strip(), "    ").lstrip()
    project = Project(tmp_path, healed={path("c1"): revision("c1", "b1", up)})

    proof = hostile(project, up)

    found = re.search(r"<(\{.*\})>", proof.reason or "")
    assert found is not None, proof
    said = json.loads(found[1])
    # Gone altogether where the proof runs under an account that could not come there.
    assert {said.pop("ref"), said.pop("config")} <= {"EROFS", "ENOENT"}
    assert said == {
        "environment": "ENODATA",
        "outside": "EROFS",
        "network": "ENETUNREACH",
        "state": "ENOENT",
        "sqlite": "refused",
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
    proof = hostile(Project(tmp_path, healed={path("c1"): revision("c1", "b1", up)}), up)

    assert "uid 65534 [65534]" in (proof.reason or "")


def test_i7_an_answer_that_the_migration_wrote_itself_is_none(tmp_path: Path) -> None:
    forged = json.dumps({"ran": True, "passed": True, "reason": None, "routes": [], "seconds": 0.0})
    up = (
        f"import os, pathlib, signal; "
        f"pathlib.Path(os.environ['HOME']).parent.joinpath('answer.json').write_text({forged!r}); "
        "os.kill(os.getppid(), signal.SIGKILL)"
    )
    proof = hostile(Project(tmp_path, healed={path("c1"): revision("c1", "b1", up)}), up)

    assert (proof.ran, proof.passed) == (False, False)


def test_printing_for_ever_is_bounded(tmp_path: Path) -> None:
    up = "while True: print('x' * 10000)"
    project = Project(tmp_path, healed={path("c1"): revision("c1", "b1", up)})
    proof = project.prove(timeout=1.5)

    assert (proof.ran, proof.passed) == (False, False)
    assert "longer than 1.5 s" in (proof.reason or "")
