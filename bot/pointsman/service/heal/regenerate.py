"""Has a contract's commands run on a merged tree and takes what they made into it; it writes objects, never a ref."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pointsman.core.conflicts.accept import Unfit, accept, needed
from pointsman.core.conflicts.declared import Declared
from pointsman.core.conflicts.kinds import SCRIPTS_OFF
from pointsman.core.conflicts.model import (
    NEEDS_REGENERATING,
    NOT_REGENERATED,
    NotRemade,
    Regenerator,
    Remade,
    Remake,
    RemakeRequest,
    Resolved,
)
from pointsman.core.migrations.backends import BACKENDS, backend_of
from pointsman.core.migrations.heal.model import Refusal, Why
from pointsman.core.model import GitPath, Sha
from pointsman.ports import Git
from pointsman.service.heal.model import Healing
from pointsman.service.migrations import Reader


def remake(
    git: Git,
    healing: Healing,
    rules: Declared,
    reader: Reader,
    regenerator: Regenerator | None,
) -> Healing:
    """The healing with every command of `remakes` run, one after the other, on the healed tree. What they made is part
    of `merged` too: the contract judges it like any other path of the change. Without a regenerator, and where the
    result can't be taken, the whole is refused."""
    for one in healing.remakes:
        tree = healing.tree
        if tree is None or healing.merged is None:
            break
        if regenerator is None:
            healing = _refused(healing, NEEDS_REGENERATING, needed(one), one.met)
            break
        one = replace(one, moved=_sources_moved(git, healing.onto, tree, one, rules))
        request = RemakeRequest(tree=tree, remake=one, env=SCRIPTS_OFF, sandbox=rules.sandbox)
        healing = _taken(git, healing, one, regenerator.remake(request), reader)
    return replace(healing, remakes=())


def _taken(git: Git, healing: Healing, one: Remake, answer: Remade | NotRemade, reader: Reader) -> Healing:
    assert healing.tree is not None and healing.merged is not None  # noqa: S101 - the caller has looked
    made = accept(one, answer)
    if isinstance(made, Unfit):
        return _refused(healing, NOT_REGENERATED, made.why, one.met)
    tree = git.edit(healing.tree, made) if made else healing.tree
    wrong = _wrong_migrations(git, healing, tree, made, reader)
    if wrong is not None:
        return replace(healing, tree=None, refusals=(*healing.refusals, wrong))
    paths = sorted({*made, *one.met})
    left = [path for path in one.theirs if path not in made and git.entry(tree, path) is None]
    note = f"the change's own {', '.join(left)} is not made again" if left else ""
    resolved = tuple(Resolved(path=path, kind="regenerated", command=one.run, note=note) for path in paths)
    merged = git.edit(healing.merged, made) if made else healing.merged
    return replace(healing, tree=tree, merged=merged, resolved=(*healing.resolved, *resolved))


def _sources_moved(git: Git, onto: Sha, tree: Sha, one: Remake, rules: Declared) -> bool:
    """Whether the merged tree holds other sources than the base."""
    rule = next((rule for rule in rules.generated if (rule.writes, rule.run) == (one.writes, one.run)), None)
    changes = git.changed(git.tree_of(onto), tree)
    return rule is not None and any(rule.reads(change.path) for change in changes)


def _wrong_migrations(
    git: Git, healing: Healing, tree: Sha, made: Mapping[GitPath, bytes], reader: Reader
) -> Refusal | None:
    """What a command that writes migrations may not do: edit a published one, or bring a head more than there was."""
    assert healing.tree is not None  # noqa: S101 - the caller has looked
    paths = tuple(path for path in made if any(backend.may_matter(path) for backend in BACKENDS))
    if not paths:
        return None
    base = git.tree_of(healing.onto)
    published = tuple(
        path
        for path in paths
        if any(backend_of(layout).is_revision_file(layout, path) for layout in reader.layouts(base))
        and git.entry(base, path) is not None
    )
    if published:
        text = f"The command edits migrations that are on the base already: {', '.join(published)}."
        return Refusal(Why.EDITS_PUBLISHED, text, published)
    before = {each.layout.key: each for each in reader.read(healing.tree).environments}
    for each in reader.read(tree).environments:
        old = before.get(each.layout.key)
        known = {problem.message for problem in old.problems} if old else set()
        new = [problem.message for problem in each.problems if problem.message not in known]
        if new or len(each.heads) > max(1, len(old.heads) if old else 0):
            text = "; ".join(new) or f"{each.layout.config} would have heads {', '.join(each.heads)}"
            return Refusal(NOT_REGENERATED, f"What the command made breaks the migrations: {text}.", paths)
    return None


def _refused(healing: Healing, code: str, text: str, paths: tuple[GitPath, ...]) -> Healing:
    return replace(healing, tree=None, refusals=(*healing.refusals, Refusal(code, text, paths)))
