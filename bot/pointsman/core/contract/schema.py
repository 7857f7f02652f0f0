"""The contract's schema, as tables: every key, its shape and what it is for. No default stands here (they
are those of `model`), and no rule about paths.

The same tables read a contract and make the JSON Schema for editors, so the two can't disagree.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal, get_args, get_origin, get_type_hints

from pointsman.core.contract import model
from pointsman.core.contract.identity import PERMISSIONS, Identity, IdentityKind
from pointsman.core.contract.model import ALL_ROW, NO_ROLE, MatrixRow, Pattern, Shadow
from pointsman.core.contract.nodes import Node
from pointsman.core.contract.patterns import branch_problem, pattern_problem, protective_problem
from pointsman.core.contract.problems import ErrorLog
from pointsman.core.contract.records import Either, Key, ListOf, MapOf, Mapped, Record
from pointsman.core.contract.shapes import (
    INVALID,
    At,
    Checked,
    Choice,
    Day,
    Duration,
    Flag,
    Invalid,
    Json,
    Shape,
    Size,
    Text,
    Value,
    Whole,
    suggestion,
    wrong,
)

COMMANDS = (
    "queue",
    "dequeue",
    "approve",
    "priority",
    "hold",
    "resume",
    "retry",
    "heal",
    "scope",
    "override",
)
HUMAN: Literal["human"] = "human"


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """The names that a contract defines, for its references. An identity that is defined but unreadable is in
    `identity_names` only. `fixed_checks` can't be dropped."""

    identities: Mapping[str, Identity] = field(default_factory=dict)
    identity_names: Collection[str] = ()
    roles: Collection[str] = ()
    checks: Collection[str] = ()
    fixed_checks: Collection[str] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """A name that the contract defines elsewhere, or one of `also`."""

    what: str
    known: Collection[str]
    also: tuple[str, ...] = ()
    never: Collection[str] = ()

    def read(self, node: Node, at: At, log: ErrorLog) -> str | Invalid:
        name = Text(what=f"the name of a {self.what}").read(node, at, log)
        if name is INVALID:
            return INVALID
        if name in self.never:
            return wrong(node, at, log, f"{name!r} is always required and can't be dropped")
        if name in self.known or name in self.also:
            return name
        close = suggestion(name, [*self.known, *self.also])
        return wrong(node, at, log, f"no {self.what} is called {name!r}{close}")

    def schema(self) -> Json:
        return {"type": "string"}


@dataclass(frozen=True, kw_only=True, slots=True)
class NamedIdentity:
    """The name of an identity, or `human`."""

    known: Known

    def read(self, node: Node, at: At, log: ErrorLog) -> Identity | Invalid:
        name = Text(what="the name of an identity").read(node, at, log)
        if name is INVALID:
            return INVALID
        if name == HUMAN:
            return Identity(kind=HUMAN, line=node.line)
        if name in self.known.identities:
            return self.known.identities[name]
        if name in self.known.identity_names:
            return INVALID
        close = suggestion(name, [*self.known.identity_names, HUMAN])
        return wrong(node, at, log, f"no identity is called {name!r}{close}")

    def schema(self) -> Json:
        return {"type": "string"}


@cache
def _words(of: type, name: str) -> tuple[str, ...]:
    """The words of a field that is declared as Literal, Literal | None, or a collection of them."""
    hint = get_type_hints(of)[name]
    while get_origin(hint) is not Literal:
        hint = next(part for part in get_args(hint) if part is not type(None))
    return get_args(hint)


def _choice(of: type, name: str, about: str) -> Key:
    return Key(Choice(_words(of, name)), about)


def _name(what: str, reserved: tuple[str, ...] = ()) -> Text:
    banned = f"(?!(?:{'|'.join(reserved)})$)" if reserved else ""
    kept = f" ({' and '.join(reserved)} have a meaning of their own)" if reserved else ""
    hint = f"; a name has letters, digits and . _ -{kept}"
    return Text(what, banned + r"[A-Za-z0-9_][A-Za-z0-9_.\-]*", hint)


def _pattern(text: str, node: Node, at: At) -> Pattern:
    return Pattern(text=text, key=at.key, line=node.line, column=node.column)


_PATTERNS = ListOf(Checked(_pattern, pattern_problem, Text("a path pattern")), what="a list of path patterns")
_PROTECTIVE = ListOf(
    Checked(_pattern, protective_problem, Text("a path pattern")), what="a list of path patterns"
)
_BRANCHES = ListOf(
    Checked(_pattern, branch_problem, Text("a branch pattern")), one=True, what="a list of branch patterns"
)
_SENTENCE = Text("text")
_COMMAND = Text("a command line")


def _path_problem(text: str) -> str:
    if "*" in text or "?" in text:
        return f"{text!r}: expected one path, not a pattern"
    return pattern_problem(text)


_PATH = Checked(lambda text, _node, _at: text.strip("/"), _path_problem, Text("a path"))
_AREA = Checked(_pattern, pattern_problem, Text("a path pattern"))

_IDENTITY_KINDS: tuple[IdentityKind, ...] = ("user", "app", "team", "permission", "email")


def _identity_rule(found: Mapping[str, Any]) -> str:
    kind = next(kind for kind in _IDENTITY_KINDS if kind in found)
    if "id" in found and kind not in ("user", "app"):
        return f"a {kind} has no id; id belongs to user or app"
    if "self" in found and kind not in ("user", "app"):
        return f"a {kind} can't be the queue itself; self belongs to user or app"
    if "bot" in found and kind not in ("user", "email"):
        return f"bot marks a user or an email that is no person, not a {kind}"
    return ""


def _identity(**values: Any) -> Identity:
    kind = next(kind for kind in _IDENTITY_KINDS if kind in values)
    return Identity(value=values.pop(kind), kind=kind, **values)


def _identity_record(*, named: bool) -> Record:
    login = r"[A-Za-z0-9][A-Za-z0-9_.\-]*"
    bare = "; write the name alone, without @ or [bot]"
    return Record(
        build=_identity,
        what="an identity such as {user: login}, {app: name, id: 1}, {team: org/name} or {email: a@b}",
        keys={
            "user": Key(Text("a login", login, bare), "The login of an account."),
            "app": Key(Text("an app's name", login, bare), "The name (slug) of an app."),
            "team": Key(Text("a team as org/name", r"[^/\s@]+/[^/\s]+"), "A team, as organisation/name."),
            "permission": Key(Choice(PERMISSIONS), "People with at least this permission on the repository."),
            "email": Key(Text("an e-mail address", r"[^@\s]+@[^@\s]+"), "An address, on the local rung."),
            "id": Key(Whole(minimum=1), "The account or app id; it wins over the name."),
            "self": Key(Flag(), "This is the queue's own account.", into="itself"),
            "bot": Key(Flag(), "This account is no person, though it looks like one."),
        },
        exclusive=_IDENTITY_KINDS,
        rules=(_identity_rule,),
        named=named,
        placed=True,
    )


def identities_shape() -> MapOf:
    def human(_text: str, node: Node, at: At) -> Identity:
        return Identity(kind=HUMAN, name=at.name, line=node.line)

    named = Checked(human, lambda _: "", Text("human, or a mapping such as {user: login}", HUMAN))
    return MapOf(
        value=Either("an identity", text=named, table=_identity_record(named=True)),
        name=_name("a name for an identity", (HUMAN,)),
        at_least=1,
    )


def _people(known: Known, *, at_least: int = 1) -> ListOf:
    one = Either("an identity", text=NamedIdentity(known=known), table=_identity_record(named=False))
    return ListOf(one, at_least=at_least, one=True, what="a list of identities")


def _role(known: Known) -> Record:
    return Record(
        build=model.Role,
        what="a role",
        named=True,
        placed=True,
        keys={
            "who": Key(_people(known), "Who has the role: any of these identities.", required=True),
            "branches": Key(_BRANCHES, "Branches on which they have it; absent: every branch."),
            "owns": Key(_PATTERNS, "What the role may change.", required=True),
            "cannot_touch": Key(_PROTECTIVE, "What it may never change; beats owns and every approval."),
            "worktree": Key(Text("a folder"), "The worktree it works in, on the local rung."),
            "accepts_from": Key(
                ListOf(Reference(what="role", known=known.roles)), "Roles whose changes land on its branches."
            ),
            "targets": Key(_BRANCHES, "Branches on which its changes may land."),
        },
    )


def _approve(known: Known, *, human: Flag) -> Record:
    return Record(
        build=model.ApprovalRule,
        what="an approval rule such as {by: [leads], count: 1}",
        keys={
            "by": Key(_people(known), "Who may approve.", required=True),
            "count": Key(Whole(minimum=1), "How many of them."),
            "human": Key(human, "Only people count."),
            "by_author": Key(Flag(), "The change's own author counts."),
        },
    )


def _class_rule(found: Mapping[str, Any]) -> str:
    if (found.get("rule") == "regenerated") != ("command" in found):
        return "rule: regenerated and command belong together; one of them is missing"
    return ""


def _classes(known: Known) -> MapOf:
    ordinary = Record(
        build=model.PathClass,
        what="a class of paths",
        named=True,
        placed=True,
        exclusive=("rule", "approve"),
        rules=(_class_rule,),
        keys={
            "match": Key(_PROTECTIVE, "The paths of the class.", required=True),
            "rule": _choice(model.PathClass, "rule", "What holds for these paths, whatever the role."),
            "approve": Key(_approve(known, human=Flag()), "Who has to approve the current head."),
            "command": Key(_COMMAND, "With rule: regenerated, what makes these files."),
        },
    )
    control = Record(
        build=model.PathClass,
        what="a class of paths",
        named=True,
        placed=True,
        keys={
            "match": Key(_PROTECTIVE, "Paths to add to the built-in control class."),
            "approve": Key(_approve(known, human=Flag(only=True)), "Who has to approve."),
        },
    )
    return MapOf(value=ordinary, name=_name("a name for a class"), special={"control": control})


def _checks() -> MapOf:
    return MapOf(
        name=_name("a name for a check"),
        value=Record(
            build=model.Check,
            what="a check such as {run: make test, timeout: 10m}",
            named=True,
            placed=True,
            exclusive=("run", "builtin"),
            keys={
                "run": Key(_COMMAND, "A command line for sh -c; it passes with exit code 0."),
                "builtin": _choice(model.Check, "builtin", "A check that is built in."),
                "timeout": Key(Duration(), "How long it may take; then it has failed."),
                "min_tests": Key(Whole(minimum=1), "With fewer tests reported it has not passed."),
                "env": Key(MapOf(value=Value(), name=_variable()), "Environment variables."),
                "database": _choice(model.Check, "database", "A fresh scratch database per run."),
            },
        ),
    )


def _variable() -> Text:
    return Text("a name for a variable", r"[A-Za-z_][A-Za-z0-9_]*")


def _matrix(known: Known) -> MapOf:
    checks = ListOf(Reference(what="check", known=known.checks), what="a list of checks")
    dropped = ListOf(Reference(what="check", known=known.checks, never=known.fixed_checks))
    row = Record(
        build=MatrixRow,
        what="a list of checks, or add and drop",
        keys={
            "add": Key(checks, "Checks on top of those of all."),
            "drop": Key(dropped, "Checks of all that this role need not pass."),
        },
    )
    added = Mapped(checks, lambda names: MatrixRow(add=names))
    return MapOf(
        value=Either("a list of checks, or add and drop", listing=added, table=row),
        name=Reference(what="role", known=known.roles, also=(ALL_ROW,)),
        special={ALL_ROW: added},
    )


def _migrations(known: Known) -> ListOf:
    of = model.MigrationPolicy
    checks = ListOf(Reference(what="check", known=known.checks))
    reasons = ListOf(Choice(_words(of, "stop_if")))
    record = Record(
        build=_migration_policy,
        what="a migration policy",
        placed=True,
        keys={
            "backend": Key(Choice(_words(of, "backend")), "The migration tool.", required=True),
            "config": Key(_PATH, "Its configuration file; absent: every one that is found."),
            "versions": Key(ListOf(_PATH, one=True), "Folders of revisions, where not the configured ones."),
            "on_fork": _choice(of, "on_fork", "Repair when one side is not on the base branch yet."),
            "published": _choice(of, "published", "Repair when both sides are on the base branch."),
            "one_head": _choice(of, "one_head", "No more heads than the base has, or exactly one."),
            "two_heads": _choice(of, "two_heads", "A change that has two heads of its own."),
            "stop_if": Key(Mapped(reasons, frozenset), "What makes a fork a case for people."),
            "same_table": _choice(of, "same_table", "Both sides change one table, schema only."),
            "proof": _choice(of, "proof", "Whether a heal has to be proved on a scratch database."),
            "python": Key(Text("a path"), "The interpreter of the proof, such as .venv/bin/python."),
            "url_env": Key(ListOf(_variable(), one=True), "Variables that get the scratch database's URL."),
            "order": _choice(of, "order", "Earlier in the queue keeps its parent."),
            "never_touch": _choice(of, "never_touch", "A revision on the base branch is never edited."),
            "regenerate": _choice(of, "regenerate", "Migrations are never generated by the queue."),
            "rerun": Key(checks, "Stated for readers: the whole gate always runs on a healed tree."),
        },
    )
    return ListOf(record, one=True, what="a list of migration policies")


def _migration_policy(**values: Any) -> model.MigrationPolicy:
    if "same_table" in values.get("stop_if", ()):
        values["same_table"] = "stop"
    return model.MigrationPolicy(**values)


def _retry(**values: Any) -> model.Retry:
    flaky = values.pop("flaky", {})
    return model.Retry(**{**flaky, **values})


def _queue() -> Record:
    of = model.QueuePolicy
    rerun = Key(Flag(), "Ask the base whether it fails too.")
    retry = Record(
        build=_retry,
        keys={
            "max": Key(Whole(minimum=1), "Attempts in all, the first included."),
            "same_failure": _choice(model.Retry, "same_failure", "The same failure a second time."),
            "rerun_on_base": rerun,
            "flaky": Key(Record(build=dict, keys={"rerun_on_base": rerun})),
        },
    )
    overlap = Record(
        build=model.Overlap,
        keys={
            "destructive": _choice(model.Overlap, "destructive", "Two changes of one file."),
            "additive": _choice(model.Overlap, "additive", "Two changes that only add files."),
        },
    )
    priority = ListOf(Choice(_words(of, "priority")), at_least=1)
    return Record(
        build=model.QueuePolicy,
        keys={
            "mode": _choice(of, "mode", "One change at a time, or several tested as one."),
            "max_batch": Key(Whole(minimum=1), "Changes in a batch."),
            "on_red": _choice(of, "on_red", "What becomes of a batch that fails."),
            "speculate": Key(Whole(), "Candidates on top of the one under test."),
            "merge_method": _choice(of, "merge_method", "How a change lands."),
            "retry": Key(retry, "How often a change is tried again."),
            "priority": Key(priority, "What decides the order, most important first."),
            "overlap": Key(overlap, "What changes may do at once."),
            "pause_after": Key(Whole(), "So many failed lands in a row pause the lane; 0: never."),
        },
    )


def _limits() -> Record:
    area = Record(
        build=model.AreaLimit,
        keys={
            "area": Key(_AREA, "The paths.", required=True),
            "max": Key(Whole(minimum=1), "Open changes that touch them.", required=True),
            "over": _choice(model.AreaLimit, "over", "What happens to the newest."),
        },
    )
    return Record(
        build=model.Limits,
        keys={
            "running_gates": Key(Whole(minimum=1), "Gate runs at once."),
            "max_base_age": Key(Duration(), "How old a change's base may be."),
            "max_behind": Key(Whole(), "How many commits behind the base it may be."),
            "open_prs_per_area": Key(ListOf(area, one=True), "Open changes per area."),
            "symlinks": _choice(model.Limits, "symlinks", "New and changed symbolic links."),
        },
    )


def _scope(known: Known) -> Record:
    expand = Record(
        build=model.ScopePolicy,
        keys={
            "by": Key(_people(known), "Who may widen a change's scope.", required=True),
            "expires": Key(Duration(), "How long it holds."),
            "how": Key(Choice(("comment",)), "By a comment, or pointsman scope on the local rung."),
            "pin_head": Key(Flag(only=True), "It holds for one head."),
        },
    )
    return Record(build=_expand, keys={"expand": Key(expand, "Scope expansion.", required=True)})


def _expand(expand: model.ScopePolicy) -> model.ScopePolicy:
    return expand


def _writers() -> MapOf:
    return MapOf(
        name=_name("a name for a resource"),
        value=Record(
            build=model.Writer,
            what="a resource with its holder, such as {holder: queue}",
            named=True,
            placed=True,
            keys={
                "holder": Key(Text("the one who writes to it"), "The single writer.", required=True),
                "kind": _choice(model.Writer, "kind", "What it is."),
                "max": Key(Whole(minimum=1, maximum=1), "There is one writer."),
            },
        ),
    )


def _deploy() -> Record:
    return Record(
        build=model.Deploy,
        exclusive=("workflow", "environment"),
        keys={
            "workflow": Key(_SENTENCE, "The workflow that deploys."),
            "environment": Key(_SENTENCE, "The environment that is deployed to."),
            "hold_merges": _choice(model.Deploy, "hold_merges", "Lands wait for the deploy of the last."),
            "timeout": Key(Duration(), "How long to wait."),
            "on_timeout": _choice(model.Deploy, "on_timeout", "What then."),
        },
    )


def _conflicts() -> Record:
    lockfile = Record(
        build=model.Lockfile,
        keys={
            "path": Key(_PATH, "The lock file.", required=True),
            "manifest": Key(_PATH, "What it is made from.", required=True),
            "regenerate": Key(_COMMAND, "What makes it.", required=True),
        },
    )
    additive = Record(
        build=model.Additive,
        keys={
            "path": Key(_PATH, "The file.", required=True),
            "marker": Key(_SENTENCE, "The line above the region.", required=True),
            "keep": _choice(model.Additive, "keep", "Both sides' added lines stay."),
        },
    )
    return Record(
        build=model.Conflicts,
        keys={
            "lockfiles": Key(ListOf(lockfile), "Files that are made again, never merged."),
            "additive": Key(ListOf(additive), "Regions where both sides may add."),
            "same_lines": _choice(model.Conflicts, "same_lines", "Both sides changed the same lines."),
        },
    )


def _evidence() -> Record:
    of = model.EvidencePolicy
    name = Choice(("tokens", "usd", "human_interventions", "model", "elapsed"))
    return Record(
        build=of,
        keys={
            "source": _choice(of, "source", "Where the evidence stands."),
            "commands_run": _choice(of, "commands_run", "Which commands have to be named."),
            "remaining_risk": _choice(of, "remaining_risk", "What could still go wrong."),
            "verified_by": _choice(of, "verified_by", "The gate's results stand beside the claims."),
            "cost": Key(MapOf(value=Choice(("required", "optional")), name=name), "Figures to report."),
        },
    )


def _sandbox() -> Record:
    of = model.Sandbox
    return Record(
        build=of,
        keys={
            "network": _choice(of, "network", "What a gate's process may reach."),
            "secrets": _choice(of, "secrets", "It never gets any."),
            "user": Key(_SENTENCE, "The account it runs as."),
            "cpu": Key(Whole(minimum=1), "Processors."),
            "memory": Key(Size(), "Memory."),
            "read_only_git": Key(Flag(), "It can't write to the repository."),
        },
    )


def _metrics() -> Record:
    report = _choice(model.Metrics, "report", "Which report.")
    return Record(build=model.Metrics, keys={"out": Key(Text("a path"), "Where to."), "report": report})


def _shadow() -> Record:
    def build(until: tuple[str, float]) -> Shadow:
        return Shadow(date=until[0], until=until[1])

    return Record(build=build, keys={"until": Key(Day(), "The day it ends.", required=True)})


def contract_shape(known: Known) -> Record:
    """The whole contract; references are checked against `known`."""
    commands = MapOf(value=_people(known, at_least=0), name=Choice(COMMANDS))
    base = Checked(lambda text, _node, _at: text, _base_problem, Text("a branch name"))
    keys: dict[str, Key] = {
        "version": Key(Whole(minimum=1, maximum=1), "The version of this format.", required=True),
        "base": Key(base, "The branch that the queue lands on.", required=True),
        "default_role": Key(
            Reference(what="role", known=known.roles, also=(NO_ROLE,)),
            "The role of an author whom no other role matches; none: there is no such role.",
        ),
        "identities": Key(identities_shape(), "Names for people, teams and bots.", required=True),
        "roles": Key(
            MapOf(value=_role(known), name=_name("a name for a role", (NO_ROLE, ALL_ROW)), at_least=1),
            "Who may change what.",
            required=True,
        ),
        "paths": Key(_classes(known), "Paths that are special for every role.", into="classes"),
        "checks": Key(_checks(), "The gate's checks."),
        "matrix": Key(_matrix(known), "Which role has to pass which; absent: all of them."),
        "migrations": Key(_migrations(known), "How migration forks are healed."),
        "queue": Key(_queue(), "How the queue works."),
        "limits": Key(_limits(), "Ceilings."),
        "scope": Key(_scope(known), "Who may widen a change's scope."),
        "writers": Key(_writers(), "Every mutable resource and its single writer."),
        "deploy": Key(_deploy(), "What lands wait for."),
        "conflicts": Key(_conflicts(), "What may be resolved without people."),
        "evidence": Key(_evidence(), "What a change's text has to carry."),
        "commands": Key(commands, "Who may give the queue which command."),
        "sandbox": Key(_sandbox(), "Limits of a gate's process."),
        "metrics": Key(_metrics(), "Figures to keep."),
        "shadow": Key(_shadow(), "Say ownership verdicts without enforcing them, until a day."),
    }
    return Record(build=dict, keys=keys, what="a mapping with version, base, identities and roles")


def _base_problem(text: str) -> str:
    if "*" in text or "?" in text:
        return f"expected one branch name, got {text!r}"
    return branch_problem(text)


def json_schema() -> Json:
    """The JSON Schema of a contract, for editors; references between names are beyond it."""
    shape: Shape[Any] = contract_shape(Known())
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Pointsman contract (.pointsman.yml)",
        **shape.schema(),
    }
