"""The verification matrix: what each role has to pass, and what nobody can drop (R43)."""

from __future__ import annotations

import pytest

from tests.core.contract.facts import HEADER, contract, errors_of

ROLES = "roles: {docs: {who: coder, owns: ['**']}, lead: {who: leads, owns: ['**']}}\n"
CHECKS = """\
checks:
  one-head: {builtin: migrations}
  lint: {run: make lint}
  unit: {run: make test, timeout: 5m, min_tests: 3}
  wide: {run: make wide}
  notes: {builtin: evidence}
"""


def required(text: str, role: str) -> list[str]:
    return [check.name for check in contract(ROLES + text).required_checks(role)]


@pytest.mark.parametrize(
    ("matrix", "docs", "lead"),
    [
        pytest.param(
            "",
            ["ownership", "one-head", "lint", "unit", "wide", "notes"],
            ["ownership", "one-head", "lint", "unit", "wide", "notes"],
            id="no matrix: all of them",
        ),
        pytest.param(
            "matrix: {all: [lint, unit], lead: [wide]}",
            ["ownership", "one-head", "lint", "unit"],
            ["ownership", "one-head", "lint", "unit", "wide"],
            id="R43 the row adds",
        ),
        pytest.param(
            "matrix: {all: [unit, lint], docs: {add: [wide], drop: [unit]}}",
            ["ownership", "one-head", "lint", "wide"],
            ["ownership", "one-head", "unit", "lint"],
            id="R43 the row drops, order kept",
        ),
        pytest.param(
            "matrix: {}", ["ownership", "one-head"], ["ownership", "one-head"], id="an empty matrix"
        ),
        pytest.param(
            "matrix: {all: [one-head, unit, unit], lead: [unit]}",
            ["ownership", "one-head", "unit"],
            ["ownership", "one-head", "unit"],
            id="each check once",
        ),
    ],
)
def test_R43_the_required_checks_of_a_role(matrix: str, docs: list[str], lead: list[str]) -> None:
    assert required(CHECKS + matrix + "\n", "docs") == docs
    assert required(CHECKS + matrix + "\n", "lead") == lead


def test_ownership_and_migrations_are_required_even_when_nobody_declares_them() -> None:
    first = contract(ROLES + "checks: {unit: {run: x}}\n").required_checks("docs")
    assert [(check.name, check.builtin, check.run) for check in first] == [
        ("ownership", "ownership", None),
        ("migrations", "migrations", None),
        ("unit", None, "x"),
    ]


def test_neither_can_be_dropped() -> None:
    (error,) = errors_of(HEADER + ROLES + CHECKS + "matrix: {all: [unit], docs: {drop: [one-head]}}\n")
    assert "matrix.docs.drop[0]: 'one-head' is always required and can't be dropped" in error


def test_the_row_of_all_drops_nothing() -> None:
    assert "matrix.all: expected" in errors_of(HEADER + ROLES + CHECKS + "matrix: {all: {drop: [unit]}}\n")[0]


def test_a_check_keeps_what_was_written() -> None:
    unit = contract(ROLES + CHECKS).checks["unit"]
    assert (unit.run, unit.timeout, unit.min_tests, dict(unit.env)) == ("make test", 300.0, 3, {})
