"""What a deployment means for the lane: it holds landings, it pauses the lane, or it is done with; asks nobody."""

from __future__ import annotations

from dataclasses import dataclass

from pointsman.core import messages
from pointsman.core.model import Sha
from pointsman.core.queue.model import Wait
from pointsman.core.queue.observation import Deployment, DeployState, Observation


@dataclass(frozen=True, kw_only=True, slots=True)
class DeployReport:
    """What was reported of a commit's deployment: its state, where to look (`url`), and of a failure why."""

    state: DeployState
    url: str = ""
    why: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class DeployMemory:
    """What is remembered of a lane's deployment between wake-ups. `ours`: we landed the commit, so a deployment of it
    is to be expected. `since`: when it landed, or when it failed. `checked`: the post-check of it has passed."""

    commit: Sha
    ours: bool
    since: float
    state: DeployState
    url: str = ""
    why: str = ""
    checked: bool = False


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
