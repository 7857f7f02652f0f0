"""A repository on the fake GitHub and the app's API to it, with nothing of the queue around them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pointsman.adapters.github.credentials import AppCredentials
from pointsman.adapters.github.directory import AppDirectory, Opened
from pointsman.adapters.github.pulls import GitHubPulls
from pointsman.adapters.github.transport import Transport
from tests.github.fake import App, FakeGitHub, FakeRepository, Installation


class HubClock:
    """The fake GitHub's own time; whoever sleeps by it moves it on."""

    def __init__(self, hub: FakeGitHub) -> None:
        self._hub = hub
        self.slept: list[float] = []

    def now(self) -> float:
        return self._hub.now()

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._hub.advance(seconds)


@dataclass(kw_only=True)
class Desk:
    """All at hand."""

    hub: FakeGitHub
    repo: FakeRepository
    app: App
    installation: Installation
    clock: HubClock
    directory: AppDirectory
    opened: Opened
    pulls: GitHubPulls
    _seen: int = field(default=0)

    def requests(self) -> list[str]:
        """What the API was asked since this was last called: `GET 200 /repos/{owner}/{repo}/pulls`."""
        new = self.hub.requests[self._seen :]
        self._seen += len(new)
        return [f"{each.method} {each.status} {each.route}" for each in new]

    def pull(self, branch: str = "work", *, by: str = "ada", fork: str | None = None) -> int:
        self.repo.push(by, branch, {f"{branch}.txt": "x\n"}, fork=fork)
        return self.repo.open_pull(by, branch, f"Add {branch}", "Because.", fork=fork)


def credentials_of(hub: FakeGitHub, app: App) -> AppCredentials:
    return AppCredentials(
        app_id=app.id,
        slug=app.slug,
        private_key=app.private_key,
        webhook_secret=app.webhook_secret,
        api_url=hub.api_url,
        html_url=hub.url,
    )


@contextmanager
def desk(folder: Path, read: float = 10.0, /, **permissions: str) -> Iterator[Desk]:
    """`permissions` are what the app is granted instead of all that it asks for; `read` is in seconds."""
    with FakeGitHub(folder) as hub:
        repo = hub.repository("acme/widgets")
        app = hub.app(permissions=permissions) if permissions else hub.app()
        installation = hub.install(app, repo)
        clock = HubClock(hub)
        transport = Transport(hub.api_url, clock=clock, read=read)
        directory = AppDirectory(credentials_of(hub, app), clock=clock, transport=transport)
        (installed,) = directory.repositories()
        opened = directory.open(installed)
        made = Desk(
            hub=hub,
            repo=repo,
            app=app,
            installation=installation,
            clock=clock,
            directory=directory,
            opened=opened,
            pulls=opened.pulls,
        )
        made.requests()
        yield made
        directory.close()
