"""Finds the fork of an environment that could not be planned for, so that it can be drawn; it decides nothing."""

from __future__ import annotations

from pointsman.core.migrations.graph import Graph
from pointsman.core.migrations.heal.decide import front
from pointsman.core.migrations.heal.model import Facts, Front, Plan


def fork_of(facts: Facts) -> tuple[Plan, ...]:
    """The forks of the merged tree as a plan that does nothing, what is on the base to the left; () without any."""
    graph = facts.merged.graph
    fronts = tuple(each for group in graph.forks for each in _fronts(group, graph, facts))
    if not fronts:
        return ()
    return (
        Plan(layout=facts.merged.layout, heads_before=graph.heads, heads_after=graph.heads, fronts=fronts),
    )


def _fronts(group: tuple[str, ...], graph: Graph, facts: Facts) -> list[Front]:
    published = facts.base.graph if facts.base is not None else Graph(())
    first, *others = sorted(group, key=lambda id: id not in published)
    left = graph.ancestors(first)
    return [front(graph, left, graph.ancestors(other)) for other in others]
