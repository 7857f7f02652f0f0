"""Facts for tables: one change, one candidate, one run, one lane, each with only what differs written out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pointsman.core import contract as contracts
from pointsman.core.contract import Contract
from pointsman.core.model import Sha
from pointsman.core.queue.model import Candidate, CandidateState, Change, LaneState, Member, Run, RunState
from pointsman.core.queue.observation import Observation


def sha(name: str) -> Sha:
    """A SHA that can be told apart by eye."""
    return Sha(name.encode().hex().ljust(40, "0")[:40])


TIP = sha("tip")
CONTRACT = b"""
version: 1
base: main
identities: {ada: {email: ada@example.org}}
roles: {coder: {who: [ada], branches: ["agent/*"], owns: ["**"]}}
checks: {unit: {run: make test}}
queue: {%s}
limits: {running_gates: %d}
"""


def contract(queue: str = "speculate: 2", *, running_gates: int = 2) -> Contract:
    loaded = contracts.load(CONTRACT % (queue.encode(), running_gates))
    assert isinstance(loaded, Contract), loaded
    return loaded


def change(number: int, **facts: Any) -> Change:
    plain: dict[str, Any] = {
        "id": number,
        "lane": "main",
        "branch": f"agent/{number}",
        "head": sha(f"head{number}"),
        "author": "ada@example.org",
        "title": f"change {number}",
        "submitted_at": float(number),
    }
    return Change(**{**plain, **facts})


def candidate(
    number: int, *changes: int, base: Sha = TIP, on: Candidate | None = None, **facts: Any
) -> Candidate:
    """A candidate that adds those changes to the base, or to the candidate that it stands `on`."""
    added = tuple(
        Member(
            change=one,
            head=sha(f"head{one}"),
            role="coder",
            commit=sha(f"commit{number}-{one}"),
            tree=sha(f"tree{number}-{one}"),
        )
        for one in changes
    )
    plain: dict[str, Any] = {
        "id": number,
        "lane": "main",
        "base": base if on is None else on.base,
        "members": (*(on.members if on is not None else ()), *added),
        "contract": contract().digest,
        "checks": (("unit", "d"),),
        "state": CandidateState.TESTING,
        "created_at": 0.0,
    }
    return Candidate(**{**plain, **facts})


def run(of: Candidate | None, number: int = 1, *, state: RunState = RunState.PASSED, **facts: Any) -> Run:
    plain: dict[str, Any] = {
        "id": number,
        "lane": "main",
        "candidate": of.id if of is not None else None,
        "change": of.members[0].change if of is not None else None,
        "check": "unit",
        "digest": "d",
        "commit": of.commit if of is not None else TIP,
        "tree": of.tree if of is not None else sha("tiptree"),
        "attempt": 1,
        "state": state,
        "started_at": 1.0,
        "why": "" if state is RunState.PASSED else "exit code 1",
    }
    return Run(**{**plain, **facts})


def lane(**facts: Any) -> Observation:
    """A lane at TIP with nothing in it; branches stand where they were submitted."""
    plain: dict[str, Any] = {
        "lane": LaneState(name="main"),
        "tip": TIP,
        "tip_tree": sha("tiptree"),
        "contract": contract(),
    }
    seen = Observation(**{**plain, **facts})
    if "branch_heads" not in facts:
        seen = replace(seen, branch_heads={one.branch: one.head for one in seen.changes})
    if seen.contract is not None and "candidates" in facts:
        digest = seen.contract.digest
        known = contract().digest
        fitted = tuple(
            replace(one, contract=digest) if one.contract == known else one for one in seen.candidates
        )
        seen = replace(seen, candidates=fitted)
    return seen
