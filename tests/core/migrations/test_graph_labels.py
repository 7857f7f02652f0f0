"""A revision's branch labels are its own and those of all below it, however they are worked out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.migrations.graph import Graph
from pointsman.core.migrations.model import Revision
from pointsman.core.model import Sha


@st.composite
def histories(draw: st.DrawFn) -> list[Revision]:
    count = draw(st.integers(1, 9))
    found = []
    for n in range(count):
        below = [f"r{m}" for m in range(count)] if draw(st.booleans()) else [f"r{m}" for m in range(n)]
        parents = draw(st.lists(st.sampled_from([*below, "nowhere"]), max_size=2, unique=True))
        labels = draw(st.lists(st.sampled_from("xyz"), max_size=2, unique=True))
        found.append(Revision(f"r{n}", f"v/{n}.py", Sha("0" * 40), tuple(parents), tuple(labels)))
    return found


@given(histories())
def test_labels_are_those_of_all_below(revisions: list[Revision]) -> None:
    graph = Graph(revisions)
    for id in graph.by_id:
        below = graph.ancestors(id)
        assert graph.labels(id) == {label for each in below for label in graph.by_id[each].labels}
        assert below == {other for other in graph.by_id if id in graph.descendants(other)}
