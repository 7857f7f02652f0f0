"""The drawing as SVG: well-formed, small, standing alone, nothing upon anything else, nothing let out of its place."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import combinations
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings

from pointsman.core.migrations.drawing.model import HealedGraph, Told
from pointsman.core.migrations.drawing.scene import page_of
from pointsman.core.migrations.drawing.svg import MAX_BYTES, draw_svg
from pointsman.core.migrations.heal.model import Refusal
from pointsman.core.proof import Proof, Route
from tests.core.migrations.drawing.plans import (
    HOSTILE,
    by_hand,
    published,
    renumbered,
    repairs,
    two_way,
)

SVG = "{http://www.w3.org/2000/svg}"
PROOF = Proof(
    ran=True,
    passed=True,
    seconds=1.2,
    routes=(
        Route(name="empty -> head", ok=True, detail=None, seconds=0.31),
        Route(name="base head -> head", ok=True, detail=None, seconds=0.22),
    ),
)
CLASH = Refusal(
    "conflict",
    "The two sides clash, so their order is for people to decide:\n"
    "both alter column users.email [same_column]\n"
    "  m/versions/b1_add_b1.py:14\n"
    "    op.alter_column('users', 'email', nullable=False)\n"
    "  m/versions/c1_add_c1.py:21\n"
    "    op.alter_column('users', 'email', type_=sa.Text())",
    ("m/versions/b1_add_b1.py", "m/versions/c1_add_c1.py"),
)


def told(*graphs: HealedGraph, **facts: object) -> Told:
    plain: dict[str, object] = {
        "status": "healed",
        "title": "Migration fork healed",
        "lines": ("c1 now follows b1.",),
        "graphs": graphs,
        "proof": PROOF,
    }
    return Told(**{**plain, **facts})  # type: ignore[arg-type]


def words_of(svg: str) -> list[str]:
    return ["".join(each.itertext()) for each in ElementTree.fromstring(svg).iter(f"{SVG}text")]  # noqa: S314


@settings(deadline=None, max_examples=40)
@given(repairs())
def test_no_revision_and_no_text_lies_upon_another(graph: HealedGraph) -> None:
    page = page_of(told(graph, published(), hints=("x" * 300,)), rows=24, most=4)
    boxes = list(page.boxes())
    assert not [(a, b) for a, b in combinations(boxes, 2) if a.overlaps(b)]
    assert all(box.x >= 0 and box.x + box.w <= page.width and box.y + box.h <= page.height for box in boxes)


@settings(deadline=None, max_examples=25)
@given(repairs())
def test_every_id_that_moved_is_read_in_it(graph: HealedGraph) -> None:
    words = words_of(draw_svg(told(graph)))
    assert {move.new_revision for move in graph.plan.moves} <= set(words)


@pytest.mark.parametrize("hostile", HOSTILE, ids=ascii)
def test_no_text_gets_out_of_its_element(hostile: str) -> None:
    graph = by_hand([hostile, "b"], [f"{hostile}2", hostile], behind=f"{hostile}0")
    layout = replace(graph.plan.layout, config=hostile, name=hostile)
    graph = replace(graph, plan=replace(graph.plan, layout=layout))
    refusal = Refusal(hostile, f"{hostile}\n{hostile} [x]\n  {hostile}:3\n    {hostile}", (hostile,))
    proof = replace(PROOF, passed=False, reason=hostile, routes=(replace(PROOF.routes[0], name=hostile),))
    drawing = draw_svg(
        told(graph, title=hostile, lines=(hostile,), hints=(hostile,), refusals=(refusal,), proof=proof)
    )
    root = ElementTree.fromstring(drawing)  # noqa: S314 - our own, and short
    tags = {each.tag.removeprefix(SVG) for each in root.iter()}
    assert tags <= {"svg", "title", "desc", "style", "rect", "circle", "path", "text"}
    names = {name for each in root.iter() for name in each.attrib}
    assert not [name for name in names if name.startswith("on") or "href" in name]
    assert all(each.isprintable() or each == "\n" for each in drawing)
    drawing.encode("utf-8")


def test_it_stands_alone_and_is_told_to_who_can_not_see_it() -> None:
    drawing = draw_svg(told(two_way()))
    assert not re.search(r"(?i)<script|url\(|@import|@font-face|<image|<foreignObject", drawing)
    assert "prefers-color-scheme:dark" in drawing
    root = ElementTree.fromstring(drawing)  # noqa: S314
    assert root.get("role") == "img"
    named = str(root.get("aria-labelledby")).split()
    texts = {each.get("id"): each.text for each in root if each.get("id")}
    assert [bool(texts[name]) for name in named] == [True, True]
    assert "a ─── b1 ─── c1" in str(texts["d"])


@pytest.mark.parametrize(
    "graphs",
    [
        [by_hand([f"b{i}" for i in range(500)], [f"c{i}" for i in range(400)])],
        [published(80)],
        [by_hand(["漢字" * 90 + str(i) for i in range(9)], ["語" * 200 + str(i) for i in range(9)])] * 9,
        [published(30), two_way(9, 9), renumbered()] * 12,
    ],
    ids=["long chains", "many sides", "long names", "many environments"],
)
def test_it_is_small_whatever_there_is_to_draw(graphs: list[HealedGraph]) -> None:
    proof = replace(PROOF, routes=PROOF.routes * 40)
    drawing = draw_svg(told(*graphs, proof=proof, lines=("l" * 5000,) * 40, hints=("h" * 5000,) * 40))
    assert len(drawing.encode()) < MAX_BYTES


def test_what_was_proved_is_said_route_by_route_with_seconds() -> None:
    words = words_of(draw_svg(told(two_way())))
    assert "Proved on scratch SQLite in 1.2 s: every route ends in one schema" in words
    assert {"empty -> head, 0.3 s", "base head -> head, 0.2 s"} <= set(words)


def test_what_was_not_proved_is_said_plainly() -> None:
    proof = Proof(ran=False, passed=False, reason="no python has alembic")
    words = words_of(draw_svg(told(two_way(), proof=proof)))
    assert "Not proved: no python has alembic" in words
    assert not [each for each in words if each.startswith("Proved")]


def test_a_refused_fork_stands_beside_both_operations() -> None:
    graph = replace(two_way(), refused=True)
    words = words_of(draw_svg(told(graph, status="refused", refusals=(CLASH,), proof=None, lines=())))
    assert "AFTER" not in words
    assert {
        "both alter column users.email",
        "m/versions/b1_add_b1.py:14",
        "m/versions/c1_add_c1.py:21",
    } <= set(words)
    assert "op.alter_column('users', 'email', type_=sa.Text())" in words


def test_a_refusal_without_any_fork_is_drawn_with_its_reason() -> None:
    refusal = Refusal("edits_published", "a.py edits revision a, which is on the base already.", ("a.py",))
    words = words_of(draw_svg(told(status="refused", refusals=(refusal,), proof=None, lines=())))
    assert "a.py edits revision a, which is on the base already." in words


def test_the_old_edge_is_dashed_and_the_new_one_bold() -> None:
    drawing = draw_svg(told(two_way()))
    assert drawing.count('class="line old"') == drawing.count('class="line new"') == 1
    assert re.search(r"\.line\.old\{[^}]*stroke-dasharray", drawing)
