"""What a webhook can tell, as frozen data. Each names the repository, the installation and who caused it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pointsman.core.model import Sha
from pointsman.core.pulls.model import Account, Comment, Pull, RepositoryName, Review


@dataclass(frozen=True, kw_only=True, slots=True)
class _InRepository:
    """`installation` is the app's, None where the webhook is the repository's own; `sender` caused the event."""

    repository: RepositoryName
    installation: int | None = None
    sender: Account | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class PullChanged(_InRepository):
    """`action` as GitHub names it (`opened`, `synchronize`, `labeled`, `closed`, ...). `label` is the one put on
    or taken off, `before` the head until a `synchronize`, `base_before` the base branch until an `edited` moved it."""

    action: str
    pull: Pull
    label: str | None = None
    before: Sha | None = None
    base_before: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ReviewChanged(_InRepository):
    """A review was `submitted`, `edited` or `dismissed`; `head` is the pull request's then (rule 3)."""

    action: str
    number: int
    head: Sha
    review: Review


@dataclass(frozen=True, kw_only=True, slots=True)
class CommentMade(_InRepository):
    """Only `created` may carry a command (rule 12). `is_pull`: it stands on a pull request, not on an issue."""

    action: Literal["created", "edited", "deleted"]
    comment: Comment
    is_pull: bool
    labels: tuple[str, ...] = ()
    open: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class ChecksChanged(_InRepository):
    """Something is said of `commit`. `name` and `app` (its id) are None where the event does not tell.

    `action` is GitHub's (`completed`, `rerequested`, ...), '' for a status; `branch` the short name it ran for,
    `pulls` the pull requests it names (never those of forks), `asked` the button pressed on a check of ours.
    """

    kind: Literal["check_run", "check_suite", "status", "workflow_run"]
    commit: Sha
    name: str | None
    app: int | None
    completed: bool
    conclusion: str | None
    action: str = ""
    id: int = 0
    branch: str | None = None
    pulls: tuple[int, ...] = ()
    asked: str | None = None
    external_id: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pushed(_InRepository):
    """A ref moved. `branch` is its short name, None for a tag; `before` None: it is new, `after` None: it is gone."""

    ref: str
    branch: str | None
    before: Sha | None
    after: Sha | None
    deleted: bool
    forced: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class MergeGroupAsked(_InRepository):
    """GitHub's own queue wants checks on a group (`checks_requested`) or is done with it (`destroyed`). The refs
    are full names; `head_ref` is a hint only: its name proves nothing (rule 16)."""

    action: Literal["checks_requested", "destroyed"]
    head_sha: Sha
    head_ref: str
    base_sha: Sha
    base_ref: str


@dataclass(frozen=True, kw_only=True, slots=True)
class DeploymentChanged(_InRepository):
    """`state` as GitHub has it: `pending`, `queued`, `in_progress`, `success`, `failure`, `error`, `inactive`."""

    commit: Sha
    environment: str
    state: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RepositoryRenamed(_InRepository):
    """`repository` has its new name; `before` is the old `owner/name` where the event tells it."""

    action: Literal["renamed", "transferred"]
    before: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class InstallationChanged:
    """`installation` came, went, or may see more or fewer repositories: `added` and `removed`. With an `action`
    of `deleted` or `suspend` it sees none."""

    action: str
    installation: int
    account: Account | None
    sender: Account | None
    app: int | None = None
    added: tuple[RepositoryName, ...] = ()
    removed: tuple[RepositoryName, ...] = ()
    repository: None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Pinged:
    """GitHub tries the webhook."""

    repository: RepositoryName | None = None
    installation: int | None = None
    sender: Account | None = None


Event = (
    PullChanged
    | ReviewChanged
    | CommentMade
    | ChecksChanged
    | Pushed
    | MergeGroupAsked
    | DeploymentChanged
    | RepositoryRenamed
    | InstallationChanged
    | Pinged
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Ignored:
    """Sound, and none of our business."""

    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Malformed:
    """Not what the forge documents: `why` names the key. A timer reads the truth from the API all the same."""

    why: str
