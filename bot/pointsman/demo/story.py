"""What the six agents do and what must become of it, as data; builds nothing, runs nothing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

BASE = "main"


class End(StrEnum):
    """How a change's story ends; HEALED is landed with its migration put behind another."""

    LANDED = "landed"
    HEALED = "healed"
    RETURNED = "returned"
    WAITING = "waiting"


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """Who signs commits."""

    name: str
    email: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Scene:
    """One branch of one agent: `slug` names its patch in changes/ and its branch.

    `code` is the reason that must be given where the change does not land, `quotes` is what the reason must
    show, `blames` the slug of the change that it must name.
    """

    slug: str
    agent: str
    title: str
    end: End
    code: str = ""
    quotes: tuple[str, ...] = ()
    blames: str = ""

    @property
    def branch(self) -> str:
        return f"agent/{self.agent}/{self.slug}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Round:
    """Branches that are all cut from the same main; `about` says what to watch for."""

    about: str
    scenes: tuple[Scene, ...]


KEEPER = Person(name="Mara", email="mara@depot.example")
AGENTS = {
    name: Person(name=f"{name} agent", email=f"{name}@agents.example")
    for name in ("intake", "lockers", "couriers", "pricing", "notices", "reports")
}

ROUNDS = (
    Round(
        about="two migrations on one parent, a path too far, and one line that two agents want",
        scenes=(
            Scene(slug="collect-by", agent="notices", title="Say how long a parcel waits", end=End.LANDED),
            Scene(slug="weigh", agent="intake", title="Weigh parcels", end=End.LANDED),
            Scene(slug="cold", agent="lockers", title="Know the cold lockers", end=End.HEALED),
            Scene(
                slug="terms",
                agent="reports",
                title="Print the terms, out of pricing",
                end=End.RETURNED,
                code="contract",
                quotes=("depot/pricing.py", "outside"),
            ),
            Scene(slug="sooner", agent="intake", title="Collect within 5 days", end=End.LANDED),
            Scene(
                slug="later",
                agent="couriers",
                title="Collect within 10 days",
                end=End.RETURNED,
                code="merge_conflict",
                quotes=("COLLECT_WITHIN_DAYS = 5", "COLLECT_WITHIN_DAYS = 10"),
            ),
        ),
    ),
    Round(
        about="three more on one parent, a fourth that loses data, and a pair that is red only together",
        scenes=(
            Scene(slug="broken", agent="lockers", title="Skip broken lockers", end=End.LANDED),
            Scene(slug="routes", agent="couriers", title="Plan courier routes", end=End.HEALED),
            Scene(slug="phones", agent="intake", title="Give phones a country code", end=End.HEALED),
            Scene(
                slug="forget",
                agent="notices",
                title="Forget phone numbers",
                end=End.RETURNED,
                code="conflict",
                quotes=("UPDATE parcels SET phone", "drop_column"),
            ),
            Scene(slug="rename", agent="pricing", title="Call it storage_fee", end=End.LANDED),
            Scene(
                slug="owed",
                agent="reports",
                title="Report what is owed",
                end=End.RETURNED,
                code="red_together",
                blames="rename",
            ),
            Scene(
                slug="rules",
                agent="reports",
                title="Loosen the house rules",
                end=End.WAITING,
                code="approval",
                quotes=("AGENTS.md",),
            ),
        ),
    ),
)
