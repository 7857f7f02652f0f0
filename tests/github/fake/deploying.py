"""Deployments of a repository and their statuses; no HTTP here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.github.fake.part import Part, Who
from tests.github.fake.shapes import checks, people
from tests.github.fake.state import Deployment, Json, stamp

if TYPE_CHECKING:
    from tests.github.fake.hub import FakeGitHub


class Deployments(Part):
    """The part of a repository that is about deployments."""

    def __init__(self, hub: FakeGitHub, number: int) -> None:
        super().__init__(hub, number)
        self.deployments: dict[int, Deployment] = {}

    def deploy(
        self,
        by: Who,
        ref: str,
        environment: str = "production",
        *,
        task: str = "deploy",
        description: str | None = None,
        payload: Any = None,
    ) -> Deployment:
        """Asks for a deployment of a branch or commit that is there."""
        with self.hub.lock:
            whole, who = self.whole, self.hub.who(by)
            sha = whole.bare.commit(ref)
            assert sha, f"no commit {ref}"
            made = Deployment(
                id=self.hub.new_id(),
                sha=sha,
                ref=ref,
                task=task,
                environment=environment,
                description=description,
                payload={} if payload is None else payload,
                creator=who,
                created=self.hub.now(),
            )
            self.deployments[made.id] = made
            told = {"action": "created", "deployment": checks.deployment(whole, made)}
            self.hub.webhooks.emit("deployment", told, sender=who, repo=whole)
            return made

    def deployment_status(self, by: Who, found: Deployment, state: str, **said: str) -> Json:
        """Says how a deployment goes (`in_progress`, `success`, `failure`, ...); the status as GitHub has it."""
        with self.hub.lock:
            whole, who, number = self.whole, self.hub.who(by), self.hub.new_id()
            now, url = stamp(self.hub.now()), f"{whole.api_url}/deployments/{found.id}"
            made: Json = {
                "id": number,
                "node_id": f"DS_{number}",
                "url": f"{url}/statuses/{number}",
                "state": state,
                "creator": people.user(self.hub, who),
                "description": "",
                "environment": found.environment,
                "target_url": "",
                "log_url": "",
                "environment_url": "",
                "created_at": now,
                "updated_at": now,
                "deployment_url": url,
                "repository_url": whole.api_url,
                **said,
            }
            found.statuses.append(made)
            deployment = checks.deployment(whole, found)
            told = {"action": "created", "deployment_status": made, "deployment": deployment}
            self.hub.webhooks.emit("deployment_status", told, sender=who, repo=whole)
            return made
