"""The one place that all requests to GitHub pass: it counts, paces, repeats reads; it knows no pull request."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any, assert_never
from urllib.parse import parse_qsl, urlencode, urlsplit

from pointsman.adapters.github.answers import (
    Good,
    Limited,
    Moved,
    Refusal,
    Stranger,
    Trouble,
    body_of,
    meaning,
    next_page,
    refused,
    server_time,
)
from pointsman.adapters.github.pace import Pace
from pointsman.adapters.github.remembered import Remembered
from pointsman.adapters.github.transport import Answer, Authority, Lost, NotSent, Transport
from pointsman.core.errors import ForgeRefused, ForgeUnavailable
from pointsman.ports import Clock

PATIENCE = 20.0
"""Seconds that one request may take with all its waits; what takes longer is put off, so that others get on."""
ATTEMPTS = 4
HOPS = 3
PAGE = 100
HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}


class Unsure(Exception):
    """A write got no answer: it may have been worked. Whoever wrote reads it back (rule 2)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """`creates`: it makes content (a comment, a pull request), of which GitHub allows few."""

    verb: str
    path: str
    params: Mapping[str, Any] = field(default_factory=dict)
    body: Any = field(default=None, repr=False)
    creates: bool = False

    @property
    def write(self) -> bool:
        return self.verb != "GET"

    @property
    def key(self) -> str:
        return f"{self.path}?{urlencode(sorted(self.params.items()))}"

    def __str__(self) -> str:
        return f"{self.verb} {self.path}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """Items of all pages that were read; `complete` is False where there are more."""

    items: tuple[Mapping[str, Any], ...]
    complete: bool


class Client:
    """Requests in one authority's name; safe to use from several threads.

    Errors of every request: `ForgeUnavailable`, `ForgeRefused`; of writes also `Unsure`.
    """

    def __init__(
        self,
        transport: Transport,
        authority: Authority,
        *,
        clock: Clock,
        pace: Pace | None = None,
        patience: float = PATIENCE,
    ) -> None:
        self._transport, self._authority, self._clock = transport, authority, clock
        self._pace = pace or Pace(clock)
        self._patience = patience
        self._remembered = Remembered()
        self._lock = threading.Lock()
        self._sent = 0
        self.skew = 0.0
        """GitHub's clock less ours, in seconds, as of the last answer."""
        self.moved = False
        """Something answered that it is to be found elsewhere."""

    @property
    def spent(self) -> int:
        return self._sent + self._authority.spent

    def get(self, path: str, **params: Any) -> Any:
        """The JSON of one resource."""
        return body_of(self._perform(Request(verb="GET", path=path, params=params)))

    def find(self, path: str, **params: Any) -> Any | None:
        """As `get`; None where GitHub says 404."""
        try:
            return self.get(path, **params)
        except ForgeRefused as problem:
            if problem.status == 404:
                return None
            raise

    def write(self, verb: str, path: str, body: Any = None, *, creates: bool = False) -> Any:
        """The JSON of the answer; None where it has none. Errors: also `Unsure`."""
        return body_of(self._perform(Request(verb=verb, path=path, body=body, creates=creates)))

    def listing(
        self,
        path: str,
        *,
        key: str = "",
        most: int = 1000,
        until: Callable[[Mapping[str, Any]], bool] | None = None,
        **params: Any,
    ) -> Listing:
        """Up to `most` items, page after page, those before the first for which `until` holds. `key` names the list
        where the answer is an object."""
        found: list[Mapping[str, Any]] = []
        for items, more in self._pages(path, key, {"per_page": PAGE, **params}):
            for item in items:
                if until is not None and until(item):
                    return Listing(items=tuple(found), complete=True)
                found.append(item)
            if more and len(found) >= most:
                return Listing(items=tuple(found[:most]), complete=False)
        return Listing(items=tuple(found), complete=True)

    def _pages(
        self, path: str, key: str, params: Mapping[str, Any]
    ) -> Iterator[tuple[list[Mapping[str, Any]], bool]]:
        following: Mapping[str, Any] | None = params
        while following is not None:
            answer = self._perform(Request(verb="GET", path=path, params=following))
            body = body_of(answer)
            items = body.get(key) if key and isinstance(body, dict) else body
            if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
                raise ForgeUnavailable(f"GitHub's answer to GET {path} holds no list")
            following = next_page(answer) if items else None
            yield items, following is not None

    def _perform(self, request: Request) -> Answer:
        deadline = self._clock.now() + self._patience
        failures = hops = 0
        renewed = False
        while True:
            known = None if request.write else self._remembered.get(request.key)
            token_used, outcome = self._once(request, known, deadline)
            if isinstance(outcome, NotSent | Lost):
                failures += 1
                self._again(request, outcome, failures, deadline)
                continue
            match meaning(outcome, self._clock.now()):
                case Good(empty_for=seconds):
                    if seconds is not None:
                        self._pace.shut(self._clock.now() + seconds)
                    return self._good(request, outcome, known)
                case Limited(wait=wait):
                    self._pace.shut(self._clock.now() + wait)
                case Trouble() as trouble:
                    failures += 1
                    self._again(request, trouble, failures, deadline)
                case Moved() as moved:
                    hops += 1
                    request = self._elsewhere(request, moved, hops)
                case Stranger():
                    if renewed or not self._authority.renew(token_used, skew=self.skew):
                        raise self._unknown(request)
                    renewed = True
                case Refusal() as refusal:
                    raise refused(refusal, str(request))
                case never:
                    assert_never(never)

    def _once(
        self, request: Request, known: Answer | None, deadline: float
    ) -> tuple[str, Answer | NotSent | Lost]:
        """The token that was used, and what came of it."""
        auth = self._authority.auth()
        headers = dict(HEADERS)
        if known is not None:
            headers["If-None-Match"] = known.headers["etag"]
        with ExitStack() as stack:
            stack.enter_context(
                self._pace.turn(write=request.write, creates=request.creates, deadline=deadline)
            )
            with self._lock:
                self._sent += 1
            try:
                answer = self._transport.exchange(
                    request.verb, request.path, request.params, request.body, headers, auth
                )
            except (NotSent, Lost) as problem:
                return auth.token, problem
        told = server_time(answer)
        self.skew = told - self._clock.now() if told is not None else self.skew
        return auth.token, answer

    def _again(self, request: Request, why: NotSent | Lost | Trouble, failures: int, deadline: float) -> None:
        """Wait before the next attempt, or say that there will be none."""
        if request.write and not isinstance(why, NotSent):
            raise Unsure(str(request))
        asked = why.wait if isinstance(why, Trouble) else 0.0
        wait = asked or 0.5 * 2 ** (failures - 1) * random.uniform(0.75, 1.25)  # noqa: S311 - jitter
        now = self._clock.now()
        if failures >= ATTEMPTS or now + wait > deadline:
            said = "answers with a server error" if isinstance(why, Trouble) else f"does not answer ({why})"
            raise ForgeUnavailable(f"GitHub {said} to {request}", again_at=now + asked if asked else 0.0)
        self._clock.sleep(wait)

    def _good(self, request: Request, answer: Answer, known: Answer | None) -> Answer:
        if answer.status == 304 and known is not None:
            return known
        if not request.write:
            self._remembered.keep(request.key, answer)
        return answer

    def _elsewhere(self, request: Request, moved: Moved, hops: int) -> Request:
        """The same request to where the answer points, which has to be the same server: it gets our token."""
        there = urlsplit(moved.location)
        origin = f"{there.scheme}://{there.netloc}"
        if (
            hops > HOPS
            or (there.netloc and origin != self._transport.origin)
            or not there.path.startswith("/")
        ):
            raise ForgeRefused(f"GitHub sends {request} elsewhere, where it will not be followed", status=308)
        self.moved = True
        prefix = urlsplit(self._transport.api_url).path
        params = {**dict(parse_qsl(there.query)), **request.params}
        return replace(request, path=there.path.removeprefix(prefix), params=params)

    def _unknown(self, request: Request) -> ForgeRefused:
        clock = f"; our clock is {-self.skew:+.0f} s off GitHub's" if abs(self.skew) > 30 else ""
        return ForgeRefused(
            f"GitHub does not take our credentials for {request} (401): the key or the token is revoked, or the app "
            f"was removed{clock}",
            status=401,
        )
