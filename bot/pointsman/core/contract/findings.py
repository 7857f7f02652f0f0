"""Rules that load and still can't be meant: dead, shadowed or overlapping ones, traps; it refuses nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from pointsman.core.contract.coverage import Covering, Listed, coverage, covering, listed_patterns
from pointsman.core.contract.identity import Identity
from pointsman.core.contract.model import ALWAYS, DAYS, MIDNIGHT, ApprovalRule, Contract, Role
from pointsman.core.contract.overlap import branches_meet
from pointsman.core.contract.reading.nodes import Listing, Node, Scalar, Table, read_nodes
from pointsman.core.contract.reading.problems import ContractError
from pointsman.core.contract.reading.surprises import yaml_surprise
from pointsman.core.contract.roles import all_identities
from pointsman.core.model import GitPath


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """`code` is stable; `line` and `column` count from 1."""

    line: int
    column: int
    code: str
    message: str


def lint(
    contract: Contract,
    *,
    tracked: Sequence[GitPath],
    text: bytes = b"",
    idle_days: Mapping[str, int] | None = None,
) -> tuple[Finding, ...]:
    """What deserves a second look, in the file's order.

    `tracked` are the names on the base branch; with none, nothing is called dead. `text` is the contract as
    written. `idle_days` says of roles for how many days nobody had them, where a journal knows.
    """
    found = [
        *_dead_and_shadowed(contract, tracked),
        *_doubled(contract),
        *_overlapping_roles(contract),
        *_unused(contract, idle_days or {}),
        *_approvals(contract),
        *_checks(contract),
        *_braces(contract),
        *_networks(contract),
        *_queue(contract),
        *_surprises(text),
    ]
    return tuple(
        sorted(dict.fromkeys(found), key=lambda finding: (finding.line, finding.column, finding.code))
    )


def _at(listed: Listed, code: str, message: str) -> Finding:
    where = listed.pattern
    return Finding(line=where.line, column=where.column, code=code, message=f"{where.key}: {message}")


def _dead_and_shadowed(contract: Contract, tracked: Sequence[GitPath]) -> Iterator[Finding]:
    """Classes that forbid, and the control class, are there for files that do not exist: never dead."""
    denials = {name: _denials(contract, name) for name in contract.roles}
    for listed, seen in coverage(contract, tracked).items():
        text = listed.pattern.text
        denying = denials[listed.owner].over(text) if listed.kind == "owns" else ()
        if denying:
            by = denying[0].pattern
            what = f"{by.key} (line {by.line}, {by.text}) denies all of it"
            yield _at(listed, "shadowed", f"{text} can never apply: {what}")
        elif tracked and not seen.files and listed.may_be_dead:
            yield _at(listed, "dead_pattern", f"{text} matches no file on the base branch")
        elif listed.kind == "owns" and seen.files and not seen.open:
            yield _at(listed, "shadowed", f"every file that {text} matches is denied by other rules")


def _denials(contract: Contract, role: str) -> Covering:
    def denies(listed: Listed) -> bool:
        return listed.kind == "never" or (listed.kind == "cannot_touch" and listed.owner == role)

    return covering([listed for listed in listed_patterns(contract) if denies(listed)], protective=True)


def _doubled(contract: Contract) -> Iterator[Finding]:
    lists: dict[tuple[str, str], list[Listed]] = {}
    for listed in listed_patterns(contract):
        lists.setdefault((listed.owner, listed.kind), []).append(listed)
    for (_, kind), group in lists.items():
        cover = covering(group, protective=kind != "owns")
        first: dict[str, Listed] = {}
        for one in group:
            same = first.setdefault(one.pattern.text, one)
            wider = [
                other for other in cover.over(one.pattern.text) if other.pattern.text != one.pattern.text
            ]
            if same is not one or wider:
                by = same.pattern if same is not one else wider[0].pattern
                what = f"{by.text} (line {by.line}) already covers it"
                yield _at(one, "redundant", f"{one.pattern.text} adds nothing: {what}")


def _overlapping_roles(contract: Contract) -> Iterator[Finding]:
    roles = [role for name, role in contract.roles.items() if name != contract.default_role]
    for one, other in combinations(roles, 2):
        shared = next((a for a in one.who for b in other.who if _may_be_one(a, b)), None)
        if shared is not None and _on_one_branch(one, other):
            message = (
                f"roles {one.name} and {other.name} can both match {shared} on one branch, and then neither"
            )
            yield Finding(line=other.line, column=1, code="roles_overlap", message=f"{message} holds")


def _may_be_one(a: Identity, b: Identity) -> bool:
    if "human" in (a.kind, b.kind):
        return all(one.kind in ("human", "user", "email", "permission") and not one.bot for one in (a, b))
    return a.kind == b.kind and a.value.casefold() == b.value.casefold()


def _on_one_branch(one: Role, other: Role) -> bool:
    ours = [pattern.text for pattern in one.branches] or ["**"]
    theirs = [pattern.text for pattern in other.branches] or ["**"]
    return any(branches_meet(a, b) for a in ours for b in theirs)


def _unused(contract: Contract, idle_days: Mapping[str, int]) -> Iterator[Finding]:
    used = {identity.name for identity in _mentioned(contract)}
    for name, identity in contract.identities.items():
        if name not in used and not identity.itself:
            message = f"identities.{name}: nothing refers to it"
            yield Finding(line=identity.line or 1, column=1, code="unused_identity", message=message)
    required = {name for row in contract.matrix.values() for name in row.add}
    for name, check in contract.checks.items():
        if name not in required and check.builtin not in ALWAYS:
            message = f"checks.{name}: no row of the matrix requires it"
            yield Finding(line=check.line, column=1, code="unused_check", message=message)
    for name, days in idle_days.items():
        if name in contract.roles:
            message = f"roles.{name}: nobody has had this role for {days} days"
            yield Finding(line=contract.roles[name].line, column=1, code="unused_role", message=message)


def _mentioned(contract: Contract) -> Iterator[Identity]:
    for role in contract.roles.values():
        yield from role.who
    for rule in _rules(contract).values():
        yield from rule.by
    for people in contract.commands.values():
        yield from people
    yield from contract.scope.by


def _rules(contract: Contract) -> dict[str, ApprovalRule]:
    return {name: kind.approve for name, kind in contract.classes.items() if kind.approve is not None}


def _approvals(contract: Contract) -> Iterator[Finding]:
    for name, rule in _rules(contract).items():
        line = contract.classes[name].line
        if rule.human and not any(_may_be_person(identity) for identity in rule.by):
            message = f"paths.{name}: a person has to approve, and approve.by names only bots"
            yield Finding(line=line, column=1, code="cannot_be_approved", message=message)
        elif all(identity.specific for identity in rule.by) and len(set(rule.by)) < rule.count:
            message = f"paths.{name}: {rule.count} approvals are asked of {len(set(rule.by))} account(s)"
            yield Finding(line=line, column=1, code="cannot_be_approved", message=message)
    if not any(_may_be_person(identity) for identity in all_identities(contract)):
        message = "no identity is a person: nobody here can approve a change to the control class"
        yield Finding(line=1, column=1, code="cannot_be_approved", message=message)


def _may_be_person(identity: Identity) -> bool:
    return identity.kind != "app" and not identity.bot and not identity.itself


def _checks(contract: Contract) -> Iterator[Finding]:
    if not any(check.run for check in contract.checks.values()):
        message = "no check runs a command: changes land untested; add checks with run"
        yield Finding(line=1, column=1, code="no_gate", message=message)
    asks = next((check for check in contract.checks.values() if check.builtin == "evidence"), None)
    if asks is not None and contract.evidence is None:
        message = f"checks.{asks.name}: there is no evidence section, so this check asks for nothing"
        yield Finding(line=asks.line, column=1, code="no_evidence", message=message)


def _networks(contract: Contract) -> Iterator[Finding]:
    for one in contract.conflicts.regenerated if contract.sandbox.network == "none" else ():
        if one.network == "host":
            where, message = (
                one.writes[0],
                f"{one.run} asks for a network, and `sandbox` takes it from every command",
            )
            yield Finding(
                line=where.line, column=where.column, code="no_network", message=f"{where.key}: {message}"
            )


def _braces(contract: Contract) -> Iterator[Finding]:
    for listed in listed_patterns(contract):
        text = listed.pattern.text
        if "{" in text and "," in text.partition("{")[2].partition("}")[0]:
            yield _at(listed, "literal_braces", f"{text}: braces are literal; write one pattern for each")


def _queue(contract: Contract) -> Iterator[Finding]:
    """What a queue's policy gives up, and what it can't mean."""
    if contract.queue.independent:
        first = next(iter(contract.queue.independent.values()))[0]
        names = ", ".join(contract.queue.independent)
        message = (
            f"changes of different areas ({names}) land beside each other: no gate runs on both together before "
            "they are on the base, so what breaks only together is found there"
        )
        yield Finding(
            line=first.line, column=1, code="untested_together", message=f"queue.independent: {message}"
        )
    for freeze in contract.queue.freeze:
        whole = (
            freeze.since is None
            and len(freeze.days) == len(DAYS)
            and (freeze.end - freeze.start) % MIDNIGHT == 0
        )
        if whole:
            message = (
                "queue.freeze: every day, all day: only hotfixes ever land; to stop for now, pause the lane"
            )
            yield Finding(line=freeze.line, column=1, code="always_frozen", message=message)


def _surprises(text: bytes) -> Iterator[Finding]:
    root = read_nodes(text, source="") if text else None
    if root is None or isinstance(root, ContractError):
        return
    for node in _scalars(root):
        why = yaml_surprise(node.text) if node.plain else ""
        if why:
            yield Finding(line=node.line, column=node.column, code="yaml_surprise", message=why)


def _scalars(node: Node) -> Iterator[Scalar]:
    match node:
        case Scalar():
            yield node
        case Listing(items=items):
            for item in items:
                yield from _scalars(item)
        case Table(pairs=pairs):
            for _, value in pairs:
                yield from _scalars(value)
