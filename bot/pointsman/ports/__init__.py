"""What the service needs of the world, as protocols; adapters implement them, only wiring chooses."""

from pointsman.ports.deployments import DeploySource, Questions
from pointsman.ports.forge import Forge, People
from pointsman.ports.git import Git, PushRefused, Remote
from pointsman.ports.inbox import Inbox
from pointsman.ports.pulls import Pulls
from pointsman.ports.runner import Clock, Gates
from pointsman.ports.storage import Attic, Record, Store
from pointsman.ports.turns import Turn

__all__ = [
    "Attic",
    "Clock",
    "DeploySource",
    "Forge",
    "Gates",
    "Git",
    "Inbox",
    "People",
    "Pulls",
    "PushRefused",
    "Questions",
    "Record",
    "Remote",
    "Store",
    "Turn",
]
