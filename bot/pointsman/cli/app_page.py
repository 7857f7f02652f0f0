"""The local page of `pointsman app create`: sends a browser to GitHub and takes it back; it makes no app itself."""

from __future__ import annotations

import hmac
import json
import queue
import re
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from pointsman.core.errors import EnvironmentProblem

CODE = re.compile(r"[A-Za-z0-9_-]{1,200}")
REQUEST_SECONDS = 10
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style nonce="{nonce}">body{{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:4rem auto;padding:0 1rem}}
button{{font:inherit;padding:.6rem 1.2rem}}code{{overflow-wrap:anywhere}}</style></head>
<body><h1>{title}</h1>{body}</body></html>
"""
FORM = """<p>GitHub will ask for the app's name once more and then send you back here.</p>
<form action="{action}" method="post"><input type="hidden" name="manifest" value="{manifest}">
<button type="submit">Create the app on GitHub</button></form>"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """One answer: its status, title, and body in HTML."""

    status: int
    title: str
    body: str


@dataclass(kw_only=True)
class Visit:
    """One walk through GitHub's flow. Who does not know `path` sees no form; who does not know `state` gives no code:
    other accounts of this machine reach the page as well."""

    html_url: str
    org: str
    manifest: dict[str, Any] = field(default_factory=dict)
    path: str = field(default_factory=lambda: f"/start/{secrets.token_urlsafe(24)}")
    state: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    codes: queue.Queue[str] = field(default_factory=lambda: queue.Queue(maxsize=1))
    told: queue.Queue[Page] = field(default_factory=lambda: queue.Queue(maxsize=1))
    _taken: threading.Lock = field(default_factory=threading.Lock)

    @property
    def action(self) -> str:
        """GitHub's page for new apps, of the account or of the organization."""
        owner = f"organizations/{self.org}/settings" if self.org else "settings"
        return f"{self.html_url}/{owner}/apps/new?{urlencode({'state': self.state})}"

    def answer(self, target: str, *, patience: float) -> Page:
        """What a GET of the target is answered; the first code with the right state waits for `told`."""
        parts = urlsplit(target)
        if hmac.compare_digest(parts.path.encode(), self.path.encode()):
            form = FORM.format(action=escape(self.action), manifest=escape(json.dumps(self.manifest)))
            return Page(status=200, title="Create a GitHub App for Pointsman", body=form)
        if parts.path == "/callback":
            return self._callback(parse_qs(parts.query), patience)
        return Page(status=404, title="Nothing here", body="<p>Open the address that the terminal shows.</p>")

    def _callback(self, query: dict[str, list[str]], patience: float) -> Page:
        state, code = query.get("state", [""])[0], query.get("code", [""])[0]
        if not hmac.compare_digest(state.encode(), self.state.encode()) or not CODE.fullmatch(code):
            body = "<p>This answer does not belong to the page that was opened. Nothing was done.</p>"
            return Page(status=400, title="Not ours", body=body)
        if not self._taken.acquire(blocking=False):
            return Page(status=410, title="Already used", body="<p>See the terminal.</p>")
        self.codes.put(code)
        try:
            return self.told.get(timeout=patience)
        except queue.Empty:
            return Page(status=202, title="Still at work", body="<p>See the terminal.</p>")


@contextmanager
def served(visit: Visit, *, port: int, manifest: Callable[[str], dict[str, Any]]) -> Iterator[str]:
    """Serve the visit on 127.0.0.1, to this machine only; yields the page's address.

    `manifest` is given the address that GitHub shall send the browser back to. EnvironmentProblem if the port is taken.
    """
    try:
        server = LocalServer(visit, port)
    except OSError as error:
        raise EnvironmentProblem(
            f"Can't listen on 127.0.0.1 port {port}: {error.strerror}. `--port` names another; 0 takes a free one."
        ) from error
    visit.manifest = manifest(f"{server.origin}/callback")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="page")
    thread.start()
    try:
        yield f"{server.origin}{visit.path}"
    finally:
        with suppress(queue.Full):
            visit.told.put_nowait(Page(status=503, title="It did not work", body="<p>See the terminal.</p>"))
        server.shutdown()
        thread.join()
        server.server_close()


class LocalServer(ThreadingHTTPServer):
    """Listens on the loopback address only."""

    daemon_threads = False
    block_on_close = True

    def __init__(self, visit: Visit, port: int) -> None:
        self.visit = visit
        super().__init__(("127.0.0.1", port), LocalHandler)
        self.origin = f"http://127.0.0.1:{self.server_address[1]}"


class LocalHandler(BaseHTTPRequestHandler):
    """GET and nothing else; says nothing to the terminal, where a query would show the code."""

    server: LocalServer
    server_version = "pointsman"
    sys_version = ""
    timeout = REQUEST_SECONDS

    def do_GET(self) -> None:
        host = self.headers.get("Host", "")
        if f"http://{host}" != self.server.origin:
            # Another name for this address: a page elsewhere that had its own name lead here.
            self._send(
                Page(status=421, title="Wrong host", body="<p>Open the address the terminal shows.</p>")
            )
            return
        self._send(self.server.visit.answer(self.path, patience=60.0))

    def log_message(self, format: str, *args: Any) -> None:
        return

    def _send(self, page: Page) -> None:
        nonce = secrets.token_urlsafe(16)
        text = PAGE.format(title=escape(page.title), body=page.body, nonce=nonce).encode()
        # No form-action: browsers hold it against every redirect after the form too, and GitHub makes some.
        policy = f"default-src 'none'; style-src 'nonce-{nonce}'; frame-ancestors 'none'; base-uri 'none'"
        self.send_response(page.status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(text)))
        self.send_header("Content-Security-Policy", policy)
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(text)
