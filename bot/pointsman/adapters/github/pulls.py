"""`Pulls` for one repository on GitHub: its parts put together; every request goes through the client."""

from __future__ import annotations

from pointsman.adapters.github.accounts import Accounts
from pointsman.adapters.github.checks import Checks
from pointsman.adapters.github.conversations import Conversations
from pointsman.adapters.github.deployments import Deployments
from pointsman.adapters.github.rules import Rules
from pointsman.adapters.github.workflows import Workflows
from pointsman.core.model import Sha


class GitHubPulls(Conversations, Checks, Rules, Accounts, Workflows, Deployments):
    """Implements `pointsman.ports.Pulls` and `DeploySource`. Safe to use from several threads.

    A pull request is at most 60 s old, checks 20 s, rules 60 s; `forget` makes the next read a live one.
    """

    def forget(self, number: int | None = None, *, commit: Sha | None = None) -> None:
        Conversations.forget(self, number)
        Checks.forget(self, commit=commit)
