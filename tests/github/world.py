"""A repository on the fake GitHub with the real app at work on it: webhooks over HTTP, git over HTTP, rounds on demand.

What happened is read from the fake: its refs, comments, check runs and request log; no story looks into the queue.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from pointsman.adapters.github.credentials import AppCredentials
from pointsman.adapters.github.transport import Transport
from pointsman.core.queue.model import Entry
from pointsman.service.hub import Hub
from pointsman.web.server import make_app, serve
from pointsman.wiring.github import App, Ways, github_app
from tests.github.fake import FakeGitHub, FakeRepository
from tests.support.project import ENV_PY, INI, VERSIONS, revision

CONTRACT = """\
version: 1
base: main
default_role: anyone
identities:
  pointsman: {app: pointsman, self: true}
roles:
  anyone: {who: [{permission: write}], owns: ["**"]}
checks:
  unit: {run: "test ! -e red", app: 15368}
queue: {speculate: 1, retry: {max: 1}}
"""

PROJECT: Mapping[str, str] = {
    "README.md": "# depot\n",
    "alembic.ini": INI,
    "migrations/env.py": ENV_PY,
    f"{VERSIONS}/aa1.py": revision("aa1"),
}
QUIET_ROUNDS = 3
READ_SECONDS = 2.5
"""How long the app waits for an answer in stories; 15 s otherwise, which every lost answer would cost them."""


class Clock:
    """The fake GitHub's own time, so that both sides let time pass together."""

    def __init__(self, hub: FakeGitHub) -> None:
        self._hub = hub

    def now(self) -> float:
        return self._hub.now()

    def sleep(self, seconds: float) -> None:
        time.sleep(min(seconds, 0.01))


class World:
    """One repository, `acme/depot`, one app, and its queue."""

    def __init__(self, folder: Path, hub: FakeGitHub, repo: FakeRepository, stack: ExitStack) -> None:
        self.folder = folder
        self.github = hub
        self.repo = repo
        self.heard: list[tuple[str, Entry]] = []
        self._stack = stack
        self._life: ExitStack | None = None
        self.registered = hub.app()
        self.app: App

    @property
    def hub(self) -> Hub:
        return self.app.hub

    @property
    def bot(self) -> str:
        return self.registered.bot.login

    def start(self, ways: Ways | None = None) -> None:
        """Bring the app up on its state, as a process that starts does."""
        app = self.registered
        credentials = AppCredentials(
            app_id=app.id,
            slug=app.slug,
            private_key=app.private_key,
            webhook_secret=app.webhook_secret,
            api_url=self.github.api_url,
            html_url=self.github.url,
        )
        self._life = ExitStack()
        self._stack.push(self._life)
        self.app = self._life.enter_context(
            github_app(
                credentials,
                self.folder / "state",
                ways=ways or Ways(),
                say=lambda name, entry: self.heard.append((name, entry)),
                clock=Clock(self.github),
            )
        )
        app.hook_url = f"http://127.0.0.1:{self._listen(self._life)}/webhook"

    def stop(self) -> None:
        """Take the app down; what it has not worked yet stays in its inbox."""
        assert self._life is not None
        self._life.close()
        self._life = None

    def work(self, rounds: int = 40) -> None:
        """Deliver every webhook and let the app work, until nothing more happens."""
        quiet = 0
        for _ in range(rounds):
            self.github.settle()
            quiet = 0 if self.hub.round() else quiet + 1
            self._workflows_done()
            if quiet >= QUIET_ROUNDS:
                return
        raise AssertionError(f"it did not come to rest: {self.told()}")

    def patiently(self, done: Callable[[], bool], *, seconds: float = 60.0) -> None:
        """Work until `done()`: for what runs in processes of its own, which takes real time."""
        deadline = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < deadline, self.told()
            self.work()
            time.sleep(0.05)

    def told(self) -> list[str]:
        """What the app said, one line each."""
        return [
            f"{entry.kind} {entry.body.get('text') or entry.body.get('why') or ''}" for _, entry in self.heard
        ]

    def troubles(self) -> list[str]:
        return [str(entry.body.get("why")) for _, entry in self.heard if entry.kind == "trouble"]

    def open(
        self,
        branch: str,
        files: Mapping[str, str | None],
        *,
        by: str = "ada",
        title: str = "A change",
        body: str = "",
        fork: str | None = None,
    ) -> int:
        """Push the branch and open a pull request; its number."""
        self.repo.push(by, branch, files, title, fork=fork)
        return self.repo.open_pull(by, branch, title, body, fork=fork)

    def say(self, number: int, text: str, *, by: str = "ada") -> int:
        return self.repo.comment(number, by, text)

    def ours(self, number: int) -> list[str]:
        """The bodies of our comments on a pull request."""
        return [c.body for c in self.repo.comments(number) if c.author.login == self.bot]

    def checks(self, number: int) -> dict[str, str | None]:
        """Our check runs on the pull request's head: name -> conclusion, None while it runs."""
        runs = self.repo.check_runs(self.repo.pull(number).head)
        return {run.name: run.conclusion for run in runs if run.app is self.registered}

    def landed(self) -> list[str]:
        """The subjects of main's first-parent commits, oldest first, without the first."""
        log = self.repo.bare.git("log", "--first-parent", "--reverse", "--format=%s", "main")
        return log.splitlines()[1:]

    def _workflows_done(self) -> None:
        for thread in list(self.github.threads):
            thread.join(30)

    def _listen(self, life: ExitStack) -> int:
        pages = make_app(
            inbox=self.app.inbox,
            secrets=(self.registered.webhook_secret,),
            figures=self.app.hub.figures,
            ready=lambda: self.app.hub.ready,
            wake=self.app.wake,
            clock=Clock(self.github),
        )
        stop, up = threading.Event(), threading.Event()
        port: list[int] = []

        def started(on: int) -> None:
            port.append(on)
            up.set()

        thread = threading.Thread(
            target=serve,
            args=(pages,),
            kwargs={"host": "127.0.0.1", "port": 0, "stop": stop, "started": started},
        )
        thread.start()
        life.callback(thread.join, 20)
        life.callback(stop.set)
        assert up.wait(20)
        return port[0]


@contextmanager
def world(
    folder: Path,
    *,
    contract: str = CONTRACT,
    files: Mapping[str, str] = PROJECT,
    ways: Ways | None = None,
    jobs: Mapping[str, str] | None = None,
    **ruleset: Any,
) -> Iterator[World]:
    """A world whose app is running. `jobs` maps the jobs of the repository's workflow to shell commands, which really
    run on candidate branches; `ruleset` protects main with the app in its bypass list."""
    with ExitStack() as stack:
        (folder / "github").mkdir()
        patched = stack.enter_context(pytest.MonkeyPatch.context())
        patched.setattr(Transport.__init__, "__kwdefaults__", {"read": READ_SECONDS})
        hub = stack.enter_context(FakeGitHub(folder / "github"))
        repo = hub.repository("acme/depot", files={**files, ".pointsman.yml": contract})
        made = World(folder, hub, repo, stack)
        for login in ("ada", "bob"):
            repo.permission(login, "write")
        repo.permission("lead", "maintain")
        commands = {"unit": "test ! -e red"} if jobs is None else dict(jobs)
        repo.workflow("ci", list(commands), on_push=["pointsman/**"], commands=commands)
        if ruleset:
            repo.ruleset(bypass_apps=[made.registered], **ruleset)
        made.start(ways)
        hub.install(made.registered, repo)
        yield made
