"""The drawing as text: what a person reads of it, at any width, with any characters in the ids."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings

from pointsman.core.migrations.drawing.letters import as_text, line_width, width
from pointsman.core.migrations.drawing.model import HealedGraph
from pointsman.core.migrations.drawing.pictures import slug_of
from pointsman.core.migrations.drawing.text import draw, draw_before_after, in_ascii
from tests.core.migrations.drawing.plans import (
    HOSTILE,
    by_hand,
    chain,
    healed,
    published,
    renumbered,
    repairs,
    revision,
    two_way,
)


def drawn(graph: HealedGraph, width: int = 100) -> str:
    return as_text(draw(graph, width=width))


@pytest.mark.parametrize(
    ("graph", "picture"),
    [
        (
            two_way(),
            """\
before  a ─┬─ b1
           └─ c1
after   a ─── b1 ─── c1""",
        ),
        (
            two_way(5, 3),
            """\
before  a ─┬─ b1 ─── (3 more) ─── b5
           └─ c1 ─── c2 ─── c3
after   a ─── b1 ─── (3 more) ─── b5 ─── c1 ─── c2 ─── c3""",
        ),
        (
            renumbered(),
            """\
before  11 ─┬─ 12
            └─ 12
after   11 ─── 12 ─── 13""",
        ),
        (
            replace(two_way(), refused=True),
            """\
before  a ─┬─ b1
           └─ c1""",
        ),
        (
            replace(two_way(), tried=True),
            """\
before  a ─┬─ b1
           └─ c1
tried   a ─── b1 ─── c1""",
        ),
    ],
    ids=["row 1 two-way", "row 4 five against three", "renumbered", "refused", "proof failed"],
)
def test_a_plain_fork_is_drawn_across(graph: HealedGraph, picture: str) -> None:
    assert drawn(graph) == picture


def test_three_published_sides_are_joined_by_a_merge_revision_row_5() -> None:
    first, second, third, *rest = drawn(published(3)).splitlines()
    assert [first, second, third] == ["before  a ─┬─ b0", "           ├─ b1", "           └─ b2"]
    merge = rest[0].rpartition(" ")[2]
    assert rest == [f"after   a ─┬─ b0 ─┬─ {merge}", "           ├─ b1 ─┤", "           └─ b2 ─┘"]


def test_a_redundant_merge_goes_and_what_stood_on_it_stays_row_10() -> None:
    base = [revision("a"), revision("b", "a")]
    change = [revision("c", "a"), revision("m", "b", "c"), revision("d", "m")]
    late = healed([*base, revision("b2", "b")], change, empty=["m"])
    said = drawn(late)
    assert "◆   m  add m  was behind b" in said
    assert said.count("c  add c") == 2


def test_long_ids_stand_one_below_the_other_and_are_whole() -> None:
    base = ["0042_add_customer_billing_address"]
    change = ["0042_customer_vat_number_and_country", "0043_backfill"]
    graph = by_hand(base, change, behind="0041_initial")
    for columns in (100, 60, 45):
        lines = drawn(graph, columns).splitlines()
        assert max(map(len, lines)) <= columns
        assert sum(base[0] in line for line in lines) + sum(line.count(change[0]) for line in lines) == 4


def test_without_room_ids_are_shortened_in_the_middle() -> None:
    said = drawn(by_hand(["b" * 50 + "end"], ["c" * 50 + "tip"]), 40)
    assert "end" in said and "tip" in said and "..." in said


@pytest.mark.parametrize("hostile", HOSTILE, ids=ascii)
def test_no_id_moves_the_cursor_or_breaks_a_line(hostile: str) -> None:
    for graph in (
        by_hand([hostile, "b"], ["c", hostile + "2"]),
        by_hand(["b"], [hostile], behind=hostile + "0"),
    ):
        for columns in (100, 44):
            lines = draw(graph, width=columns)
            for line in lines:
                assert line_width(line) <= columns
                assert all(span.text.isprintable() or not span.text for span in line)
            assert as_text(in_ascii(lines)).isascii()


@settings(deadline=None, max_examples=40)
@given(repairs())
def test_any_repair_is_drawn_within_the_width_and_names_what_moved(graph: HealedGraph) -> None:
    for columns in (100, 50):
        lines = draw(graph, width=columns)
        assert max(map(line_width, lines), default=0) <= columns
        words = set(as_text(lines).split())
        assert {move.new_revision for move in graph.plan.moves} <= words
        assert {id for id, _ in graph.added} <= words


def test_the_environment_is_named_by_config_and_section() -> None:
    graph = two_way()
    layout = replace(graph.plan.layout, config="db/alembic.ini", name="audit")
    graph = replace(graph, plan=replace(graph.plan, layout=layout))
    assert draw_before_after(graph).splitlines()[0] == "db/alembic.ini [audit]"


def test_a_terminal_of_ascii_has_the_same_drawing() -> None:
    assert as_text(in_ascii(draw(published(2)))).splitlines()[:2] == ["before  a -+- b0", "           +- b1"]


def test_sides_that_follow_nothing_part_at_the_empty_database() -> None:
    graph = healed([revision("b")], chain(["c"], behind="b"))
    assert graph.plan.is_clean
    both = published(0)
    assert both.plan.is_clean
    joined = healed([revision("b"), revision("c")], [])
    assert joined.plan.is_clean, "two bases are two lineages"


@pytest.mark.parametrize(
    ("path", "id", "slug"),
    [
        ("m/versions/ab12cd_add_users.py", "ab12cd", "add users"),
        ("m/versions/2024_05_06_0708-ab12cd_add_users.py", "ab12cd", "add users"),
        ("app/migrations/0042_add_users.py", "0042_add_users", ""),
        ("db/V12__add_users.sql", "12", "add users"),
        ("db/V1.2.1__add_users.sql", "1.2.1", "add users"),
        ("db/000012_add_users.up.sql", "000012", "add users"),
        ("db/20240506_add_users.sql", "20240506", "add users"),
        ("m/versions/ab12cd.py", "ab12cd", ""),
        ("m/versions/add_users.py", "ab12cd", "add users"),
    ],
)
def test_a_file_s_name_says_what_it_is_for(path: str, id: str, slug: str) -> None:
    assert slug_of(path, id) == slug


def test_wide_and_combining_characters_are_counted_as_they_are_shown() -> None:
    assert (width("漢字"), width("e\u0301"), width("abc")) == (4, 1, 3)
