"""Lint: rules that load and cannot be meant (R56)."""

from __future__ import annotations

import pytest

from pointsman.core.contract import lint
from pointsman.core.contract.overlap import branches_meet
from tests.core.contract.facts import HEADER, contract

TRACKED = ("docs/a.md", "docs/legal/x.md", "src/a.py", "src/b.css", "package.json")
CLEAN = """\
roles:
  docs: {who: coder, branches: [agent/docs/*], owns: [/docs/], cannot_touch: [/docs/legal/]}
  lead: {who: [leads, alice], branches: [main/*], owns: ["**"]}
paths: {secrets: {match: [".env*"], rule: never}}
checks: {unit: {run: make test}}
"""


def findings(text: str, tracked: tuple[str, ...] = TRACKED, **idle: int) -> list[tuple[int, str]]:
    rules = contract(text)
    found = lint(rules, tracked=tracked, text=(HEADER + text).encode(), idle_days=idle)
    return [(finding.line - HEADER.count("\n"), finding.code) for finding in found]


def test_a_clean_contract_has_no_findings() -> None:
    assert findings(CLEAN) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param("owns: [/docs/]", "owns: [/docs/, /wiki/]", (2, "dead_pattern"), id="R56 dead owns"),
        pytest.param("[/docs/legal/]", "[/docs/legal/, /gone/]", (2, "dead_pattern"), id="R56 dead deny"),
        pytest.param("[/docs/legal/]", "[/docs/]", (2, "shadowed"), id="R56 shadowed by the same folder"),
        pytest.param("[/docs/legal/]", "['*.md']", (2, "shadowed"), id="R56 every file denied"),
        pytest.param('[".env*"]', '[".env*", /docs/]', (2, "shadowed"), id="R56 shadowed by a class"),
        pytest.param("owns: [/docs/]", "owns: [/docs/, /docs/a.md]", (2, "redundant"), id="R56 redundant"),
        pytest.param("owns: [/docs/]", "owns: [/docs/, /docs/]", (2, "redundant"), id="R56 twice"),
        pytest.param(
            "who: [leads, alice], branches: [main/*]",
            "who: [coder, leads, alice]",
            (3, "roles_overlap"),
            id="roles overlap",
        ),
        pytest.param("[leads, alice]", "[leads]", (-2, "unused_identity"), id="unused identity"),
        pytest.param(
            "{run: make test}}",
            "{run: make test}, b: {run: x}}\nmatrix: {all: [unit]}",
            (5, "unused_check"),
            id="unused check",
        ),
        pytest.param("{run: make test}", "{builtin: migrations}", (-5, "no_gate"), id="nothing is tested"),
        pytest.param(
            "}}\nchecks",
            "}, api: {match: [/src/], approve: {by: coder, human: true}}}\nchecks",
            (4, "cannot_be_approved"),
            id="a person out of bots",
        ),
        pytest.param(
            "}}\nchecks",
            "}, api: {match: [/src/], approve: {by: alice, count: 2}}}\nchecks",
            (4, "cannot_be_approved"),
            id="two out of one",
        ),
        pytest.param("owns: [/docs/]", 'owns: [/docs/, "*.{js,ts}"]', (2, "literal_braces"), id="braces"),
        pytest.param(
            "make test}", "make test, env: {A: no}}", (5, "yaml_surprise"), id="no is false to some"
        ),
        pytest.param("make test}", "make test, env: {A: 010}}", (5, "yaml_surprise"), id="octal to some"),
        pytest.param(
            "{unit: {", "{notes: {builtin: evidence}, unit: {", (5, "no_evidence"), id="asks for nothing"
        ),
        pytest.param(
            "checks",
            "sandbox: {network: none}\nconflicts: {regenerated: [{writes: uv.lock, sources: pyproject.toml, "
            "run: uv lock, network: host}]}\nchecks",
            (6, "no_network"),
            id="a network that nothing gets",
        ),
    ],
)
def test_R56_each_finding_has_its_line(old: str, new: str, expected: tuple[int, str]) -> None:
    assert old in CLEAN
    assert expected in findings(CLEAN.replace(old, new, 1))


def test_R56_a_role_that_nobody_has_had_is_named() -> None:
    assert findings(CLEAN, docs=40) == [(2, "unused_role")]


def test_R56_four_kinds_of_stale_rule_in_one_contract() -> None:
    text = CLEAN.replace("owns: [/docs/]", "owns: [/docs/, /docs/legal/, /wiki/, /docs/a.md]")
    found = findings(text, lead=90)
    assert {code for _, code in found} == {"dead_pattern", "shadowed", "redundant", "unused_role"}


def test_without_file_names_nothing_is_called_dead() -> None:
    assert findings(CLEAN.replace("owns: [/docs/]", "owns: [/docs/, /wiki/]"), tracked=()) == []


def test_a_contract_that_knows_no_person_is_named() -> None:
    text = "version: 1\nbase: main\nidentities: {a: {app: a}}\nroles: {r: {who: a, owns: ['**']}}\n"
    assert "cannot_be_approved" in {finding.code for finding in lint(contract(text, header=""), tracked=())}


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("agent/*", "agent/docs", True),
        ("agent/*", "agent/a/b", False),
        ("agent/**", "agent/a/b", True),
        ("agent/docs-*", "agent/*-x", True),
        ("agent/docs-*", "agent/web-*", False),
        ("a?c", "abc", True),
        ("a?c", "ac", False),
        ("**", "x", True),
        ("**/x", "y/**", True),
        ("*", "a/b", False),
        ("x/**", "x", False),
        ("x/**", "x/*", True),
        ("x/**", "*/y", True),
    ],
)
def test_two_branch_patterns_meet(a: str, b: str, expected: bool) -> None:
    assert branches_meet(a, b) is branches_meet(b, a) is expected
