"""docs/contract.md speaks of every key that a contract can have, and its smallest contract is one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pointsman.core.contract import Contract, json_schema, load

TEXT = (Path(__file__).parents[3] / "docs" / "contract.md").read_text("utf-8")
SCHEMA = json_schema()["properties"]


@pytest.mark.parametrize("key", [*SCHEMA, *SCHEMA["queue"]["properties"], *SCHEMA["limits"]["properties"]])
def test_the_key_is_documented(key: str) -> None:
    assert re.search(rf"\b{key}\b", TEXT)


def test_the_smallest_contract_of_the_page_loads() -> None:
    smallest = TEXT.split("```yaml\n")[1].split("```")[0]
    assert isinstance(load(smallest.encode()), Contract)
