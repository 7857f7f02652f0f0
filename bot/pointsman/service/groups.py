"""What a group of the forge's own merge queue holds, told by its trees, and the verdict on each part; posts nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from pointsman.core.contract import Contract
from pointsman.core.model import Merged, Sha
from pointsman.core.pulls.model import Pull, PullState
from pointsman.core.pulls.telling import Judged
from pointsman.ports import Forge, Git, Pulls
from pointsman.service.pull_verdicts import Verdicts, judged_of

MOST = 50
"""How many commits of a group are looked at; a longer one passes nothing."""
_NUMBER = re.compile(r"(?:^Merge pull request #(\d{1,9}) |\(#(\d{1,9})\)$)")
"""As the forge writes a merge's and a squash's first line."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MergeGroup:
    """`head` is said to be `base` with pull requests on it, the last of them `number`, for the branch `lane`."""

    head: Sha
    base: Sha
    lane: str
    number: int


@dataclass(frozen=True, kw_only=True, slots=True)
class _Member:
    """A pull request and the commit that it is merged into."""

    pull: Pull
    onto: Sha


@dataclass(kw_only=True)
class Groups:
    """Judges groups. Names and messages only say where to look: what is in a group is told by its trees (rule 16)."""

    git: Git
    pulls: Pulls
    forge: Forge
    verdicts: Verdicts
    contract_of: Callable[[Sha], Contract | str]

    def judged(self, group: MergeGroup) -> tuple[Judged, ...]:
        """A verdict on each pull request in the group, by the branch's contract (I4); or one that says what is wrong
        with the group itself."""
        tip = self.forge.tip(group.lane)
        contract = self.contract_of(tip) if tip is not None else f"the branch {group.lane} is gone"
        if isinstance(contract, str):
            return _problem(group, contract)
        members = self._members(group)
        if isinstance(members, str):
            return _problem(group, members)
        for member in members:
            ahead = self.contract_of(member.onto)
            if isinstance(ahead, str) or ahead.digest != contract.digest:
                return _problem(
                    group, "a change to the contract is ahead in this queue; queue it again after that"
                )
        return tuple(judged_of(self.verdicts.of_pull(one.pull, one.onto, contract)) for one in members)

    def _members(self, group: MergeGroup) -> tuple[_Member, ...] | str:
        """Oldest first; why not, where some commit is not just a pull request on the commit before."""
        last = self._member(group, group.number, group.base, group.head)
        if isinstance(last, _Member):
            return (last,)
        chain = self.git.commits(group.head, exclude=(group.base,), first_parent=True, limit=MOST)
        if not 1 < len(chain) < MOST:
            return last
        onto, members = group.base, []
        for commit in reversed(chain):
            number = group.number if commit == group.head else self._number(commit)
            member = self._member(group, number, onto, commit)
            if isinstance(member, str):
                return member
            members.append(member)
            onto = commit
        return tuple(members)

    def _number(self, commit: Sha) -> int:
        subject = self.git.commit_facts(commit).message.partition("\n")[0]
        found = _NUMBER.search(subject)
        return int(found[1] or found[2]) if found else 0

    def _member(self, group: MergeGroup, number: int, onto: Sha, commit: Sha) -> _Member | str:
        self.pulls.forget(number)
        pull = self.pulls.pull(number) if number else None
        if pull is None or pull.state is not PullState.OPEN or pull.base != group.lane:
            return f"{commit} is of no open pull request for {group.lane}"
        self.forge.branch_heads([f"#{number}"])
        merged = self.git.merge(onto, pull.head)
        if not isinstance(merged, Merged) or merged.tree != self.git.tree_of(commit):
            return f"{commit} is not #{number} at {pull.head} merged into {onto}"
        return _Member(pull=pull, onto=onto)


def _problem(group: MergeGroup, why: str) -> tuple[Judged, ...]:
    return (Judged(base=group.base, head=group.head, problem=why),)
