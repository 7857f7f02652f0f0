"""The app's routes; nothing here decides about a change, or looks into a delivery."""

from __future__ import annotations

from collections.abc import Callable, Collection

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from pointsman.core.errors import PointsmanError, UserError
from pointsman.core.hints import Figures
from pointsman.ports import Clock, Inbox
from pointsman.web.metrics import make_registry, rendered
from pointsman.web.running import serve
from pointsman.web.tally import Tally
from pointsman.web.webhook import EVENTS, Receiver

__all__ = ["make_app", "serve"]

SECRET_CHARACTERS = 8
"""A shorter webhook secret is a mistake, or a single letter of one."""


def make_app(
    *,
    inbox: Inbox,
    secrets: tuple[str, ...],
    figures: Callable[[], Figures],
    ready: Callable[[], str],
    wake: Callable[[], None],
    clock: Clock,
    events: Collection[str] = EVENTS,
) -> Starlette:
    """Webhooks in, health and figures out.

    `secrets`: the webhook secrets that count, several while one is being replaced; UserError for none or a short one.
    `ready`: '' or why the service can't work now. `wake` is called after a delivery was kept, from any thread; it must
    not block. `figures` and `ready` are called from any thread and may take their time.
    """
    if not secrets or min(len(secret) for secret in secrets) < SECRET_CHARACTERS:
        raise UserError(
            f"The webhook needs a secret of at least {SECRET_CHARACTERS} characters: without one anybody could wake "
            "the service. `pointsman app create` makes one; of your own, take `openssl rand -hex 32`."
        )
    tally = Tally()
    receiver = Receiver(
        inbox=inbox,
        secrets=tuple(secret.encode() for secret in secrets),
        wake=wake,
        clock=clock,
        tally=tally,
        events=events,
    )
    registry = make_registry(figures, tally.counts)

    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def readyz(_: Request) -> Response:
        why = await run_in_threadpool(_why_not, ready)
        return (
            JSONResponse({"status": "not ready", "why": why}, 503)
            if why
            else JSONResponse({"status": "ready"})
        )

    async def metrics(_: Request) -> Response:
        try:
            text = await run_in_threadpool(rendered, registry)
        except PointsmanError as problem:
            return PlainTextResponse(f"{problem}\n", 503)
        return Response(text, media_type=CONTENT_TYPE_LATEST)

    return Starlette(
        routes=[
            Route("/webhook", receiver.receive, methods=["POST"]),
            Route("/", receiver.receive, methods=["POST"]),
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/metrics", metrics),
        ]
    )


def _why_not(ready: Callable[[], str]) -> str:
    try:
        return ready()
    except PointsmanError as problem:
        return str(problem)
