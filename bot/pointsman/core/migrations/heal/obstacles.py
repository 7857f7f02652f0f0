"""What keeps a change from being healed whatever its fork: broken files, edits of published revisions, lost bases."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pointsman.core.migrations.heal.model import Facts, HealPolicy, Plan, Refusal, Why
from pointsman.core.migrations.heal.parts import Part
from pointsman.core.migrations.model import Code, Problem, Revision
from pointsman.core.model import GitPath

Refusals = tuple[Refusal, ...]
_NEVER_RAN = frozenset({Code.UNPARSABLE, Code.CONFLICT_MARKERS})
"""What no database can have run, so that mending it edits nothing that was published."""
_TOLERATED = frozenset({Code.COMPUTED_DEPENDENCY})
_NEVER_TOLERATED = frozenset({Code.VERSION_FOLDERS})
"""What leaves open which files belong together: that the base has it too makes no change safe."""


def obstacles(facts: Facts) -> Refusals:
    known = {(p.code, p.message) for p in facts.base.problems} if facts.base else set()
    partial = any(code == Code.MISSING_DEPENDENCY for code, _ in known)
    found: list[Refusal] = []
    for problem in facts.merged.problems:
        seen = (problem.code, problem.message) in known and problem.code not in _NEVER_TOLERATED
        if seen or problem.code in _TOLERATED:
            continue
        if partial and problem.code == Code.MISSING_DEPENDENCY:
            continue  # its other half is in a package elsewhere, here as on the base
        found.append(_refusal_of(problem, facts))
    broken = (
        {path for p in facts.base.problems if p.code in _NEVER_RAN for path in p.paths}
        if facts.base
        else set()
    )
    found += [_edited(revision) for revision in facts.edited if revision.path not in broken]
    found += _deleted(facts)
    return tuple(found)


def _refusal_of(problem: Problem, facts: Facts) -> Refusal:
    if problem.code == Code.MISSING_PARENT and facts.head_ids:
        revision = facts.merged.revision_at(problem.paths[0])
        gone = (
            [p for p in revision.parents if p in facts.head_ids and p not in facts.merged.graph]
            if revision
            else []
        )
        if gone:
            begins = _begun_anew(facts)
            anew = (
                f" The base now begins with {', '.join(r.path for r in begins)}; that it builds the same as what was "
                "removed can't be shown from the files."
                if begins
                else ""
            )
            text = (
                f"{problem.paths[0]} follows {', '.join(gone)}, which the base has removed or squashed since.{anew} "
                "Decide what it should follow now, and whether it still applies."
            )
            return Refusal(Why.PARENT_REMOVED, text, (*problem.paths, *(r.path for r in begins)))
    if problem.code == Code.DUPLICATE_REVISION and (own := _own(problem, facts)):
        text = (
            f"{problem.message} Databases may have run the published one: give {', '.join(own)} an id of its own, in "
            "all that names it, or drop it where both do the same."
        )
        return Refusal(problem.code, text, problem.paths)
    return Refusal(problem.code, problem.message, problem.paths)


def _begun_anew(facts: Facts) -> list[Revision]:
    """The base's revisions without a parent that the change's own tree does not know."""
    every = facts.base.graph.by_id.values() if facts.base else ()
    return [r for r in every if not r.parents and r.parents_known and r.id not in facts.head_ids]


def _own(problem: Problem, facts: Facts) -> tuple[GitPath, ...]:
    """Those of a problem's files that the change brings, where the base has another of them."""
    published = {(file.path, file.oid) for file in facts.base.files} if facts.base else set()
    now = {file.path: file.oid for file in facts.merged.files}
    own = tuple(path for path in problem.paths if (path, now.get(path)) not in published)
    return own if len(own) < len(problem.paths) else ()


def _edited(revision: Revision) -> Refusal:
    text = (
        f"{revision.path} edits revision {revision.id}, which is on the base already: databases that ran it would "
        "never see the edit. Undo that edit and add a new revision instead."
    )
    return Refusal(Why.EDITS_PUBLISHED, text, (revision.path,))


def _deleted(facts: Facts) -> list[Refusal]:
    if facts.base is None:
        return []
    read = {revision.id for revision in facts.merged.revisions}
    paths = {file.path for file in facts.merged.files}
    return [
        Refusal(
            Why.DELETES_PUBLISHED,
            f"Revision {revision.id} ({revision.path}) is on the base and the change deletes it: databases that "
            "stand at it could not be upgraded any more. Restore the file.",
            (revision.path,),
        )
        for revision in facts.base.graph.by_id.values()
        if revision.id not in read and revision.path not in paths
    ]


def too_many(plan: Plan) -> Refusals:
    """For `one_head: required`: why the environment may not have the heads that it would have."""
    if len(plan.heads_after) < 2:
        return ()
    heads = ", ".join(plan.heads_after)
    text = f"{plan.layout.config} would have {len(plan.heads_after)} heads ({heads}); one is required."
    return (Refusal(Why.TOO_MANY_HEADS, text),)


def faults(part: Part, facts: Facts) -> Iterable[Refusal]:
    merged = facts.merged.graph
    if facts.base is None or not len(facts.base.graph):
        return
    if part.roots and not part.edges and not _is_own_lineage(part, facts):
        root = merged.by_id[part.roots[0]]
        heads = " or ".join(facts.base.heads) or "the base"
        meant = "If that is meant, give it a branch label or a version folder of its own; if not, let"
        text = (
            f"{root.path} starts a second history (revision {root.id} follows nothing). "
            f"{'Let' if merged.one_lineage else meant} it follow {heads}."
        )
        yield Refusal(Why.SECOND_BASE, text, (root.path,))


def two_heads(heads: Sequence[str], paths: tuple[GitPath, ...]) -> Refusal:
    text = (
        f"The change has {len(heads)} heads of its own: {', '.join(heads)}. Which comes first is its author's to say: "
        "let one follow the other, or merge them."
    )
    return Refusal(Why.TWO_HEADS, text, paths)


def cannot_join(heads: Sequence[Revision]) -> Refusal:
    """Of published heads, where the tool has no revision that could join them."""
    text = (
        f"{' and '.join(head.path for head in heads)} are on the base both, and this tool has no merge: it only knows "
        "an order. Databases may have run either, so which one moves is for people to say: give one of them the next "
        "free number where no database has run it, or let the contract say `published: reparent`."
    )
    return Refusal(Why.CANNOT_JOIN, text, tuple(head.path for head in heads))


def cannot_move(part: Part, facts: Facts, policy: HealPolicy) -> Refusal:
    """Of a change that would be joined where its tool can't: it is released, or the contract lets nothing move."""
    by_id = facts.merged.graph.by_id
    paths = tuple(by_id[id].path for id in sorted(part.ids))
    if released := sorted(part.ids & facts.released):
        text = (
            f"{', '.join(by_id[id].path for id in released)} is in a release already, so databases may have run it as "
            "it is, and this tool has no merge that would leave it there. Number it anew only if no database ran it."
        )
    else:
        assert policy.on_fork == "merge_revision"  # noqa: S101 - nothing else leads here
        text = (
            f"{', '.join(paths)} forks the migrations, and the contract wants a merge revision (`on_fork`), which this "
            "tool does not have: say `on_fork: reparent` to let the change be numbered anew."
        )
    return Refusal(Why.CANNOT_JOIN, text, paths)


def _is_own_lineage(part: Part, facts: Facts) -> bool:
    """Whether a new base is labelled, stands for published revisions, or is where the base branch has none."""
    assert facts.base is not None  # noqa: S101 - asked only then
    merged = facts.merged.graph
    published = {revision.id for revision in facts.base.revisions}
    if all(merged.labels(root) or published & set(merged.by_id[root].replaces) for root in part.roots):
        return True
    used = {revision.path.rpartition("/")[0] for revision in facts.base.revisions}
    return all(merged.by_id[root].path.rpartition("/")[0] not in used for root in part.roots)
