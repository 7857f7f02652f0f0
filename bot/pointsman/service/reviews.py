"""Reviews that count as approvals of one head, and verdicts that ask for them only where one is missing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pointsman.core.contract import Approval, Contract, Outcome
from pointsman.core.model import Sha
from pointsman.core.pulls.model import Pull, Review
from pointsman.ports import Git, Pulls
from pointsman.service.check import CheckReport
from pointsman.service.pull_verdicts import Verdicts


def approving(git: Git, head: Sha, reviews: Iterable[Review]) -> tuple[Review, ...]:
    """Each reviewer's last word, where it is a yes to exactly this head. After a branch was updated the forge may say
    of an older review that it was of the new head: one that is older than the commit does not count (rule 3)."""
    last = {one.author.id: one for one in reviews if one.state not in ("commented", "pending")}
    written = git.commit_facts(head).committer.when
    return tuple(
        one for one in last.values() if one.state == "approved" and one.commit == head and one.at >= written
    )


@dataclass(kw_only=True)
class Reviewed(Verdicts):
    """Counts the reviews of a pull request where its verdict waits for an approval."""

    pulls: Pulls

    def of_pull(
        self, pull: Pull, tip: Sha, contract: Contract, *, approvals: tuple[Approval, ...] = ()
    ) -> CheckReport:
        report = super().of_pull(pull, tip, contract, approvals=approvals)
        if approvals or report.contract is None or report.contract.outcome is not Outcome.WAITING:
            return report
        given = tuple(
            Approval(
                by=one.author.login,
                identity=self.people.author(one.author.login, one.author.id, contract),
                head=pull.head,
            )
            for one in approving(self.git, pull.head, self.pulls.reviews(pull.number))
        )
        return self.of_pull(pull, tip, contract, approvals=given) if given else report
