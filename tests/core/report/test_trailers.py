"""What agents state in trailers: read where it stands, never guessed."""

from __future__ import annotations

import pytest

from pointsman.core.report.model import Stated
from pointsman.core.report.trailers import stated

COSTS: list[tuple[str, dict[str, float] | None]] = [
    ("1.20 USD", {"USD": 1.2}),
    ("$0.42", {"USD": 0.42}),
    ("€3", {"EUR": 3.0}),
    ("1,234.5", {"": 1234.5}),
    ("USD 7", {"USD": 7.0}),
    ("cheap", None),
    ("-3 USD", None),
    ("1e9 USD", None),
    ("9" * 150, {"": float("9" * 150)}),
    ("=1+1", None),
]


@pytest.mark.parametrize(("text", "cost"), COSTS, ids=[row[0][:12] for row in COSTS])
def test_costs_are_read_with_their_currency(text: str, cost: dict[str, float] | None) -> None:
    assert stated(f"Why.\n\nAgent-Cost: {text}\n", ()).cost == cost


@pytest.mark.parametrize(
    ("text", "tokens"), [("12,345", 12_345), ("12k", 12_000), ("1.5M tokens", 1_500_000), ("many", None)]
)
def test_tokens_are_read_as_people_write_them(text: str, tokens: int | None) -> None:
    assert stated(f"agent-tokens: {text}", ()).tokens == tokens


def test_commits_add_up_and_currencies_stay_apart() -> None:
    said = stated(
        "",
        [
            "One\n\nAgent-Model: small\nAgent-Cost: 1 USD\nAgent-Tokens: 10",
            "Two\r\n\r\nAgent-Model: big\r\nAgent-Cost: 2 EUR\r\nAgent-Tokens: 5",
            "Three\n\nAgent-Model: small\nAgent-Cost: 0.5 USD",
        ],
    )
    assert said == Stated(model="small, big", tokens=15, cost={"USD": 1.5, "EUR": 2.0})


def test_the_text_of_a_change_speaks_for_all_its_commits() -> None:
    said = stated("All in all.\n\nAgent-Cost: 9 USD", ["One\n\nAgent-Cost: 1 USD\nAgent-Model: small"])
    assert (said.cost, said.model) == ({"USD": 9.0}, "small")


def test_a_text_that_is_the_commits_own_is_not_counted_twice() -> None:
    message = "One\n\nWhy it is so.\n\nAgent-Cost: 1 USD\n"
    assert stated("Why it is so.\n\nAgent-Cost: 1 USD", [message, "Two\n\nAgent-Cost: 1 USD"]).cost == {
        "USD": 2.0
    }


@pytest.mark.parametrize(
    ("title", "text", "task"),
    [
        ("fix(api): no such page", "", "fix"),
        ("feat!: all new", "", "feat"),
        ("Fix the page", "", None),
        ("fix: a", "Task-Type: Refactoring", "refactoring"),
        ("http://example.org", "", None),
    ],
)
def test_R57_the_task_is_what_a_trailer_or_a_conventional_title_says(
    title: str, text: str, task: str | None
) -> None:
    assert stated(text, (), title).task == task
