"""Where a webhook comes from: the repository, the installation and the account that caused it; not what it says."""

from __future__ import annotations

from typing import TypedDict

from pointsman.core.pulls.events.fields import Raw, below, maybe_below, whole
from pointsman.core.pulls.events.records import read_account, read_repository
from pointsman.core.pulls.model import Account, RepositoryName


class Where(TypedDict):
    repository: RepositoryName
    installation: int | None
    sender: Account | None


def where_from(raw: Raw) -> Where:
    return {
        "repository": read_repository(below(raw, "repository")),
        "installation": installation_of(raw),
        "sender": sender_of(raw),
    }


def installation_of(raw: Raw) -> int | None:
    installation = maybe_below(raw, "installation")
    return None if installation is None else whole(installation, "id", least=1)


def sender_of(raw: Raw) -> Account | None:
    return None if raw.get("sender") is None else read_account(raw["sender"])
