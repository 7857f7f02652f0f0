"""What remembers by blob id what was read of a file; the memory here is for one process, an adapter may keep a file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from pointsman.core.migrations.model import Parsed
from pointsman.core.model import Sha


class ParseCache(Protocol):
    """Parse results by (backend, blob id): equal bytes say the same everywhere, so an entry is never stale."""

    def get_many(self, backend: str, oids: Iterable[Sha]) -> Mapping[Sha, Parsed]:
        """The results that are known; never raises."""
        ...

    def put_many(self, backend: str, results: Mapping[Sha, Parsed]) -> None:
        """Remember, if possible; never raises."""
        ...

    def get_plain(self, kind: str, keys: Iterable[str]) -> Mapping[str, Any]:
        """What is known of that kind, as JSON holds it: whoever reads it must stand anything. Never raises."""
        ...

    def put_plain(self, kind: str, data: Mapping[str, Any]) -> None:
        """Remember, if possible; never raises."""
        ...


class MemoryCache:
    """Keeps results as long as it lives; the oldest go once there are more than `limit`."""

    def __init__(self, limit: int = 200_000) -> None:
        self._known: dict[tuple[str, Sha], Parsed] = {}
        self._plain: dict[tuple[str, str], Any] = {}
        self._limit = limit

    def get_many(self, backend: str, oids: Iterable[Sha]) -> Mapping[Sha, Parsed]:
        known = self._known
        return {oid: known[backend, oid] for oid in oids if (backend, oid) in known}

    def put_many(self, backend: str, results: Mapping[Sha, Parsed]) -> None:
        for oid, parsed in results.items():
            self._known[backend, oid] = parsed
        while len(self._known) > self._limit:
            del self._known[next(iter(self._known))]

    def get_plain(self, kind: str, keys: Iterable[str]) -> Mapping[str, Any]:
        known = self._plain
        return {key: known[kind, key] for key in keys if (kind, key) in known}

    def put_plain(self, kind: str, data: Mapping[str, Any]) -> None:
        self._plain |= {(kind, key): value for key, value in data.items()}
        while len(self._plain) > self._limit // 10:
            del self._plain[next(iter(self._plain))]
