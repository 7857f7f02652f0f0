"""Reads from GitHub what the doctor judges: the app, its webhook, its installations; it changes and judges nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

from pointsman.adapters.github.auth import AppKey, InstallationTokens, TokenAuth
from pointsman.adapters.github.client import Client
from pointsman.adapters.github.credentials import AppCredentials
from pointsman.adapters.github.repository import Raw, read
from pointsman.adapters.github.transport import Transport
from pointsman.core.contract.identity import BOT
from pointsman.core.errors import ForgeRefused, ForgeUnavailable
from pointsman.core.pulls.diagnosis import AppFacts, DeliveryFacts, HookFacts, InstallationFacts, Unread
from pointsman.ports import Clock

MOST_INSTALLATIONS, MOST_REPOSITORIES, MOST_DELIVERIES = 100, 1000, 100
WANTED: Mapping[str, str] = {"administration": "read", "contents": "read", "metadata": "read"}
"""All that is asked of a token: the doctor only reads."""

Answered = TypeVar("Answered")


def asked(question: Callable[[], Answered]) -> Answered | Unread:
    """What the question is answered with; where GitHub refuses or does not answer, why not: never the end of it."""
    try:
        return question()
    except (ForgeRefused, ForgeUnavailable) as problem:
        return Unread(why=str(problem))


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A repository, by the name that it has now; nothing happens in one that is archived."""

    id: int
    name: str
    default_branch: str
    archived: bool


class Examination:
    """One app's view of GitHub. The methods raise nothing that `asked` does not tell, but for `app`."""

    def __init__(self, credentials: AppCredentials, *, clock: Clock, admin_token: str = "") -> None:
        """`admin_token`: of somebody who may change branch rules; used to read them, and for nothing else."""
        self._credentials, self._clock = credentials, clock
        self._transport = Transport(credentials.api_url, clock=clock)
        self._app = Client(self._transport, AppKey(credentials, clock=clock), clock=clock)
        self.admin: Client | None = None
        if admin_token:
            self.admin = Client(self._transport, TokenAuth(admin_token), clock=clock)

    @property
    def api_url(self) -> str:
        return self._credentials.api_url

    @property
    def skew(self) -> float:
        """GitHub's clock less ours, in seconds, as of the last answer."""
        return self._app.skew

    @property
    def now(self) -> float:
        """By GitHub's clock."""
        return self._clock.now() + self._app.skew

    def app(self) -> AppFacts:
        """Errors: `ForgeRefused` where the key is not taken, `ForgeUnavailable`."""
        raw = self._app.get("/app")
        return read(lambda raw: _app(self._credentials, raw), raw)

    def account(self, slug: str, client: Client) -> int | None:
        """The id of the app's own account."""
        raw = asked(lambda: client.find(f"/users/{quote(slug + BOT, safe='')}"))
        return int(raw["id"]) if isinstance(raw, dict) and isinstance(raw.get("id"), int) else None

    def hook(self) -> HookFacts | Unread | None:
        """None where the app has no webhook."""

        def question() -> HookFacts | None:
            raw = self._app.find("/app/hook/config")
            return None if raw is None else read(_hook, raw)

        return asked(question)

    def deliveries(self) -> tuple[DeliveryFacts, ...] | Unread:
        """The last ones, newest first."""

        def question() -> tuple[DeliveryFacts, ...]:
            raw = self._app.get("/app/hook/deliveries", per_page=MOST_DELIVERIES)
            return read(lambda items: tuple(_delivery(each) for each in items), raw)

        return asked(question)

    def installations(self) -> tuple[InstallationFacts, ...] | Unread:
        """At most a hundred."""

        def question() -> tuple[InstallationFacts, ...]:
            items = self._app.listing("/app/installations", most=MOST_INSTALLATIONS).items
            return read(lambda items: tuple(_installation(each) for each in items), items)

        return asked(question)

    def installation_of(self, full_name: str) -> InstallationFacts | Unread | None:
        """The installation that reaches the repository; None where the app is not installed on it."""

        def question() -> InstallationFacts | None:
            owner, _, name = full_name.partition("/")
            path = f"/repos/{quote(owner, safe='')}/{quote(name, safe='')}/installation"
            raw = self._app.find(path)
            return None if raw is None else read(_installation, raw)

        return asked(question)

    def client_of(self, installation: InstallationFacts) -> Client:
        """Requests in the name of the installation, with read permissions alone. Makes none."""
        tokens = InstallationTokens(
            self._app,
            installation=installation.id,
            repository=None,
            clock=self._clock,
            wanted=WANTED,
            granted={"metadata": "read", **installation.permissions},
        )
        return Client(self._transport, tokens, clock=self._clock)

    def limits(self, client: Client) -> tuple[int, int] | None:
        """The hour's limit of requests and how many are left; this question costs none."""
        raw = asked(lambda: read(_limits, client.get("/rate_limit")))
        return None if isinstance(raw, Unread) else raw

    def repositories(self, client: Client) -> tuple[Place, ...] | Unread:
        """Those that the installation reaches, at most a thousand."""

        def question() -> tuple[Place, ...]:
            path = "/installation/repositories"
            items = client.listing(path, key="repositories", most=MOST_REPOSITORIES).items
            return read(lambda items: tuple(_place(each) for each in items), items)

        return asked(question)

    def repository(self, client: Client, full_name: str) -> Place | Unread:
        """The repository of that name, by the name that it has now."""
        owner, _, name = full_name.partition("/")
        path = f"/repos/{quote(owner, safe='')}/{quote(name, safe='')}"
        return asked(lambda: read(_place, client.get(path)))

    def close(self) -> None:
        self._transport.close()


def _app(credentials: AppCredentials, raw: Raw) -> AppFacts:
    owner = raw.get("owner") or {}
    page = urlsplit(str(raw["html_url"]))
    return AppFacts(
        id=int(raw["id"]),
        slug=str(raw["slug"]),
        owner=str(owner.get("login") or owner.get("slug") or "?"),
        owned_by_organization=owner.get("type") == "Organization",
        site=f"{page.scheme}://{page.netloc}",
        permissions=_levels(raw),
        events=_names_of_events(raw),
        expected_slug=credentials.slug,
    )


def _hook(raw: Raw) -> HookFacts:
    return HookFacts(
        url=str(raw.get("url") or ""),
        content_type=str(raw.get("content_type") or "form"),
        verifies_tls=str(raw.get("insecure_ssl", "0")) == "0",
        has_secret=bool(raw.get("secret")),
    )


def _delivery(raw: Raw) -> DeliveryFacts:
    return DeliveryFacts(
        at=datetime.fromisoformat(str(raw["delivered_at"])).timestamp(),
        code=int(raw["status_code"]),
        status=str(raw["status"])[:100],
        event=str(raw["event"]),
    )


def _installation(raw: Raw) -> InstallationFacts:
    account = raw.get("account") or {}
    return InstallationFacts(
        id=int(raw["id"]),
        account=str(account.get("login") or account.get("slug") or "?"),
        page=str(raw["html_url"]),
        permissions=_levels(raw),
        events=_names_of_events(raw),
        suspended=bool(raw.get("suspended_at")),
    )


def _limits(raw: Raw) -> tuple[int, int]:
    core = raw["resources"]["core"]
    return int(core["limit"]), int(core["remaining"])


def _place(raw: Raw) -> Place:
    return Place(
        id=int(raw["id"]),
        name=str(raw["full_name"]),
        default_branch=str(raw["default_branch"]),
        archived=bool(raw.get("archived") or raw.get("disabled")),
    )


def _levels(raw: Raw) -> Mapping[str, str]:
    return {str(name): str(level) for name, level in dict[Any, Any](raw.get("permissions") or {}).items()}


def _names_of_events(raw: Raw) -> frozenset[str]:
    return frozenset(str(each) for each in raw.get("events") or ())
