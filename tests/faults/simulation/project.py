"""The project of the simulation: its files, its contracts, and the hidden truth of which trees are red.

The truth stands in the files themselves, so that it can be told of any tree: a line `red` makes every check red,
`red:lint` that one; `not:X` in one file is red together with `is:X` in another.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

CONTRACT = ".pointsman.yml"
VERSIONS = "migrations/versions/"
LANE = "main"

AUTHORS = {"coder": "ada@example.org", "writer": "eve@example.org", "stranger": "mallory@example.org"}
"""Who writes with which role. The stranger has none."""

BRANCHES = {"coder": "code/", "writer": "docs/", "stranger": "evil/"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """What of the contract differs between histories."""

    mode: str = "serial"
    max_batch: int | None = None
    speculate: int | None = None
    squash: bool = False
    attempts: int = 1
    running_gates: int = 3
    pause_after: int = 0
    independent: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """What a contract asks, told apart from the engine's reading of it: the commands by check of each role, the path
    prefixes that a role owns, and those of areas whose changes may land beside each other without a test of both."""

    checks: Mapping[str, Mapping[str, str]]
    owns: Mapping[str, tuple[str, ...]]
    areas: Mapping[str, str] = field(default_factory=dict)


AREAS = {"code": "src/", "texts": "docs/"}
OWNS = {"coder": ("src/", VERSIONS, "shared/"), "writer": ("docs/", "shared/")}
UNIT, LINT = {"unit": "run-unit"}, {"lint": "run-lint"}

RULES: tuple[Rules, ...] = (
    Rules(checks={"coder": UNIT, "writer": UNIT | LINT}, owns=OWNS),
    Rules(checks={"coder": UNIT | LINT, "writer": UNIT | LINT}, owns=OWNS),
    Rules(checks={"coder": UNIT, "writer": UNIT | LINT}, owns=OWNS | {"writer": ("docs/",)}),
    Rules(checks={"coder": {"unit": "run-unit --all"}, "writer": {"unit": "run-unit --all"}}, owns=OWNS),
)
"""What the contracts of a history ask, by version."""

BROKEN = len(RULES)
"""The version of a contract that nobody can read."""


def contract(policy: Policy, version: int) -> bytes:
    """The contract file of that version."""
    if version == BROKEN:
        return b"version: 1\nbase: [\n"
    rules = RULES[version]
    commands = {name: command for checks in rules.checks.values() for name, command in checks.items()}
    queue: dict[str, object] = {"mode": policy.mode, "retry": {"max": policy.attempts}}
    if policy.max_batch is not None:
        queue["max_batch"] = policy.max_batch
    if policy.speculate is not None:
        queue["speculate"] = policy.speculate
    if policy.squash:
        queue["merge_method"] = "squash"
    if policy.independent:
        queue["independent"] = {name: [f"/{prefix}"] for name, prefix in AREAS.items()}
    if policy.pause_after:
        queue["pause_after"] = policy.pause_after
    body: dict[str, object] = {
        "version": 1,
        "base": LANE,
        "identities": {"ada": {"email": AUTHORS["coder"]}, "eve": {"email": AUTHORS["writer"]}},
        "roles": {
            "coder": {"who": ["ada"], "branches": ["code/**"], "owns": _globs(rules.owns["coder"])},
            "writer": {"who": ["eve"], "branches": ["docs/**"], "owns": _globs(rules.owns["writer"])},
        },
        "checks": {name: {"run": command} for name, command in commands.items()},
        "matrix": {role: {"add": list(checks)} for role, checks in rules.checks.items()},
        "migrations": {"backend": "alembic", "proof": "off"},
        "queue": queue,
        "limits": {"running_gates": policy.running_gates},
    }
    return json.dumps(body, indent=1, sort_keys=True).encode()


def start(policy: Policy) -> dict[str, bytes]:
    """The files that the base branch begins with."""
    files = {f"src/f{number}.py": b"first\n" for number in range(4)}
    files |= {f"docs/d{number}.md": b"first\n" for number in range(2)}
    files |= {"shared/s0.txt": b"first\n", CONTRACT: contract(policy, 0)}
    files |= {"alembic.ini": b"[alembic]\nscript_location = migrations\n", "migrations/env.py": b"\n"}
    return files | {f"{VERSIONS}base.py": revision("base", None)}


def revision(name: str, parent: str | None) -> bytes:
    """A revision file that makes a table of its own."""
    return (
        f'"""{name}\n\nRevises: {parent or ""}\n"""\nimport sqlalchemy as sa\nfrom alembic import op\n\n'
        f"revision = {name!r}\ndown_revision = {parent!r}\n\n\n"
        f'def upgrade():\n    op.create_table("t_{name}", sa.Column("id", sa.Integer, primary_key=True))\n\n\n'
        f'def downgrade():\n    op.drop_table("t_{name}")\n'
    ).encode()


_DOWN = re.compile(rb"^down_revision\b[^=]*=\s*(.*)$", re.MULTILINE)
_REVISES = re.compile(rb"^Revises:.*$", re.MULTILINE)


def heads(files: Mapping[str, bytes]) -> frozenset[str]:
    """The migration heads of a tree, read by eye: every revision is called as its file."""
    names = {path[len(VERSIONS) : -len(".py")] for path in files if path.startswith(VERSIONS)}
    parents = {
        parent
        for path, data in files.items()
        if path.startswith(VERSIONS)
        for line in _DOWN.findall(data)
        for parent in re.findall(r"'([^']+)'", line.decode())
    }
    return frozenset(names - parents)


def without_parents(data: bytes) -> bytes:
    """A revision file less what a re-parenting may change."""
    return _REVISES.sub(b"", _DOWN.sub(b"", data))


def red(files: Iterable[bytes], check: str) -> str:
    """Why that check is red on a tree of those files; '' when it is green."""
    lines = {line for data in files for line in data.decode().split("\n")}
    for line in sorted(lines):
        if line in ("red", f"red:{check}"):
            return line
        if line.startswith("not:") and f"is:{line.removeprefix('not:')}" in lines:
            return line
    return ""


def _globs(prefixes: Iterable[str]) -> list[str]:
    return [f"{prefix}**" for prefix in prefixes]
