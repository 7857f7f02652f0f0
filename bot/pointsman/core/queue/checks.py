"""Which checks a change's gate asks for, and the digest by which a pass is recognised again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from pointsman.core.contract import Check, Contract, ContractVerdict
from pointsman.core.pulls.model import RequiredCheck

REGENERATED = "regenerated:"
"""Prefix of the checks that a `regenerated` path class adds (R36)."""

REQUIRED = "required:"
"""Prefix of the checks that the branch's own rules ask for: `required:APP:NAME`, APP empty for any."""

PROOF = "proof"
"""The check that proves a heal, where the repository's own workflows do that: a check run of this name."""


def gate_of(contract: Contract, role: str, verdict: ContractVerdict) -> tuple[Check, ...]:
    """The checks to wait for with a change of that role: its matrix row, then what its paths add. Built-in checks
    are not among them: they are judged while the candidate is built."""
    commands = [check for check in contract.required_checks(role) if check.builtin is None]
    extra = [check_named(contract, REGENERATED + one.name) for one in verdict.regenerate]
    return (*commands, *extra)


def beside(gate: Sequence[Check], required: Sequence[RequiredCheck]) -> tuple[Check, ...]:
    """What the branch's rules ask for and the gate does not wait for already. A rule that is bound to an app
    stays beside a check of the same name that is bound to none."""
    have = {(check.check_run or check.name, check.app) for check in gate}
    names = {name for name, _ in have}
    return tuple(
        _required(one)
        for one in required
        if (one.name, one.app) not in have and not (one.app is None and one.name in names)
    )


def check_named(contract: Contract, name: str) -> Check:
    """The check with that name, as the contract, one of its `regenerated` classes or the branch's rules define it."""
    if name.startswith(REQUIRED):
        app, _, wanted = name.removeprefix(REQUIRED).partition(":")
        return _required(RequiredCheck(name=wanted, app=int(app) if app else None))
    if name == PROOF and name not in contract.checks:
        return Check(name=PROOF, check_run=PROOF)
    if not name.startswith(REGENERATED):
        return contract.checks[name]
    command = contract.classes[name.removeprefix(REGENERATED)].command
    differs = "git status --porcelain | tee /dev/stderr | grep -q . && exit 1 || exit 0"
    return Check(name=name, run=f"{{ {command}\n}} && {{ {differs}; }}")


def _required(one: RequiredCheck) -> Check:
    app = "" if one.app is None else str(one.app)
    return Check(name=f"{REQUIRED}{app}:{one.name}", check_run=one.name, app=one.app)


def digest(check: Check) -> str:
    """Names what a check does: a pass counts only for the very same command, limits and environment."""
    body = [check.name, check.run, check.timeout, check.min_tests, sorted(check.env.items()), check.database]
    if check.check_run is not None or check.app is not None:
        body += [check.check_run, check.app]
    return hashlib.sha256(json.dumps(body).encode()).hexdigest()
