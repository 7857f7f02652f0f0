"""What a patched and healed tree made of one environment: the repair to report and the proof that it needs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from pointsman.core.healer.sides import Met, heads_alone, meet, moves_between
from pointsman.core.migrations.environment import Environment
from pointsman.core.migrations.heal.compare import Known
from pointsman.core.migrations.heal.decide import in_order
from pointsman.core.migrations.heal.model import Move, Plan
from pointsman.core.migrations.model import Revision
from pointsman.core.model import GitPath, Sha
from pointsman.core.proof import ProofRequest
from pointsman.service.heal.asking_case import Cases, Site
from pointsman.service.heal.model import HealedEnvironment, Healing
from pointsman.service.heal.rules import HealRule

_NEEDS_ROWS = (
    "both sides write rows, or do what can't be read, and only a proof from seed rows would show that they go "
    "together: name some in the contract (`migrations.seed`)"
)
_NO_OTHER_ORDER = (
    "the two sides meet, and the patch leaves no revision of the change that could run before the base's"
)

_REWRITTEN = (
    "A database that ran {} before the healer command rewrote it keeps what it did then: make it anew."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class After:
    """One environment of the healed tree against what the plain merge had. `new` are the change's revisions in the
    order in which they run, `added` those that are the patch's or the repair's own, `rewritten` the ids of those that
    the patch changed, `ends` where the change's side ends when it is hung where it was before."""

    site: Site
    final: Environment
    new: tuple[Revision, ...]
    moves: tuple[Move, ...]
    added: tuple[Revision, ...]
    drops: tuple[Revision, ...]
    ends: tuple[str, ...]
    rewritten: tuple[str, ...]
    met: Met

    def why_not(self, rule: HealRule) -> str | None:
        """Why no proof could show what has to be shown; None where one can be tried."""
        if self.met.stopped:
            return f"the contract stops there: {self.met.stopped}"
        if self.met.rows and rule.seed is None:
            return _NEEDS_ROWS
        if self.met.both_orders and not (self.ends and self.site.base_heads):
            return _NO_OTHER_ORDER
        return None

    def healed(self) -> HealedEnvironment:
        plan = Plan(
            layout=self.site.layout,
            strategy="merge_revision" if self.added and not self.moves else "reparent",
            heads_before=self.site.merged.heads,
            heads_after=self.final.heads,
            moves=self.moves,
            drops=self.drops,
            joins=tuple(revision.parents for revision in self.added),
            fronts=(self.site.front,) if self.site.front.left and self.site.front.right else (),
        )
        return HealedEnvironment(
            plan=plan,
            base_heads=self.site.base_heads,
            change_heads=self.ends,
            added=tuple((revision.id, revision.path) for revision in self.added),
            known=Known(self.met.relation),
            remarks=(_REWRITTEN.format(", ".join(self.rewritten)),) if self.rewritten else (),
        )

    def request(self, onto: Sha, tree: Sha, rule: HealRule) -> ProofRequest:
        return ProofRequest(
            layout=self.site.layout,
            base=onto,
            tree=tree,
            expected_heads=self.final.heads,
            base_heads=self.site.base_heads,
            change_heads=self.ends,
            fork_points=self.site.front.fork,
            moves=self.moves,
            both_orders=self.met.both_orders,
            same_data=self.met.rows,
            seed=rule.seed,
            models=rule.models,
            python=rule.python,
            url_env=rule.url_env,
            database=rule.database,
            sandbox=rule.sandbox,
        )


def look(cases: Cases, site: Site, again: Healing, rule: HealRule, *, patched: Collection[GitPath]) -> After:
    """What became of the site in the tree of `again`, which has one; `patched` are the paths that were written."""
    assert again.tree is not None  # noqa: S101 - asked only then
    entries = {entry.path: entry for entry in cases.git.entries(again.tree)}
    final = cases.reader.environment(site.layout, entries, site.base)
    published: Sequence[str] = tuple(site.base.graph.by_id) if site.base else ()
    new = in_order(final.graph, final.graph.by_id.keys() - set(published))
    names = {
        move.revision: move.new_revision
        for each in again.environments
        if each.plan.layout.key == site.layout.key
        for move in each.plan.moves
    }
    kept = {names.get(id, id) for id in site.new}
    moves = moves_between(site.merged.graph, final.graph, site.new, names)
    left = site.front.left
    return After(
        site=site,
        final=final,
        new=new,
        moves=moves,
        added=tuple(revision for revision in new if revision.id not in kept),
        drops=tuple(site.merged.graph.by_id[id] for id in site.new if names.get(id, id) not in final.graph),
        ends=heads_alone(final.graph, new, moves, [revision.id for revision in left]),
        rewritten=tuple(
            id
            for id in site.new
            if site.merged.graph.by_id[id].path in patched and names.get(id, id) in final.graph
        ),
        met=meet(cases.read(left, final), cases.read(new, final), rule.policy),
    )
