"""The published JSON Schema says what the loader says, as far as JSON Schema can."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from pointsman.core.contract import Contract, json_schema, load
from pointsman.core.contract.reading.nodes import core_value, read_nodes
from pointsman.core.contract.reading.problems import ContractError
from tests.core.contract.facts import HEADER

EXAMPLES = sorted((Path(__file__).parents[3] / "examples").glob("*.yml"))
ROLE = "roles: {r: {who: alice, owns: ['**']}}\n"


def schema_accepts(text: str) -> bool:
    node = read_nodes(text.encode(), source="x")
    assert not isinstance(node, ContractError)
    return bool(Draft202012Validator(json_schema()).is_valid(core_value(node)))


def test_the_file_in_the_package_is_the_one_made_from_the_typed_schema() -> None:
    published = files("pointsman.core.contract").joinpath("schema.json").read_text("utf-8")
    assert json.loads(published) == json_schema(), (
        "write it anew: pointsman contract schema > .../schema.json"
    )


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(json_schema())


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: str(path.stem))
def test_it_accepts_the_examples(example: Path) -> None:
    assert schema_accepts(example.read_text("utf-8"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "queue: {max_batch: 3, retry: {max: 1, flaky: {rerun_on_base: true}}}",
        "checks: {a: {run: true, timeout: 1h30m, env: {A: 1, B: ''}}}\nmatrix: {all: [a], r: {drop: [a]}}",
        "paths: {control: {approve: {by: leads, human: true}}, x: {match: [/a/], rule: never}}",
        "limits: {open_prs_per_area: {area: /a/, max: 2}}",
        "migrations: {backend: alembic, url_env: DATABASE_URL}",
        "queue: {max_batch: x}",
        "queue: {max_batch: 0}",
        "queue: {max_batch: '3'}",
        "queue: {mod: batch}",
        "queue: [batch]",
        "checks: {a: {timeout: 5}}",
        "checks: {a: {run: x, timeout: 5}}",
        "checks: {a: {run: x, builtin: ownership}}",
        "checks: {a b: {run: x}}",
        "paths: {x: {match: [/a/], rule: warn}}",
        "paths: {x: {match: [/a/]}}",
        "paths: {control: {rule: never}}",
        "sandbox: {memory: lots}",
        "sandbox: {read_only_git: yes}",
        "writers: {main: {max: 1}}",
        "scope: {expand: {by: leads, pin_head: false}}",
        "matrix: {all: {drop: []}}",
        "shadow: {until: soon}",
        "nonsense: 1",
        "base: [main]",
    ],
)
def test_it_agrees_with_the_loader(text: str) -> None:
    whole = HEADER.replace("base: main\n", "") if text.startswith("base") else HEADER
    whole += ROLE + text + "\n"
    assert schema_accepts(whole) is isinstance(load(whole.encode()), Contract)


@pytest.mark.parametrize("key", ["version", "base", "identities", "roles"])
def test_both_ask_for_the_four_keys(key: str) -> None:
    whole = "".join(
        part for part in (*HEADER.splitlines(keepends=True)[:2], ROLE) if not part.startswith(key)
    )
    whole += "" if key == "identities" else "identities: {alice: {user: alice}}\n"
    assert not schema_accepts(whole)
    assert not isinstance(load(whole.encode()), Contract)
