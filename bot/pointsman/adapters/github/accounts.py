"""What people may do in the repository, looked up live and by id: a login may have come to belong to somebody else."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from urllib.parse import quote

from pointsman.adapters.github.repository import Raw, Recent, Repository
from pointsman.core.contract.identity import PERMISSIONS
from pointsman.core.errors import ForgeUnavailable
from pointsman.core.pulls.model import Account

NO_PERMISSION = "none"
SAME_LOGIN_SECONDS = 60.0


class Accounts(Repository):
    """The part of `GitHubPulls` that has to do with people."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._ids: Recent[int | None] = Recent(self._clock, seconds=SAME_LOGIN_SECONDS)

    def permission(self, who: Account) -> str:
        at = self._clock.now()
        raw = self._client.find(self._path("collaborators", who.login, "permission"))
        found = (raw.get("user") or {}).get("id") if isinstance(raw, dict) else None
        self._ids.put(who.login, found, at=at)
        return _permission(raw) if isinstance(raw, dict) and found == who.id else NO_PERMISSION

    def teams(self, who: Account, among: Collection[str]) -> frozenset[str]:
        """Teams that we may not see count as those somebody is not in."""
        if not among or self._ids.get(who.login, lambda: self._id_of(who.login)) != who.id:
            return frozenset()
        return frozenset(team for team in sorted(among) if self._is_in(who, team))

    def _is_in(self, who: Account, team: str) -> bool:
        organisation, _, slug = team.removeprefix("@").partition("/")
        if not organisation or not slug:
            return False
        parts = ("orgs", organisation, "teams", slug, "memberships", who.login)
        raw = self._client.find("/" + "/".join(quote(part, safe="") for part in parts))
        return isinstance(raw, dict) and raw.get("state") == "active"

    def _id_of(self, login: str) -> int | None:
        raw = self._client.find(f"/users/{quote(login, safe='')}")
        return raw.get("id") if isinstance(raw, dict) else None


def _permission(raw: Raw) -> str:
    """`role_name` tells triage and maintain apart from read and write; a role of the organisation's own making has
    a name of its own, and then the nearest of the old four that GitHub gives counts."""
    role, old = str(raw.get("role_name", "")).lower(), str(raw.get("permission", "")).lower()
    found = role if role in PERMISSIONS else old
    if found != NO_PERMISSION and found not in PERMISSIONS:
        raise ForgeUnavailable("GitHub's answer names no permission that is known")
    return found
