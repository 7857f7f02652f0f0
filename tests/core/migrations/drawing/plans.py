"""Repairs to draw, made by the real rules from histories of any shape, and ids as hostile as they get; no assertion."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from hypothesis import strategies as st

from pointsman.core.migrations.drawing.model import Edge, HealedGraph, Mark, Node, Picture, Stroke
from pointsman.core.migrations.environment import Environment
from pointsman.core.migrations.graph import Graph
from pointsman.core.migrations.heal.decide import decide
from pointsman.core.migrations.heal.model import Facts, Front, HealPolicy, Move, Plan
from pointsman.core.migrations.heal.numbers import merge_id
from pointsman.core.migrations.model import Layout, Revision
from pointsman.core.model import Sha

LAYOUT = Layout(backend="alembic", config="alembic.ini", name="", home="m", versions=("m/versions",))

HOSTILE = (
    "<script>alert(1)</script>",
    'x" onload="alert(1)',
    "]]>&amp;&#0;<!--",
    "\x1b[31mred\x1b[0m",
    "a\r\nb\tc",
    "\u202eright to left\u2066",
    "漢字" * 30,
    "e\u0301" * 40,
    "x" * 300,
    "\udce9 bytes",
    "\ud800",
)


def revision(id: str, *parents: str, name: str = "") -> Revision:
    return Revision(
        id=id, path=f"m/versions/{name or f'{id}_add_{id}'}.py", oid=Sha("0" * 40), parents=parents
    )


def environment(revisions: Iterable[Revision]) -> Environment:
    known = tuple(revisions)
    return Environment(LAYOUT, (), known, Graph(known), ())


def healed(
    base: Sequence[Revision],
    change: Sequence[Revision],
    *,
    empty: Iterable[str] = (),
    on_fork: str = "reparent",
) -> HealedGraph:
    """What the rules make of a change, as it is drawn. With no `change` what is forked on the base itself is mended."""
    merged = environment([*base, *change])
    facts = Facts(
        base=environment(base), merged=merged, empty_merges=frozenset(empty), itself=not change, joins=True
    )
    plan = decide(facts, HealPolicy(on_fork=on_fork))  # type: ignore[arg-type]
    assert isinstance(plan, Plan), plan
    added = tuple(
        (merge_id(facts, join), f"m/versions/{merge_id(facts, join)}_merge.py") for join in plan.joins
    )
    return HealedGraph(plan=plan, added=added, published=not change)


def chain(names: Sequence[str], *, behind: str) -> list[Revision]:
    below = [behind, *names]
    return [revision(name, below[at]) for at, name in enumerate(names)]


def two_way(left: int = 1, right: int = 1, **options: str) -> HealedGraph:
    """`a`, then b1, b2... on the base and c1, c2... with the change."""
    base = [revision("a"), *chain([f"b{i + 1}" for i in range(left)], behind="a")]
    return healed(base, chain([f"c{i + 1}" for i in range(right)], behind="a"), **options)


def by_hand(left: Sequence[str], right: Sequence[str], *, behind: str = "a") -> HealedGraph:
    """The same for any ids and lengths, without asking the rules."""
    sides = tuple(chain(left, behind=behind)), tuple(chain(right, behind=behind))
    move = Move(
        revision=right[0],
        path=sides[1][0].path,
        old_parents=(behind,),
        new_parents=(left[-1],),
        new_revision=right[0],
        new_path=sides[1][0].path,
    )
    return HealedGraph(plan=Plan(layout=LAYOUT, moves=(move,), fronts=(Front(*sides, (behind,)),)))


def published(sides: int = 2) -> HealedGraph:
    return healed([revision("a"), *(revision(f"b{i}", "a") for i in range(sides))], [])


def renumbered() -> HealedGraph:
    """Two files of one number, as a folder of SQL has them."""
    layout = Layout(backend="numbered", config="db", name="", home="db", versions=("db",))
    left, right = (
        Revision(id="12", path=f"db/12_{name}.up.sql", oid=Sha("0" * 40), parents=("11",))
        for name in ("orders", "vat")
    )
    move = Move(
        revision="12",
        path=right.path,
        old_parents=("11",),
        new_parents=("12",),
        new_revision="13",
        new_path="db/13_vat.up.sql",
    )
    plan = Plan(layout=layout, moves=(move,), fronts=(Front((left,), (right,), ("11",)),))
    return HealedGraph(plan=plan)


@st.composite
def repairs(draw: st.DrawFn) -> HealedGraph:
    """A trunk on the base and a change that left it somewhere, with merges of the trunk on its way."""
    trunk = draw(st.integers(2, 12))
    base = [revision("t0"), *(revision(f"t{i}", f"t{i - 1}") for i in range(1, trunk))]
    at = draw(st.integers(0, trunk - 2))
    change: list[Revision] = []
    empty = []
    for step in range(draw(st.integers(1, 9))):
        parents = [f"c{step - 1}" if step else f"t{at}"]
        if step and at < trunk - 1 and draw(st.booleans()):
            at = draw(st.integers(at + 1, trunk - 1))
            parents.append(f"t{at}")
            empty.append(f"c{step}")
        change.append(revision(f"c{step}", *parents))
    on_fork = draw(st.sampled_from(["reparent", "merge_revision"]))
    return healed(base, change, empty=empty, on_fork=on_fork)


@st.composite
def pictures(draw: st.DrawFn) -> Picture:
    """Any graph at all, each edge downwards."""
    size = draw(st.integers(1, 9))
    marks = draw(st.lists(st.sampled_from(Mark), min_size=size, max_size=size))
    pairs = [(a, b) for b in range(size) for a in range(b)]
    chosen: Mapping[tuple[int, int], Stroke] = draw(
        st.dictionaries(st.sampled_from(pairs), st.sampled_from(Stroke), max_size=14)
        if pairs
        else st.just({})
    )
    nodes = tuple(Node(key=f"k{i}", label=f"id{i}", mark=mark) for i, mark in enumerate(marks))
    edges = tuple(Edge(f"k{a}", f"k{b}", stroke) for (a, b), stroke in chosen.items())
    return Picture(nodes=nodes, edges=edges)
