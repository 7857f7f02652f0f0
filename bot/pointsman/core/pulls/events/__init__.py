"""Webhook deliveries and API answers of a forge, read into typed data; no dict goes further, nothing is fetched.

What an event says is a hint (rule 6): what is decided is read from the forge anew.
"""

from pointsman.core.pulls.events.fields import Unreadable
from pointsman.core.pulls.events.model import (
    ChecksChanged,
    CommentMade,
    DeploymentChanged,
    Event,
    Ignored,
    InstallationChanged,
    Malformed,
    MergeGroupAsked,
    Pinged,
    PullChanged,
    Pushed,
    RepositoryRenamed,
    ReviewChanged,
)
from pointsman.core.pulls.events.parsing import HANDLED, parse_event
from pointsman.core.pulls.events.records import (
    read_account,
    read_check_run,
    read_comment,
    read_pull,
    read_repository,
    read_review,
    read_status,
)

__all__ = [
    "HANDLED",
    "ChecksChanged",
    "CommentMade",
    "DeploymentChanged",
    "Event",
    "Ignored",
    "InstallationChanged",
    "Malformed",
    "MergeGroupAsked",
    "Pinged",
    "PullChanged",
    "Pushed",
    "RepositoryRenamed",
    "ReviewChanged",
    "Unreadable",
    "parse_event",
    "read_account",
    "read_check_run",
    "read_comment",
    "read_pull",
    "read_repository",
    "read_review",
    "read_status",
]
