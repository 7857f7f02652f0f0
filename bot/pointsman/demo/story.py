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

    `migration` is the revision that it brings and the parent that the agent gave it. Where the change does
    not land, `code` is the reason that must be given, `quotes` is what the reason must show, `blames` the
    slug of the change that it must name, and `gist` says all that in a few words (`{other}` is `about`'s
    number); the gist stands in the table only if the rest was as told.
    """

    slug: str
    agent: str
    title: str
    end: End
    migration: tuple[str, str] | None = None
    code: str = ""
    quotes: tuple[str, ...] = ()
    blames: str = ""
    gist: str = ""
    about: str = ""

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

PHONE = "3d8a5520f7e4"
WEIGHT = "4a91c07d3b52"
COLD = "4c2f8e6017ad"
BROKEN = "5e07b3d91c48"
ROUTES = "5b83a6f24e19"
PHONES = "5d4410c8fa73"
FORGET = "5f6e92ab0d35"
"""Revisions of Depot's migrations: the head at the start, then one for each change that brings one."""

_ROUND_1 = (
    Scene(slug="collect-by", agent="notices", title="Say how long a parcel waits", end=End.LANDED),
    Scene(slug="weigh", agent="intake", title="Weigh parcels", end=End.LANDED, migration=(WEIGHT, PHONE)),
    Scene(
        slug="cold", agent="lockers", title="Know the cold lockers", end=End.HEALED, migration=(COLD, PHONE)
    ),
    Scene(
        slug="terms",
        agent="reports",
        title="Print the terms",
        end=End.RETURNED,
        code="contract",
        quotes=("depot/pricing.py", "outside"),
        gist="depot/pricing.py is another role's file",
    ),
    Scene(slug="sooner", agent="intake", title="Collect within 5 days", end=End.LANDED),
    Scene(
        slug="later",
        agent="couriers",
        title="Collect within 10 days",
        end=End.RETURNED,
        code="merge_conflict",
        quotes=("COLLECT_WITHIN_DAYS = 5", "COLLECT_WITHIN_DAYS = 10"),
        gist="wants the same line of depot/settings.py as {other}",
        about="sooner",
    ),
)
_ROUND_2 = (
    Scene(
        slug="broken", agent="lockers", title="Skip broken lockers", end=End.LANDED, migration=(BROKEN, COLD)
    ),
    Scene(
        slug="routes", agent="couriers", title="Plan courier routes", end=End.HEALED, migration=(ROUTES, COLD)
    ),
    Scene(
        slug="phones",
        agent="intake",
        title="Give phones a country code",
        end=End.HEALED,
        migration=(PHONES, COLD),
    ),
    Scene(
        slug="forget",
        agent="notices",
        title="Forget phone numbers",
        end=End.RETURNED,
        migration=(FORGET, COLD),
        code="conflict",
        quotes=("UPDATE parcels SET phone", "drop_column"),
        gist="drops the column that {other} fills",
        about="phones",
    ),
    Scene(slug="rename", agent="pricing", title="Call it storage_fee", end=End.LANDED),
    Scene(
        slug="owed",
        agent="reports",
        title="Report what is owed",
        end=End.RETURNED,
        code="red_together",
        quotes=("unit",),
        blames="rename",
        gist="green alone, red together with {other}",
        about="rename",
    ),
    Scene(
        slug="rules",
        agent="reports",
        title="Loosen the house rules",
        end=End.WAITING,
        code="approval",
        quotes=("class control",),
        gist="AGENTS.md steers the agents: a person has to approve",
    ),
)
ROUNDS = (
    Round(
        about="two migrations on one parent, a path too far, and one line that two agents want",
        scenes=_ROUND_1,
    ),
    Round(
        about="three more on one parent, a fourth that loses data, and a pair that is red only together",
        scenes=_ROUND_2,
    ),
)
