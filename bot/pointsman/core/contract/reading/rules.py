"""The sections that say who may change what and what has to pass: roles, paths, checks, matrix."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pointsman.core.contract import model
from pointsman.core.contract.model import ALL_ROW, NO_ROLE, MatrixRow
from pointsman.core.contract.reading.records import Either, Key, ListOf, MapOf, Mapped, Record
from pointsman.core.contract.reading.references import Known, Reference, people
from pointsman.core.contract.reading.shapes import Duration, Flag, Text, Value, Whole
from pointsman.core.contract.reading.words import (
    BRANCHES,
    COMMAND,
    PATTERNS,
    PROTECTIVE,
    choice,
    name_of,
    variable,
)


def roles_shape(known: Known) -> MapOf:
    """A role says who has it. Only the default role may leave that out: then it is anybody's."""
    anybodys = role_shape(known, who_required=False)
    special = {} if known.default_role is None else {known.default_role: anybodys}
    ordinary = anybodys if known.default_role is None else role_shape(known, who_required=True)
    name = name_of("a name for a role", NO_ROLE)
    return MapOf(value=ordinary, name=name, special=special, at_least=1)


def role_shape(known: Known, *, who_required: bool) -> Record:
    return Record(
        build=model.Role,
        what="a role",
        named=True,
        placed=True,
        keys={
            "who": Key(
                people(known),
                "Who has the role: any of these identities. Only the default role may leave it out: anybody.",
                required=who_required,
            ),
            "branches": Key(BRANCHES, "Branches on which they have it; absent: every branch."),
            "owns": Key(PATTERNS, "What the role may change.", required=True),
            "cannot_touch": Key(PROTECTIVE, "What it may never change; beats owns and every approval."),
            "worktree": Key(Text("a folder"), "The worktree it works in, on the local rung."),
            "accepts_from": Key(
                ListOf(Reference(what="role", known=known.roles)), "Roles whose changes land on its branches."
            ),
            "targets": Key(BRANCHES, "Branches on which its changes may land."),
        },
    )


def _approve(known: Known, *, human: Flag) -> Record:
    return Record(
        build=model.ApprovalRule,
        what="an approval rule such as {by: [leads], count: 1}",
        keys={
            "by": Key(people(known), "Who may approve.", required=True),
            "count": Key(Whole(minimum=1), "How many of them."),
            "human": Key(human, "Only people count."),
            "by_author": Key(Flag(), "The change's own author counts."),
        },
    )


def _class_rule(found: Mapping[str, Any]) -> str:
    if (found.get("rule") == "regenerated") != ("command" in found):
        return "rule: regenerated and command belong together; one of them is missing"
    return ""


def classes_shape(known: Known) -> MapOf:
    ordinary = Record(
        build=model.PathClass,
        what="a class of paths",
        named=True,
        placed=True,
        exclusive=("rule", "approve"),
        rules=(_class_rule,),
        keys={
            "match": Key(PROTECTIVE, "The paths of the class.", required=True),
            "rule": choice(model.PathClass, "rule", "What holds for these paths, whatever the role."),
            "approve": Key(_approve(known, human=Flag()), "Who has to approve the current head."),
            "command": Key(COMMAND, "With rule: regenerated, what makes these files."),
        },
    )
    control = Record(
        build=model.PathClass,
        what="a class of paths",
        named=True,
        placed=True,
        keys={
            "match": Key(PROTECTIVE, "Paths to add to the built-in control class."),
            "approve": Key(_approve(known, human=Flag(only=True)), "Who has to approve."),
        },
    )
    return MapOf(value=ordinary, name=name_of("a name for a class"), special={"control": control})


def checks_shape() -> MapOf:
    return MapOf(
        name=name_of("a name for a check"),
        value=Record(
            build=model.Check,
            what="a check such as {run: make test, timeout: 10m}",
            named=True,
            placed=True,
            exclusive=("run", "builtin", "check_run"),
            keys={
                "run": Key(COMMAND, "A command line for sh -c; it passes with exit code 0."),
                "builtin": choice(model.Check, "builtin", "A check that is built in."),
                "check_run": Key(
                    Text("the name of a check run"), "A check run or status that others report."
                ),
                "app": Key(
                    Whole(minimum=1), "The id of the app that reports it; else the forge's own workflows."
                ),
                "timeout": Key(Duration(), "How long it may take; then it has failed."),
                "min_tests": Key(Whole(minimum=1), "With fewer tests reported it has not passed."),
                "env": Key(MapOf(value=Value(), name=variable()), "Environment variables."),
                "database": choice(model.Check, "database", "A fresh scratch database per run."),
            },
        ),
    )


def matrix_shape(known: Known) -> MapOf:
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
