"""The forge's API for pull requests of one repository; every read is of this instant, every write safe to repeat."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pointsman.core.model import Sha
    from pointsman.core.pulls.model import (
        Account,
        BranchRules,
        CheckOutput,
        Comment,
        CommitChecks,
        Pull,
        Reaction,
        RepositoryName,
        Review,
    )


class Pulls(Protocol):
    """Pull requests, people and checks of one repository, as one app (or one token) sees them.

    Errors, of every method: `ForgeUnavailable` (asked again later, with the time when), `ForgeRefused` (a
    permission is missing, the repository is gone). A write whose answer got lost is read back, never blindly
    repeated (rule 2).
    """

    @property
    def repository(self) -> RepositoryName: ...

    @property
    def itself(self) -> Account:
        """The account that our comments and pushes carry."""
        ...

    @property
    def app(self) -> int:
        """The id of the app that owns our check runs."""
        ...

    @property
    def default_branch(self) -> str: ...

    @property
    def spent(self) -> int:
        """API requests made for this repository so far, those that were repeated included."""
        ...

    def pull(self, number: int) -> Pull | None:
        """None where there is no such pull request (an issue's number, or it is gone)."""
        ...

    def open_pulls(self, *, since: float = 0.0) -> tuple[Pull, ...]:
        """Open pull requests changed at or after `since` (seconds since 1970), newest change first."""
        ...

    def pulls_with_head(self, commit: Sha) -> tuple[Pull, ...]:
        """The open pull requests whose head is that very commit (rule 17)."""
        ...

    def comments(self, number: int) -> tuple[Comment, ...]:
        """All of one conversation, oldest first."""
        ...

    def comments_since(self, since: float) -> tuple[Comment, ...]:
        """Of all conversations, those created or edited at or after `since`, oldest first."""
        ...

    def reviews(self, number: int) -> tuple[Review, ...]:
        """Oldest first."""
        ...

    def permission(self, who: Account) -> str:
        """`none`, `read`, `triage`, `write`, `maintain` or `admin`, looked up now; `none` where the login has come to
        belong to another id."""
        ...

    def teams(self, who: Account, among: Collection[str]) -> frozenset[str]:
        """Those of the teams (`org/team`) that the account is an active member of."""
        ...

    def comment(self, number: int, body: str) -> int:
        """Post a comment; its id."""
        ...

    def edit_comment(self, comment: int, body: str) -> bool:
        """False when the comment is gone."""
        ...

    def react(self, comment: int, reaction: Reaction) -> None: ...

    def checks(self, commit: Sha) -> CommitChecks:
        """Every check run (newest per name and app, older attempts too), every status, the suites."""
        ...

    def rules(self, branch: str) -> BranchRules:
        """What protects the branch; conditional requests make asking again cheap."""
        ...

    def post_check(self, output: CheckOutput, *, known: int | None) -> int:
        """Create the check run, or bring the `known` one up to date; its id. More than 50 annotations go in several
        requests."""
        ...

    def close(self, number: int) -> None: ...

    def open_pull(self, *, title: str, body: str, branch: str, base: str) -> int:
        """Open a pull request from a branch of this repository, or find the one that is open already; its number."""
        ...

    def dispatch(self, workflow: str, *, ref: str, inputs: Mapping[str, str]) -> None:
        """Start a workflow by `workflow_dispatch` on a branch (rule 10)."""
        ...

    def rerun(self, check_run: int) -> bool:
        """Ask for the failed jobs of a workflow run again; False where that is not possible."""
        ...

    def forget(self, number: int | None = None, *, commit: Sha | None = None) -> None:
        """Drop what is remembered of a pull request or a commit: something said that it changed."""
        ...
