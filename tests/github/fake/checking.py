"""Check runs, suites and statuses of a repository, and how they end; no HTTP here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.github.fake.part import Part, Who
from tests.github.fake.shapes import checks, people, repos
from tests.github.fake.state import Account, App, CheckRun, CheckSuite, Json, Status

if TYPE_CHECKING:
    from tests.github.fake.hub import FakeGitHub

WORST_FIRST = ("action_required", "timed_out", "cancelled", "startup_failure", "failure", "stale")


class Checks(Part):
    """The part of a repository that is about checks."""

    def __init__(self, hub: FakeGitHub, number: int) -> None:
        super().__init__(hub, number)
        self.suites: dict[int, CheckSuite] = {}
        self.checks: dict[int, CheckRun] = {}
        self.statuses: list[Status] = []

    def check_runs(self, sha: str, *, newest: bool = True) -> list[CheckRun]:
        """The check runs on a commit; with `newest` only the last of each name and suite (GitHub's `latest`)."""
        found = [run for run in self.checks.values() if run.sha == sha]
        return list({(run.name, run.suite.id): run for run in found}.values()) if newest else found

    def suite_of(self, app: App, sha: str) -> CheckSuite | None:
        """The app's suite on a commit; of GitHub Actions, which has one a run, the newest."""
        found = [suite for suite in self.suites.values() if suite.app is app and suite.sha == sha]
        return found[-1] if found else None

    def need_suite(self, app: App, sha: str, branch: str | None = None) -> CheckSuite:
        """The app's suite on a commit, made where there is none."""
        if found := self.suite_of(app, sha):
            return found
        now = self.hub.now()
        made = CheckSuite(
            id=self.hub.new_id(), app=app, sha=sha, branch=branch, before=None, created=now, updated=now
        )
        self.suites[made.id] = made
        return made

    def new_check(self, suite: CheckSuite, name: str, *, sender: Account) -> CheckRun:
        """A queued check run."""
        run = CheckRun(id=self.hub.new_id(), name=name, app=suite.app, suite=suite, sha=suite.sha)
        self.checks[run.id] = run
        self.tell_check(run, "created", sender)
        return run

    def start_check(self, run: CheckRun) -> None:
        run.status, run.started = "in_progress", self.hub.now()
        self.settle_suite(run.suite, run.app.bot)

    def end_check(self, run: CheckRun, conclusion: str, text: str = "", *, title: str | None = None) -> None:
        """Completes a check run, and with the last one its suite and workflow run."""
        now = self.hub.now()
        run.status, run.conclusion, run.completed = "completed", conclusion, now
        run.started = run.started or now
        run.title, run.text, run.summary = title or run.title, text or run.text, run.summary or ""
        self.tell_check(run, "completed", run.app.bot)
        self.settle_suite(run.suite, run.app.bot)

    def settle_suite(self, suite: CheckSuite, sender: Account) -> None:
        """Recomputes the suite from its newest runs, and tells when that completes it."""
        from tests.github.fake import workflows

        runs = {run.name: run for run in self.checks.values() if run.suite is suite}.values()
        before, suite.updated = suite.status, self.hub.now()
        if not runs or any(run.status != "completed" for run in runs):
            moving = any(run.status != "queued" for run in runs)
            suite.status, suite.conclusion = "in_progress" if moving else "queued", None
            return
        ends = [run.conclusion for run in runs]
        suite.status, suite.conclusion = "completed", _worst([end or "neutral" for end in ends])
        if before == "completed":
            return
        whole = self.whole
        shape = checks.check_suite(whole, suite) | {
            "head_commit": repos.simple_commit(whole.record(suite.sha))
        }
        payload: Json = {"action": "completed", "check_suite": shape}
        self.hub.webhooks.emit("check_suite", payload, sender=sender, repo=whole)
        if run := workflows.of_suite(whole, suite):
            workflows.tell(whole, run, "completed")

    def tell_check(self, run: CheckRun, action: str, sender: Account) -> None:
        """A `check_run` webhook."""
        shape = checks.check_run(self.whole, run, suite_in_full=True)
        self.hub.webhooks.emit(
            "check_run", {"action": action, "check_run": shape}, sender=sender, repo=self.whole
        )

    def rerequest(self, run: CheckRun, by: Who) -> None:
        """Somebody presses "Re-run": GitHub asks the app that made the check run, and no other."""
        with self.hub.lock:
            whole = self.whole
            payload: Json = {
                "action": "rerequested",
                "check_run": checks.check_run(whole, run, suite_in_full=True),
                "repository": repos.repository(whole),
                "sender": people.user(self.hub, self.hub.who(by)),
            }
            for installation in self.hub.installations_on(whole):
                if installation.app is run.app:
                    hooks = self.hub.webhooks
                    hooks.tell("check_run", payload, installation=installation, repository=whole.id)

    def latest_statuses(self, sha: str) -> list[Status]:
        """The newest status of each context on a commit."""
        return list({found.context: found for found in self.statuses if found.sha == sha}.values())

    def add_status(
        self,
        sha: str,
        context: str,
        state: str,
        creator: Account,
        *,
        description: str | None = None,
        target_url: str | None = None,
    ) -> Status:
        """Sets a commit status, and tells."""
        whole = self.whole
        made = Status(
            id=self.hub.new_id(),
            sha=sha,
            context=context,
            state=state,
            description=description,
            target_url=target_url,
            creator=creator,
            at=self.hub.now(),
        )
        self.statuses.append(made)
        tips = [name for name, tip in whole.bare.refs("refs/heads/").items() if tip == sha]
        branches = [
            {
                "name": name.removeprefix("refs/heads/"),
                "commit": {"sha": sha, "url": f"{whole.api_url}/commits/{sha}"},
                "protected": False,
            }
            for name in tips
        ]
        payload: Json = checks.simple_status(whole, made) | {
            "sha": sha,
            "name": whole.full_name,
            "commit": repos.commit(whole, whole.record(sha)),
            "branches": branches,
        }
        self.hub.webhooks.emit("status", payload, sender=creator, repo=whole)
        return made


def _worst(ends: list[str]) -> str:
    for end in WORST_FIRST:
        if end in ends:
            return end
    return "success" if "success" in ends else ends[0]
