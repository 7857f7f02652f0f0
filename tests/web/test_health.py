"""What operators see: health, readiness, metrics; and how the server ends."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from pointsman.adapters.store.inbox import SqlInbox
from pointsman.core.errors import EnvironmentProblem, UserError
from pointsman.core.hints import Figures, LaneFigures
from pointsman.web import running
from pointsman.web.logs import OneLine
from pointsman.web.server import make_app, serve
from tests.web.conftest import Clock, Door

FIGURES = Figures(
    lanes=(
        LaneFigures(repository="acme/shop", lane="main", queued=3, testing=2, running=4, paused=False),
        LaneFigures(repository="acme/shop", lane='odd"\n\\lane', queued=1, testing=0, running=0, paused=True),
    ),
    requests=(("acme/shop", 42),),
    deliveries=((("push", "worked"), 7), (("status", "later"), 1)),
    landed=5,
    returned=2,
    healed=1,
    pending_hints=6,
    oldest_hint=12.5,
    last_round=1_700_000_000.0,
    troubles=3,
)


def samples(door: Door) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample of the page by (name, labels), read by Prometheus' own parser."""
    answer = door.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_alive_and_ready(door: Door) -> None:
    assert door.get("/healthz").json() == {"status": "alive"}
    assert door.get("/readyz").json() == {"status": "ready"}


def test_not_ready_says_why(door: Door) -> None:
    door.ready = lambda: "the list of repositories was not read yet"
    answer = door.get("/readyz")
    assert (answer.status_code, answer.json()["why"]) == (503, "the list of repositories was not read yet")
    assert door.get("/healthz").status_code == 200


def test_a_failure_to_tell_is_not_ready(door: Door) -> None:
    def broken() -> str:
        raise EnvironmentProblem("the state file is damaged")

    door.ready = broken
    assert door.get("/readyz").status_code == 503


def test_metrics_show_every_figure(door: Door) -> None:
    door.figures = lambda: FIGURES
    found = samples(door)
    main = (("lane", "main"), ("repository", "acme/shop"))
    odd = (("lane", 'odd"\n\\lane'), ("repository", "acme/shop"))
    for name, labels, value in (
        ("queued_changes", main, 3),
        ("testing_changes", main, 2),
        ("running_checks", main, 4),
        ("lane_paused", main, 0),
        ("lane_paused", odd, 1),
        ("api_requests_total", (("repository", "acme/shop"),), 42),
        ("deliveries_total", (("event", "push"), ("outcome", "worked")), 7),
        ("landed_total", (), 5),
        ("returned_total", (), 2),
        ("healed_total", (), 1),
        ("troubles_total", (), 3),
        ("inbox_waiting", (), 6),
        ("inbox_oldest_seconds", (), 12.5),
        ("last_round_timestamp_seconds", (), 1_700_000_000),
    ):
        assert found[f"pointsman_{name}", labels] == value, name
    assert ("process_resident_memory_bytes", ()) in found


def test_metrics_count_what_webhooks_were_answered(door: Door) -> None:
    before = samples(door)
    door.deliver({}, event="status")
    door.deliver({}, event="status", x_hub_signature_256=None)
    door.deliver({}, event="invented_by_somebody", x_hub_signature_256=None)
    after = samples(door)

    def more(event: str, outcome: str) -> float:
        key = ("pointsman_webhook_answers_total", (("event", event), ("outcome", outcome)))
        return after.get(key, 0) - before.get(key, 0)

    assert (more("status", "stored"), more("status", "refused"), more("other", "refused")) == (1, 1, 1)
    assert not any("invented" in str(key) for key in after)


def test_labels_are_bounded(door: Door) -> None:
    lane = {"lane": "main", "queued": 1, "testing": 0, "running": 0, "paused": False}
    lanes = tuple(LaneFigures(repository=f"acme/r{n}", **lane) for n in range(1200))  # type: ignore[arg-type]
    requests = tuple((f"acme/r{n}", 2) for n in range(1200))
    door.figures = lambda: Figures(lanes=lanes, requests=requests)
    found = samples(door)
    queued = {key: value for key, value in found.items() if key[0] == "pointsman_queued_changes"}
    asked = {key: value for key, value in found.items() if key[0] == "pointsman_api_requests_total"}
    assert len(queued) == len(asked) == 501
    assert sum(queued.values()) == 1200
    assert sum(asked.values()) == 2400


def test_figures_that_cannot_be_had_are_503(door: Door) -> None:
    def broken() -> Figures:
        raise EnvironmentProblem("the state file is damaged")

    door.figures = broken
    answer = door.get("/metrics")
    assert (answer.status_code, "damaged" in answer.text) == (503, True)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/webhook", 405), ("GET", "/", 405), ("POST", "/metrics", 405), ("GET", "/state.db", 404)],
)
def test_there_is_nothing_else(door: Door, method: str, path: str, status: int) -> None:
    answer = door.client.request(method, f"{door.url}{path}")
    assert answer.status_code == status
    assert "server" not in answer.headers


@pytest.mark.parametrize("secrets", [(), ("",), ("long enough to count", ""), tuple("abc")], ids=str)
def test_no_app_without_a_proper_secret(inbox: SqlInbox, secrets: tuple[str, ...]) -> None:
    with pytest.raises(UserError, match="secret"):
        make_app(inbox=inbox, secrets=secrets, figures=Figures, ready=str, wake=lambda: None, clock=Clock())


def test_a_head_that_does_not_arrive_is_not_waited_for(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "HEAD_SECONDS", 0.3)
    begun = time.monotonic()
    with socket.create_connection(("127.0.0.1", door.port), timeout=30) as connection:
        for letter in b"POST /":
            connection.sendall(bytes([letter]))
            time.sleep(0.02)
        assert connection.recv(1000) == b""
    assert time.monotonic() - begun < 5


def test_a_body_that_takes_long_is_no_head(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "HEAD_SECONDS", 0.1)
    head = f"POST /webhook HTTP/1.1\r\nHost: x\r\nX-Hub-Signature-256: sha256={'0' * 64}\r\n"
    with socket.create_connection(("127.0.0.1", door.port), timeout=30) as connection:
        connection.sendall((head + "Content-Length: 2\r\n\r\n{").encode())
        time.sleep(0.4)
        connection.sendall(b"}")
        assert connection.recv(1000).startswith(b"HTTP/1.1 401 ")


def test_a_head_that_is_too_large_is_refused(door: Door) -> None:
    with socket.create_connection(("127.0.0.1", door.port), timeout=30) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * 100_000)
        assert connection.recv(1000).startswith(b"HTTP/1.1 400 ")


def test_a_port_that_is_taken_is_said(door: Door, inbox: SqlInbox) -> None:
    app = make_app(
        inbox=inbox, secrets=("long enough",), figures=Figures, ready=str, wake=lambda: None, clock=Clock()
    )
    with pytest.raises(EnvironmentProblem, match=rf"port {door.port}"):
        serve(app, host="127.0.0.1", port=door.port)


def test_a_log_line_is_one_line_of_json() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(OneLine())
    logger = logging.Logger("pointsman.web")
    logger.addHandler(handler)
    logger.warning("a\nb %s", "c\r\u2028d")
    try:
        raise ValueError("what went wrong")
    except ValueError:
        logger.exception("it failed")
    first, second = stream.getvalue().splitlines()
    assert json.loads(first)["text"] == "a\nb c\r\u2028d"
    assert json.loads(second)["level"] == "error"
    assert "what went wrong" in json.loads(second)["trace"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00", json.loads(first)["at"])


SERVER = """
import sys, threading, time
from pathlib import Path
from pointsman.adapters.clock import SystemClock
from pointsman.adapters.store.inbox import SqlInbox
from pointsman.core.hints import Figures
from pointsman.web.logs import log_to
from pointsman.web.server import make_app, serve
log_to()
def slow():
    print("asked", flush=True)
    time.sleep(0.7)
    return ""
inbox = SqlInbox.open(Path(sys.argv[1]))
app = make_app(
    inbox=inbox, secrets=("long enough",), figures=Figures, ready=slow, wake=lambda: None, clock=SystemClock()
)
serve(app, host="127.0.0.1", port=0, started=lambda port: print(port, flush=True))
inbox.close()
print("closed in order", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_signal_lets_what_had_begun_end(tmp_path: Path, number: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(tmp_path / "inbox.db")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdout is not None
    port = int(process.stdout.readline())
    answer: list[bytes] = []

    def ask() -> None:
        with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
            connection.sendall(b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            while more := connection.recv(1000):
                answer.append(more)

    thread = threading.Thread(target=ask)
    thread.start()
    assert process.stdout.readline() == "asked\n"
    process.send_signal(number)
    out, err = process.communicate(timeout=90)
    thread.join()
    assert b"".join(answer).startswith(b"HTTP/1.1 200 ")
    assert (process.returncode, out) == (0, "closed in order\n")
    assert all(json.loads(line)["source"] for line in err.splitlines())
