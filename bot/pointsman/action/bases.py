"""Where a candidate begins: the commit of the base branch that it stands on; it reads refs and objects only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pointsman.action.events import branch, sha
from pointsman.action.objects import mirrored, repository_url
from pointsman.core.errors import ForgeRefused, ForgeUnavailable, UserError
from pointsman.service.contracts import contract_at

if TYPE_CHECKING:
    from pointsman.action.surroundings import Surroundings
    from pointsman.core.model import Sha
    from pointsman.ports import Git

MOST = 100
"""Members of one candidate."""


def candidate(around: Surroundings) -> Sha:
    """The commit in question: the input `head`, else the one that the run is on."""
    if around.inputs.head:
        return sha(around.inputs.head, "the input `head`")
    if around.sha:
        return sha(around.sha, "GITHUB_SHA")
    raise UserError("no commit: set the input `head` to a full commit id")


def base_of(around: Surroundings, git: Git, commit: Sha) -> Sha:
    """The input `base`; else where the commit left the base branch that the contract before it names; else, where
    that can't be told or the commit is on the branch already, its first parent."""
    if around.inputs.base:
        return sha(around.inputs.base, "the input `base`")
    parents = git.commit_facts(commit).parents
    if not parents:
        return commit
    tip = _tip(around, git, branch(contract_at(git, parents[0]).base, "the contract's base"))
    own = git.commits(commit, exclude=(tip,), first_parent=True, limit=MOST + 1) if tip is not None else ()
    return git.commit_facts(own[-1]).parents[0] if own and git.commit_facts(own[-1]).parents else parents[0]


def _tip(around: Surroundings, git: Git, name: str) -> Sha | None:
    """The base branch: as the checkout has it, else as the forge says; None where neither is to be had."""
    known = git.read_ref(f"refs/remotes/origin/{name}")
    if known is not None:
        return known
    ref = f"refs/heads/{name}"
    try:
        repository_url(around)
        with mirrored(around) as (mirror, remote):
            tip = remote.listed([ref]).get(ref)
            if tip is None or mirror.git_common_dir != getattr(git, "git_common_dir", None):
                return None
            remote.fetch({ref: tip})
            return tip
    except (UserError, ForgeRefused, ForgeUnavailable):
        return None
