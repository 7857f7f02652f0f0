"""Who asks, and whether that is allowed; it answers nothing."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from tests.github.fake.calls import Refused, not_found
from tests.github.fake.state import LEVELS, Credential

if TYPE_CHECKING:
    from tests.github.fake.hub import FakeGitHub
    from tests.github.fake.repository import FakeRepository

ANYBODY = Credential(kind="anonymous")
FINE = ("none", "read", "write", "admin")

PERSONAL = {
    **dict.fromkeys(("metadata:read", "contents:read", "pull_requests:read", "issues:read"), "read"),
    **dict.fromkeys(("checks:read", "statuses:read", "actions:read", "deployments:read"), "read"),
    **dict.fromkeys(("issues:write", "pull_requests:write"), "read"),
    **dict.fromkeys(("contents:write", "statuses:write", "actions:write", "deployments:write"), "write"),
    **dict.fromkeys(("administration:read", "administration:write"), "admin"),
    "members:read": "none",
}
"""What a person must be allowed on the repository for what an app needs as a permission."""


def identify(hub: FakeGitHub, header: str | None) -> Credential:
    """The credential in an Authorization header; 401 where it is a bad one."""
    if not header:
        return ANYBODY
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "basic":
        return token(hub, _password(value))
    if scheme.lower() not in ("bearer", "token"):
        raise Refused(401, "Bad credentials")
    return _app(hub, value) if value.count(".") == 2 else token(hub, value)


def _password(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def token(hub: FakeGitHub, value: str) -> Credential:
    """The credential of a token that is known and not expired; 401 otherwise."""
    found = hub.tokens.get(value)
    if found is None or (found.expires is not None and found.expires <= hub.now()):
        raise Refused(401, "Bad credentials")
    if found.installation and (
        found.installation.suspended or found.installation.id not in hub.installations
    ):
        raise Refused(403, "This installation has been suspended")
    return found


def _app(hub: FakeGitHub, value: str) -> Credential:
    import jwt

    try:
        claims = jwt.decode(value, options={"verify_signature": False})
        issuer = str(claims.get("iss", ""))
        app = next(app for app in hub.apps.values() if issuer in (str(app.id), app.client_id))
        jwt.decode(
            value, app.public_key, algorithms=["RS256"], options={"verify_exp": False, "verify_iat": False}
        )
    except (jwt.PyJWTError, StopIteration):
        raise Refused(401, "A JSON web token could not be decoded") from None
    _check_times(hub, claims.get("iat"), claims.get("exp"))
    return Credential(kind="app", account=app.bot, app=app)


def _check_times(hub: FakeGitHub, made: object, ends: object) -> None:
    now = hub.now()
    if not isinstance(made, int | float) or made > now + 5:
        raise Refused(
            401,
            "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued",
        )
    if not isinstance(ends, int | float) or ends <= now:
        raise Refused(
            401,
            "'Expiration time' claim ('exp') must be a numeric value representing the future time "
            "at which the assertion expires",
        )
    if ends > now + 610:
        raise Refused(401, "'Expiration time' claim ('exp') is too far in the future")


def allowed(who: Credential, repo: FakeRepository, need: str) -> bool:
    """May they do what needs that permission on the repository?"""
    name, _, level = need.partition(":")
    if who.kind in ("installation", "actions"):
        if not reaches(who, repo):
            return level == "read" and not repo.private
        if (
            level == "read"
            and not repo.private
            and name in ("metadata", "contents", "pull_requests", "issues")
        ):
            return True
        held = who.permissions.get(name, "read" if name == "metadata" else "none")
        return FINE.index(held) >= FINE.index(level)
    held = repo.level(who.account) if who.account else ("none" if repo.private else "read")
    if need not in PERSONAL or (who.account is None and level != "read"):
        return False
    return LEVELS.index(held) >= LEVELS.index(PERSONAL[need])


def reaches(who: Credential, repo: FakeRepository) -> bool:
    """Does an app's token cover the repository at all?"""
    if who.installation and who.installation.account is not repo.owner:
        return False
    return who.repositories is None or repo.id in who.repositories


def demand(who: Credential, repo: FakeRepository, needs: tuple[str, ...]) -> None:
    """Refused as GitHub does where none of the permissions is held: 404 for what may not even be seen."""
    if any(allowed(who, repo, need) for need in needs):
        return
    if who.kind == "app":
        raise Refused(401, "A JSON web token could not be decoded")
    if not allowed(who, repo, "metadata:read"):
        raise not_found()
    if who.kind in ("installation", "actions"):
        raise Refused(403, "Resource not accessible by integration")
    if who.account is None:
        raise Refused(401, "Requires authentication")
    if any(need.startswith("checks:") for need in needs):
        raise Refused(403, "You must authenticate via a GitHub App.")
    raise Refused(403, f"Must have write access to {repo.full_name}.")
