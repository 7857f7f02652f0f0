"""Where the app is installed, and the way into each repository; tokens and limits are shared as GitHub counts them."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlsplit

from pointsman.adapters.github.auth import AppKey, InstallationTokens, TokenAuth
from pointsman.adapters.github.client import Client
from pointsman.adapters.github.credentials import AppCredentials
from pointsman.adapters.github.pace import Pace
from pointsman.adapters.github.pulls import GitHubPulls
from pointsman.adapters.github.repository import Raw, read
from pointsman.adapters.github.transport import Transport
from pointsman.core.contract.identity import BOT
from pointsman.core.errors import ForgeRefused
from pointsman.core.pulls.model import GITHUB_ACTIONS_APP, Account, RepositoryName
from pointsman.ports import Clock

MOST_INSTALLATIONS, MOST_REPOSITORIES = 1000, 10_000
ACTIONS_ACCOUNT = "github-actions" + BOT


@dataclass(frozen=True, kw_only=True, slots=True)
class Installed:
    """A repository that the app may work in."""

    installation: int
    repository: RepositoryName
    default_branch: str
    archived: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Opened:
    """A repository's API, as a port and as such, and the tokens for its git."""

    pulls: GitHubPulls
    client: Client
    tokens: InstallationTokens | TokenAuth
    html_url: str


class AppDirectory:
    """All that one app sees. Errors: `ForgeUnavailable`, `ForgeRefused`."""

    def __init__(
        self, credentials: AppCredentials, *, clock: Clock, transport: Transport | None = None
    ) -> None:
        self._clock = clock
        self._transport = transport or Transport(credentials.api_url, clock=clock)
        self._client = Client(self._transport, AppKey(credentials, clock=clock), clock=clock)
        self._credentials = credentials
        self._lock = threading.Lock()
        self._paces: dict[int, Pace] = {}
        self._listers: dict[int, Client] = {}
        self._granted: dict[int, dict[str, str]] = {}
        self._itself: Account | None = None

    @property
    def client(self) -> Client:
        """Requests in the app's own name."""
        return self._client

    @property
    def credentials(self) -> AppCredentials:
        """With `slug` and `html_url`, asked for where they were not given."""
        if not (self._credentials.slug and self._credentials.html_url):
            app = self._client.get("/app")
            self._credentials = read(lambda raw: _completed(self._credentials, raw), app)
        return self._credentials

    def repositories(self) -> tuple[Installed, ...]:
        """Those of every installation that is not suspended, in GitHub's order."""
        listing = self._client.listing("/app/installations", most=MOST_INSTALLATIONS)
        active = [raw for raw in listing.items if not raw.get("suspended_at")]
        self._granted = {read(_id, raw): dict(raw.get("permissions") or {}) for raw in active}
        return tuple(each for raw in active for each in self._of_installation(read(_id, raw)))

    def open(self, installed: Installed) -> Opened:
        """No request is made but, once, one for our own account's id."""
        installation = installed.installation
        tokens = InstallationTokens(
            self._client,
            installation=installation,
            repository=installed.repository.id,
            clock=self._clock,
            granted=lambda: self._granted.get(installation),
        )
        client = self._client_of(installation, tokens)
        pulls = GitHubPulls(
            client,
            installed.repository,
            itself=self._own_account(client),
            app=self._credentials.app_id,
            default_branch=installed.default_branch,
            clock=self._clock,
        )
        return Opened(pulls=pulls, client=client, tokens=tokens, html_url=self.credentials.html_url)

    def close(self) -> None:
        self._transport.close()

    def _of_installation(self, installation: int) -> list[Installed]:
        client = self._listers.get(installation)
        if client is None:
            tokens = InstallationTokens(
                self._client,
                installation=installation,
                repository=None,
                clock=self._clock,
                wanted={"metadata": "read"},
            )
            client = self._listers[installation] = self._client_of(installation, tokens)
        listing = client.listing("/installation/repositories", key="repositories", most=MOST_REPOSITORIES)
        return [read(lambda raw: _installed(installation, raw), raw) for raw in listing.items]

    def _client_of(self, installation: int, tokens: InstallationTokens) -> Client:
        with self._lock:
            pace = self._paces.setdefault(installation, Pace(self._clock))
        return Client(self._transport, tokens, clock=self._clock, pace=pace)

    def _own_account(self, client: Client) -> Account:
        if self._itself is None:
            self._itself = _account(client, self.credentials.slug + BOT)
        return self._itself


def open_with_token(
    token: str, full_name: str, *, clock: Clock, api_url: str, html_url: str, app: int = GITHUB_ACTIONS_APP
) -> Opened:
    """One repository by a token that was given: an Action's `GITHUB_TOKEN`, or a personal one, which may post no
    checks.

    `app` is the app that check runs made with the token belong to: GitHub Actions."""
    transport = Transport(api_url, clock=clock)
    authority = TokenAuth(token)
    client = Client(transport, authority, clock=clock)
    owner, _, name = full_name.partition("/")
    raw = client.get(f"/repos/{quote(owner, safe='')}/{quote(name, safe='')}")
    found = read(lambda raw: _installed(0, raw), raw)
    pulls = GitHubPulls(
        client,
        found.repository,
        itself=_token_account(client),
        app=app,
        default_branch=found.default_branch,
        clock=clock,
    )
    return Opened(pulls=pulls, client=client, tokens=authority, html_url=html_url)


def _token_account(client: Client) -> Account:
    """`GITHUB_TOKEN` stands for an app's installation, which may not ask who it is."""
    try:
        raw = client.get("/user")
    except ForgeRefused as problem:
        if problem.status not in (403, 404):
            raise
        return _account(client, ACTIONS_ACCOUNT)
    return read(
        lambda raw: Account(login=str(raw["login"]), id=int(raw["id"]), bot=raw["type"] == "Bot"), raw
    )


def _account(client: Client, login: str) -> Account:
    raw: Any = client.get(f"/users/{quote(login, safe='')}")
    return Account(login=login, id=read(_id, raw), bot=True)


def _completed(credentials: AppCredentials, raw: Raw) -> AppCredentials:
    page = urlsplit(str(raw["html_url"]))
    return replace(
        credentials,
        slug=credentials.slug or str(raw["slug"]),
        html_url=credentials.html_url or f"{page.scheme}://{page.netloc}",
    )


def _installed(installation: int, raw: Raw) -> Installed:
    return Installed(
        installation=installation,
        repository=RepositoryName(id=int(raw["id"]), full_name=str(raw["full_name"])),
        default_branch=str(raw["default_branch"]),
        archived=bool(raw.get("archived")) or bool(raw.get("disabled")),
    )


def _id(raw: Raw) -> int:
    return int(raw["id"])
