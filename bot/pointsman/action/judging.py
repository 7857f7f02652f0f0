"""Puts a pull request or a merge group before the contract, with what the forge knows of people; it posts nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from pointsman.action import forge
from pointsman.core.contract import Approval, Author, Outcome
from pointsman.core.model import Merged, Sha
from pointsman.core.pulls.model import PullState
from pointsman.core.pulls.telling import Judged
from pointsman.service.contracts import contract_at
from pointsman.service.judging import Subject as Change
from pointsman.service.pull_verdicts import Verdicts, judged_of

if TYPE_CHECKING:
    from pointsman.action.events import Subject
    from pointsman.action.surroundings import Surroundings
    from pointsman.adapters.git.repository import GitRepository
    from pointsman.core.contract import Contract
    from pointsman.core.pulls.model import Review
    from pointsman.ports import Git, People, Remote, Store
    from pointsman.service.check import CheckReport

GROUP = re.compile(r"gh-readonly-queue/(?P<base>.+)/pr-(?P<number>[1-9][0-9]{0,9})-[0-9a-f]{40}")
"""How GitHub names the branch of a merge group; it says where to look, no more (rule 16)."""
ASKED = frozenset({"permission", "team"})
"""Kinds of identity that only the forge can tell."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Unknown:
    """Who there is where nobody is asked: what the event says of the account."""

    def author(
        self, name: str, account: int | None, contract: Contract | None = None, *, live: bool = False
    ) -> Author:
        known = Author.parse(name)
        if account is None:
            return known
        return Author(login=known.login, email=known.email, account_id=account, human=known.human)


def judge(around: Surroundings, git: GitRepository, asked: Subject) -> CheckReport:
    """The change on its base, under the contract that is there. The forge is asked only for what the contract wants
    to know, and for reviews only where an approval is missing."""
    contract = contract_at(git, asked.base)
    reachable = bool(around.inputs.token and around.repository) and asked.account is not None
    desk = forge.desk(around) if reachable and _asks(contract) else None
    people: People = desk.people if desk is not None else Unknown()
    name = asked.author or git.commit_facts(asked.head).author.email
    change = Change(
        author=name,
        who=people.author(name, asked.account, contract),
        branch=asked.branch,
        head=asked.head,
        target=asked.target or contract.base,
    )
    verdicts = _verdicts(git, people)
    report = verdicts.judge(change, asked.base, contract)
    waits = report.contract is not None and report.contract.outcome is Outcome.WAITING
    if not waits or not reachable or asked.number is None:
        return report
    desk = desk or forge.desk(around)
    reviews = desk.pulls.reviews(asked.number)
    given = approving(git, asked.head, reviews, desk.people, contract)
    return verdicts.judge(replace(change, approvals=given), asked.base, contract)


def judge_group(around: Surroundings, git: GitRepository, remote: Remote, asked: Subject) -> Judged:
    """The merge group: it has to be one open pull request's head on its base and nothing else, whatever its branch is
    called (rule 16). The branch's contract counts, and no change to it may be ahead in the forge's queue."""
    desk = forge.desk(around)
    found = GROUP.fullmatch(asked.branch)
    pull = desk.pulls.pull(int(found["number"])) if found is not None else None
    if found is None or pull is None or pull.state is not PullState.OPEN or pull.base != asked.target:
        return _unknown(asked, f"{asked.branch!r} names no open pull request for {asked.target}")
    branch = f"refs/heads/{asked.target}"
    tip = remote.listed([branch]).get(branch)
    if tip is None or found["base"] != asked.target:
        return _unknown(asked, f"{asked.branch!r} is no group for a branch that is there")
    remote.fetch({branch: tip, f"refs/pull/{pull.number}/head": pull.head})
    merged = git.merge(asked.base, pull.head)
    if not isinstance(merged, Merged) or merged.tree != git.tree_of(asked.head):
        return _unknown(asked, f"the group is not #{pull.number} at {pull.head} merged into {asked.base}")
    contract = contract_at(git, tip)
    if contract_at(git, asked.base).digest != contract.digest:
        return _unknown(
            asked, "a change to the contract is ahead in the forge's queue; queue it again after that"
        )
    change = Change(
        author=pull.author.login,
        who=desk.people.author(pull.author.login, pull.author.id, contract),
        branch=pull.branch,
        head=pull.head,
        target=pull.base,
        approvals=approving(git, pull.head, desk.pulls.reviews(pull.number), desk.people, contract),
    )
    return judged_of(_verdicts(git, desk.people).judge(change, asked.base, contract))


def _unknown(asked: Subject, problem: str) -> Judged:
    return Judged(base=asked.base, head=asked.head, branch=asked.branch, problem=problem)


def approving(
    git: Git, head: Sha, reviews: tuple[Review, ...], people: People, contract: Contract
) -> tuple[Approval, ...]:
    """Each reviewer's last word, where it is a yes to exactly this head. After a branch was updated the forge may say
    of an older review that it was of the new head: one that is older than the commit does not count (rule 3)."""
    last = {one.author.id: one for one in reviews if one.state not in ("commented", "pending")}
    written = git.commit_facts(head).committer.when
    return tuple(
        Approval(
            by=one.author.login, identity=people.author(one.author.login, one.author.id, contract), head=head
        )
        for one in last.values()
        if one.state == "approved" and one.commit == head and one.at >= written
    )


def _verdicts(git: GitRepository, people: People) -> Verdicts:
    from pointsman.adapters.clock import SystemClock
    from pointsman.wiring import open_reader

    nothing = cast("Store", None)  # `judge` remembers nothing and is asked for no queued change
    return Verdicts(git=git, store=nothing, people=people, clock=SystemClock(), reader=open_reader(git))


def _asks(contract: Contract) -> bool:
    """Whether who has which role depends on something that only the forge can tell."""
    return any(one.kind in ASKED for role in contract.roles.values() for one in role.who)
