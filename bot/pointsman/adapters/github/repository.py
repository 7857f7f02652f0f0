"""One repository as the API addresses it: its name now, who we are in it, and answers that hold for moments."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Mapping
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from pointsman.adapters.github.client import Client
from pointsman.core.errors import ForgeRefused, ForgeUnavailable
from pointsman.core.pulls.model import Account, RepositoryName
from pointsman.ports import Clock

Value = TypeVar("Value")
Answered = TypeVar("Answered")
Raw = Mapping[str, Any]


class Recent(Generic[Value]):
    """What was read not longer ago than `seconds`; bounded in number. Safe to use from several threads."""

    def __init__(self, clock: Clock, *, seconds: float, most: int = 1000) -> None:
        self._clock, self._seconds, self._most = clock, seconds, most
        self._values: dict[Hashable, tuple[float, Value]] = {}
        self._forgotten = 0
        self._lock = threading.Lock()

    def get(self, key: Hashable, read: Callable[[], Value]) -> Value:
        """What is remembered, else what `read` says now."""
        with self._lock:
            found, forgotten = self._values.get(key), self._forgotten
        now = self._clock.now()
        if found is not None and 0 <= now - found[0] < self._seconds:
            return found[1]
        value = read()
        if self._forgotten == forgotten:  # else it changed while it was read
            self.put(key, value, at=now)
        return value

    def put(self, key: Hashable, value: Value, *, at: float) -> None:
        """`at` is when it was asked for, not when the answer came."""
        with self._lock:
            self._values.pop(key, None)
            self._values[key] = at, value
            while len(self._values) > self._most:
                del self._values[next(iter(self._values))]

    def forget(self, key: Hashable) -> None:
        with self._lock:
            self._forgotten += 1
            self._values.pop(key, None)


class Repository:
    """What all parts of `GitHubPulls` share. The id is the repository; the name is where it is to be found."""

    def __init__(
        self,
        client: Client,
        repository: RepositoryName,
        *,
        itself: Account,
        app: int,
        default_branch: str,
        clock: Clock,
    ) -> None:
        self._client, self._clock = client, clock
        self._repository, self._itself = repository, itself
        self._app, self._default_branch = app, default_branch

    @property
    def repository(self) -> RepositoryName:
        """By its new name once an answer has said that it moved."""
        if self._client.moved:
            self._follow()
        return self._repository

    @property
    def itself(self) -> Account:
        return self._itself

    @property
    def app(self) -> int:
        return self._app

    @property
    def default_branch(self) -> str:
        return self._default_branch

    @property
    def spent(self) -> int:
        return self._client.spent

    def _path(self, *parts: str | int) -> str:
        """`/repos/owner/name/...`, each part quoted whole: a branch's slashes too."""
        owner, _, name = self.repository.full_name.partition("/")
        return "/".join(["/repos", *(quote(str(part), safe="") for part in (owner, name, *parts))])

    def _follow(self) -> None:
        """Ask under the old name what the new one is."""
        self._client.moved = False
        owner, _, name = self._repository.full_name.partition("/")
        raw = self._client.get(f"/repos/{quote(owner, safe='')}/{quote(name, safe='')}")
        self._client.moved = False
        self._assert_same(raw)
        self._repository = RepositoryName(id=self._repository.id, full_name=str(raw["full_name"]))
        self._default_branch = str(raw["default_branch"])

    def _assert_same(self, raw: Any) -> None:
        """The name may have come to belong to another repository, which is none of ours."""
        if not isinstance(raw, dict) or raw.get("id") != self._repository.id:
            raise ForgeRefused(
                f"{self._repository.full_name} is another repository than the one with id {self._repository.id} now: "
                "start again, so that the new name is asked for",
                status=404,
            )


def read(reader: Callable[[Answered], Value], raw: Answered) -> Value:
    """Errors: `ForgeUnavailable` where the answer is not what GitHub's description says."""
    try:
        return reader(raw)
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise ForgeUnavailable(f"GitHub's answer cannot be read ({type(problem).__name__})") from problem


def stamp(at: float) -> str:
    """As GitHub writes times, in whole seconds, never later than `at`."""
    return datetime.fromtimestamp(max(at, 0.0), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
