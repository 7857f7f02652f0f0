"""Proves a heal: writes both trees into folders of their own and runs Alembic on them in the sandbox.

The repository, its work trees and its databases are never touched, and nothing is left behind.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pointsman.adapters.sandbox import Isolation, Job, Sandbox, base_environment
from pointsman.core.gates import JobResult
from pointsman.core.model import Signature
from pointsman.core.proof import Proof, ProofRequest, Route

if TYPE_CHECKING:
    from pointsman.core.migrations.model import Layout
    from pointsman.core.model import Sha
    from pointsman.ports import Git

_SOURCE = Path(__file__).resolve().parents[2]
# The path is taken away again, or a project would find our packages where its own are missing.
_START = (
    "import sys; sys.path.append(sys.argv[1]); from pointsman.runner import prove_alembic as p; "
    "sys.path.remove(sys.argv[1]); p.main()"
)
_NOBODY = Signature(name="Pointsman", email="pointsman@localhost", when=0)
MAX_PROCESSES = 64
LOG_SHOWN = 2000


class SandboxProver:
    """Proofs of Alembic environments on scratch SQLite.

    `worktree` is where the project's own `.venv` and a relative `python` of the contract are looked for.
    `folder` is where the scratch files go while a proof runs; the system's temporary folder if None.
    """

    def __init__(
        self, git: Git, sandbox: Sandbox, *, worktree: Path | None = None, folder: Path | None = None
    ) -> None:
        self._git = git
        self._sandbox = sandbox
        self._worktree = worktree
        self._folder = folder

    def prove(self, request: ProofRequest) -> Proof:
        """See core.proof.Prover."""
        begin = time.monotonic()
        if request.layout.backend != "alembic":
            return Proof(
                ran=False, passed=False, reason=f"{request.layout.backend} migrations can't be run yet"
            )
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix="pointsman-proof-", dir=self._folder))
        try:
            proof = self._prove_in(scratch.resolve(), request)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        return replace(proof, seconds=round(time.monotonic() - begin, 3))

    def interpreter(self, python: str | None) -> str:
        """The contract's, else the worktree's `.venv` where that has Alembic, else the one we run under."""
        if python is not None:
            beside = self._worktree / python if self._worktree is not None else None
            return str(beside) if beside is not None and beside.exists() else python
        venv = self._worktree / ".venv" if self._worktree is not None else None
        if venv is not None and any(venv.glob("lib*/python*/site-packages/alembic/__init__.py")):
            return str(venv / "bin" / "python")
        return sys.executable

    def _prove_in(self, scratch: Path, request: ProofRequest) -> Proof:
        for name in ("home", "tmp", "databases"):
            (scratch / name).mkdir()
        self._git.materialise(self._as_commit(request.tree), scratch / "healed")
        if request.base_heads:
            self._git.materialise(request.base, scratch / "base")
        for folder in ("healed", "base"):
            _forget_bytecode(scratch / folder, request.layout)
        order = scratch / "job.json"
        order.write_text(json.dumps(_order(scratch, request)))
        job = Job(
            command=[self.interpreter(request.python), "-I", "-B", "-c", _START, str(_SOURCE), str(order)],
            cwd=scratch,
            env=base_environment(home=scratch / "home", tmp=scratch / "tmp") | {"PYTHONWARNINGS": "ignore"},
            log=scratch / "log",
            result=scratch / "result.json",
            timeout=request.timeout,
            grace=1.0,
            memory=request.memory,
            processes=MAX_PROCESSES,
            isolation=Isolation.AUTO,
        )
        result = self._sandbox.run(job)
        return _answer(scratch, result, request)

    def _as_commit(self, tree: Sha) -> Sha:
        """A tree is written out as a commit; this one is the same for the same tree, and no ref names it."""
        return self._git.commit(
            tree=tree, parents=(), message="Proof\n", author=_NOBODY, committer=_NOBODY
        )  # fmt: skip


def _forget_bytecode(tree: Path, layout: Layout) -> None:
    """A committed .pyc may be older than its source, and one kind of them is never checked against it."""
    for place in (layout.home, *layout.versions):
        for cache in (tree / place).rglob("__pycache__"):
            shutil.rmtree(cache, ignore_errors=True)


def _order(scratch: Path, request: ProofRequest) -> dict[str, Any]:
    """What runner/prove_alembic reads."""
    layout = request.layout
    renamed = {move.revision: move.new_revision for move in request.moves}
    return {
        "scratch": str(scratch / "databases"),
        "answer": str(scratch / "answer.json"),
        "healed": str(scratch / "healed"),
        "base": str(scratch / "base") if request.base_heads else None,
        "config": layout.config,
        "name": layout.name,
        "home": layout.home,
        "versions": list(layout.versions),
        "recursive": layout.recursive,
        "expected_heads": sorted(request.expected_heads),
        "base_heads": sorted(request.base_heads),
        "change_heads": sorted(request.change_heads),
        "fork_points": sorted(request.fork_points),
        "parents": {
            move.new_revision: [renamed.get(parent, parent) for parent in move.old_parents]
            for move in request.moves
        },
        "both_orders": request.both_orders,
        "url_env": list(request.url_env),
    }


def _answer(scratch: Path, result: JobResult, request: ProofRequest) -> Proof:
    try:
        found = json.loads((scratch / "answer.json").read_bytes())
    except (OSError, ValueError):
        return Proof(ran=False, passed=False, reason=_no_answer(scratch, result, request))
    return Proof(**{**found, "routes": tuple(Route(**route) for route in found["routes"])})


def _no_answer(scratch: Path, result: JobResult, request: ProofRequest) -> str:
    if result.timed_out:
        return f"it took longer than {request.timeout:g} s"
    if result.process_limit:
        return f"it started more than {MAX_PROCESSES} processes"
    if result.error:
        return result.error
    log = scratch / "log"
    said = log.read_text(errors="replace")[-LOG_SHOWN:].strip() if log.exists() else ""
    last = said.splitlines()[-1] if said else "it said nothing"
    how = f"signal {result.signal}" if result.signal else f"exit code {result.exit_code}"
    return f"the process that runs Alembic ended with {how}: {last}"
