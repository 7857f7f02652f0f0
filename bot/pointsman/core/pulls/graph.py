"""Draws the repair of a migration fork in a few lines of text: the fork before, the chain after. No markup here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pointsman.core.contract.names import shown
from pointsman.core.migrations.heal.model import Front, Plan
from pointsman.core.pulls.story import HealedGraph

ID = 24
"""How many characters of a revision's id are drawn."""
BEFORE, AFTER = "before  ", "after   "


def draw_before_after(graph: HealedGraph) -> str:
    """At most ten lines: the environment, the fork as it was and as it is after the repair. The middle of a long
    chain, and every front but the first, are counted only."""
    plan = graph.plan
    lines = [_name(plan)]
    if plan.fronts:
        lines += _front(plan.fronts[0], graph)
        more = len(plan.fronts) - 1
        lines += [f"and {more} more {'fork' if more == 1 else 'forks'} in this environment"] if more else []
    else:
        lines += [f"{BEFORE}{_row(plan.heads_before, ', ')}", f"{AFTER}{_row(plan.heads_after, ', ')}"]
    return "\n".join(lines)


def _front(front: Front, graph: HealedGraph) -> Iterator[str]:
    plan = graph.plan
    names = {move.revision: move.new_revision for move in plan.moves}
    gone = {revision.id for revision in plan.drops}
    fork = _row(front.fork, ", ") or "(base)"
    left, right = _row([one.id for one in front.left]), _row([one.id for one in front.right])
    after = _row([names.get(one.id, one.id) for one in front.right if one.id not in gone])
    indent = " " * (len(BEFORE) + len(fork) + 1)
    yield f"{BEFORE}{fork} ─┬─ {left}"
    yield f"{indent} └─ {right}"
    if not graph.added:
        yield f"{AFTER}{fork} ─── {left}{f' ─── {after}' if after else ''}"
        return
    wide = max(len(left), len(after))
    yield f"{AFTER}{fork} ─┬─ {left.ljust(wide)} ─┬─ {_row([id for id, _ in graph.added], ', ')}"
    yield f"{indent} └─ {after.ljust(wide)} ─┘"


def _name(plan: Plan) -> str:
    layout = plan.layout
    return shown(f"{layout.config} [{layout.name}]" if layout.name else layout.config)


def _row(ids: Sequence[str], between: str = " ─── ") -> str:
    """The ids in a row; of more than four the ends."""
    short = [_id(one) for one in ids]
    return between.join(short if len(short) <= 4 else [short[0], f"({len(short) - 2} more)", short[-1]])


def _id(text: str) -> str:
    safe = shown(text)
    return safe if len(safe) <= ID else f"{safe[: ID - 3]}..."
