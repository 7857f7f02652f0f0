"""Evidence in a change's text: what is missing, and what the gate contradicts (R46)."""

from __future__ import annotations

import pytest

from pointsman.core.contract import contradicted_claims, evidence_template, read_evidence
from tests.core.contract.facts import contract

RULES = contract(
    """\
roles: {docs: {who: coder, owns: ['**']}}
checks: {unit: {run: make  test}, lint: {run: make lint}}
evidence: {commands_run: matrix, remaining_risk: required, cost: {usd: required, tokens: optional}}
"""
)
GOOD = """\
Adds a page.

## Commands run
- `make test` passed
- [x] `make lint`: failed once, see below

**Remaining risk:**
The search index is not rebuilt.

### Cost
usd: 0.40
"""


def missing(body: str) -> list[str]:
    return list(read_evidence(body, RULES, "docs").missing)


def test_R46_a_text_that_carries_everything_passes() -> None:
    found = read_evidence(GOOD, RULES, "docs")
    assert found.ok
    assert [(claim.command, claim.passed) for claim in found.claims] == [
        ("make test", True),
        ("make lint", False),
    ]
    assert found.risk == "The search index is not rebuilt."


@pytest.mark.parametrize(
    ("body", "says"),
    [
        pytest.param("", "'Commands run' is missing", id="empty"),
        pytest.param(
            GOOD.replace("## Commands run", "Commands run"), "'Commands run' is missing", id="no heading"
        ),
        pytest.param(
            GOOD.replace("make lint", "make"), "does not name `make lint` (check lint)", id="one short"
        ),
        pytest.param(
            GOOD.replace("The search index is not rebuilt.", "TODO"), "'Remaining risk' is", id="todo"
        ),
        pytest.param(
            GOOD.replace("The search index is not rebuilt.", "<!-- x -->"), "'Remaining risk'", id="comment"
        ),
        pytest.param(GOOD.replace("usd: 0.40", "usd: ?"), "'Cost' does not give usd", id="no figure"),
        pytest.param("<!--\n" + GOOD + "-->", "'Commands run' is missing", id="all in a comment"),
        pytest.param("```\n" + GOOD + "```", "'Commands run' is missing", id="all in a code block"),
    ],
)
def test_R46_what_is_missing_is_said(body: str, says: str) -> None:
    assert any(says in sentence for sentence in missing(body))


def test_R46_the_template_names_the_rows_commands_and_passes_once_filled_in() -> None:
    template = evidence_template(RULES, "docs")
    assert "- `make lint`: passed" in template
    assert read_evidence(template, RULES, "docs").ok


def test_R46_a_claim_that_the_gate_contradicts_is_flagged() -> None:
    found = read_evidence(GOOD, RULES, "docs")
    assert contradicted_claims(found, RULES, "docs", {"unit": False, "lint": False}) == ("unit",)
    assert contradicted_claims(found, RULES, "docs", {"unit": True}) == ()


def test_without_an_evidence_section_nothing_is_asked() -> None:
    rules = contract("roles: {docs: {who: coder, owns: ['**']}}\n")
    assert read_evidence("", rules, "docs").ok


@pytest.mark.parametrize(
    "line", ["# " + " " * 50_000 + "x", "#" * 50_000, "**" + "*" * 50_000, "`" * 50_000, "- " * 25_000]
)
def test_a_hostile_text_costs_no_more_than_its_length(line: str) -> None:
    assert not read_evidence(f"{line}\n" * 3, RULES, "docs").ok
