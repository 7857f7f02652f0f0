"""`plan`: which checks a candidate's gate is to run, from the contract on its base; it runs none of them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from pointsman.action.bases import MOST, base_of, candidate
from pointsman.action.events import sha
from pointsman.action.objects import objects
from pointsman.action.speech import Result
from pointsman.core.pulls.markdown import code, codes
from pointsman.service.contracts import contract_at

if TYPE_CHECKING:
    from pointsman.action.surroundings import Surroundings
    from pointsman.core.contract import Contract
    from pointsman.core.model import Sha
    from pointsman.ports import Git

_ROLE = re.compile(r"^Pointsman-Role: (\S+)$", re.MULTILINE)


def run(around: Surroundings) -> Result:
    """The commands of the members' roles; of every role where the commit names none. Exit code 0."""
    head = candidate(around)
    wanted = {f"refs/pointsman/asked/{each}": each for each in (head, *_named(around))}
    with objects(around, wanted) as git:
        base = base_of(around, git, head)
        contract = contract_at(git, base)
        roles = _roles(git, head, base)
    checks = commands(contract, roles)
    return Result(
        code=0,
        outcome="ok",
        lines=(f"{len(checks)} checks: {', '.join(checks) or 'none'}",),
        summary=f"### Gate of {code(head[:12])}\n\n{codes(checks, 50) or 'No check has a command to run.'}",
        outputs={
            "checks": json.dumps(checks),
            "base": base,
            "commit": head,
            "summary": f"{len(checks)} checks",
        },
    )


def _named(around: Surroundings) -> list[Sha]:
    return [sha(around.inputs.base, "the input `base`")] if around.inputs.base else []


def commands(contract: Contract, roles: list[str]) -> list[str]:
    """The names of the checks that have a command, in the contract's order. A check too many costs time; one that
    is missing is not green (rule 7)."""
    known = [role for role in roles if role in contract.roles]
    if not known or len(known) < len(roles):
        return [check.name for check in contract.checks.values() if check.run is not None]
    wanted = {check.name for role in known for check in contract.required_checks(role)}
    return [
        check.name for check in contract.checks.values() if check.name in wanted and check.run is not None
    ]


def _roles(git: Git, commit: Sha, base: Sha) -> list[str]:
    """The roles that the candidate's commits name in their last trailer, each once."""
    roles: dict[str, None] = {}
    for _ in range(MOST):
        if commit == base:
            break
        facts = git.commit_facts(commit)
        told = _ROLE.findall(facts.message)
        if told:
            roles[told[-1]] = None
        if not facts.parents:
            break
        commit = facts.parents[0]
    return list(roles)
