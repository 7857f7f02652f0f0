"""Tells which of a change's revisions users may have run already, by tags and release branches; reads refs only."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pointsman.core.migrations.heal.model import Move
from pointsman.core.model import GitPath, Sha
from pointsman.ports import Git

_RELEASE_BRANCH = re.compile(
    r"refs/(?:heads|remotes/[^/]+)/(?:(?:releases?|backports?|stable|maint|hotfix|lts)[/_-].+|v?\d+(?:\.(?:\d+|x))+)"
)
MAX_REFS = 40


def released_ids(
    git: Git, base: Sha, head: Sha, moves: Sequence[Move], rivals: Sequence[GitPath]
) -> frozenset[str]:
    """Revisions that a release branch, or a tagged commit of the change that the base lacks, has without all of
    `rivals` (the files that they would be hung behind): databases may have run them in that order already.

    The first `MAX_REFS` names, from the highest, are looked at."""
    refs = sorted(git.refs("refs/tags/", "refs/heads/", "refs/remotes/").items(), reverse=True)
    tags = [ref for ref, _ in refs if ref.startswith("refs/tags/")][:MAX_REFS]
    places: set[Sha] = set()
    if tags:
        own = frozenset(git.commits(head, exclude=(base,), limit=2000))
        places = {commit for commit in git.commits_of(tags).values() if commit in own}
    branches = [one for one in refs if not one[0].startswith("refs/tags/")]
    release = [commit for ref, commit in branches if commit != head and _RELEASE_BRANCH.fullmatch(ref)]
    found: set[str] = set()
    for place in [*sorted(places), *dict.fromkeys(release[:MAX_REFS])]:
        tree = git.tree_of(place)
        ids = {move.revision for move in moves if git.entry(tree, move.path) is not None}
        if ids - found and any(git.entry(tree, path) is None for path in rivals):
            found |= ids
    return frozenset(found)
