"""The graph against Alembic's own RevisionMap on generated histories, and the words that are ours alone."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import pytest
from alembic.script.revision import Revision as TheirRevision
from alembic.script.revision import RevisionError, RevisionMap
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.migrations.backends import BACKENDS
from pointsman.core.migrations.environment import Environment, File, assemble
from pointsman.core.migrations.graph import Graph
from pointsman.core.migrations.model import Layout, Parsed, Revision
from pointsman.core.model import Sha

LAYOUT = Layout("alembic", "alembic.ini", "", "migrations", ("migrations/versions",))
Spec = tuple[str, tuple[str, ...], tuple[str, ...], tuple[str, ...]]
"""A revision as (id, parents, labels, depends_on)."""


def environment(specs: Sequence[Spec]) -> Environment:
    files = [
        File(f"migrations/versions/f{number:03}.py", Sha(f"{number:040x}"), Parsed(id, down, labels, needs))
        for number, (id, down, labels, needs) in enumerate(specs)
    ]
    return assemble(BACKENDS[0], LAYOUT, files)


def theirs(specs: Sequence[Spec]) -> RevisionMap | None:
    """Alembic's map of the same revisions; None where it finds fault with them."""

    def revisions() -> list[TheirRevision]:
        return [TheirRevision(i, d or None, n or None, lab or None) for i, d, lab, n in specs]

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            found = RevisionMap(revisions)
            assert found._revision_map
        except (RevisionError, KeyError, UserWarning):
            return None
        return found


@st.composite
def histories(draw: st.DrawFn, *, faults: bool = False) -> list[Spec]:
    """Histories with several bases, branches, merges, labels and dependencies; with `faults`, broken ones too."""
    size = draw(st.integers(min_value=1, max_value=9))
    ids = [f"r{number}" for number in range(size)]
    specs: list[Spec] = []
    for number, id in enumerate(ids):
        pool = [*ids, "gone"] if faults else ids[:number]
        some = st.lists(st.sampled_from(pool), max_size=2, unique=True) if pool else st.just([])
        down = tuple(draw(some))
        needs = tuple(need for need in draw(some) if need not in down) if draw(st.booleans()) else ()
        label = (draw(st.sampled_from(["x", "y", "z"])),) if faults and draw(st.integers(0, 4)) == 0 else ()
        if not faults and draw(st.integers(0, 4)) == 0:
            label = (f"label{number}",)
        specs.append(
            (
                draw(st.sampled_from(ids)) if faults and draw(st.integers(0, 9)) == 0 else id,
                down,
                label,
                needs,
            )
        )
    return list(draw(st.permutations(specs)))


@given(histories())
def test_heads_and_bases_are_alembic_s(specs: list[Spec]) -> None:
    ours, known = environment(specs), theirs(specs)
    if known is None:
        assert ours.problems
        return
    assert ours.problems == ()
    assert ours.heads == tuple(sorted(known.heads))
    assert ours.graph.bases == tuple(sorted(known.bases))


@given(histories(faults=True))
def test_what_alembic_stumbles_over_is_a_problem_and_nothing_else_is(specs: list[Spec]) -> None:
    codes = {problem.code for problem in environment(specs).problems}
    if theirs(specs) is None:
        assert codes
    else:  # Alembic 1.20 sees no circle that a base leads into and a head out of
        assert codes <= {"cycle", "dependency_cycle"}


@given(histories())
def test_ancestors_and_descendants_are_each_other_s_reverse(specs: list[Spec]) -> None:
    graph = environment(specs).graph
    for id in graph.by_id:
        assert all(id in graph.descendants(below) for below in graph.ancestors(id))
        assert all(id in graph.ancestors(above) for above in graph.descendants(id))


@given(histories(faults=True), st.data())
def test_what_is_counted_along_is_what_counting_each_would_give(
    specs: list[Spec], data: st.DataObject
) -> None:
    graph = environment(specs).graph
    some = data.draw(st.sets(st.sampled_from(sorted(graph.by_id))) if len(graph) else st.just(set[str]()))
    assert graph.sizes(some) == {id: len(graph.ancestors(id)) for id in some}
    assert graph.topmost(some) == {id for id in some if not (graph.descendants(id) - {id}) & some}
    rounds, left = list[str](), set(some)
    while left:
        rounds += sorted(id for id in left if not left & {*graph.by_id[id].parents}) or sorted(left)
        left -= set(rounds)
    assert graph.in_order(some) == rounds


def test_planning_is_linear_in_a_long_history() -> None:
    """Quadratic, each of these takes longer than the suite may."""
    size = 20_000
    graph = Graph(
        Revision(f"{n:05}", f"{n:05}.py", Sha(f"{n:040x}"), (f"{n - 1:05}",) if n else ())
        for n in range(size)
    )
    assert graph.in_order(graph.by_id) == list(graph.by_id)
    assert list(graph.sizes(reversed(graph.by_id)).values()) == list(range(size, 0, -1))
    assert graph.cycles(with_dependencies=True) == ()


def _line(*pairs: tuple[str, tuple[str, ...]], labels: dict[str, str] | None = None) -> list[Spec]:
    return [(id, down, ((labels or {})[id],) if id in (labels or {}) else (), ()) for id, down in pairs]


@pytest.mark.parametrize(
    ("specs", "forks"),
    [
        pytest.param(_line(("a", ()), ("b", ("a",))), (), id="one head"),
        pytest.param(
            _line(("a", ()), ("b", ("a",)), ("c", ("a",))), (("b", "c"),), id="two heads, one behind"
        ),
        pytest.param(_line(("a", ()), ("z", ())), (), id="row 16: two bases"),
        pytest.param(
            _line(("a", ()), ("b", ("a",)), ("c", ("a",)), labels={"c": "x"}), (), id="row 14: a label apart"
        ),
        pytest.param(
            _line(("a", ()), ("b", ("a",)), ("c", ("a",)), labels={"a": "x"}),
            (("b", "c"),),
            id="a label below both tells nothing apart",
        ),
        pytest.param(_line(("a", ()), ("b", ("a",)), ("c", ("a",)), ("m", ("b", "c"))), (), id="merged"),
        pytest.param(
            _line(("a", ()), ("z", ()), ("m", ("a", "z")), ("p", ("m",)), ("q", ("m",))),
            (("p", "q"),),
            id="forked after two bases met",
        ),
    ],
)
def test_a_fork_is_two_heads_that_nothing_tells_apart(
    specs: list[Spec], forks: tuple[tuple[str, ...], ...]
) -> None:
    assert environment(specs).graph.forks == forks


@pytest.mark.parametrize(
    ("specs", "code"),
    [
        pytest.param(_line(("a", ("b",)), ("b", ("a",))), "cycle", id="a circle"),
        pytest.param(_line(("a", ("a",))), "cycle", id="itself"),
        pytest.param(_line(("a", ("gone",))), "missing_parent", id="a parent that is not there"),
        pytest.param(_line(("abc", ()), ("b", ("ab",))), "abbreviated_id", id="row 25"),
        pytest.param(_line(("a", ()), ("a", ())), "duplicate_revision", id="row 29"),
        pytest.param([("a", (), (), ("nope",))], "missing_dependency", id="a dependency that is not there"),
        pytest.param(
            [("a", (), (), ("b",)), ("b", (), (), ("a",))], "dependency_cycle", id="needs in a circle"
        ),
        pytest.param([("a", (), ("x", "x"), ())], "duplicate_label", id="row 15: twice in one file"),
        pytest.param(
            [("a", (), ("b",), ()), ("b", (), (), ())], "duplicate_label", id="a label that is an id"
        ),
    ],
)
def test_what_is_wrong_between_files_has_a_code(specs: list[Spec], code: str) -> None:
    assert [problem.code for problem in environment(specs).problems] == [code]
