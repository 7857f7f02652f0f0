"""Where a drawing puts things: nothing upon anything else, every edge once, whatever the graph."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

from hypothesis import given, settings

from pointsman.core.migrations.drawing.layout import placed
from pointsman.core.migrations.drawing.model import HealedGraph, Mark, Picture, Stroke
from pointsman.core.migrations.drawing.pictures import after, before
from tests.core.migrations.drawing.plans import (
    by_hand,
    healed,
    pictures,
    published,
    repairs,
    revision,
    two_way,
)


@settings(deadline=None, max_examples=40)
@given(pictures())
def test_every_edge_is_drawn_once_and_runs_through_no_other_revision(picture: Picture) -> None:
    drawn = placed(picture)
    assert Counter(track.edge for track in drawn.tracks) == Counter(picture.edges)
    assert sorted(stop.row for stop in drawn.stops) == list(range(len(picture.nodes)))
    for track in drawn.tracks:
        assert (track.start.node.key, track.end.node.key) == (track.edge.parent, track.edge.child)
        inside = [stop for stop in drawn.stops if track.start.row < stop.row < track.end.row]
        assert track.lane not in [stop.lane for stop in inside]


@settings(deadline=None, max_examples=40)
@given(pictures())
def test_two_edges_run_on_one_lane_only_where_they_meet_anyway(picture: Picture) -> None:
    for a, b in combinations(placed(picture).tracks, 2):
        apart = a.end.row <= b.start.row or b.end.row <= a.start.row
        meet = a.edge.parent == b.edge.parent or a.edge.child == b.edge.child
        assert a.lane != b.lane or apart or meet


@settings(deadline=None, max_examples=40)
@given(repairs())
def test_what_moved_is_shown_before_and_after_by_its_ids(graph: HealedGraph) -> None:
    first, second = before(graph), after(graph)
    assert second is not None
    plan = graph.plan
    assert {move.revision for move in plan.moves} <= {node.label for node in first.nodes}
    moved = {node.label for node in second.nodes if node.mark is Mark.MOVED}
    assert {move.new_revision for move in plan.moves} == moved
    assert {id for id, _ in graph.added} <= {node.label for node in second.nodes}
    gone = {revision.id for revision in plan.drops}
    assert not gone & {node.label for node in second.nodes}
    assert gone <= {node.label for node in first.nodes if node.mark is Mark.DROPPED}


@settings(deadline=None, max_examples=40)
@given(repairs())
def test_every_head_after_the_repair_is_an_end_of_the_drawing(graph: HealedGraph) -> None:
    for picture, heads in ((before(graph), graph.plan.heads_before), (after(graph), graph.plan.heads_after)):
        assert picture is not None
        below = {edge.parent for edge in picture.now}
        ends = {node.label for node in picture.nodes if node.key not in below}
        assert ends <= set(heads)
        assert ends or graph.plan.is_clean


def test_a_move_has_a_new_edge_and_the_old_one_beside_it() -> None:
    picture = after(two_way())
    assert picture is not None
    strokes = {(e.parent.split("/")[-1][:2], e.child.split("/")[-1][:2]): e.stroke for e in picture.edges}
    assert strokes == {("=a", "b1"): Stroke.KEPT, ("b1", "c1"): Stroke.NEW, ("=a", "c1"): Stroke.OLD}


def test_a_chain_of_five_against_three_is_folded_in_the_middle_alone() -> None:
    labels = [node.label for node in before(two_way(5, 3)).nodes]
    assert labels == ["a", "b1", "(3 more)", "b5", "c1", "c2", "c3"]


def test_a_wide_fork_says_how_much_of_it_is_left_out() -> None:
    picture = before(published(60))
    assert len(picture.nodes) == 24
    assert picture.left_out == 61 - 24


def test_a_history_of_a_thousand_is_folded_to_what_matters() -> None:
    graph = by_hand([f"b{i}" for i in range(600)], [f"c{i}" for i in range(400)])
    assert [len(each.nodes) for each in (before(graph), after(graph)) if each] == [7, 7]


def test_what_the_change_merged_on_its_way_is_joined_with_what_is_below_it() -> None:
    base = [revision("a"), revision("b", "a"), revision("b2", "b")]
    graph = healed(base, [revision("c", "a"), revision("m", "b", "c"), revision("d", "m")])
    for picture in (before(graph), after(graph)):
        assert picture is not None
        known = {node.key: node.label for node in picture.nodes}
        edges = {(known[edge.parent], known[edge.child]) for edge in picture.now}
        assert {("a", "..."), ("...", "b"), ("b", "b2"), ("a", "c")} <= edges
