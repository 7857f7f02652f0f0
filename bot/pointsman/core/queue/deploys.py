"""What a deployment means for the lane: it holds landings, it pauses the lane, or it is done with; asks nobody."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from pointsman.core import messages
from pointsman.core.contract.model import Sandbox
from pointsman.core.model import Sha
from pointsman.core.queue.model import Wait
from pointsman.core.queue.observation import Deployment, DeployState, Observation


@dataclass(frozen=True, kw_only=True, slots=True)
class DeployReport:
    """What was reported of a commit's deployment: its state, where to look (`url`), and of a failure why."""

    state: DeployState
    url: str = ""
    why: str = ""


NOT_YET = 75
"""The exit code of a `deploy.command` that says: not yet (EX_TEMPFAIL of sysexits.h)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """A command of the lane's contract on the landed commit, whose tree it runs in; `timeout` in seconds."""

    lane: str
    commit: Sha
    command: str
    policy: Sandbox
    timeout: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """How such a command ended. `exit_code` is None where it was ended, or could not be started; `timed_out`: it took
    too long, or nobody saw it end; `why` is a clause."""

    exit_code: int | None
    timed_out: bool = False
    why: str = ""


def status_of(answer: Answer) -> DeployReport | None:
    """What the answer of a `deploy.command` says; one that took too long says nothing."""
    if answer.timed_out:
        return None
    if answer.exit_code == NOT_YET:
        return DeployReport(state=DeployState.PENDING)
    if answer.exit_code == 0:
        return DeployReport(state=DeployState.SUCCEEDED)
    return DeployReport(state=DeployState.FAILED, why=f"deploy.command: {answer.why}")


@dataclass(frozen=True, kw_only=True, slots=True)
class DeployMemory:
    """What is remembered of a lane's deployment between wake-ups. `expected`: we landed the commit, or a deployment of
    it was reported. `since`: when the commit was first seen at the tip, or when its deployment failed. `checked`: the
    post-check of it has passed."""

    commit: Sha
    expected: bool
    since: float
    state: DeployState = DeployState.PENDING
    url: str = ""
    why: str = ""
    checked: bool = False

    def to_text(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def of(cls, text: str) -> DeployMemory | None:
        """What `to_text` wrote; None where the text is something else."""
        try:
            found = json.loads(text)
            return cls(**{**found, "commit": Sha(found["commit"]), "state": DeployState(found["state"])})
        except (KeyError, ValueError, TypeError):
            return None

    def to_deployment(self) -> Deployment | None:
        """What the next landing looks at; None where nothing is to be waited for, or it is done."""
        done = self.state is DeployState.SUCCEEDED or not self.expected
        if done:
            return None
        return Deployment(commit=self.commit, since=self.since, state=self.state, url=self.url, why=self.why)


def deployment_hold(now: Observation) -> Wait | None:
    """Why the next landing waits for the deployment of the last."""
    deployment = _undealt(now)
    if deployment is None or now.contract is None or now.contract.deploy is None:
        return None
    if deployment.state is DeployState.FAILED:
        text = messages.deployment_failed(deployment)
        return Wait(code="deploy", text=text, key=f"deploy:{deployment.commit}:failed")
    deploy = now.contract.deploy
    late = now.at >= deployment.since + deploy.timeout
    if deploy.hold_merges == "never" or (late and deploy.on_timeout == "continue"):
        return None
    return Wait(code="deploy", text=messages.deploying(deployment), key=f"deploy:{deployment.commit}")


def deployment_stop(now: Observation) -> str | None:
    """Why a deployment pauses the lane."""
    deployment = _undealt(now)
    if deployment is None or now.contract is None or now.contract.deploy is None:
        return None
    if deployment.state is DeployState.FAILED:
        return messages.deployment_failed(deployment)
    deploy = now.contract.deploy
    waits = deploy.hold_merges != "never" and deploy.on_timeout == "pause"
    if waits and now.at >= deployment.since + deploy.timeout:
        return messages.deployment_late(deployment, deploy.timeout)
    return None


def _undealt(now: Observation) -> Deployment | None:
    """The deployment, unless it succeeded or a person resumed the lane since: that is a word on it."""
    deployment = now.deployment
    if deployment is None or deployment.state is DeployState.SUCCEEDED:
        return None
    return None if now.lane.resumed_at > deployment.since else deployment
