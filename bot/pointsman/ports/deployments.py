"""How the deployment of a landed commit is learned of; nothing here deploys (R42)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pointsman.core.contract.model import Deploy
    from pointsman.core.model import Sha
    from pointsman.core.queue.deploys import Answer, DeployReport, Question


class DeploySource(Protocol):
    """Where others report deployments."""

    def report(self, commit: Sha, deploy: Deploy) -> DeployReport | None:
        """What is reported now of the deployment of the commit by `deploy.environment` or `deploy.workflow`; None where
        nothing is. Errors: `ForgeUnavailable`, `ForgeRefused`."""
        ...


class Questions(Protocol):
    """Runs the owner's commands that say how things stand, as gates are run: away from every token. Of a lane one at a
    time; it dies with this process, and is asked again by whoever wants to know."""

    def ask(self, question: Question) -> Answer | None:
        """Start the command unless it runs already, ending another one of the lane; its answer, once, when it has
        ended, else None. Never waits for it."""
        ...

    def forget(self, lane: str) -> None:
        """Nobody wants to know any more: end what the lane asked."""
        ...

    @property
    def busy(self) -> bool:
        """Whether something was asked whose answer was not taken yet."""
        ...

    @property
    def ended(self) -> bool:
        """Whether an answer is there to be taken."""
        ...
