"""What remembers parse results by blob id; the memory here is for one process, an adapter may keep a file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

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


class MemoryCache:
    """Keeps results as long as it lives; the oldest go once there are more than `limit`."""

    def __init__(self, limit: int = 200_000) -> None:
        self._known: dict[tuple[str, Sha], Parsed] = {}
        self._limit = limit

    def get_many(self, backend: str, oids: Iterable[Sha]) -> Mapping[Sha, Parsed]:
        known = self._known
        return {oid: known[backend, oid] for oid in oids if (backend, oid) in known}

    def put_many(self, backend: str, results: Mapping[Sha, Parsed]) -> None:
        for oid, parsed in results.items():
            self._known[backend, oid] = parsed
        while len(self._known) > self._limit:
            del self._known[next(iter(self._known))]
