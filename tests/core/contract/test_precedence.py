"""The order of the verdict in every combination of rules on one path, against the order as DESIGN 5.1 states it."""

from __future__ import annotations

from itertools import product

import pytest

from tests.core.contract.facts import change, contract, verdict

LISTS = ("never", "absent", "cannot_touch", "owns", "approve")


def expected(rules: frozenset[str], status: str) -> str:
    if "never" in rules or ("absent" in rules and status != "D"):
        return "denied"
    if "cannot_touch" in rules:
        return "denied"
    if "owns" not in rules:
        return "outside"
    return "needs_approval" if "approve" in rules else "allowed"


@pytest.mark.parametrize("status", ["A", "M", "D"])
def test_I4_denials_come_before_ownership_and_ownership_before_approvals(status: str) -> None:
    for chosen in product((False, True), repeat=len(LISTS)):
        rules = frozenset(name for name, is_in in zip(LISTS, chosen, strict=True) if is_in)
        match = {name: "/x/f" if name in rules else "/other" for name in LISTS}
        loaded = contract(
            f"roles: {{r: {{who: coder, owns: [{match['owns']}], cannot_touch: [{match['cannot_touch']}]}}}}\n"
            "paths:\n"
            f"  shared: {{match: [{match['approve']}], approve: {{by: [alice]}}}}\n"
            f"  output: {{match: [{match['absent']}], rule: absent}}\n"
            f"  secret: {{match: [{match['never']}], rule: never}}\n"
        )
        judged = verdict(loaded, "r", [change("x/f", status)])
        assert judged.paths[0].status.value == expected(rules, status), rules
        refused = expected(rules, status) in ("denied", "outside")
        assert judged.outcome.value == (
            "refused" if refused else "waiting" if "approve" in rules else "allowed"
        )
