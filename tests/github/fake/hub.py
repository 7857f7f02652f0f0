"""The whole fake: starting and stopping, repositories, checks from outside, and what was seen."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.github.fake.directory import Directory
from tests.github.fake.faults import Faults
from tests.github.fake.repository import FakeRepository
from tests.github.fake.state import Account, CheckRun, RefUpdate, Request, Status


class FakeGitHub(Directory):
    """See the package's docstring. `folder` must exist; what it holds belongs to the fake."""

    def __init__(self, folder: Path, *, check: bool = True) -> None:
        super().__init__()
        self.folder = folder
        self.checked = check
        self.requests: list[Request] = []
        self.git_log: list[RefUpdate] = []
        self.violations: list[str] = []
        self.threads: list[threading.Thread] = []
        self.faults = Faults()
        self.null_reads = 1
        self.retry_after = 1
        self.rate_limit = 5000
        self.host = ""

    # starting and stopping

    def __enter__(self) -> Self:
        from tests.github.fake.web import Server

        (self.folder / "repos").mkdir(parents=True, exist_ok=True)
        self._server = Server(self)
        self.host = f"127.0.0.1:{self._server.start()}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.faults.close()
        self.webhooks.close()
        for thread in self.threads:
            thread.join(30)
        self._server.stop()
        if self.violations and kind is None:
            raise AssertionError("against GitHub's description:\n" + "\n".join(self.violations))

    @property
    def url(self) -> str:
        """Where pages and git repositories are: `{url}/{owner}/{name}.git`."""
        return f"http://{self.host}"

    @property
    def api_url(self) -> str:
        """The REST API's root, as on GitHub Enterprise."""
        return f"{self.url}/api/v3"

    # repositories

    def repository(
        self,
        full_name: str = "acme/widgets",
        *,
        files: Mapping[str, str | bytes | None] | None = None,
        private: bool = False,
        default_branch: str = "main",
    ) -> FakeRepository:
        """A new repository with one commit of those files on its default branch, made by its owner."""
        owner, name = full_name.split("/")
        with self.lock:
            made = FakeRepository(
                self, self.user(owner), name, private=private, default_branch=default_branch
            )
            self.add_repository(made)
            content = {"README.md": f"# {name}\n"} if files is None else files
            made.push(owner, default_branch, content, "Start", base=None)
            return made

    def add_repository(self, repo: FakeRepository) -> FakeRepository:
        with self.lock:
            self.repositories[repo.id] = repo
            return repo

    def find(self, owner: str, name: str) -> FakeRepository | None:
        """The repository of that name, now or once: compare `full_name` to see which."""
        wanted = f"{owner}/{name}".lower()
        known = list(self.repositories.values())
        now = next((repo for repo in known if repo.full_name.lower() == wanted), None)
        return now or next((repo for repo in known if wanted in repo.old_names), None)

    # checks

    def finish_check(
        self,
        repo: FakeRepository,
        ref: str,
        name: str,
        conclusion: str = "success",
        *,
        text: str = "",
        title: str | None = None,
    ) -> CheckRun:
        """Completes the check run of that name on a branch or commit (one not yet completed before others)."""
        with self.lock:
            sha = repo.bare.commit(ref)
            found = [run for run in repo.check_runs(sha or "", newest=False) if run.name == name]
            assert found, f"no check {name} on {ref}"
            run = next((run for run in found if run.status != "completed"), found[-1])
            repo.end_check(run, conclusion, text, title=title)
            return run

    def start_check(self, repo: FakeRepository, ref: str, name: str) -> CheckRun:
        """Sets the newest check run of that name to `in_progress`."""
        with self.lock:
            sha = repo.bare.commit(ref)
            run = [run for run in repo.check_runs(sha or "", newest=False) if run.name == name][-1]
            repo.start_check(run)
            return run

    def spoof_check(
        self, repo: FakeRepository, ref: str, name: str, app_id: int, conclusion: str = "success"
    ) -> CheckRun:
        """A completed check run of another app (made up where the id is unknown)."""
        with self.lock:
            if app_id not in self.apps:
                bot = Account(login=f"app-{app_id}[bot]", id=self.new_id(), type="Bot")
                self._new_app(
                    app_id, f"app-{app_id}", self.user("stranger"), bot, {"checks": "write"}, [], None
                )
            sha = repo.bare.commit(ref)
            assert sha, f"no commit {ref}"
            app = self.apps[app_id]
            run = repo.new_check(repo.need_suite(app, sha), name, sender=app.bot)
            repo.end_check(run, conclusion)
            return run

    def status(
        self, repo: FakeRepository, ref: str, context: str, state: str = "success", by: str = "ci"
    ) -> Status:
        """Sets a commit status (`pending`, `success`, `failure`, `error`)."""
        with self.lock:
            sha = repo.bare.commit(ref)
            assert sha, f"no commit {ref}"
            return repo.add_status(sha, context, state, self.user(by))

    # what was seen

    def count(
        self,
        *,
        installation: int | None = None,
        method: str | None = None,
        route: str | None = None,
        since: int = 0,
    ) -> int:
        """How many API requests were answered (304s included), from the `since`th of `requests` on."""
        wanted = [("installation", installation), ("method", method), ("route", route)]
        seen = self.requests[since:]
        return sum(all(v is None or getattr(r, name) == v for name, v in wanted) for r in seen)

    def settle(self, timeout: float = 20.0) -> None:
        """Waits (seconds) until all webhooks made so far are delivered; AssertionError when it takes longer."""
        assert self.webhooks.settled(timeout), "webhooks are still on their way"

    def fail_next(
        self, method: str, path: str, status: int | str = 502, *, times: int = 1, after: int = 0
    ) -> None:
        """Spoils the next API requests of that method (`*`: any) whose path matches the regular expression.

        `status`: a code (5xx, 429, ...), `timeout` (no answer, nothing done), `timeout_after_apply` (done, no answer),
        `502_after_apply`, `secondary_limit`, `primary_limit`. The first `after` matching requests pass."""
        self.faults.add(method, path, status, times=times, after=after)
