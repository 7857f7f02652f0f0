"""The contract's schema, as tables: every key, its shape and what it is for. No default stands here (they
are those of `model`), and no rule about paths.

The same tables read a contract and make the JSON Schema for editors, so the two can't disagree.
"""

from __future__ import annotations

from typing import Any

from pointsman.core.contract.model import NO_ROLE
from pointsman.core.contract.patterns import branch_problem
from pointsman.core.contract.reading.queueing import deploy_shape, limits_shape, queue_shape, writers_shape
from pointsman.core.contract.reading.records import Key, MapOf, Record
from pointsman.core.contract.reading.references import Known, Reference, identities_shape, people
from pointsman.core.contract.reading.rules import checks_shape, classes_shape, matrix_shape, roles_shape
from pointsman.core.contract.reading.sections import (
    conflicts_shape,
    evidence_shape,
    healer_shape,
    metrics_shape,
    migrations_shape,
    sandbox_shape,
    scope_shape,
    shadow_shape,
)
from pointsman.core.contract.reading.shapes import Checked, Choice, Json, Shape, Text, Whole

COMMANDS = (
    "queue",
    "dequeue",
    "approve",
    "priority",
    "hotfix",
    "hold",
    "unhold",
    "pause",
    "resume",
    "retry",
    "heal",
    "scope",
    "override",
    "status",
    "explain",
    "help",
)


def contract_shape(known: Known) -> Record:
    """The whole contract; references are checked against `known`."""
    commands = MapOf(value=people(known, at_least=0), name=Choice(COMMANDS))
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
            roles_shape(known),
            "Who may change what.",
            required=True,
        ),
        "paths": Key(classes_shape(known), "Paths that are special for every role.", into="classes"),
        "checks": Key(checks_shape(), "The gate's checks."),
        "matrix": Key(matrix_shape(known), "Which role has to pass which; absent: all of them."),
        "migrations": Key(migrations_shape(known), "How migration forks are healed."),
        "queue": Key(queue_shape(), "How the queue works."),
        "limits": Key(limits_shape(known), "Ceilings."),
        "scope": Key(scope_shape(known), "Who may widen a change's scope."),
        "writers": Key(writers_shape(), "Every mutable resource and its single writer."),
        "deploy": Key(deploy_shape(), "What lands wait for."),
        "conflicts": Key(conflicts_shape(), "What may be resolved without people."),
        "healer": Key(healer_shape(), "What is asked where mechanics can't heal."),
        "evidence": Key(evidence_shape(), "What a change's text has to carry."),
        "commands": Key(commands, "Who may give the queue which command."),
        "sandbox": Key(sandbox_shape(), "Limits of a gate's process."),
        "metrics": Key(metrics_shape(), "Figures to keep."),
        "shadow": Key(shadow_shape(), "Say ownership verdicts without enforcing them, until a day."),
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
