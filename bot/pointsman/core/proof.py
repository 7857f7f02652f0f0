"""What a migration proof is asked and what it answers, as plain data; it runs nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from pointsman.core.contract.model import Sandbox
    from pointsman.core.migrations.heal.model import Move
    from pointsman.core.migrations.model import Layout
    from pointsman.core.model import Sha

MIB = 1 << 20
AUTO, SQLITE, POSTGRESQL, VARIABLE = "auto", "sqlite", "postgresql", "env:"
"""What `migrations.database` may say, beside an address: `auto` is SQLite, and PostgreSQL where SQLite is no judge;
`env:NAME` an address that is in a variable of the queue's own environment."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProofRequest:
    """One environment of one healed tree. Revisions are ids; heads are of the whole environment.

    `base` is a commit, `tree` the healed tree. `base_heads` () means that the base has no such environment.
    `change_heads` are the revisions at which a database stands that ran the change before it was healed;
    `fork_points` where the two sides part. `moves` is what re-parenting did. With `both_orders` the two sides
    are also run in both orders and must give one schema.
    `seed` is a file of SQL in the base's tree: both orders start from its rows and must end with the same ones; with
    `same_data` nothing passes without that. `models`: the schema has to be that of the models, where the base's is.
    `python` is an interpreter that has the project's packages (None: found), `url_env` more variables that
    carry a database address. `database` is the contract's word for where to prove it. `sandbox` is what the
    contract demands of every place where a change's code runs. `timeout` in seconds for the whole proof, `memory` in
    bytes, per process and for all of them.
    """

    layout: Layout
    base: Sha
    tree: Sha
    expected_heads: tuple[str, ...]
    base_heads: tuple[str, ...]
    change_heads: tuple[str, ...] = ()
    fork_points: tuple[str, ...] = ()
    moves: tuple[Move, ...] = ()
    both_orders: bool = False
    same_data: bool = False
    seed: str | None = None
    models: bool = False
    python: str | None = None
    url_env: tuple[str, ...] = ()
    database: str = AUTO
    sandbox: Sandbox | None = None
    timeout: float = 120.0
    memory: int | None = 2048 * MIB


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    """One way to the heads. `ok` with a `detail` is a remark: what could not be tried, or what to know. `ended` False:
    it stopped in the middle, where a migration failed."""

    name: str
    ok: bool
    detail: str | None
    seconds: float
    ended: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Proof:
    """What came of it. `ran` False: this machine can't tell, and `reason` says why; `passed` is False then too.

    `environment` says whether the project's env.py ran, or (where it can't be imported) the migrations alone;
    `isolated` what was taken from the process that ran them."""

    ran: bool
    passed: bool
    routes: tuple[Route, ...] = ()
    reason: str | None = None
    seconds: float = 0.0
    environment: Literal["env.py", "bare"] = "env.py"
    database: Literal["sqlite", "postgresql"] = "sqlite"
    isolated: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The `proof` object of `pointsman heal --json`."""
        return {
            "ran": self.ran,
            "passed": self.passed,
            "routes": [
                {"name": one.name, "ok": one.ok, "detail": one.detail, "seconds": one.seconds}
                for one in self.routes
            ],
            "reason": self.reason,
            "seconds": self.seconds,
            "environment": self.environment,
            "database": self.database,
            "isolated": list(self.isolated),
        }


class Prover(Protocol):
    """Runs migrations on scratch databases, in the runner, away from every token and real database."""

    def prove(self, request: ProofRequest) -> Proof:
        """Never raises for what the migrations do. EnvironmentProblem when the machine can't start a proof."""
        ...


ProofPolicy = Literal["required", "when_possible", "off"]


def proof_allows(proof: Proof | None, policy: ProofPolicy) -> bool:
    """Whether a heal may count. A proof that ran and failed never does; one that could not run, where the
    contract says `when_possible`; none at all, where it says `off`."""
    if policy == "off":
        return proof is None or proof.passed or not proof.ran
    if proof is None:
        return False
    return proof.passed or (not proof.ran and policy == "when_possible")


CHANGE_FIRST = "the change, then the base"
"""How the runner ends the name of the route on which the change's side comes first (runner/orders)."""


def with_one_order(proof: Proof) -> Proof | None:
    """The proof as passed where all that it lacks is the other order, because the change can't be run before the base:
    then no database can have run it so. None where it lacks anything else."""
    *others, last = proof.routes or (Route(name="", ok=False, detail=None, seconds=0.0),)
    impossible = last.name.endswith(CHANGE_FIRST) and not last.ok and not last.ended
    if not proof.ran or not impossible or not all(route.ok for route in others):
        return None
    remark = replace(last, name=f"{last.name}: not possible", ok=True)
    return replace(proof, passed=True, reason=None, routes=(*others, remark))


NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


def in_words(proof: Proof) -> str:
    """One line for a merge record: what was shown, or what was not and why."""
    if not proof.ran:
        return f"not proved: {proof.reason}"
    tried = "; ".join(route.name for route in proof.routes if route.ok)
    note = "" if proof.environment == "env.py" else ", without the project's env.py"
    if proof.passed:
        return f"proved on scratch {NAMES[proof.database]} in {proof.seconds:.1f} s{note}: {tried}"
    return f"the proof failed: {proof.reason}"
