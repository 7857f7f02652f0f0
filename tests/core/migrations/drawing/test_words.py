"""The sentences on a repair: what was done, why, and what to know of databases that ran the change before."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pointsman.core.migrations.drawing.model import HealedGraph
from pointsman.core.migrations.drawing.words import done, early_databases, next_step, why_joined
from pointsman.core.migrations.heal.model import Facts, Refusal, Why
from tests.core.migrations.drawing.plans import (
    HOSTILE,
    by_hand,
    environment,
    healed,
    published,
    renumbered,
    revision,
    two_way,
)


def dropped() -> HealedGraph:
    base = [revision("a"), revision("b", "a")]
    change = [revision("c", "a"), revision("m", "a", "c"), revision("d", "m")]
    return healed(base, change, empty=["m"])


@pytest.mark.parametrize(
    ("graph", "said"),
    [
        (two_way(), ["c1 now follows b1 instead of a, since b1 was on the base first."]),
        (two_way(5, 3), ["c1 now follows b5 instead of a, since 5 revisions were on the base first."]),
        (
            renumbered(),
            [
                "12 (vat) is now 13, and follows 12 (orders) instead of 11, since 12 (orders) was on the base first."
            ],
        ),
    ],
    ids=["row 1", "row 4", "row 31 numbers"],
)
def test_what_moved_is_said_with_its_reason(graph: HealedGraph, said: list[str]) -> None:
    assert list(done(graph)) == said


def test_a_merge_of_published_sides_says_why_neither_moves_row_5() -> None:
    (said,) = done(published(2))
    assert said.endswith(
        "an empty merge revision, joins b0 and b1: databases may stand at any of them, since all are on the base."
    )


def test_a_dropped_merge_is_said_to_be_redundant() -> None:
    assert "m is dropped: it would now merge a revision with itself." in done(dropped())


def test_a_preview_that_ran_the_change_is_warned_of() -> None:
    assert early_databases(two_way(2, 1)) == (
        "A database that already ran c1 (a preview, say) will not run b1 and b2: make it anew."
    )
    assert "does not know its new name" in early_databases(renumbered())


@pytest.mark.parametrize(
    "graph",
    [
        published(2),
        replace(two_way(), refused=True),
        replace(two_way(), tried=True),
        two_way(on_fork="merge_revision"),
    ],
    ids=["published", "refused", "proof failed", "merge revision"],
)
def test_nobody_is_warned_where_nothing_moved(graph: HealedGraph) -> None:
    assert early_databases(graph) == ""


def test_what_is_left_to_people_comes_with_a_next_step() -> None:
    for code in (Why.CONFLICT, Why.SAME_TABLE, Why.UNREADABLE, Why.PROOF_FAILED, Why.STOPPED):
        assert next_step(Refusal(code, "...")).endswith(".")
    assert next_step(Refusal("edits_published", "Undo it.")) == ""


@pytest.mark.parametrize("hostile", HOSTILE, ids=ascii)
def test_every_sentence_is_one_printable_line(hostile: str) -> None:
    graph = by_hand([hostile], [f"{hostile}2"], behind=f"{hostile}0")
    assert all(line.isprintable() for line in (*done(graph), early_databases(graph)))


@pytest.mark.parametrize(
    ("released", "said"),
    [
        ((), "Nothing is moved, since the contract says `on_fork: merge_revision`."),
        (("c1",), "c1 is in a release already (a tag or a release branch), so nothing is moved."),
    ],
    ids=["the contract's wish", "row 6 released"],
)
def test_a_change_that_is_joined_and_not_moved_is_told_why(released: tuple[str, ...], said: str) -> None:
    graph = two_way(on_fork="merge_revision")
    facts = Facts(base=None, merged=environment([]), released=frozenset(released))
    assert why_joined(graph.plan, facts) == (said,)
    assert why_joined(graph.plan, replace(facts, itself=True)) == why_joined(two_way().plan, facts) == ()
