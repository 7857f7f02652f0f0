"""What the webhook takes, what it refuses, and that 202 means kept (rule 6): over HTTP, with a real inbox."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import socket
import threading
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from pointsman.core.errors import EnvironmentProblem
from pointsman.core.hints import Delivery
from pointsman.web import webhook
from pointsman.web.webhook import BODY_BYTES, EVENTS
from tests.web.conftest import OLD_SECRET, SECRET, Door, signed

PAYLOADS = Path(__file__).parents[1] / "data" / "github" / "webhook-payloads.json"
SOME = {"repository": {"id": 7}, "action": "opened"}


def test_rule_6_a_delivery_is_on_disk_before_the_202(door: Door) -> None:
    name = str(uuid.uuid4())
    answer = door.deliver(SOME, delivery=name)
    assert (answer.status_code, answer.json()) == (202, {"outcome": "stored"})
    assert door.inbox is not None
    (kept,) = door.inbox.pending(now=door.inbox.size()[1])
    assert (kept.id, kept.event, kept.repository, json.loads(kept.payload)) == (name, "push", 7, SOME)
    assert len(door.woken) == 1


def test_rule_6_a_repeated_delivery_is_seen_and_wakes_nobody(door: Door) -> None:
    name = str(uuid.uuid4())
    answers = [door.deliver(SOME, delivery=name).json()["outcome"] for _ in range(3)]
    answers.append(door.deliver(SOME, delivery=name.upper()).json()["outcome"])
    assert answers == ["stored", "seen", "seen", "seen"]
    assert door.kept() == [name]
    assert len(door.woken) == 1


@pytest.mark.parametrize("path", ["/webhook", "/"])
@pytest.mark.parametrize("secret", [SECRET, OLD_SECRET], ids=["new secret", "old secret"])
def test_either_secret_counts_while_one_is_replaced(door: Door, secret: str, path: str) -> None:
    assert door.deliver(SOME, secret=secret, path=path).status_code == 202


@pytest.mark.parametrize("event", sorted(EVENTS))
def test_known_events_are_kept(door: Door, event: str) -> None:
    assert door.deliver(SOME, event=event).json() == {"outcome": "stored"}


@pytest.mark.parametrize(("event", "outcome"), [("ping", "pong"), ("star", "ignored"), ("gollum", "ignored")])
def test_other_events_are_answered_and_forgotten(door: Door, event: str, outcome: str) -> None:
    answer = door.deliver(SOME, event=event)
    assert (answer.status_code, answer.json()) == (202, {"outcome": outcome})
    assert door.kept() == []


@pytest.mark.parametrize(
    "signature",
    [
        None,
        "",
        "sha256=",
        "sha256=" + "0" * 64,
        signed(b"something else"),
        signed(json.dumps(SOME).encode(), "not the secret"),
        signed(json.dumps(SOME).encode(), ""),
        signed(json.dumps(SOME).encode()).upper(),
        signed(json.dumps(SOME).encode()).removeprefix("sha256="),
        "sha1=" + hmac.new(SECRET.encode(), json.dumps(SOME).encode(), hashlib.sha1).hexdigest(),
    ],
    ids=[
        "none", "empty", "no digest", "zeros", "of other bytes", "other secret", "empty secret", "upper case",
        "no algorithm", "sha1",
    ],
)  # fmt: skip
def test_a_wrong_signature_is_401(door: Door, signature: str | None) -> None:
    answer = door.deliver(SOME, x_hub_signature_256=signature)
    assert answer.status_code == 401
    assert "X-Hub-Signature-256" in answer.json()["error"]
    assert door.kept() == []


def test_the_old_sha1_header_counts_for_nothing(door: Door) -> None:
    body = json.dumps(SOME).encode()
    sha1 = "sha1=" + hmac.new(SECRET.encode(), body, hashlib.sha1).hexdigest()
    assert door.deliver(SOME, x_hub_signature_256=None, x_hub_signature=sha1).status_code == 401


def test_the_signature_is_checked_before_anything_is_parsed(door: Door) -> None:
    answer = door.deliver(b"[" * 100_000, x_hub_signature_256="sha256=" + "0" * 64, content_type="text/plain")
    assert answer.status_code == 401


def test_two_signatures_are_none(door: Door) -> None:
    body = json.dumps(SOME).encode()
    headers = [
        ("content-type", "application/json"),
        ("x-github-event", "push"),
        ("x-github-delivery", str(uuid.uuid4())),
        ("x-hub-signature-256", "sha256=" + "0" * 64),
        ("x-hub-signature-256", signed(body)),
    ]
    answer = door.client.post(f"{door.url}/webhook", content=body, headers=headers)
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (415, {"content_type": "application/x-www-form-urlencoded"}),
        (415, {"content_type": None}),
        (400, {"x_github_delivery": None}),
        (400, {"x_github_delivery": "../../etc/passwd"}),
        (400, {"x_github_delivery": "0" * 36}),
        (400, {"x_github_event": None}),
        (400, {"x_github_event": "Push"}),
        (400, {"x_github_event": "a" * 65}),
    ],
    ids=str,
)
def test_a_signed_request_that_is_no_delivery(
    door: Door, status: int, headers: dict[str, str | None]
) -> None:
    answer = door.deliver(SOME, **headers)  # type: ignore[arg-type]
    assert answer.status_code == status
    if status == 415:
        assert "application/json" in answer.json()["error"]
    assert door.kept() == []


def test_json_with_a_charset_is_json(door: Door) -> None:
    assert door.deliver(SOME, content_type="Application/JSON; charset=utf-8").status_code == 202


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'"x"', b"\xff\xfe", b"[" * 200_000, b'{"repository": {"id": %s}}' % (b"9" * 5000)],
    ids=["empty", "cut off", "a list", "a string", "no UTF-8", "deep", "a number of 5000 digits"],
)
def test_a_signed_body_that_is_no_object(door: Door, body: bytes) -> None:
    assert door.deliver(body).status_code == 400
    assert door.kept() == []


@pytest.mark.parametrize(
    "repository", [None, [], {}, {"id": "7"}, {"id": True}, {"id": -1}, {"id": 2**63}, {"id": 7.5}], ids=str
)
def test_a_repository_that_has_no_id_is_none(door: Door, repository: Any) -> None:
    assert door.deliver({"repository": repository}).status_code == 202
    assert door.inbox is not None
    (kept,) = door.inbox.pending(now=1e12)
    assert kept.repository is None


def test_all_real_payloads_are_kept_as_they_came(door: Door) -> None:
    if not PAYLOADS.exists():
        pytest.skip("the payloads are not in tests/data")
    sent = {}
    for group in json.loads(PAYLOADS.read_text()):
        for payload in group["payloads"]:
            name = str(uuid.uuid4())
            answer = door.deliver(payload, event=group["event"], delivery=name)
            other = "pong" if group["event"] == "ping" else "ignored"
            assert answer.json() == {"outcome": "stored" if group["event"] in EVENTS else other}
            if group["event"] in EVENTS:
                sent[name] = (group["event"], payload)
    assert len(sent) > 40
    assert door.inbox is not None
    kept = door.inbox.pending(now=1e12, limit=1000)
    assert {each.id: (each.event, json.loads(each.payload)) for each in kept} == sent
    for each in kept:
        payload = sent[each.id][1]
        assert each.repository == (payload["repository"]["id"] if "repository" in payload else None)


def raw(door: Door, head: str, body: bytes = b"", *, pause: float = 0.0) -> bytes:
    """What the server answers to these bytes until it hangs up."""
    with socket.create_connection(("127.0.0.1", door.port), timeout=15) as connection:
        connection.sendall(head.replace("\n", "\r\n").encode())
        time.sleep(pause)
        answer = b""
        with suppress(ConnectionError):
            connection.sendall(body)
            while more := connection.recv(65536):
                answer += more
        return answer


def test_a_body_that_says_it_is_too_large_is_not_read(door: Door) -> None:
    head = f"POST /webhook HTTP/1.1\nHost: x\nX-Hub-Signature-256: sha256={'0' * 64}\n"
    answer = raw(door, head + f"Content-Length: {BODY_BYTES + 1}\n\n")
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_a_body_that_grows_too_large_is_cut_off(door: Door) -> None:
    chunk = b"%x\r\n%s\r\n" % (1_000_000, b"x" * 1_000_000)
    head = f"POST /webhook HTTP/1.1\nHost: x\nX-Hub-Signature-256: sha256={'0' * 64}\n"
    answer = raw(door, head + "Transfer-Encoding: chunked\n\n", chunk * 26, pause=0.05)
    assert answer.startswith(b"HTTP/1.1 413 ") or answer == b""
    assert door.get("/healthz").status_code == 200


def test_a_body_of_25_MB_is_taken(door: Door) -> None:
    body = b'{"text": "' + b"x" * (BODY_BYTES - 12) + b'"}'
    assert len(body) == BODY_BYTES
    assert door.deliver(body).status_code == 202


def test_a_request_without_a_signature_is_answered_without_its_body(door: Door) -> None:
    answer = raw(door, "POST /webhook HTTP/1.1\nHost: x\nContent-Length: 20000000\n\n")
    assert answer.startswith(b"HTTP/1.1 401 ")


def test_a_sender_that_hangs_up_leaves_nothing(door: Door) -> None:
    head = f"POST /webhook HTTP/1.1\r\nHost: x\r\nX-Hub-Signature-256: sha256={'0' * 64}\r\n"
    with socket.create_connection(("127.0.0.1", door.port)) as connection:
        connection.sendall((head + "Content-Length: 100\r\n\r\n{").encode())
    assert door.deliver(SOME).status_code == 202
    assert len(door.kept()) == 1


def test_a_body_that_takes_too_long_is_not_waited_for(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "READING_SECONDS", 0.2)
    head = f"POST /webhook HTTP/1.1\nHost: x\nX-Hub-Signature-256: sha256={'0' * 64}\nContent-Length: 100\n\n"
    assert raw(door, head, b"{").startswith(b"HTTP/1.1 408 ")


def test_all_bodies_together_are_bounded(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "READING_BYTES", 1_000_000)
    head = f"POST /webhook HTTP/1.1\r\nHost: x\r\nX-Hub-Signature-256: sha256={'0' * 64}\r\n"
    large = (head + "Content-Length: 900000\r\n\r\n").encode() + b"x" * 800_000
    for patience in (0.1, 0.5, 2.0, 5.0):  # what comes first when two meet is up to the machine
        with socket.create_connection(("127.0.0.1", door.port)) as waiting:
            waiting.sendall(large)
            time.sleep(patience)
            if door.deliver(b"y" * 300_000).status_code == 503:
                assert door.deliver(SOME).status_code == 202
                break
    else:
        raise AssertionError("both were taken")
    deadline = time.monotonic() + 60
    while (answer := door.deliver({"text": "y" * 300_000})).status_code != 202:
        assert time.monotonic() < deadline, answer


class Full:
    """An inbox on a full disk."""

    def add(self, delivery: Delivery) -> bool:
        raise EnvironmentProblem("The disk that holds /secret/place/inbox.db is full.")


def test_rule_6_what_cannot_be_kept_is_503_and_taken_when_sent_again(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    working, name = door.inbox, str(uuid.uuid4())
    door.inbox = Full()  # type: ignore[assignment]
    answer = door.deliver(SOME, delivery=name)
    assert answer.status_code == 503
    assert "redeliver" in answer.json()["error"]
    assert "/secret/place" not in answer.text
    assert "/secret/place/inbox.db is full" in caplog.text
    door.inbox = working
    assert door.deliver(SOME, delivery=name).json() == {"outcome": "stored"}


def test_no_body_and_no_secret_is_ever_logged(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    body = {"repository": {"id": 7}, "text": "pass-phrase-of-somebody"}
    for headers in ({}, {"content_type": "text/plain"}, {"x_hub_signature_256": "sha256=" + "0" * 64}):
        door.deliver(body, **headers)
    door.deliver(body, path="/webhook?token=in-the-query")
    assert "(push) stored" in caplog.text
    records = [record for record in caplog.records if not record.name.startswith("httpc")]
    said = "\n".join(record.getMessage() for record in records if not record.name.startswith("httpx"))
    for private in ("pass-phrase-of-somebody", SECRET, OLD_SECRET, "in-the-query"):
        assert private not in said


def test_many_at_once_are_all_kept(door: Door) -> None:
    names = [str(uuid.uuid4()) for _ in range(120)]
    waiting = list(names)
    answers: list[int] = []

    def send() -> None:
        while True:
            try:
                name = waiting.pop()
            except IndexError:
                return
            answers.append(door.deliver(SOME, delivery=name).status_code)

    threads = [threading.Thread(target=send) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [202] * len(names)
    assert sorted(door.kept()) == sorted(names)
