"""Watches the memory of `pointsman serve` at work: 1,000 queued pull requests of a GitHub on loopback, gates that
end, webhooks that come in all the time.

Budget: under 200 MB, and flat over an hour (docs/design.md, section 8). Beside it: the process right after it came up.
Run: `python -m bench.memory [--minutes N]`; 60 for the hour, 2 where nothing is said.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import http.client
import json
import os
import statistics
import sys
import tempfile
import threading
import time
import uuid
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from tests.github.demo.serving import Serving
from tests.github.fake import App, FakeGitHub, FakeRepository

from pointsman.adapters.store.sql import SqlStore
from pointsman.core.model import Sha
from pointsman.core.pulls.model import CANDIDATES
from pointsman.core.queue.model import Change, ChangeState, Entry

CHANGES, BUDGET_MB = 1_000, 200
DELIVERIES_PER_SECOND = 5.0
GATE_SECONDS = 5.0
WARM = 0.2
"""The first fifth is not counted: the app tells every pull request what it thinks of it."""

CONTRACT = """\
version: 1
base: main
default_role: anyone
identities:
  pointsman: {app: pointsman, self: true}
roles:
  anyone: {who: [{permission: write}], owns: ["**"]}
checks:
  unit: {run: "true", app: 15368}
limits: {running_gates: 12}
"""


def main(minutes: float = 2.0) -> None:
    """Prints resident memory over time, and what it grew by in an hour after the warm-up."""
    with tempfile.TemporaryDirectory(prefix="pointsman-bench-") as place:
        folder = Path(place)
        with FakeGitHub(folder, check=False) as hub:
            hub.rate_limit = 10**9
            repo, app = _repository(hub), hub.app()
            hub.install(app, repo)
            repo.workflow("gate", ["unit"], on_push=[f"{CANDIDATES}**"])
            _queue(folder / "state", repo)
            with Serving(folder, hub, app) as serving:
                world = World(hub=hub, repo=repo, app=app, serving=serving)
                samples = world.watch(minutes * 60)
                complaints = len(serving.complaints)
                assert not world.troubles, world.troubles[:5]
            print(
                f"{world.sent:,} webhooks sent, {world.gates:,} gates ended, {_landed(folder, repo):,} landed,",
                end=" ",
            )
            print(f"{complaints} complaints in the log")
            _report(samples)


@dataclass(kw_only=True)
class World:
    """What goes on around the app, each in a thread of its own."""

    hub: FakeGitHub
    repo: FakeRepository
    app: App
    serving: Serving
    sent: int = 0
    gates: int = 0
    troubles: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def watch(self, seconds: float) -> list[tuple[float, float]]:
        """(seconds since the start, megabytes), until then."""
        threads = [threading.Thread(target=work) for work in (self._deliver, self._end_gates)]
        for thread in threads:
            thread.start()
        samples, begin = [], time.monotonic()
        while (passed := time.monotonic() - begin) < seconds and self.serving.alive:
            samples.append((passed, _resident(self.serving._process.pid)))
            while not self.serving.lines.empty():
                line = self.serving.lines.get()
                self.troubles += [line] if "trouble" in line else []
            time.sleep(1.0)
        self._stop.set()
        for thread in threads:
            thread.join()
        assert self.serving.alive, "\n".join(self.serving.complaints[-20:])
        return samples

    def _deliver(self) -> None:
        body = json.dumps(
            {
                "action": "completed",
                "repository": {"id": self.repo.id, "full_name": self.repo.full_name},
                "check_run": {"name": "elsewhere", "head_sha": "a" * 40, "conclusion": "success"},
                "text": "x" * 10_000,
            }
        ).encode()
        signature = hmac.new(self.app.webhook_secret.encode(), body, hashlib.sha256).hexdigest()
        with closing(http.client.HTTPConnection(urlsplit(self.serving.address).netloc, timeout=30)) as server:
            while not self._stop.wait(1 / DELIVERIES_PER_SECOND):
                headers = {
                    "Content-Type": "application/json",
                    "X-GitHub-Event": "check_run",
                    "X-GitHub-Delivery": str(uuid.uuid4()),
                    "X-Hub-Signature-256": f"sha256={signature}",
                }
                server.request("POST", "/webhook", body, headers)
                answer = server.getresponse()
                answer.read()
                assert answer.status == 202, answer.status
                self.sent += 1

    def _end_gates(self) -> None:
        """One at a time, the oldest first, every tenth red."""
        while not self._stop.wait(GATE_SECONDS):
            with self.hub.lock:
                branches = sorted(self.repo.bare.refs(f"refs/heads/{CANDIDATES}"))
            for ref in branches:
                with suppress(AssertionError):
                    ended = "failure" if self.gates % 10 == 9 else "success"
                    self.hub.finish_check(self.repo, ref.removeprefix("refs/heads/"), "unit", ended)
                    self.gates += 1


def _repository(hub: FakeGitHub) -> FakeRepository:
    """With 1,000 open pull requests, each with a file of its own."""
    repo = hub.repository("acme/depot", files={".pointsman.yml": CONTRACT, "README.md": "# depot\n"})
    tip = repo.tip("main")
    parts = []
    for number in range(1, CHANGES + 1):
        message, text = f"Add {number}\n", f"{number}\n"
        parts.append(
            f"commit refs/heads/agent/{number}\n"
            f"author Ada <ada@example.org> {1_700_000_000 + number} +0000\n"
            f"committer Ada <ada@example.org> {1_700_000_000 + number} +0000\n"
            f"data {len(message)}\n{message}from {tip}\n"
            f"M 100644 inline files/{number % 50}/{number}.txt\ndata {len(text)}\n{text}\n"
        )
    repo.bare.git("fast-import", "--quiet", stdin="".join(parts).encode())
    hub.user("ada")
    repo.permission("ada", "write")
    for number in range(1, CHANGES + 1):
        repo.open_pull("ada", f"agent/{number}", f"Add {number}", "Because it was missing.\n" * 20)
    return repo


def _queue(state: Path, repo: FakeRepository) -> None:
    """As if somebody had written `/queue` on each of them."""
    with closing(SqlStore.open(state / "repositories" / str(repo.id) / "state.db")) as store:
        for pull in sorted(repo.pulls.values(), key=lambda one: one.number):
            change = Change(
                id=0,
                lane="main",
                branch=pull.branch,
                head=Sha(pull.head),
                author=pull.author.login,
                account=pull.author.id,
                number=pull.number,
                title=pull.title,
                body=pull.body or "",
                submitted_at=time.time(),
            )
            body = {
                "change": "$0",
                "branch": pull.branch,
                "head": pull.head,
                "author": "ada",
                "title": pull.title,
            }
            store.save(change, entries=(Entry(lane="main", kind="submitted", body=body),), at=time.time())


def _landed(folder: Path, repo: FakeRepository) -> int:
    with closing(SqlStore.open(folder / "state" / "repositories" / str(repo.id) / "state.db")) as store:
        return len(store.changes(states=(ChangeState.LANDED,)))


def _resident(process: int) -> float:
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _report(samples: list[tuple[float, float]]) -> None:
    seconds = samples[-1][0]
    for tenth in range(10):
        part = [size for at, size in samples if tenth <= at / seconds * 10 < tenth + 1]
        print(f"{seconds * (tenth + 1) / 600:6.1f} min  {statistics.mean(part):6.1f} MB")
    warm = [(at, size) for at, size in samples if at >= WARM * seconds]
    slope = statistics.linear_regression(*zip(*warm, strict=True)).slope * 3600
    most = max(size for _, size in samples)
    print(
        f"right after the start {samples[0][1]:.0f} MB, most {most:.0f} MB, {most / BUDGET_MB:.2f}x of the budget"
    )
    print(f"after the warm-up it grew by {slope:+.1f} MB an hour, over {seconds / 60:.0f} minutes")


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--minutes", type=float, default=2.0)
    main(asked.parse_args(sys.argv[1:]).minutes)
