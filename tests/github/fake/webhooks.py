"""Signs and delivers webhooks in order from one thread, loses or doubles them on demand; it decides on none."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx

from tests.github.fake.shapes import people, repos
from tests.github.fake.state import Account, App, Installation, Json

if TYPE_CHECKING:
    from tests.github.fake.repository import FakeRepository

ANSWER_WITHIN = 10.0
"""Seconds that GitHub waits for an answer (docs.github.com, "Best practices for using webhooks")."""

ALWAYS = frozenset({"installation", "installation_repositories", "ping"})
"""Events that every app is told, whatever it subscribed to."""


@dataclass(kw_only=True, eq=False)
class Delivery:
    """One webhook on its way or delivered. `status` is the answer's code, 0: none came, None: not sent (yet)."""

    id: int
    guid: str
    app: App
    installation: Installation | None
    repository: int | None
    event: str
    action: str | None
    body: bytes
    made: float
    redelivery: bool = False
    status: int | None = None
    took: float = 0.0
    lost: bool = False
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def payload(self) -> Json:
        found: Json = json.loads(self.body)
        return found


class Webhooks:
    """The sender. `log` has every delivery made, in order of making, lost ones too."""

    def __init__(self, now: Callable[[], float], ids: Callable[[], int]) -> None:
        self.log: list[Delivery] = []
        self._now, self._ids = now, ids
        self._waiting: deque[Delivery] = deque()
        self._held: list[Delivery] | None = None
        self._drops: dict[str | None, int] = {}
        self._doubles: dict[str | None, int] = {}
        self._busy = 0
        self._closing = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._send_all, name="webhooks", daemon=True)
        self._thread.start()

    def drop(self, event: str | None = None, times: int = 1) -> None:
        """Loses the next deliveries of that event (of any): they are logged with `lost` and never sent."""
        with self._changed:
            self._drops[event] = self._drops.get(event, 0) + times

    def double(self, event: str | None = None, times: int = 1) -> None:
        """Sends the next deliveries of that event (of any) twice, with one delivery id."""
        with self._changed:
            self._doubles[event] = self._doubles.get(event, 0) + times

    def hold(self) -> None:
        """Keeps back all that is made from now on."""
        with self._changed:
            self._held = self._held or []

    def release(self, order: Callable[[list[Delivery]], Iterable[Delivery]] = list) -> None:
        """Sends what was held, in the order that `order` makes of it, and holds no more."""
        with self._changed:
            held, self._held = self._held or [], None
            self._waiting.extend(order(held))
            self._changed.notify_all()

    def emit(
        self,
        event: str,
        payload: Json,
        *,
        sender: Account,
        repo: FakeRepository,
    ) -> None:
        """Tells every app that is installed on the repository and subscribed to the event."""
        hub = repo.hub
        shared: Json = {"repository": repos.repository(repo), "sender": people.user(hub, sender)}
        if event == "push":
            shared["repository"] |= repos.pushed_to(repo)
        if repo.owner.type == "Organization":
            shared["organization"] = people.organization(hub, repo.owner)
        for installation in hub.installations_on(repo):
            if event in installation.app.events or event in ALWAYS:
                self.tell(event, payload | shared, installation=installation, repository=repo.id)

    def tell(
        self, event: str, payload: Json, *, installation: Installation, repository: int | None = None
    ) -> None:
        """One delivery to the installation's app, whatever it subscribed to."""
        body = json.dumps({"installation": people.short_installation(installation)} | payload).encode()
        delivery = Delivery(
            id=self._ids(),
            guid=str(uuid.uuid4()),
            app=installation.app,
            installation=installation,
            repository=repository,
            event=event,
            action=payload.get("action"),
            body=body,
            made=self._now(),
        )
        self._queue(delivery)

    def redeliver(self, old: Delivery) -> Delivery:
        """Sends it once more: same GUID and body, a delivery of its own in the log."""
        again = Delivery(
            **{name: getattr(old, name) for name in ("guid", "app", "installation", "repository", "event")},
            action=old.action,
            body=old.body,
            id=self._ids(),
            made=self._now(),
            redelivery=True,
        )
        self._queue(again)
        return again

    def _queue(self, delivery: Delivery) -> None:
        with self._changed:
            self.log.append(delivery)
            if self._take(self._drops, delivery.event):
                delivery.lost = True
                return
            copies = [delivery] * (2 if self._take(self._doubles, delivery.event) else 1)
            (self._waiting if self._held is None else self._held).extend(copies)
            self._changed.notify_all()

    def _take(self, left: dict[str | None, int], event: str) -> bool:
        for key in (event, None):
            if left.get(key, 0) > 0:
                left[key] -= 1
                return True
        return False

    def settled(self, timeout: float = 20.0) -> bool:
        """Waits until nothing is on its way (what is held stays); False when it takes longer (seconds)."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not self._busy, timeout)

    def close(self) -> None:
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(ANSWER_WITHIN + 1)

    def _send_all(self) -> None:
        # Receivers are on this machine: no TLS, and reading the world's certificates takes 30 ms.
        with httpx.Client(timeout=ANSWER_WITHIN, trust_env=False, verify=False) as client:  # noqa: S501
            while (delivery := self._next()) is not None:
                try:
                    self._send(client, delivery)
                finally:
                    with self._changed:
                        self._busy = 0
                        self._changed.notify_all()

    def _next(self) -> Delivery | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing)
            if self._closing:
                return None
            self._busy = 1
            return self._waiting.popleft()

    def _send(self, client: httpx.Client, delivery: Delivery) -> None:
        if not delivery.app.hook_url:
            return
        delivery.headers = headers(delivery)
        began = time.monotonic()
        try:
            answer = client.post(delivery.app.hook_url, content=delivery.body, headers=delivery.headers)
            delivery.status = answer.status_code
        except httpx.HTTPError:
            delivery.status = 0
        delivery.took = time.monotonic() - began


def headers(delivery: Delivery) -> dict[str, str]:
    """What GitHub sends along, the signature over the body included."""
    secret, body = delivery.app.webhook_secret.encode(), delivery.body
    return {
        "Accept": "*/*",
        "Content-Type": "application/json",
        "User-Agent": "GitHub-Hookshot/fake000",
        "X-GitHub-Delivery": delivery.guid,
        "X-GitHub-Event": delivery.event,
        "X-GitHub-Hook-ID": str(delivery.app.id),
        "X-GitHub-Hook-Installation-Target-ID": str(delivery.app.id),
        "X-GitHub-Hook-Installation-Target-Type": "integration",
        "X-Hub-Signature": "sha1=" + hmac.new(secret, body, hashlib.sha1).hexdigest(),
        "X-Hub-Signature-256": "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest(),
    }
