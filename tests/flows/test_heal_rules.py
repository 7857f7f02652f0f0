"""What a contract's words on proofs come to in the healer's rules."""

from __future__ import annotations

import pytest

from pointsman.core.contract import Contract, load
from pointsman.service.heal.rules import HealRule, rules_of
from tests.support.project import ROLES


def rule(words: str, rest: str = "") -> HealRule:
    text = f"{ROLES}{rest}migrations:\n  - backend: alembic\n{words}"
    loaded = load(text.encode(), source=".pointsman.yml")
    assert isinstance(loaded, Contract), loaded
    return rules_of(loaded).default


@pytest.mark.parametrize(
    ("words", "same_data"),
    [
        pytest.param("    same_data: prove\n    seed: seed.sql\n", "prove", id="with a seed"),
        pytest.param("    seed: seed.sql\n", "stop", id="nobody asked for it"),
        pytest.param(
            "    same_data: prove\n    seed: seed.sql\n    proof: 'off'\n", "stop", id="proofs are off"
        ),
    ],
)
def test_same_data_is_left_to_a_proof_only_where_one_can_show_something(words: str, same_data: str) -> None:
    assert rule(words).policy.same_data == same_data


def test_a_proof_is_held_to_the_contracts_sandbox_and_models() -> None:
    found = rule("    models: check\n", "sandbox: {network: none, memory: 1g}\n")

    assert found.models
    assert found.sandbox is not None
    assert (found.sandbox.network, found.sandbox.memory) == ("none", 1 << 30)
