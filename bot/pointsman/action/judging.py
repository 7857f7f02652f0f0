"""Puts a pull request or a merge group before the contract, with what the forge knows of people; it posts nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from pointsman.action import forge
from pointsman.core.contract import Approval, Author, Outcome
from pointsman.core.errors import UserError
from pointsman.core.model import Sha
from pointsman.core.pulls.telling import Judged
from pointsman.service.contracts import contract_at
from pointsman.service.groups import Groups, MergeGroup
from pointsman.service.judging import Subject as Change
from pointsman.service.pull_verdicts import Verdicts
from pointsman.service.reviews import Reviewed, approving

if TYPE_CHECKING:
    from pointsman.action.events import Subject
    from pointsman.action.surroundings import Surroundings
    from pointsman.adapters.git.repository import GitRepository
    from pointsman.adapters.github.remote import GitRemote
    from pointsman.core.contract import Contract
    from pointsman.ports import Git, People, Store
    from pointsman.service.check import CheckReport
    from pointsman.service.migrations import Reader

GROUP = re.compile(r"gh-readonly-queue/(?P<base>.+)/pr-(?P<number>[1-9][0-9]{0,9})-[0-9a-f]{40}")
"""How GitHub names the branch of a merge group; it says where to look, no more (rule 16)."""
_NOTHING = cast("Store", None)
"""`Verdicts` asks its store for queued changes only, and there are none here."""
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
    from pointsman.adapters.clock import SystemClock

    verdicts = Verdicts(git=git, store=_NOTHING, people=people, clock=SystemClock(), reader=_reader(git))
    report = verdicts.judge(change, asked.base, contract)
    waits = report.contract is not None and report.contract.outcome is Outcome.WAITING
    if not waits or not reachable or asked.number is None:
        return report
    desk = desk or forge.desk(around)
    reviews = desk.pulls.reviews(asked.number)
    given = tuple(
        Approval(
            by=one.author.login,
            identity=desk.people.author(one.author.login, one.author.id, contract),
            head=asked.head,
        )
        for one in approving(git, asked.head, reviews)
    )
    return verdicts.judge(replace(change, approvals=given), asked.base, contract)


def judge_group(
    around: Surroundings, git: GitRepository, remote: GitRemote, asked: Subject
) -> tuple[Judged, ...]:
    """The merge group: pull requests on its base and nothing else, whatever its branch is called (rule 16), each judged
    under the branch's contract; or one verdict that says what is wrong with the group itself."""
    from pointsman.adapters.clock import SystemClock
    from pointsman.adapters.github.forge import GitHubForge

    desk = forge.desk(around)
    found = GROUP.fullmatch(asked.branch)
    if found is None or found["base"] != asked.target:
        return (_unknown(asked, f"{asked.branch!r} is no group's branch for {asked.target}"),)
    judges = Reviewed(
        git=git,
        store=_NOTHING,
        people=desk.people,
        clock=SystemClock(),
        reader=_reader(git),
        pulls=desk.pulls,
    )
    groups = Groups(
        git=git,
        pulls=desk.pulls,
        forge=GitHubForge(git=git, remote=remote, pulls=desk.pulls, clock=SystemClock()),
        verdicts=judges,
        contract_of=lambda commit: _contract(git, commit),
    )
    return groups.judged(
        MergeGroup(head=asked.head, base=asked.base, lane=asked.target, number=int(found["number"]))
    )


def _contract(git: Git, commit: Sha) -> Contract | str:
    try:
        return contract_at(git, commit)
    except UserError as problem:
        return str(problem)


def _unknown(asked: Subject, problem: str) -> Judged:
    return Judged(base=asked.base, head=asked.head, branch=asked.branch, problem=problem)


def _reader(git: GitRepository) -> Reader:
    from pointsman.wiring import open_reader

    return open_reader(git)


def _asks(contract: Contract) -> bool:
    """Whether who has which role depends on something that only the forge can tell."""
    return any(one.kind in ASKED for role in contract.roles.values() for one in role.who)
