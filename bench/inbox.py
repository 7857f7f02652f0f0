"""Times taking webhooks: signature, JSON, and an fsync before each 202, against a bare Starlette endpoint that reads
the body and answers.

Asked for: 500 deliveries a second on 2 cores, client included. Run: `python -m bench.inbox`.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import multiprocessing
import os
import statistics
import tempfile
import threading
import time
import uuid
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from pointsman.adapters.clock import SystemClock
from pointsman.adapters.store.inbox import SqlInbox
from pointsman.core.hints import Delivery, Figures
from pointsman.web.server import make_app, serve

SECRET = "bench-secret"  # noqa: S105 - of this benchmark only
DELIVERIES, CONNECTIONS, ROUNDS = 3000, 32, 3
BODY = json.dumps({"repository": {"id": 7}, "text": "x" * 12_000}).encode()
"""As large as GitHub's own example of a check run."""


def main() -> None:
    """Prints deliveries a second and the slowest hundredth, for both endpoints in turn, and their ratio."""
    print(f"{os.cpu_count()} processors, load average {os.getloadavg()[0]:.1f} before")
    print(
        f"{DELIVERIES:,} deliveries of {len(BODY):,} bytes over {CONNECTIONS} connections, medians of {ROUNDS}"
    )
    with tempfile.TemporaryDirectory(prefix="pointsman-bench-") as folder:
        inbox = SqlInbox.open(Path(folder) / "inbox.db")
        durable = make_app(
            inbox=inbox, secrets=(SECRET,), figures=Figures, ready=str, wake=lambda: None, clock=SystemClock()
        )
        rounds = [(measure(bare()), measure(durable)) for _ in range(ROUNDS)]
        assert inbox.size()[0] == DELIVERIES * ROUNDS
        inbox.close()
        for name, place in (("bare endpoint", 0), ("kept durably", 1)):
            rate, slow, work = (statistics.median(figure[place][n] for figure in rounds) for n in (0, 1, 2))
            print(
                f"{name:24} {rate:7,.0f} a second, slowest hundredth {slow * 1000:6.1f} ms, "
                f"{work * 1000:.2f} ms of processor time each"
            )
        ratio = statistics.median(kept[0] / plain[0] for plain, kept in rounds)
        print(f"kept durably, of the bare endpoint's rate: {ratio:.2f}x")
        alone(Path(folder) / "alone.db")


def alone(path: Path) -> None:
    """The inbox by itself: one thread, each of whose deliveries waits for a sync of its own, and a crowd."""
    inbox = SqlInbox.open(path)
    for threads in (1, CONNECTIONS):
        each = 1000 // threads
        workers = [threading.Thread(target=add, args=(inbox, each)) for _ in range(threads)]
        begin = time.perf_counter()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        print(
            f"inbox, {threads:2} threads{'':8} {each * threads / (time.perf_counter() - begin):7,.0f} a second"
        )
    inbox.close()


def add(inbox: SqlInbox, count: int) -> None:
    for _ in range(count):
        inbox.add(
            Delivery(id=str(uuid.uuid4()), event="push", repository=7, payload=BODY, received_at=time.time())
        )


def bare() -> Starlette:
    async def webhook(request: Request) -> JSONResponse:
        await request.body()
        return JSONResponse({"outcome": "forgotten"}, 202)

    return Starlette(routes=[Route("/webhook", webhook, methods=["POST"])])


def measure(app: Starlette) -> tuple[float, float, float]:
    """(deliveries a second, seconds of the slowest hundredth, the server's processor time for each in seconds), asked
    by a process of its own."""
    ports: list[int] = []
    listening, stop = threading.Event(), threading.Event()

    def started(port: int) -> None:
        ports.append(port)
        listening.set()

    server = threading.Thread(target=lambda: serve(app, host="127.0.0.1", port=0, stop=stop, started=started))
    server.start()
    listening.wait()
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        begin = time.process_time()
        seconds, waits = pool.apply(ask, (ports[0],))
        worked = time.process_time() - begin
    stop.set()
    server.join()
    return DELIVERIES / seconds, sorted(waits)[int(len(waits) * 0.99)], worked / DELIVERIES


def ask(port: int) -> tuple[float, list[float]]:
    return asyncio.run(crowd(port))


async def crowd(port: int) -> tuple[float, list[float]]:
    waits: list[float] = []
    signature = hmac.new(SECRET.encode(), BODY, hashlib.sha256).hexdigest()
    begin = time.perf_counter()
    await asyncio.gather(
        *(deliver(port, DELIVERIES // CONNECTIONS, signature, waits) for _ in range(CONNECTIONS - 1)),
        deliver(port, DELIVERIES - (CONNECTIONS - 1) * (DELIVERIES // CONNECTIONS), signature, waits),
    )
    return time.perf_counter() - begin, waits


async def deliver(port: int, count: int, signature: str, waits: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(count):
        begin = time.perf_counter()
        head = (
            "POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-GitHub-Event: push\r\n"
            f"X-GitHub-Delivery: {uuid.uuid4()}\r\nX-Hub-Signature-256: sha256={signature}\r\n"
            f"Content-Length: {len(BODY)}\r\n\r\n"
        )
        writer.write(head.encode() + BODY)
        answer = await reader.readuntil(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 202 "), answer
        length = int(answer.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        await reader.readexactly(length)
        waits.append(time.perf_counter() - begin)
    writer.close()


if __name__ == "__main__":
    main()
