"""What GitHub said of an app, its webhook and a repository, as plain data for the doctor; it judges nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pointsman.core.contract import Contract
from pointsman.core.pulls.model import RequiredCheck


@dataclass(frozen=True, kw_only=True, slots=True)
class Unread:
    """A question that got no answer; `why` in words."""

    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class AppFacts:
    """The app as GitHub describes it. `site` is where people go (`https://github.com`), `expected_slug` what the
    credentials say, '' where nothing; `account` the id of its own account, None where that could not be read."""

    id: int
    slug: str
    owner: str
    owned_by_organization: bool
    site: str
    permissions: Mapping[str, str]
    events: frozenset[str]
    expected_slug: str = ""
    account: int | None = None

    @property
    def settings(self) -> str:
        """The page where its owner changes it."""
        whose = f"organizations/{self.owner}/" if self.owned_by_organization else ""
        return f"{self.site}/{whose}settings/apps/{self.slug}"


@dataclass(frozen=True, kw_only=True, slots=True)
class HookFacts:
    """How deliveries are sent; `url` is '' where there is none."""

    url: str
    content_type: str
    verifies_tls: bool
    has_secret: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class DeliveryFacts:
    """One attempt to deliver, as GitHub saw it end. `code` is the HTTP status, 0 where there was no answer; `at` in
    seconds since 1970."""

    at: float
    code: int
    status: str
    event: str

    @property
    def arrived(self) -> bool:
        return 200 <= self.code < 300

    @property
    def under_way(self) -> bool:
        return self.status.lower() == "pending"


@dataclass(frozen=True, kw_only=True, slots=True)
class InstallationFacts:
    """The app on one account; `remaining` of `limit` API requests are left in this hour, None where not known."""

    id: int
    account: str
    page: str
    permissions: Mapping[str, str]
    events: frozenset[str]
    suspended: bool = False
    limit: int | None = None
    remaining: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One rule in force on a branch, of the ruleset with that id."""

    kind: str
    ruleset: int
    required: tuple[RequiredCheck, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Actor:
    """One entry of a bypass list: `kind` and `mode` in GitHub's words, `id` None where the kind has none."""

    kind: str
    id: int | None
    mode: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Ruleset:
    """`bypass`: what the app itself may (`always`, `exempt`, `pull_requests_only`, `never`), None where not told;
    `actors` is None where the list was not shown: GitHub shows it only to those who may change it. `hidden`: why an
    administrator's token did not help, '' where none was given."""

    id: int
    name: str
    page: str
    bypass: str | None = None
    actors: tuple[Actor, ...] | None = None
    hidden: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Classic:
    """Classic branch protection. `pushers`: the apps that may push, `other_pushers` the people and teams, both None
    where pushing is not restricted; `review_bypass`: the apps that need no pull request, None where nobody needs one.
    """

    required: tuple[RequiredCheck, ...] = ()
    pushers: frozenset[int] | None = None
    other_pushers: tuple[str, ...] | None = None
    review_bypass: frozenset[int] | None = None
    locked: bool = False
    signatures: bool = False
    linear: bool = False
    force_pushes: bool = False
    deletions: bool = False
    admins_too: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkflowFile:
    """A workflow as it stands on the base branch."""

    path: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class RepositoryFacts:
    """A repository, as far as it could be read. `contract` is the one on `base`; where there is none that counts,
    None, and `contract_problem` says why. `candidate_rules` hold for branches under `pointsman/`. `classic` None: no
    such protection. `unread_workflows`: how many files were not asked for."""

    name: str
    page: str
    default_branch: str
    base: str
    contract: Contract | None = None
    contract_problem: str = ""
    rules: tuple[Rule, ...] | Unread = ()
    candidate_rules: tuple[Rule, ...] | Unread = ()
    rulesets: Mapping[int, Ruleset | Unread] = field(default_factory=dict)
    classic: Classic | Unread | None = None
    workflows: tuple[WorkflowFile, ...] | Unread = ()
    unread_workflows: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Gate:
    """Who runs the contract's checks and the proofs: the repository's workflows, or the runner beside the app."""

    workflows: bool = True
    proofs: bool = True
