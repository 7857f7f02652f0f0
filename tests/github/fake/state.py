"""What the fake GitHub remembers, as plain mutable records; it serves nothing and starts nothing."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any, Literal

Json = dict[str, Any]
"""A JSON object as it travels."""

LEVELS = ("none", "read", "triage", "write", "maintain", "admin")
"""Permissions on a repository, weakest first."""

ACTIONS_APP = 15368
"""The id of GitHub Actions, as on github.com."""

ZERO = "0" * 40
"""What git says for a ref that does not exist."""


@dataclass(kw_only=True, eq=False)
class Account:
    """Somebody, a bot or an organisation; `id` never changes, `login` may."""

    login: str
    id: int
    type: Literal["User", "Bot", "Organization"] = "User"


@dataclass(kw_only=True, eq=False)
class Team:
    """A team of an organisation; `members` maps logins to `active` or `pending`."""

    id: int
    org: Account
    slug: str
    members: dict[str, str] = field(default_factory=dict)


@dataclass(kw_only=True, eq=False)
class App:
    """A GitHub App. `hook_url` None: it is told nothing. `events` empty: it is told all."""

    id: int
    slug: str
    owner: Account
    bot: Account
    permissions: dict[str, str]
    events: list[str]
    private_key: str
    public_key: str
    webhook_secret: str
    hook_url: str | None
    created: float = 0.0

    @property
    def client_id(self) -> str:
        return f"Iv23li{self.id:014d}"


@dataclass(kw_only=True, eq=False)
class Installation:
    """An app on an account; `repositories` None: on all of the account's."""

    id: int
    app: App
    account: Account
    permissions: dict[str, str]
    repositories: set[int] | None
    created: float
    suspended: bool = False


TokenKind = Literal["user", "installation", "actions", "app", "anonymous"]


@dataclass(kw_only=True, eq=False)
class Credential:
    """Who is asking, and what that allows; for a user the repository's own permissions decide."""

    kind: TokenKind
    account: Account | None = None
    app: App | None = None
    installation: Installation | None = None
    permissions: dict[str, str] = field(default_factory=dict)
    repositories: set[int] | None = None
    expires: float | None = None

    @property
    def name(self) -> str:
        return self.account.login if self.account else "anonymous"


@dataclass(kw_only=True, eq=False)
class Comment:
    id: int
    number: int
    author: Account
    body: str
    created: float
    updated: float
    app: App | None = None


@dataclass(kw_only=True, eq=False)
class Reaction:
    id: int
    author: Account
    content: str
    created: float


@dataclass(kw_only=True, eq=False)
class Review:
    id: int
    author: Account
    state: str
    body: str
    commit: str
    at: float


@dataclass(kw_only=True, eq=False)
class Pull:
    """A pull request; `head_repo` is the id of the fork or of the repository itself, None once deleted."""

    id: int
    number: int
    author: Account
    title: str
    body: str | None
    base: str
    base_sha: str
    branch: str
    head: str
    head_repo: int | None
    head_owner: Account
    draft: bool
    maintainer_can_modify: bool
    created: float
    updated: float
    state: Literal["open", "closed"] = "open"
    closed: float | None = None
    merged: float | None = None
    merged_by: Account | None = None
    merge_commit: str | None = None
    labels: list[str] = field(default_factory=list)
    reviews: list[Review] = field(default_factory=list)
    locked: bool = False
    mergeable_of: tuple[str, str] | None = None
    mergeable: bool | None = None
    reads_until_known: int = 0


@dataclass(kw_only=True, eq=False)
class CheckSuite:
    id: int
    app: App
    sha: str
    branch: str | None
    before: str | None
    created: float
    updated: float
    status: str = "queued"
    conclusion: str | None = None


@dataclass(kw_only=True, eq=False)
class CheckRun:
    id: int
    name: str
    app: App
    suite: CheckSuite
    sha: str
    status: str = "queued"
    conclusion: str | None = None
    started: float | None = None
    completed: float | None = None
    external_id: str = ""
    details_url: str | None = None
    title: str | None = None
    summary: str | None = None
    text: str | None = None
    annotations: list[Json] = field(default_factory=list)


@dataclass(kw_only=True, eq=False)
class Status:
    id: int
    sha: str
    context: str
    state: str
    description: str | None
    target_url: str | None
    creator: Account
    at: float


@dataclass(kw_only=True, eq=False)
class Deployment:
    id: int
    sha: str
    ref: str
    task: str
    environment: str
    description: str | None
    payload: Any
    creator: Account
    created: float
    statuses: list[Json] = field(default_factory=list)


@dataclass(kw_only=True, eq=False)
class Ruleset:
    """Rules for the branches that match; `rules` are GitHub's own objects (`type`, `parameters`)."""

    id: int
    name: str
    branches: list[str]
    rules: list[Json]
    bypass: list[Json]
    enforcement: str
    created: float


@dataclass(kw_only=True, frozen=True, slots=True)
class RefUpdate:
    """One ref that moved; `old` or `new` is ZERO where it was made or removed. `by` is a login, `via` says how."""

    repo: str
    ref: str
    old: str
    new: str
    forced: bool
    by: str
    via: str


@dataclass(kw_only=True, frozen=True, slots=True)
class Request:
    """One answered API request; `token` is the kind of the credential, `route` the description's path."""

    method: str
    path: str
    route: str
    status: int
    token: str
    installation: int | None
    app: int | None


def stamp(seconds: float) -> str:
    """ISO 8601 in UTC to the second, as GitHub writes times."""
    return dt.datetime.fromtimestamp(seconds, tz=dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
