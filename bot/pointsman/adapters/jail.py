"""What can be taken from a job and what a contract demands to be, as plain data; it takes nothing itself."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pointsman.core.contract.model import Sandbox as Policy


class Protection(StrEnum):
    """What can be taken from a job; runner/isolate says what each means."""

    NETWORK = "network"
    READ_ONLY = "read_only"
    HIDDEN = "hidden"
    PROCESSES = "processes"
    PRIVILEGES = "privileges"
    USER = "user"
    PROCESSORS = "processors"
    MEMORY = "memory"


WALLS = frozenset(
    {
        Protection.NETWORK,
        Protection.READ_ONLY,
        Protection.HIDDEN,
        Protection.PROCESSES,
        Protection.PRIVILEGES,
    }
)
"""What needs no further word: neither an account nor a number."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Jail:
    """What a job shall lose (`wanted`, as far as this machine can) and must lose (`demanded`), or not start.

    Below `read_only` (or, with `everything`, below the root) nothing can be written, below `hidden` nothing is
    seen; `visible` and `writable` lie inside them and stay, the latter as it is. Without `user_namespace` only
    root gets namespaces: in one, everybody else sees foreign owners for their files, and set-uid programs do
    nothing.
    """

    wanted: frozenset[Protection] = frozenset()
    demanded: frozenset[Protection] = frozenset()
    read_only: tuple[Path, ...] = ()
    everything: bool = False
    hidden: tuple[Path, ...] = ()
    visible: tuple[Path, ...] = ()
    writable: tuple[Path, ...] = ()
    user: str | None = None
    processors: int | None = None
    user_namespace: bool = True

    def as_json(self) -> dict[str, Any]:
        return {
            "want": sorted(self.wanted | self.demanded),
            "demand": sorted(self.demanded),
            "read_only": [str(folder) for folder in self.read_only],
            "everything": self.everything,
            "hidden": [str(folder) for folder in self.hidden],
            "visible": [str(folder) for folder in self.visible],
            "writable": [str(folder) for folder in self.writable],
            "user": self.user,
            "processors": self.processors,
            "user_namespace": self.user_namespace,
        }


NO_JAIL = Jail()


def jail_of(policy: Policy | None) -> Jail:
    """What a contract's `sandbox` demands. A wall that is demanded brings with it what it would be hollow without:
    rights to take it down again."""
    if policy is None:
        return NO_JAIL
    demanded = set[Protection]()
    if policy.network == "none":
        demanded |= {Protection.NETWORK, Protection.PRIVILEGES}
    if policy.read_only_git:
        demanded |= {Protection.READ_ONLY, Protection.HIDDEN, Protection.PROCESSES, Protection.PRIVILEGES}
    if policy.user is not None:
        demanded |= {Protection.USER, Protection.PRIVILEGES}
    if policy.cpu is not None:
        demanded.add(Protection.PROCESSORS)
    if policy.memory is not None:
        demanded.add(Protection.MEMORY)
    return Jail(demanded=frozenset(demanded), user=policy.user, processors=policy.cpu)
