"""Explain: every rule that was looked at, in the order of the verdict, and the same verdict."""

from __future__ import annotations

import pytest

from pointsman.core.contract import explain
from pointsman.core.errors import UserError
from tests.core.contract.facts import contract

RULES = contract(
    """\
roles:
  docs: {who: coder, owns: [/docs/, /wiki/], cannot_touch: [/docs/legal/]}
  lead: {who: leads, owns: ["**"]}
paths:
  api: {match: [/docs/api/], approve: {by: leads}}
  secrets: {match: [".env*"], rule: never}
"""
)


def test_every_rule_is_shown_with_whether_it_matched() -> None:
    (docs,) = explain(RULES, "docs/api/AGENTS.md", "docs").roles
    assert [(rule.effect, rule.pattern, rule.matched) for rule in docs.considered] == [
        ("never", ".env*", False),
        ("cannot_touch", "/docs/legal/", False),
        ("owns", "/docs/", True),
        ("owns", "/wiki/", False),
        ("approve", "/docs/api/", True),
        ("control", "AGENTS.md", True),
    ]
    assert docs.verdict.status.value == "needs_approval"
    assert docs.verdict.approvals_missing == ("api", "control")


def test_rules_of_the_contract_carry_their_line_and_built_in_ones_none() -> None:
    (docs,) = explain(RULES, "docs/api/AGENTS.md", "docs").roles
    assert {rule.rule: rule.line for rule in docs.considered if rule.matched} == {
        "roles.docs.owns[0]": 8,
        "paths.api.match[0]": 11,
        "built in": 0,
    }


def test_without_a_role_every_role_is_explained() -> None:
    assert [(one.role, one.verdict.status.value) for one in explain(RULES, "src/a").roles] == [
        ("docs", "outside"),
        ("lead", "allowed"),
    ]


def test_a_role_that_does_not_exist_is_a_users_error() -> None:
    with pytest.raises(UserError, match="no role 'x'; it has docs, lead"):
        explain(RULES, "a", "x")
