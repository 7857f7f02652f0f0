"""Takes one delivery: proves who sent it, keeps it, answers; it never looks at what a delivery asks for (rule 6)."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from pointsman.core.errors import PointsmanError
from pointsman.core.hints import Delivery
from pointsman.ports import Clock, Inbox
from pointsman.web.tally import Tally

EVENTS = frozenset(
    {
        "check_run",
        "check_suite",
        "deployment_status",
        "installation",
        "installation_repositories",
        "issue_comment",
        "merge_group",
        "pull_request",
        "pull_request_review",
        "push",
        "repository",
        "status",
        "workflow_run",
    }
)
"""What is kept; everything else is answered and forgotten."""

BODY_BYTES = 25_000_000
"""GitHub sends no larger payload (docs.github.com, "Webhook events and payloads")."""

READING_BYTES = 100_000_000
"""All bodies being read at once, most of them from nobody knows whom: memory has to hold them."""

READING_SECONDS = 9.0
"""GitHub hangs up after ten."""

SIGNATURE = re.compile(r"sha256=[0-9a-f]{64}")
DELIVERY_ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
EVENT = re.compile(r"[a-z_]{1,64}")
LARGEST_ID = 2**63

log = logging.getLogger("pointsman.web")


@dataclass(frozen=True, kw_only=True, slots=True)
class Refused:
    """A request that is not taken: HTTP status, and words for GitHub's list of deliveries."""

    status: int
    words: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Envelope:
    """What the headers of a delivery say."""

    id: str
    event: str


class Receiver:
    """`POST /webhook`. 202 means that the delivery is on disk, or need not be; every other answer that it is not."""

    def __init__(
        self,
        *,
        inbox: Inbox,
        secrets: tuple[bytes, ...],
        wake: Callable[[], None],
        clock: Clock,
        tally: Tally,
        events: Collection[str] = EVENTS,
    ) -> None:
        self._inbox = inbox
        self._secrets = secrets
        self._wake = wake
        self._clock = clock
        self._tally = tally
        self._events = events
        self._reading = 0

    async def receive(self, request: Request) -> Response:
        outcome = await self._take(request)
        event = request.headers.get("x-github-event", "")
        said = "refused" if isinstance(outcome, Refused) else outcome
        self._tally.add(event if event in self._events else "other", said)
        if isinstance(outcome, Refused):
            log.warning("refused a request with %d: %s", outcome.status, outcome.words)
            # The rest of the body is not read, so the connection can't carry another request.
            return JSONResponse({"error": outcome.words}, outcome.status, headers={"connection": "close"})
        return JSONResponse({"outcome": outcome}, 202)

    async def _take(self, request: Request) -> str | Refused:
        received_at = self._clock.now()
        signature = _only(request, "x-hub-signature-256")
        if not SIGNATURE.fullmatch(signature):
            return Refused(
                status=401, words="X-Hub-Signature-256 is missing: give the webhook the app's secret"
            )
        body = await self._body(request)
        if isinstance(body, Refused):
            return body
        if not self._is_signed(body, signature):
            return Refused(
                status=401, words="X-Hub-Signature-256 was not made with this app's webhook secret"
            )
        envelope = _envelope(request)
        if isinstance(envelope, Refused):
            return envelope
        if envelope.event == "ping":
            return "pong"
        if envelope.event not in self._events:
            return "ignored"
        return await run_in_threadpool(self._keep, envelope, body, received_at)

    def _keep(self, envelope: Envelope, body: bytes, received_at: float) -> str | Refused:
        payload = _parsed(body)
        if payload is None:
            return Refused(status=400, words="the body is no JSON object")
        delivery = Delivery(
            id=envelope.id,
            event=envelope.event,
            repository=_repository(payload),
            payload=body,
            received_at=received_at,
        )
        try:
            is_new = self._inbox.add(delivery)
        except PointsmanError as problem:
            log.error("delivery %s (%s) could not be kept: %s", envelope.id, envelope.event, problem)
            return Refused(
                status=503, words="the delivery could not be kept: see the service's log, then redeliver"
            )
        log.info("delivery %s (%s) %s", envelope.id, envelope.event, "stored" if is_new else "seen before")
        if is_new:
            self._wake()
        return "stored" if is_new else "seen"

    def _is_signed(self, body: bytes, signature: str) -> bool:
        """Whether one of the secrets made the signature; each comparison takes the same time wherever they differ."""
        made = (hmac.new(secret, body, hashlib.sha256).hexdigest() for secret in self._secrets)
        return any(hmac.compare_digest(f"sha256={digest}", signature) for digest in made)

    async def _body(self, request: Request) -> bytes | Refused:
        """The body; what it takes of the memory for all bodies is given back when this returns."""
        said = request.headers.get("content-length", "")
        if said.isdecimal() and int(said) > BODY_BYTES:
            return TOO_LARGE
        body = bytearray()
        try:
            async with asyncio.timeout(READING_SECONDS):
                async for chunk in request.stream():
                    if len(body) + len(chunk) > BODY_BYTES:
                        return TOO_LARGE
                    if self._reading + len(chunk) > READING_BYTES:
                        return Refused(status=503, words="too much is being received at once: redeliver")
                    self._reading += len(chunk)
                    body += chunk
        except TimeoutError:
            return Refused(status=408, words=f"the body took longer than {READING_SECONDS:.0f} seconds")
        except ClientDisconnect:
            return Refused(status=400, words="the connection ended before the body did")
        finally:
            self._reading -= len(body)
        return bytes(body)


TOO_LARGE = Refused(status=413, words=f"the body is larger than {BODY_BYTES:,} bytes")


def _only(request: Request, name: str) -> str:
    """The header's value; '' where it is absent, or there are two and nobody says which one counts."""
    values = request.headers.getlist(name)
    return values[0] if len(values) == 1 else ""


def _envelope(request: Request) -> Envelope | Refused:
    kind = _only(request, "content-type").partition(";")[0].strip().lower()
    if kind != "application/json":
        return Refused(status=415, words="set the webhook's content type to application/json")
    delivery_id = _only(request, "x-github-delivery").lower()
    if not DELIVERY_ID.fullmatch(delivery_id):
        return Refused(status=400, words="X-GitHub-Delivery is no GUID")
    event = _only(request, "x-github-event")
    if not EVENT.fullmatch(event):
        return Refused(status=400, words="X-GitHub-Event is no name of an event")
    return Envelope(id=delivery_id, event=event)


def _parsed(body: bytes) -> dict[str, Any] | None:
    """The JSON object; None where it is none."""
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return payload if isinstance(payload, dict) else None


def _repository(payload: dict[str, Any]) -> int | None:
    """The id of the repository that the delivery speaks of."""
    repository = payload.get("repository")
    number = repository.get("id") if isinstance(repository, dict) else None
    if isinstance(number, int) and not isinstance(number, bool) and 0 < number < LARGEST_ID:
        return number
    return None
