"""Bringing a change onto a commit: what was stacked, and proved, on a tree is not done again on the same tree."""

from __future__ import annotations

from pathlib import Path

from pointsman.adapters.git.repository import GitRepository
from pointsman.core.model import Signature
from pointsman.service.contracts import contract_at
from pointsman.service.heal.stack import HealingStacker
from pointsman.service.migrations import Reader
from pointsman.service.stacking import Stacked
from tests.flows.world import World

BOT = Signature(name="Bot", email="bot@localhost", when=0)


def test_the_same_change_on_the_same_tree_is_stacked_once_whatever_the_commit_is_called(
    tmp_path: Path,
) -> None:
    world = World(tmp_path)
    head, beside = world.branch("agent/a"), world.branch("agent/b", {"b": ""})
    with GitRepository.open(world.path) as git:
        base = git.resolve("main")
        renamed = git.commit(
            tree=git.tree_of(base), parents=(base,), message="Again\n", author=BOT, committer=BOT
        )
        stacker = HealingStacker(git=git, prover=None, reader=Reader(git=git))
        contract = contract_at(git, base)
        first = stacker.stack(base, git.resolve(head), contract)
        assert isinstance(first, Stacked)
        assert stacker.stack(renamed, git.resolve(head), contract) is first
        assert stacker.stack(git.resolve(beside), git.resolve(head), contract) is not first
