"""A folder of numbered files before and after a change, healed without any git."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pointsman.core.migrations.environment import Environment, File, assemble
from pointsman.core.migrations.heal import edits
from pointsman.core.migrations.heal.decide import decide
from pointsman.core.migrations.heal.model import Facts, HealPolicy, Plan, Refusal
from pointsman.core.migrations.model import Layout, Parsed
from pointsman.core.migrations.numbered.backend import Numbered
from pointsman.core.model import GitPath, Sha


def layout_of(*paths: GitPath, named: Iterable[GitPath] = ()) -> Layout:
    (layout,) = Numbered().discover(paths, {}, tuple(named))
    return layout


def environment(layout: Layout, paths: Iterable[GitPath], base: Environment | None = None) -> Environment:
    backend = Numbered(layout)
    files = [File(p, Sha("0" * 40), Parsed(None, None)) for p in paths if backend.is_revision_file(layout, p)]
    return assemble(backend, layout, files, base)


def planned(
    base: Iterable[GitPath],
    new: Iterable[GitPath],
    policy: HealPolicy | None = None,
    layout: Layout | None = None,
) -> Plan | tuple[Refusal, ...]:
    """What becomes of a change that adds `new` to `base`."""
    before, after = list(base), [*base, *new]
    layout = layout or layout_of(*after)
    old = environment(layout, before)
    merged = environment(layout, after, old)
    backend = Numbered(layout)
    facts = Facts(base=old, merged=merged, naming=backend.naming(0), joins=backend.joins)
    return decide(replace(facts, itself=not new), policy or HealPolicy())


def renames(plan: Plan | tuple[Refusal, ...], paths: Iterable[GitPath]) -> dict[GitPath, GitPath]:
    """Old path -> new path of every file that moves, companions too."""
    assert isinstance(plan, Plan), plan
    moved = {move.path: move.new_path for move in plan.moves if move.path != move.new_path}
    beside = edits.companions(plan, Numbered(plan.layout), list(paths))
    assert isinstance(beside, dict), beside
    return moved | {path: new for path, new in beside.items() if new is not None}


def healed(
    base: Iterable[GitPath], new: Iterable[GitPath], layout: Layout | None = None
) -> dict[GitPath, GitPath]:
    """What is renamed where a change adds `new` to `base`."""
    base, new = list(base), list(new)
    return renames(planned(base, new, layout=layout), [*base, *new])
