"""What a forge such as GitHub says of pull requests, people and checks; frozen data, read once, no rule here."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from pointsman.core.model import Sha

GITHUB_ACTIONS_APP = 15368
"""The id of GitHub Actions on github.com, which owns the check runs of workflows' jobs."""

CANDIDATES = "pointsman/"
"""Branches under this prefix are the bot's own: candidates for the gate. No pull request may come from one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """Somebody on the forge. The id is what counts: logins can be changed and taken over."""

    login: str
    id: int
    bot: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class RepositoryName:
    """A repository: `id` stays when it is renamed or moved, `full_name` is `owner/name` as last heard."""

    id: int
    full_name: str


class PullState(StrEnum):
    OPEN = "open"
    CLOSED = "closed"
    MERGED = "merged"


@dataclass(frozen=True, kw_only=True, slots=True)
class Pull:
    """A pull request as the forge describes it at one instant.

    `head_repository` is None where the fork was deleted. `updated_at` is in seconds since 1970, UTC. What GitHub
    says of mergeability is left out on purpose: it goes stale (rule 4).
    """

    number: int
    title: str
    body: str
    author: Account
    state: PullState
    draft: bool
    base: str
    base_sha: Sha
    head: Sha
    branch: str
    head_repository: RepositoryName | None
    fork: bool
    maintainer_can_modify: bool = False
    labels: tuple[str, ...] = ()
    updated_at: float = 0.0
    node_id: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Comment:
    """A comment on a pull request's conversation."""

    id: int
    number: int
    author: Account
    body: str
    created_at: float
    updated_at: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Review:
    """A review's verdict on one commit; `state` as GitHub has it, in lower case."""

    id: int
    author: Account
    state: Literal["approved", "changes_requested", "commented", "dismissed", "pending"]
    commit: Sha | None
    at: float


@dataclass(frozen=True, kw_only=True, slots=True)
class ForeignCheck:
    """One check run or commit status on a commit, as the forge tells it.

    `app` is the id of the app that owns a check run, None for a status. `status` is `completed` when it has
    ended; a status that is not pending has ended. `conclusion` is the forge's word (`success`, `failure`,
    `neutral`, `cancelled`, `skipped`, `timed_out`, `action_required`, `stale`, `startup_failure`, `error`), None
    until then. `started_at`/`completed_at` in seconds since 1970, None where unknown. `text` is what its output
    says (title, summary and text), bounded.
    """

    id: int
    name: str
    kind: Literal["check_run", "status"]
    app: int | None
    status: str
    conclusion: str | None
    url: str = ""
    started_at: float | None = None
    completed_at: float | None = None
    text: str = ""
    suite: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class CommitChecks:
    """All that is reported on one commit, read at `read_at`. `suites_running` counts the check suites (of other
    apps than ourselves) that have begun and not completed."""

    commit: Sha
    checks: tuple[ForeignCheck, ...]
    suites_running: int = 0
    read_at: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class RequiredCheck:
    """A check that the branch's rules ask for; `app` None: any app's will do for the forge (rule 7)."""

    name: str
    app: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class BranchRules:
    """What protects a branch, as far as we may read it. `problems`: parts that could not be read, in words."""

    required: tuple[RequiredCheck, ...] = ()
    kinds: tuple[str, ...] = ()
    merge_queue: bool = False
    problems: tuple[str, ...] = ()


class Severity(StrEnum):
    """How an annotation is shown; GitHub's own words."""

    NOTICE = "notice"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, kw_only=True, slots=True)
class Annotation:
    """A remark on lines of a file of the pull request's head; lines count from 1, `end` included."""

    path: str
    line: int
    end: int
    severity: Severity
    title: str
    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckOutput:
    """What a check run of ours says. `conclusion` None: it still runs. `summary` and `text` are Markdown, at most
    65,535 bytes each on GitHub."""

    name: str
    head: Sha
    conclusion: Literal["success", "failure", "neutral", "action_required"] | None
    title: str
    summary: str
    text: str = ""
    annotations: tuple[Annotation, ...] = field(default=())


Reaction = Literal["eyes", "+1", "-1", "confused", "rocket"]
