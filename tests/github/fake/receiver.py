"""Takes webhooks in and keeps them, where no real app is wanted; it judges nothing."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from tests.github.fake.state import Json


@dataclass(frozen=True, kw_only=True, slots=True)
class Received:
    """One webhook as it came in; header names in lower case."""

    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> str:
        return self.headers["x-github-event"]

    @property
    def payload(self) -> Json:
        found: Json = json.loads(self.body)
        return found


@dataclass
class Receiver:
    """Listens at `url` inside its block; answers `status` to all."""

    status: int = 202
    received: list[Received] = field(default_factory=list)

    def __enter__(self) -> Self:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                outer.received.append(Received(headers=headers, body=body))
                self.send_response(outer.status)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/webhook"

    def events(self) -> list[str]:
        """What came in, `event` or `event.action`, in order."""
        said = [(each.event, each.payload.get("action")) for each in self.received]
        return [f"{event}.{action}" if action else event for event, action in said]
