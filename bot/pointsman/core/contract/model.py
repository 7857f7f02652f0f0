"""The contract as frozen data, every default in one place; nothing here reads YAML or judges a path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pointsman.core.contract.identity import Identity
from pointsman.core.migrations.names import NAMES as BACKEND_NAMES

CONTRACT_PATH = ".pointsman.yml"
NO_ROLE = "none"
ALL_ROW = "all"

Builtin = Literal["ownership", "migrations", "evidence"]
ALWAYS: tuple[Builtin, ...] = ("ownership", "migrations")
"""Built-in checks that every change is held to, whatever `checks`, `matrix` and `drop` say."""

MINUTE = 60.0
HOUR = 60 * MINUTE
DAY = 24 * HOUR


@dataclass(frozen=True, kw_only=True, slots=True)
class Pattern:
    """One path pattern as written, and where: `key` is its place in the contract (`roles.docs.owns[0]`),
    `line` and `column` count from 1 and are 0 for what is built in."""

    text: str
    key: str = ""
    line: int = 0
    column: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Role:
    """Who (any of; () is anybody, and only the default role's), on which branches (any of; () is every branch), may
    change what.

    `targets` are the branches that its changes may land on; () leaves it to `accepts_from` of other roles.
    """

    name: str
    line: int = 0
    who: tuple[Identity, ...] = ()
    branches: tuple[Pattern, ...] = ()
    owns: tuple[Pattern, ...] = ()
    cannot_touch: tuple[Pattern, ...] = ()
    worktree: str | None = None
    accepts_from: tuple[str, ...] = ()
    targets: tuple[Pattern, ...] = ()


ClassRule = Literal["never", "absent", "regenerated"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ApprovalRule:
    """`count` different people or bots out of `by` (() is anyone whom the contract knows) must approve the
    current head; `human` leaves bots out; the change's own author counts only with `by_author`."""

    by: tuple[Identity, ...] = ()
    count: int = 1
    human: bool = False
    by_author: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class PathClass:
    """A kind of path that is special for every role: either a `rule` or an `approve`, never both.

    `never`: no change may touch it. `absent`: it may be deleted, nothing else. `regenerated`: it must equal
    what `command` makes of the tree.
    """

    name: str
    line: int = 0
    match: tuple[Pattern, ...] = ()
    rule: ClassRule | None = None
    approve: ApprovalRule | None = None
    command: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One check of the gate: a command line for `sh -c` (`run`), one that is built in (`builtin`), or one that is
    only reported by others (`check_run` alone).

    Where a forge's workflows are the gate, what is looked for is a check run of the name `check_run` (None: the
    check's own name) by the app with the id `app` (None: the forge's own workflows).
    `timeout` is in seconds; with `min_tests` a run that reports fewer tests is not passed; `database` asks
    for a fresh scratch database per run.
    """

    name: str
    line: int = 0
    run: str | None = None
    builtin: Builtin | None = None
    timeout: float = 30 * MINUTE
    min_tests: int | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    database: Literal["scratch"] | None = None
    check_run: str | None = None
    app: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class MatrixRow:
    """What a role's row adds to `all`, and what it drops from it."""

    add: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()


StopReason = Literal["data_migration", "same_table", "drop_column", "drop_table", "rename", "raw_sql"]


@dataclass(frozen=True, kw_only=True, slots=True)
class MigrationPolicy:
    """How a migration fork is healed. `config` None: every environment that is found of this backend. `database`:
    `auto` (SQLite, and PostgreSQL where SQLite is no judge), `sqlite`, `postgresql` (a server of the runner's own),
    an address, or `env:NAME` of a variable that holds one.

    `seed` is a file of SQL in the repository: rows that both orders start from and that have to end alike.
    `same_data` `prove` lets such a proof decide where both sides write rows of one table; without `seed` it stops
    all the same. `models` `check` also asks the tool whether the schema is that of the models."""

    line: int = 0
    backend: str = BACKEND_NAMES[0]
    config: str | None = None
    versions: tuple[str, ...] = ()
    on_fork: Literal["reparent", "merge_revision", "stop"] = "reparent"
    published: Literal["merge_revision", "reparent"] = "merge_revision"
    one_head: Literal["as_base", "required"] = "as_base"
    two_heads: Literal["refuse", "commit_order"] = "refuse"
    stop_if: frozenset[StopReason] = frozenset()
    same_table: Literal["prove", "stop"] = "prove"
    same_data: Literal["prove", "stop"] = "stop"
    seed: str | None = None
    models: Literal["ignore", "check"] = "ignore"
    proof: Literal["required", "when_possible", "off"] = "required"
    python: str | None = None
    url_env: tuple[str, ...] = ()
    database: str = "auto"
    order: Literal["queue"] = "queue"
    never_touch: Literal["applied"] = "applied"
    regenerate: Literal["off"] = "off"
    rerun: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Retry:
    """`max` counts every attempt, the first included; `same_failure` says what a repeated signature does."""

    max: int = 2
    same_failure: Literal["stop", "retry"] = "stop"
    rerun_on_base: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Overlap:
    """What two changes of one file (`destructive`) or of new files only (`additive`) may do at once."""

    destructive: Literal["serialize", "parallel"] = "serialize"
    additive: Literal["serialize", "parallel"] = "parallel"


MIDNIGHT = 24 * 60
"""The end of a day, in minutes."""

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, kw_only=True, slots=True)
class Freeze:
    """A time in which nothing lands but hotfixes. Either weekly, from `start` to `end` in minutes of the day by the
    clocks of `zone` (an IANA name), beginning on each of `days` (0 is Monday) and ending on the next day where `end`
    is not after `start`; or once (`since`, `until` in seconds since 1970)."""

    reason: str
    line: int = 0
    days: frozenset[int] = frozenset(range(7))
    start: int = 0
    end: int = MIDNIGHT
    zone: str = "UTC"
    since: float | None = None
    until: float | None = None


Priority = Literal["unblocks", "critical_path", "fewest_overlaps", "fifo"]


@dataclass(frozen=True, kw_only=True, slots=True)
class QueuePolicy:
    """`mode` is the strategy: one at a time, a batch that is bisected when it is red, Zuul's window, or speculation
    over outcomes (core.queue.strategies). `max_batch`: how many changes a candidate may add; `speculate`: how many
    candidates may stand on top of the one under test; None leaves both to the strategy. `pause_after`: so many failed
    lands in a row pause the lane, 0 never does. `independent`: changes that only touch paths of one of these areas
    may land beside those of the others without a retest of the combined tree."""

    mode: Literal["serial", "batch", "window", "speculate"] = "speculate"
    max_batch: int | None = None
    on_red: Literal["bisect", "return"] = "bisect"
    speculate: int | None = None
    merge_method: Literal["merge", "squash"] = "merge"
    retry: Retry = field(default_factory=Retry)
    priority: tuple[Priority, ...] = ("unblocks", "critical_path", "fewest_overlaps", "fifo")
    overlap: Overlap = field(default_factory=Overlap)
    pause_after: int = 0
    freeze: tuple[Freeze, ...] = ()
    independent: Mapping[str, tuple[Pattern, ...]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class AreaLimit:
    """At most `max` open changes that touch `area`; `over` says what happens to the newest."""

    area: Pattern
    max: int
    over: Literal["hold", "refuse"] = "hold"


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """`max_base_age` in seconds and `max_behind` in commits bound how old a change's base may be.
    `writers_per_role`: so many changes of a role may be in the gate, or claimed, at once; `agents`: so many claims
    may be held at once, of all roles."""

    running_gates: int = 2
    writers_per_role: Mapping[str, int] = field(default_factory=dict)
    agents: int | None = None
    max_base_age: float | None = None
    max_behind: int | None = None
    open_prs_per_area: tuple[AreaLimit, ...] = ()
    symlinks: Literal["refuse", "allow"] = "refuse"


@dataclass(frozen=True, kw_only=True, slots=True)
class ScopePolicy:
    """Who may widen a change's scope, and for how long (seconds); () is nobody. Always pinned to the head."""

    by: tuple[Identity, ...] = ()
    expires: float = DAY
    how: Literal["comment"] = "comment"
    pin_head: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Writer:
    """One mutable resource and its single holder (R23)."""

    name: str
    line: int = 0
    holder: str
    kind: Literal["branch", "deploy", "database", "file", "external"] | None = None
    max: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Deploy:
    """What lands have to wait for; `timeout` in seconds.

    One of `workflow` (the name of a file in `.github/workflows/`), `environment` and `command` says how to learn of it.
    `command` (for `sh -c`) is asked in the landed tree: exit 0 is deployed, 75 not yet, anything else failed; it
    finds the landed commit in `POINTSMAN_COMMIT`. `post_check` is such a command too and runs once after each
    deployment that succeeded: anything but 0 pauses the lane (R25)."""

    workflow: str | None = None
    environment: str | None = None
    command: str | None = None
    post_check: str | None = None
    hold_merges: Literal["until_success", "never"] = "until_success"
    timeout: float = HOUR
    on_timeout: Literal["pause", "continue"] = "pause"


@dataclass(frozen=True, kw_only=True, slots=True)
class Lockfile:
    """A file that `regenerate` makes from `manifest`; short for a `Regenerated` of the two."""

    path: str
    manifest: str
    regenerate: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Regenerated:
    """Files (`writes`) that `run`, a command line for `sh -c`, makes from what `sources` match. Where two sides meet
    in either, the base's files are taken and the command is run on the merged tree; what else it changes is refused.
    `timeout` in seconds; `network` `host` lets it fetch."""

    writes: tuple[Pattern, ...]
    sources: tuple[Pattern, ...]
    run: str
    timeout: float = 5 * MINUTE
    network: Literal["none", "host"] = "none"


@dataclass(frozen=True, kw_only=True, slots=True)
class Additive:
    """A region after the line that holds `marker` where both sides' added lines are kept."""

    path: str
    marker: str
    keep: Literal["both"] = "both"


@dataclass(frozen=True, kw_only=True, slots=True)
class Conflicts:
    lockfiles: tuple[Lockfile, ...] = ()
    regenerated: tuple[Regenerated, ...] = ()
    additive: tuple[Additive, ...] = ()
    same_lines: Literal["stop"] = "stop"


@dataclass(frozen=True, kw_only=True, slots=True)
class EvidencePolicy:
    """What a change's text must carry. `commands_run` `matrix`: every command of its row must be named."""

    source: Literal["pr_body"] = "pr_body"
    commands_run: Literal["matrix", "any", "optional"] = "any"
    remaining_risk: Literal["required", "optional"] = "required"
    verified_by: Literal["gate"] = "gate"
    cost: Mapping[str, Literal["required", "optional"]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sandbox:
    """What a gate's command is held to. What is written down is demanded: where the machine can't provide it the
    check is not passed. `memory` in bytes and `cpu` in processors, None is no limit; `read_only_git` None: where
    it costs nothing."""

    network: Literal["none", "host"] = "host"
    secrets: Literal["none"] = "none"
    user: str | None = None
    cpu: int | None = None
    memory: int | None = None
    read_only_git: bool | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Healer:
    """A command (for `sh -c`) that is asked for a patch where mechanics refuse a heal. `timeout` is in seconds per
    try; `env` are variables that it may see. `max_patch` bounds its answer in bytes."""

    run: str
    timeout: float = 10 * MINUTE
    attempts: int = 1
    env: tuple[str, ...] = ()
    network: Literal["none", "host"] = "none"
    max_patch: int = 256 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Metrics:
    out: str | None = None
    report: Literal["cost_per_merged_change"] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Shadow:
    """Until `until` (seconds since 1970, UTC midnight of the date written) ownership is said, not enforced;
    classes `never` and `absent`, the control class and rules on the whole change always hold (R18)."""

    until: float
    date: str


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Contract:
    """A contract that was read whole and found sound; `digest` is the SHA-256 of its bytes in hex."""

    version: int
    base: str
    default_role: str = NO_ROLE
    identities: Mapping[str, Identity]
    roles: Mapping[str, Role]
    classes: Mapping[str, PathClass] = field(default_factory=dict)
    checks: Mapping[str, Check] = field(default_factory=dict)
    matrix: Mapping[str, MatrixRow] = field(default_factory=dict)
    migrations: tuple[MigrationPolicy, ...] = ()
    queue: QueuePolicy = field(default_factory=QueuePolicy)
    limits: Limits = field(default_factory=Limits)
    scope: ScopePolicy = field(default_factory=ScopePolicy)
    writers: Mapping[str, Writer] = field(default_factory=dict)
    deploy: Deploy | None = None
    conflicts: Conflicts = field(default_factory=Conflicts)
    healer: Healer | None = None
    evidence: EvidencePolicy | None = None
    commands: Mapping[str, tuple[Identity, ...]] = field(default_factory=dict)
    sandbox: Sandbox = field(default_factory=Sandbox)
    metrics: Metrics | None = None
    shadow: Shadow | None = None
    source: str = CONTRACT_PATH
    digest: str = ""

    def required_checks(self, role: str) -> tuple[Check, ...]:
        """`all`, plus the role's row, less what it drops; ownership and migrations come first, always."""
        row = self.matrix.get(role, MatrixRow())
        wanted = [*self.matrix.get(ALL_ROW, MatrixRow()).add, *row.add]
        chosen = [self.checks[name] for name in dict.fromkeys(wanted) if name not in row.drop]
        first = tuple(self._builtin(builtin) for builtin in ALWAYS)
        return first + tuple(check for check in chosen if check.builtin not in ALWAYS)

    def _builtin(self, builtin: Builtin) -> Check:
        """The check that the contract declares for `builtin`, or one of that name."""
        declared = (check for check in self.checks.values() if check.builtin == builtin)
        return next(declared, Check(name=builtin, builtin=builtin))
