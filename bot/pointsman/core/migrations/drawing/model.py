"""The nouns of a drawing: what is asked to be drawn, and a small graph to lay out; no place and no colour here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pointsman.core.migrations.heal.model import Plan, Refusal
    from pointsman.core.model import GitPath
    from pointsman.core.proof import Proof


@dataclass(frozen=True, kw_only=True, slots=True)
class HealedGraph:
    """The repair of one environment: its plan, and the merge revisions that were added (id, path) in the order of the
    plan's `joins`. With `published` both sides are on the base; with `refused` there is no plan to draw but
    the fork, with `tried` the plan was made and did not hold."""

    plan: Plan
    added: tuple[tuple[str, GitPath], ...] = ()
    published: bool = False
    refused: bool = False
    tried: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What a page tells. `title` is the headline, `lines` sentences below it, `hints` those at the end."""

    status: str
    title: str
    lines: tuple[str, ...]
    graphs: tuple[HealedGraph, ...]
    proof: Proof | None = None
    refusals: tuple[Refusal, ...] = ()
    hints: tuple[str, ...] = ()


class Mark(Enum):
    """What a revision is in the drawing."""

    FORK = "fork"
    BASE = "base"
    CHANGE = "change"
    MOVED = "moved"
    RENAMED = "renamed"
    ADDED = "added"
    DROPPED = "dropped"
    FOLD = "fold"


class Stroke(Enum):
    """What an edge is: as it was all along, as it was before the repair only, as it is after it only."""

    KEPT = "kept"
    OLD = "old"
    NEW = "new"


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """One revision, or with Mark.FOLD several in a row. `label` is its id, `slug` what its file is called beside that,
    `note` what is to be said of it; texts as they were found, still to be made printable."""

    key: str
    label: str
    mark: Mark
    slug: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Edge:
    """From a parent to the revision that follows it, by keys."""

    parent: str
    child: str
    stroke: Stroke = Stroke.KEPT


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """The part of a graph that matters. `nodes` stand in an order in which parents come first; `left_out` counts those
    for which there was no room."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    left_out: int = 0

    @property
    def now(self) -> tuple[Edge, ...]:
        """The edges without those that are gone."""
        return tuple(edge for edge in self.edges if edge.stroke is not Stroke.OLD)
