"""Proves a heal: writes both trees into folders of their own and runs Alembic on them in the sandbox.

The repository, its work trees and its databases are never touched, and nothing is left behind.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pointsman.adapters.accounts import Account, instead_of_root
from pointsman.adapters.postgresql.lease import Unusable
from pointsman.adapters.postgresql.programs import find_driver
from pointsman.adapters.postgresql.scratch import PostgresScratch, Server
from pointsman.adapters.sandbox import (
    WALLS,
    Jail,
    Job,
    Protection,
    Sandbox,
    base_environment,
)
from pointsman.core.gates import JobResult
from pointsman.core.migrations.backends import backend_of
from pointsman.core.model import Signature
from pointsman.core.proof import AUTO, POSTGRESQL, SQLITE, Proof, ProofRequest, Route

if TYPE_CHECKING:
    from pointsman.core.migrations.model import Layout
    from pointsman.core.model import Sha
    from pointsman.ports import Git

_SOURCE = Path(__file__).resolve().parents[2]
# The path is taken away again, or a project would find our packages where its own are missing.
_START = (
    "import sys; sys.path.append(sys.argv[1]); from pointsman.runner import {} as p; "
    "sys.path.remove(sys.argv[1]); p.main()"
)
_NOBODY = Signature(name="Pointsman", email="pointsman@localhost", when=0)
OTHER_DATABASE = "another database than SQLite"
"""How the runner says that a proof needs one (runner/failures)."""
NOT_STARTED = (1, 126, 127)
"""How it ends where an account can't come to all that the interpreter is made of; then it runs as we do."""
MAX_PROCESSES = 64
MAX_FILE = 1 << 30
LOG_SHOWN = 2000


class SandboxProver:
    """Proofs of Alembic environments on scratch databases.

    `worktree` is where the project's own `.venv` and a relative `python` of the contract are looked for.
    `folder` is where the scratch files go while a proof runs; the system's temporary folder if None.
    `state` is the folder where a PostgreSQL server of our own may stay, and which no proof sees.
    """

    def __init__(
        self,
        git: Git,
        sandbox: Sandbox,
        *,
        worktree: Path | None = None,
        folder: Path | None = None,
        state: Path | None = None,
    ) -> None:
        self._git = git
        self._sandbox = sandbox
        self._worktree = worktree
        self._folder = folder
        self._state = state
        self._postgres = PostgresScratch(sandbox, state / "postgresql" if state is not None else None)

    def close(self) -> None:
        """Stop the PostgreSQL server, where one was started; the next proof that needs it starts it again."""
        self._postgres.close()

    def prove(self, request: ProofRequest) -> Proof:
        """See core.proof.Prover."""
        begin = time.monotonic()
        if backend_of(request.layout).runner is None:
            return Proof(
                ran=False, passed=False, reason=f"{request.layout.backend} migrations can't be run yet"
            )
        proof = self._prove_somewhere(request)
        return replace(proof, seconds=round(time.monotonic() - begin, 3))

    def _prove_somewhere(self, request: ProofRequest) -> Proof:
        """On SQLite unless the contract names another place; on PostgreSQL where SQLite is no judge."""
        if request.database not in (AUTO, SQLITE):
            return self._on_postgresql(request)
        proof = self._on(request, None)
        if request.database == SQLITE or proof.ran or OTHER_DATABASE not in (proof.reason or ""):
            return proof
        other = self._on_postgresql(request)
        if other.ran or other.routes:
            return other
        return replace(proof, reason=f"{proof.reason}\nand on PostgreSQL: {other.reason}")

    def _on_postgresql(self, request: ProofRequest) -> Proof:
        word = None if request.database in (AUTO, POSTGRESQL) else request.database
        try:
            with self._postgres.for_proof(word, seconds=request.timeout) as server:
                return self._on(request, server)
        except Unusable as problem:
            return Proof(ran=False, passed=False, reason=str(problem), database="postgresql")

    def _on(self, request: ProofRequest, server: Server | None) -> Proof:
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix="pointsman-proof-", dir=self._folder))
        try:
            return self._prove_in(scratch.resolve(), request, server)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def interpreter(self, python: str | None, package: str | None) -> str:
        """The contract's, else the worktree's `.venv` where that has the tool's package, else the one we run under."""
        if python is not None:
            beside = self._worktree / python if self._worktree is not None else None
            return str(beside) if beside is not None and beside.exists() else python
        venv = self._worktree / ".venv" if self._worktree is not None else None
        if (
            package is not None
            and venv is not None
            and any(venv.glob(f"lib*/python*/site-packages/{package}/__init__.py"))
        ):
            return str(venv / "bin" / "python")
        return sys.executable

    def _prove_in(self, scratch: Path, request: ProofRequest, server: Server | None) -> Proof:
        for name in ("home", "tmp", "databases"):
            (scratch / name).mkdir()
        self._git.materialise(self._as_commit(request.tree), scratch / "healed")
        if request.base_heads:
            self._git.materialise(request.base, scratch / "base")
        for folder in ("healed", "base"):
            _forget_bytecode(scratch / folder, request.layout)
        order = scratch / "job.json"
        order.write_text(json.dumps(_order(scratch, request, server)))
        runner = backend_of(request.layout).runner
        assert runner is not None  # noqa: S101 - `prove` has asked
        python = self.interpreter(request.python, runner.package)
        job = Job(
            command=[python, "-I", "-B", "-c", _START.format(runner.module), str(_SOURCE), str(order)],
            cwd=scratch,
            env=base_environment(home=scratch / "home", tmp=scratch / "tmp") | {"PYTHONWARNINGS": "ignore"},
            log=scratch / "log",
            result=scratch / "result.json",
            timeout=request.timeout,
            grace=1.0,
            memory=request.memory,
            processes=MAX_PROCESSES,
            file_size=MAX_FILE,
            jail=self._jail(scratch, Path(python), server, None),
        )
        user = instead_of_root()
        if user is not None:
            result = self._sandbox.run(replace(job, jail=self._jail(scratch, Path(python), server, user)))
            if result.error is None and result.exit_code not in NOT_STARTED:
                return _answer(scratch, result, request)
        result = self._sandbox.run(job)
        return _answer(scratch, result, request)

    def _jail(self, scratch: Path, python: Path, server: Server | None, user: Account | None) -> Jail:
        """All that this machine has: what runs is the change's, and it needs nothing but its own folder."""
        hidden = [self._state] if self._state is not None and self._state.is_dir() else []
        if server is not None and server.hidden is not None:
            hidden.append(server.hidden)
        jail = Jail(
            wanted=WALLS,
            everything=True,
            hidden=tuple(hidden),
            writable=(scratch, *([server.sockets] if server else [])),
        )
        return _without_root(jail, scratch, python, user) if user is not None else jail

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


def _without_root(jail: Jail, scratch: Path, python: Path, user: Account) -> Jail:
    """The same, under another account. A folder that this account can't enter is hidden as a whole; of it comes back
    what the interpreter is made of."""
    trees = [place for place in (scratch / "healed", scratch / "base") if place.exists()]
    own = [scratch, *(scratch / name for name in ("home", "tmp", "databases")), *trees]
    for place in (*own, *(tree / ".git" for tree in trees)):
        os.chown(place, user.uid, user.gid)
    needed = {
        scratch,
        python.parent.parent,
        python.resolve().parent.parent,
        _SOURCE,
        find_driver() or _SOURCE,
    }
    barred = {path.resolve(): barrier for path in needed if (barrier := user.barrier(path)) is not None}
    return replace(
        jail,
        wanted=jail.wanted | {Protection.USER},
        demanded=frozenset({Protection.USER, *([Protection.HIDDEN] if barred else [])}),
        hidden=(*sorted(set(barred.values())), *jail.hidden),
        visible=tuple(sorted(barred.keys() - {scratch})),
        user=user.name,
    )


def _order(scratch: Path, request: ProofRequest, server: Server | None) -> dict[str, Any]:
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
        "template": layout.file_template,
        "expected_heads": sorted(request.expected_heads),
        "base_heads": sorted(request.base_heads),
        "change_heads": sorted(request.change_heads),
        "fork_points": sorted(request.fork_points),
        "parents": {
            move.new_revision: [renamed.get(parent, parent) for parent in move.old_parents]
            for move in request.moves
        },
        "renamed": {new: old for old, new in renamed.items()},
        "both_orders": request.both_orders,
        "url_env": list(request.url_env),
        "postgresql": server.as_json(driver=find_driver()) if server else None,
    }


def _answer(scratch: Path, result: JobResult, request: ProofRequest) -> Proof:
    try:
        found = json.loads((scratch / "answer.json").read_bytes())
    except (OSError, ValueError):
        found = None
    if found is None or result.exit_code != 0:
        return Proof(ran=False, passed=False, reason=_no_answer(scratch, result, request))
    routes = tuple(Route(**route) for route in found["routes"])
    return Proof(**{**found, "routes": routes, "isolated": result.isolated})


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
