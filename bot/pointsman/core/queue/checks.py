"""Which commands a change's gate runs, and the digest by which a pass is recognised again."""

from __future__ import annotations

import hashlib
import json

from pointsman.core.contract import Check, Contract, ContractVerdict

REGENERATED = "regenerated:"
"""Prefix of the checks that a `regenerated` path class adds (R36)."""


def gate_of(contract: Contract, role: str, verdict: ContractVerdict) -> tuple[Check, ...]:
    """The commands to run for a change of that role: its matrix row, then what its paths add. Built-in checks
    are not among them: they are judged while the candidate is built."""
    commands = [check for check in contract.required_checks(role) if check.run is not None]
    extra = [check_named(contract, REGENERATED + one.name) for one in verdict.regenerate]
    return (*commands, *extra)


def check_named(contract: Contract, name: str) -> Check:
    """The check with that name, as the contract (or one of its `regenerated` classes) defines it."""
    if not name.startswith(REGENERATED):
        return contract.checks[name]
    command = contract.classes[name.removeprefix(REGENERATED)].command
    differs = "git status --porcelain | tee /dev/stderr | grep -q . && exit 1 || exit 0"
    return Check(name=name, run=f"{{ {command}\n}} && {{ {differs}; }}")


def digest(check: Check) -> str:
    """Names what a check does: a pass counts only for the very same command, limits and environment."""
    body = [check.name, check.run, check.timeout, check.min_tests, sorted(check.env.items()), check.database]
    return hashlib.sha256(json.dumps(body).encode()).hexdigest()
