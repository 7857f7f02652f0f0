"""Tokens: an app's, an installation's, or one that was given. They are held in memory only and never shown."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from github.Auth import AppAuthToken, Auth, Token

from pointsman.core.errors import ForgeRefused, ForgeUnavailable, UserError
from pointsman.ports import Clock

if TYPE_CHECKING:
    from pointsman.adapters.github.client import Client
    from pointsman.adapters.github.credentials import AppCredentials

EARLY = 300.0
"""Seconds before its end at which an installation token is replaced; GitHub's last an hour."""
JWT_SECONDS, JWT_USED, JWT_BACK = 300, 240.0, 60
"""How long a signature holds (GitHub allows 600), how long it is used, and how far it is dated back, as GitHub asks."""
WANTED: Mapping[str, str] = {
    "actions": "write",
    "administration": "read",
    "checks": "write",
    "contents": "write",
    "deployments": "read",
    "issues": "write",
    "members": "read",
    "metadata": "read",
    "pull_requests": "write",
    "statuses": "read",
    "workflows": "write",
}
"""All that is asked for, as far as the installation grants it: `actions` to start and repeat workflows,
`administration` to read branch protection, `deployments` where landings wait for an environment, `members` for teams,
`workflows` to land changes of workflows."""
OPTIONAL = frozenset({"actions", "administration", "deployments", "members", "workflows"})
"""Without these the rest works."""


class Nobody(Auth):
    """No credentials at all, for the few requests that take none. An authority of its own."""

    spent = 0
    token_type = ""
    token = ""

    def auth(self) -> Auth:
        return self

    def renew(self, refused: str, *, skew: float) -> bool:
        return False


class TokenAuth:
    """One token that was given (`GITHUB_TOKEN`, a personal one), used until it is refused."""

    spent = 0

    def __init__(self, token: str) -> None:
        self._auth = Token(_plausible(token))

    def token(self) -> str:
        return self._auth.token

    def auth(self) -> Auth:
        return self._auth

    def renew(self, refused: str, *, skew: float) -> bool:
        return False


class AppKey:
    """The app itself, by JWTs signed with its key: it may list installations and ask for their tokens, no more."""

    spent = 0

    def __init__(self, credentials: AppCredentials, *, clock: Clock) -> None:
        self._app_id, self._key = credentials.app_id, credentials.private_key
        self._clock = clock
        self._lock = threading.Lock()
        self._skew = 0.0
        self._signed: tuple[float, AppAuthToken] | None = None

    def auth(self) -> Auth:
        with self._lock:
            now = self._clock.now()
            if self._signed is None or not 0 <= now - self._signed[0] < JWT_USED:
                self._signed = now, AppAuthToken(self._sign(now + self._skew))
            return self._signed[1]

    def renew(self, refused: str, *, skew: float) -> bool:
        """A clock that is off is the usual reason: from now on it is GitHub's that counts."""
        with self._lock:
            self._signed, self._skew = None, skew
        return True

    def _sign(self, now: float) -> str:
        import jwt

        claims = {"iat": int(now) - JWT_BACK, "exp": int(now) + JWT_SECONDS, "iss": str(self._app_id)}
        try:
            return jwt.encode(claims, self._key, algorithm="RS256")
        except (jwt.PyJWTError, ValueError, TypeError):  # whose own words may quote the key
            raise UserError(
                "the app's private key cannot be used: it has to be the PEM file that GitHub gave"
            ) from None


class InstallationTokens:
    """The tokens of one installation, for one repository (None: for all of its), replaced early."""

    def __init__(
        self,
        app: Client,
        *,
        installation: int,
        repository: int | None,
        clock: Clock,
        wanted: Mapping[str, str] = WANTED,
        granted: Mapping[str, str] | Callable[[], Mapping[str, str] | None] | None = None,
    ) -> None:
        """`granted`: what the installation grants, or what says so at each new token; None where it is not known."""
        self._app, self._clock = app, clock
        self._installation, self._repository = installation, repository
        self._wanted = wanted
        self._granted = granted if callable(granted) else lambda: granted
        self._lock = threading.Lock()
        self._token, self._until = "", 0.0
        self.spent = 0

    def token(self) -> str:
        with self._lock:
            now = self._clock.now()
            if not self._token or now >= self._until - EARLY:
                self._replace(now)
            return self._token

    def auth(self) -> Auth:
        return Token(self.token())

    def renew(self, refused: str, *, skew: float) -> bool:
        """Another thread may have replaced it already: then that one is tried."""
        with self._lock:
            if self._token == refused:
                self._token = ""
        return True

    def _replace(self, now: float) -> None:
        before = self._app.spent
        try:
            answer = self._ask()
        except ForgeUnavailable:
            if self._token and now < self._until - 30:
                return
            raise
        finally:
            self.spent += self._app.spent - before
        self._token, self._until = _read(answer, self._app.skew)

    def _ask(self) -> Any:
        granted = self._granted()
        try:
            return self._post(self._wanted if granted is None else within(self._wanted, granted))
        except ForgeRefused as problem:
            if problem.status != 422:
                raise
        # 422: the installation does not grant all of it, or not any more
        facts = self._app.get(f"/app/installations/{self._installation}")
        found = facts.get("permissions") if isinstance(facts, dict) else None
        return self._post(within(self._wanted, found if isinstance(found, dict) else {}))

    def _post(self, permissions: Mapping[str, str]) -> Any:
        from pointsman.adapters.github.client import Unsure

        body: dict[str, Any] = {"permissions": dict(permissions)}
        if self._repository is not None:
            body["repository_ids"] = [self._repository]
        path = f"/app/installations/{self._installation}/access_tokens"
        try:
            return self._app.write("POST", path, body)
        except Unsure:  # at worst there is a token that nobody has
            pass
        try:
            return self._app.write("POST", path, body)
        except Unsure:
            raise ForgeUnavailable("GitHub gives no token for the installation: it does not answer") from None


def within(wanted: Mapping[str, str], granted: Mapping[str, str]) -> Mapping[str, str]:
    """Of what is wanted, as much as is granted: GitHub refuses to narrow a token to more than there is."""
    weaker = {"read": 0, "write": 1, "admin": 2}
    found = {
        name: min(level, granted[name], key=lambda each: weaker.get(each, 0))
        for name, level in wanted.items()
        if name in granted
    }
    return found or {"metadata": "read"}  # which every app has; nothing at all would ask for everything


def _read(answer: Any, skew: float) -> tuple[str, float]:
    """The token, and when it ends by our clock."""
    try:
        ends = datetime.fromisoformat(answer["expires_at"]).timestamp() - skew
        return _plausible(answer["token"]), ends
    except (KeyError, TypeError, ValueError):
        raise ForgeUnavailable("GitHub's answer holds no token that can be read") from None


def _plausible(token: str) -> str:
    """Tokens are printable ASCII: anything else would break a header, or add one."""
    cleaned = token.strip()
    if not cleaned or not cleaned.isascii() or not cleaned.isprintable() or " " in cleaned:
        raise UserError("the token is empty, or holds what no token holds")
    return cleaned
