"""Who works on the demo's repository, what they open and what must become of it, as data; it opens nothing."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

from pointsman.demo.depot import patch
from pointsman.demo.story import COLD, KEEPER, PHONE, ROUTES, WEIGHT, End

REPOSITORY = "depot/depot"
MAINTAINER = KEEPER.name.lower()
"""The login of the person who approves; an agent's is its name and `-agent`."""

ACTIONS = 15368
"""GitHub Actions' own number as an app, on github.com too."""

JOBS = {"tests": "python -m unittest discover -t . -s tests"}
"""The jobs of the repository's workflow `ci`, which really run on every branch below `pointsman/`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scene:
    """One pull request of one agent. `slug` names its patch and its branch.

    `migration` is the revision that it brings and the parent that the agent gave it. `says` must stand in what
    Pointsman writes under the pull request, and `gist` says why it ended so in the closing table; `from_fork`: the
    branch is in the agent's own copy of the repository."""

    slug: str
    agent: str
    title: str
    end: End
    says: str
    gist: str
    migration: tuple[str, str] | None = None
    from_fork: bool = False

    @property
    def branch(self) -> str:
        return f"agent/{self.agent}/{self.slug}"

    @property
    def login(self) -> str:
        return f"{self.agent}-agent"


WEIGH = Scene(
    slug="weigh",
    agent="intake",
    title="Weigh parcels",
    end=End.LANDED,
    says="Landed on",
    gist="the first of the fork: its tests passed on exactly that commit",
    migration=(WEIGHT, PHONE),
)
COOL = Scene(
    slug="cold",
    agent="lockers",
    title="Know the cold lockers",
    end=End.HEALED,
    says=f"{COLD} now follows {WEIGHT}",
    gist="the second of the fork: healed on the candidate, proved, then tested",
    migration=(COLD, PHONE),
)
PLAN = Scene(
    slug="routes",
    agent="couriers",
    title="Plan courier routes",
    end=End.HEALED,
    says=f"{ROUTES} now follows {COLD}",
    gist="from a forked repository: /heal gave a patch, /queue healed it",
    migration=(ROUTES, PHONE),
    from_fork=True,
)
TERMS = Scene(
    slug="terms",
    agent="reports",
    title="Print the terms",
    end=End.RETURNED,
    says="depot/pricing.py",
    gist="depot/pricing.py is another role's file",
)
CHEAP = Scene(
    slug="cheap",
    agent="pricing",
    title="Give five days free",
    end=End.RETURNED,
    says="check 'tests' failed",
    gist="its own tests are red",
)
HOUSE = Scene(
    slug="house",
    agent="reports",
    title="Say how to queue",
    end=End.LANDED,
    says="Landed on",
    gist=f"AGENTS.md steers the agents: {KEEPER.name} approved this very head",
)
NOTICE = Scene(
    slug="collect-by",
    agent="notices",
    title="Say how long a parcel waits",
    end=End.LANDED,
    says="Landed on",
    gist="main was closed to its push; the queue took it there",
)

ALL = (WEIGH, COOL, PLAN, TERMS, CHEAP, HOUSE, NOTICE)
SHORT = (WEIGH, COOL, TERMS, NOTICE)
"""Enough of the story to see that the demo works."""


def patch_of(scene: Scene) -> str:
    """The change as text: one of the local demo's, its migration hung on the parent that all have here, or one of
    ours."""
    own = files(__package__) / "changes" / f"{scene.slug}.patch"
    if own.is_file():
        return own.read_text(encoding="utf-8")
    text = patch(scene.slug)
    return text.replace(COLD, PHONE) if scene is PLAN else text
