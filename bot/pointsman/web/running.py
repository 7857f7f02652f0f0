"""The process's life around the app: listening, limits, signals, an orderly end; it knows no route."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from types import FrameType

import h11
import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

from pointsman.core.errors import EnvironmentProblem

CONNECTIONS = 200
"""Open at once; who comes after them is answered 503."""

HEAD_BYTES = 16_384
HEAD_SECONDS = 10
"""How long a request's head may take, from the first byte or from connecting: uvicorn waits for ever."""

KEEP_ALIVE_SECONDS = 15
GRACE_SECONDS = 10


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
        http=PatientToAPoint,
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
    number = listener.getsockname()[1]
    server = Server(config, stop=stop or threading.Event(), listening=lambda: started(number))
    server.run(sockets=[listener])


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
        listener = socket.create_server((host, port), family=family, backlog=1024)
    except (OSError, OverflowError) as error:
        raise EnvironmentProblem(
            f"Can't listen on {host} port {port}: {error}. Is another process there? `--port` names another."
        ) from error
    # asyncio sets it only on sockets that name TCP as their protocol; each small answer would wait for an ACK.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


class PatientToAPoint(H11Protocol):
    """uvicorn's connection, closed when a request's head does not arrive in time, and silent about queries."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        # uvicorn takes this from whether its access log has a handler, whoever gave it one.
        self.access_log = False
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._unwatch()
        super().connection_lost(exc)

    def _watch(self) -> None:
        if self.conn.their_state is not h11.IDLE:
            self._unwatch()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(HEAD_SECONDS, self._hang_up)

    def _unwatch(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _hang_up(self) -> None:
        if self.conn.their_state is h11.IDLE:
            self.transport.close()
