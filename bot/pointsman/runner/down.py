"""Takes a database at the healed heads down as far as downgrades exist that work, and up again.

Kept to Python 3.9's language. Imports nothing of Pointsman outside this package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pointsman.runner.failures import CANT_TELL, with_revision
from pointsman.runner.schema import differences
from pointsman.runner.steps import ancestors

if TYPE_CHECKING:
    from pointsman.runner.prove_alembic import Proving
    from pointsman.runner.steps import Done


class WayDown:
    """One route of a proof. `run` is called once."""

    def __init__(self, proving: Proving) -> None:
        self.proving = proving
        self.job = proving.job

    def run(self, base: Done | None, fresh: Done, without: str) -> None:
        """`without` is what the way there without a detour is called. A published downgrade that does not work is not
        the change's fault."""
        proving = self.proving
        target, remark = self._lowest(base, fresh)
        if target is None:
            proving.add("down and up again", 0.0, remark)
            return
        name = f"down to {', '.join(target)} and up again"
        proving.databases.copy("fresh", "returned")
        commands = [["downgrade", one] for one in target]
        done = proving.step(proving.healed, "returned", [*commands, ["upgrade", "heads"]])
        ours = fresh.graph.keys() - ancestors(fresh.graph, self.job["base_heads"])
        if done.problem is not None and (done.problem.kind == CANT_TELL or done.problem.revision not in ours):
            proving.add(name, done.seconds, f"not tried to the end: {with_revision(done.problem)}")
            return
        proving.hold(name, done, remark)
        proving.at_heads(done)
        proving.same(fresh.schema, done.schema, (without, name))

    def _lowest(self, base: Done | None, fresh: Done) -> tuple[list[str] | None, str | None]:
        """The revisions to go down to, or None; and a remark when that is not the fork."""
        heads = self.job["base_heads"]
        published = ancestors(fresh.graph, heads)
        stuck = [one for one in fresh.graph if one not in published and not fresh.undoable[one]]
        if stuck:
            return None, f"not tried: {', '.join(sorted(stuck))} has no downgrade()"
        fork = lowest(fresh.graph, self.job["fork_points"])
        if base is None or not heads:
            return ["base"], None
        if not fork or set(fork) == set(heads):
            return list(heads), None
        between = published - ancestors(fresh.graph, fork)
        stuck = sorted(one for one in between if not fresh.undoable.get(one, False))
        if stuck:
            return list(heads), f"not down to {', '.join(fork)}: {', '.join(stuck)} has no downgrade()"
        self.proving.databases.copy("base", "base-returned")
        commands = [["downgrade", one] for one in fork]
        tree = self.proving.base or self.proving.healed
        done = self.proving.step(tree, "base-returned", [*commands, ["upgrade", "heads"]])
        if done.problem is not None or differences(base.schema, done.schema, ("", "")):
            return list(heads), f"not down to {', '.join(fork)}: the base itself can't go there and back"
        return list(fork), None


def lowest(graph: dict[str, list[str]], points: list[str]) -> list[str]:
    """Those that no other one comes before: going down to one of these passes the rest."""
    return [one for one in points if not (ancestors(graph, [one]) - {one}).intersection(points)]
