"""A real server on a free port with a real inbox on disk; `Door` signs deliveries as GitHub does."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from pointsman.adapters.store.inbox import SqlInbox
from pointsman.core.hints import Figures
from pointsman.ports import Inbox
from pointsman.web.server import make_app, serve

SECRET, OLD_SECRET = "correct horse battery staple", "what came before the staple"
NOW = 1_800_000_000.0


class Clock:
    def now(self) -> float:
        return NOW

    def sleep(self, seconds: float) -> None:
        raise AssertionError("nothing in web sleeps")


@dataclass
class Door:
    """The running server as its users see it, and what it was made of."""

    url: str = ""
    port: int = 0
    inbox: Inbox | None = None
    woken: list[float] = field(default_factory=list)
    figures: Callable[[], Figures] = Figures
    ready: Callable[[], str] = str
    client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=20, trust_env=False))

    def deliver(
        self,
        body: Any = None,
        *,
        event: str = "push",
        delivery: str | None = None,
        secret: str = SECRET,
        path: str = "/webhook",
        **headers: str | None,
    ) -> httpx.Response:
        """One delivery; a header given as None is left out, `_` in its name stands for `-`."""
        content = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()
        sent: dict[str, str | None] = {
            "content-type": "application/json",
            "x-github-event": event,
            "x-github-delivery": delivery or str(uuid.uuid4()),
            "x-hub-signature-256": signed(content, secret),
        }
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        given = {name: value for name, value in sent.items() if value is not None}
        return self.client.post(f"{self.url}{path}", content=content, headers=given)

    def get(self, path: str) -> httpx.Response:
        return self.client.get(f"{self.url}{path}")

    def kept(self) -> list[str]:
        """The ids that wait in the inbox."""
        assert self.inbox is not None
        return [delivery.id for delivery in self.inbox.pending(now=NOW + 1, limit=1000)]


def signed(body: bytes, secret: str = SECRET) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[SqlInbox]:
    opened = SqlInbox.open(tmp_path / "state" / "inbox.db")
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def server() -> Iterator[Door]:
    """One server for all tests of a process: stopping one takes as long as fifty deliveries."""
    door = Door()
    app = make_app(
        inbox=Passing(door),
        secrets=(SECRET, OLD_SECRET),
        figures=partial(_now, door, "figures"),
        ready=partial(_now, door, "ready"),
        wake=lambda: door.woken.append(NOW),
        clock=Clock(),
    )
    listening, stop = threading.Event(), threading.Event()

    def started(port: int) -> None:
        door.port, door.url = port, f"http://127.0.0.1:{port}"
        listening.set()

    thread = threading.Thread(
        target=lambda: serve(app, host="127.0.0.1", port=0, stop=stop, started=started), name="door"
    )
    thread.start()
    assert listening.wait(20)
    yield door
    door.client.close()
    stop.set()
    thread.join(20)
    assert not thread.is_alive()


@pytest.fixture
def door(server: Door, inbox: SqlInbox) -> Door:
    """The server with an empty inbox, nothing counted by us, ready."""
    server.inbox, server.figures, server.ready = inbox, Figures, str
    server.woken.clear()
    return server


def _now(door: Door, name: str) -> Any:
    return getattr(door, name)()


class Passing:
    """Whatever inbox the door has at the moment."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def __getattr__(self, name: str) -> Any:
        return getattr(self._door.inbox, name)
