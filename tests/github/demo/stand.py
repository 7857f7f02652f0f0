"""The stand-in's repository, its rules and the accounts that work on it over HTTP; it plays nothing."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import httpx

from pointsman.demo.depot import ISOLATED, Depot
from pointsman.demo.proof import Shown, run
from pointsman.demo.story import AGENTS, BASE
from tests.github.demo.story import ACTIONS, JOBS, MAINTAINER, REPOSITORY
from tests.github.fake import App, FakeGitHub, FakeRepository


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """Somebody with a token, who does everything over HTTP. An answer that is no success is an `httpx` error."""

    login: str
    web: httpx.Client
    token: str

    def push(self, folder: Path, url: str, refspec: str) -> Shown:
        """`git push` from a worktree; the token goes through the environment."""
        return run(["git", "push", url, refspec], at=folder, extra=self._git())

    def open(self, head: str, title: str) -> int:
        """A pull request to main from `branch`, or `owner:branch`; its number."""
        number = self._post("pulls", {"title": title, "head": head, "base": BASE, "body": ""})["number"]
        assert isinstance(number, int)
        return number

    def say(self, number: int, text: str) -> None:
        self._post(f"issues/{number}/comments", {"body": text})

    def approve(self, number: int, head: str) -> None:
        """A review of that commit."""
        self._post(f"pulls/{number}/reviews", {"event": "APPROVE", "commit_id": head})

    def _post(self, path: str, body: Mapping[str, str]) -> Mapping[str, object]:
        headers = {"Authorization": f"Bearer {self.token}"}
        answer = self.web.post(f"repos/{REPOSITORY}/{path}", json=body, headers=headers)
        answer.raise_for_status()
        found: Mapping[str, object] = answer.json()
        return found

    def _git(self) -> dict[str, str]:
        basic = base64.b64encode(f"{self.login}:{self.token}".encode()).decode()
        pairs = {"http.extraHeader": f"Authorization: Basic {basic}", "core.askPass": "true"}
        config = {"GIT_CONFIG_COUNT": str(len(pairs)), "GIT_TERMINAL_PROMPT": "0", **ISOLATED}
        for at, (key, value) in enumerate(pairs.items()):
            config |= {f"GIT_CONFIG_KEY_{at}": key, f"GIT_CONFIG_VALUE_{at}": value}
        return config


@dataclass(frozen=True, kw_only=True, slots=True)
class Stand:
    """The stand-in with Depot on it: `depot` is where the agents have their worktrees, `people` are by login."""

    hub: FakeGitHub
    repo: FakeRepository
    app: App
    depot: Depot
    people: Mapping[str, Account]


@contextmanager
def set_up(folder: Path, hub: FakeGitHub) -> Iterator[Stand]:
    """Depot on main, pushed by its keeper, and then closed to everybody but the app."""
    contract = (files(__package__) / "contract.yml").read_text(encoding="utf-8")
    depot = Depot(folder / "depot", instead={".pointsman.yml": contract})
    depot.build()
    owner, name = REPOSITORY.split("/")
    made = FakeRepository(hub, hub.organization(owner), name, private=False, default_branch=BASE)
    repo = hub.add_repository(made)
    logins = [*(f"{agent}-agent" for agent in AGENTS), MAINTAINER]
    with httpx.Client(base_url=hub.api_url, trust_env=False, timeout=30) as web:
        people = {login: Account(login=login, web=web, token=hub.user_token(login)) for login in logins}
        for login in people:
            repo.permission(login, "maintain" if login == MAINTAINER else "write")
        pushed = people[MAINTAINER].push(depot.directory, repo.clone_url, BASE)
        assert pushed.ok, pushed.output
        app = hub.app()
        required = [(job, ACTIONS) for job in JOBS]
        repo.ruleset(bypass_apps=[app], pull_request=True, required_checks=required)
        repo.workflow("ci", list(JOBS), on_push=["pointsman/**"], commands=JOBS)
        yield Stand(hub=hub, repo=repo, app=app, depot=depot, people=people)
