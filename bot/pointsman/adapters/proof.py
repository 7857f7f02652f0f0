"""Proves a heal: writes both trees into folders of their own and runs their migrations in the sandbox.

The repository, its work trees and its databases are never touched, and nothing is left behind.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pointsman.adapters.handed import write_out
from pointsman.adapters.postgresql.lease import Unusable
from pointsman.adapters.postgresql.scratch import PostgresScratch, Server
from pointsman.adapters.proof_answer import Answered, no_answer, proof_of, read_answer
from pointsman.adapters.proof_cell import Cell, fill
from pointsman.adapters.sandbox import Job, Sandbox, base_environment
from pointsman.adapters.scratch import scratch
from pointsman.core.gates import JobResult
from pointsman.core.migrations.backends import backend_of
from pointsman.core.proof import AUTO, POSTGRESQL, SQLITE, Proof, ProofRequest

if TYPE_CHECKING:
    from pointsman.adapters.jail import Jail
    from pointsman.ports import Git

_SOURCE = Path(__file__).resolve().parents[2]
# The path is taken away again, or a project would find our packages where its own are missing.
_START = (
    "import sys; sys.path.append(sys.argv[1]); from pointsman.runner import {} as p; "
    "sys.path.remove(sys.argv[1]); p.main()"
)
OTHER_DATABASE = "another database than SQLite"
"""How the runner says that a proof needs one (runner/failures)."""
MAX_PROCESSES = 64
MAX_FILE = 1 << 30
MAX_DISK = 2 << 30


class SandboxProver:
    """Proofs of migration environments on scratch databases.

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
        with scratch("proof", self._folder) as made:
            cell = Cell(made.path)
            refused = self._written(cell, request, server)
            if refused is not None:
                return Proof(ran=False, passed=False, reason=refused)
            return self._prove_in(cell, request, server, made.lock)

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

    def _written(self, cell: Cell, request: ProofRequest, server: Server | None) -> str | None:
        """Both trees and the order are in the cell when this returns None; else why there can be no proof."""
        cell.make()
        write_out(self._git, request.tree, cell.healed)
        if request.base_heads:
            self._git.materialise(request.base, cell.base)
        return fill(cell, request, server)

    def _prove_in(self, cell: Cell, request: ProofRequest, server: Server | None, lock: int) -> Proof:
        """Under the first account and behind the first walls with which it comes as far as the change's code; what
        has come that far is never tried again."""
        runner = backend_of(request.layout).runner
        assert runner is not None  # noqa: S101 - `prove` has asked
        python = self.interpreter(request.python, runner.package)
        words = [python, "-I", "-B", "-c", _START.format(runner.module), str(_SOURCE), str(cell.order)]
        answered, result = Answered(), JobResult(lost=True)
        for jail in cell.jails(request, python=python, source=_SOURCE, server=server, state=self._state):
            result = self._sandbox.run(_job(cell, request, words, jail), hold=[lock])
            answered = read_answer(cell.answer)
            if answered.started or result.timed_out:
                break
        found = proof_of(answered, result, request) if result.exit_code == 0 else None
        if found is not None:
            return found
        return Proof(ran=False, passed=False, reason=no_answer(cell.log, result, request, MAX_PROCESSES))


def _job(cell: Cell, request: ProofRequest, words: list[str], jail: Jail) -> Job:
    sizes = [size for size in (request.memory, request.sandbox and request.sandbox.memory) if size]
    return Job(
        command=words,
        cwd=cell.inside,
        env=base_environment(home=cell.home, tmp=cell.tmp) | {"PYTHONWARNINGS": "ignore"},
        log=cell.log,
        result=cell.result,
        answer=cell.answer,
        timeout=request.timeout,
        grace=1.0,
        memory=min(sizes, default=None),
        cpu=request.timeout,
        processes=MAX_PROCESSES,
        file_size=MAX_FILE,
        disk=MAX_DISK,
        jail=jail,
    )
