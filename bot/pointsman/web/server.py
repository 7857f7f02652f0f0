"""The app's routes, and the process's life around them; it decides nothing about a change."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable, Collection
from types import FrameType

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from pointsman.core.errors import EnvironmentProblem, PointsmanError, UserError
from pointsman.core.hints import Figures
from pointsman.ports import Clock, Inbox
from pointsman.web.metrics import make_registry, rendered
from pointsman.web.tally import Tally
from pointsman.web.webhook import EVENTS, Receiver

CONNECTIONS = 200
"""Open at once; who comes after them is answered 503."""

SECRET_CHARACTERS = 8
HEAD_BYTES = 16_384
KEEP_ALIVE_SECONDS = 15
GRACE_SECONDS = 10

log = logging.getLogger("pointsman.web")


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


def serve(
    app: Starlette,
    *,
    host: str,
    port: int,
    stop: threading.Event | None = None,
    started: Callable[[int], None] = lambda _port: None,
) -> None:
    """Serve in this thread until SIGTERM, SIGINT (in the main thread) or `stop`; returns when every request that had
    begun is answered. `port` 0 takes a free one; `started` is told which, once connections are accepted.

    EnvironmentProblem when the address can't be had."""
    listener = _listen(host, port)
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=CONNECTIONS,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
        h11_max_incomplete_event_size=HEAD_BYTES,
    )
    Server(config, stop=stop or threading.Event(), listening=lambda: started(listener.getsockname()[1])).run(
        sockets=[listener]
    )


class Server(uvicorn.Server):
    """uvicorn's server, which here ends by returning: what was open beside it has to be closed in order."""

    def __init__(
        self, config: uvicorn.Config, *, stop: threading.Event, listening: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._stop = stop
        self._listening = listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._listening()

    async def on_tick(self, counter: int) -> bool:
        return await super().on_tick(counter) or self._stop.is_set()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal asks, the second insists; neither is raised again afterwards."""
        if self.should_exit:
            self.force_exit = True
        self.should_exit = True


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=1024)
    except (OSError, OverflowError) as error:
        raise EnvironmentProblem(
            f"Can't listen on {host} port {port}: {error}. Is another process there? `--port` names another."
        ) from error
