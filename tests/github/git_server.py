"""A small git server over HTTP whose answers a test can spoil: real `git http-backend` and a token, no rules."""

from __future__ import annotations

import base64
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.repo import Repo


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A request as it came; `what` is `info/refs`, `git-upload-pack` or `git-receive-pack`. `token` None: nobody's."""

    name: str
    what: str
    service: str
    token: str | None
    body: bytes


@dataclass(kw_only=True)
class Reply:
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


ASK = Reply(
    status=401,
    headers={"WWW-Authenticate": 'Basic realm="GitHub"', "Content-Type": "text/plain"},
    body=b"Invalid username or token.\n",
)

Work = Callable[[], Reply]
Spoiler = Callable[[Seen, Work], Reply | None]
"""Gets a request and what would answer it; None hangs up without a word."""


def refused_push(ref: str, why: str, *words: str) -> Reply:
    """A refused push as GitHub sends it."""

    def packet(data: bytes) -> bytes:
        return b"%04x" % (len(data) + 4) + data

    inner = packet(b"unpack ok\n") + packet(f"ng {ref} {why}\n".encode()) + b"0000"
    said = "".join(f"{line}\n" for line in words).encode()
    body = (packet(b"\2" + said) if said else b"") + packet(b"\1" + inner) + b"0000"
    return Reply(headers={"Content-Type": "application/x-git-receive-pack-result"}, body=body)


def work_as_asked(seen: Seen, work: Work) -> Reply | None:
    return work()


class GitServer:
    """Serves the bare repositories below `root` to whoever has the `token`; `spoil` may be set at any time."""

    def __init__(self, root: Path, token: str) -> None:
        self.root = root
        self.token = token
        self.spoil: Spoiler = work_as_asked
        self.seen: list[Seen] = []
        self.done = threading.Event()
        self.newest_protocol = True

    def __enter__(self) -> Self:
        front = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                front.answer(self)

            do_POST = do_GET

            def log_message(self, format: str, *args: object) -> None:
                """Says nothing."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: object, client_address: object) -> None:
                """A client that went away is what some tests are about."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.done.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    def url(self, name: str) -> str:
        return f"http://{self.host}/{name}"

    def add(self, name: str) -> Repo:
        """A new bare repository, such as `acme/widgets.git`."""
        repo = Repo(self.root / name).init(bare=True)
        repo.git("config", "http.receivepack", "true")
        repo.git("config", "uploadpack.allowAnySHA1InWant", "true")
        return repo

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        path, _, query = handler.path.partition("?")
        name, what = _split(path)
        kind, _, given = (handler.headers.get("Authorization") or "").partition(" ")
        token = base64.b64decode(given).decode().partition(":")[2] if kind == "Basic" else None
        service = query.partition("service=")[2] or what
        seen = Seen(name=name, what=what, service=service, token=token, body=body)
        self.seen.append(seen)

        def work() -> Reply:
            return self._backend(handler, name, what, query, body) if token == self.token else ASK

        reply = self.spoil(seen, work)
        if reply is None:
            handler.close_connection = True
            return
        handler.send_response(reply.status)
        for key, value in {**reply.headers, "Content-Length": str(len(reply.body))}.items():
            handler.send_header(key, value)
        handler.end_headers()
        handler.wfile.write(reply.body)

    def _backend(
        self, handler: BaseHTTPRequestHandler, name: str, what: str, query: str, body: bytes
    ) -> Reply:
        if not (self.root / name).is_dir():
            return Reply(status=404, headers={"Content-Type": "text/plain"}, body=b"Repository not found.\n")
        headers = handler.headers
        env = {
            "PATH": "/usr/bin:/bin:/usr/local/bin",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": f"/{name}/{what}",
            "QUERY_STRING": query,
            "REQUEST_METHOD": str(handler.command),
            "CONTENT_TYPE": headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": headers.get("Git-Protocol", "") if self.newest_protocol else "",
            "REMOTE_USER": "someone",
        }
        done = subprocess.run(
            ["git", "http-backend"], input=body, env=env, stdout=subprocess.PIPE, check=False
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
        status = int(fields.pop("Status", "200 OK").split(" ")[0])
        return Reply(status=status, headers=fields, body=content)


def _split(path: str) -> tuple[str, str]:
    name, _, what = path.strip("/").partition(".git/")
    return f"{name}.git", what
