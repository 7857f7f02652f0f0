"""What is expected of one queued change, asked from outside the lane's work; it saves nothing."""

from __future__ import annotations

from pointsman.core.errors import UserError
from pointsman.core.queue.foretold import Foretold
from pointsman.core.queue.model import Change, ChangeState
from pointsman.ports import Clock, Forge, Git, Store
from pointsman.service.contracts import find_contract
from pointsman.service.facts import LOOKED_AT, Facts


def foretell(change: Change, *, git: Git, store: Store, forge: Forge, clock: Clock) -> Foretold:
    """The forecast of a queued change and what it rests on. UserError where the change is too far behind to be looked
    at, or its lane has no base branch; a contract that can't be read only costs the roles."""
    tip = forge.tip(change.lane)
    if tip is None:
        raise UserError(f"the base branch {change.lane} does not exist; nothing can be foretold of its queue")
    try:
        contract = find_contract(git, tip)
    except UserError:
        contract = None
    facts = Facts(git=git, store=store, clock=clock, saves=False, at_once=LOOKED_AT)
    facts.read(change.lane, tip, contract, store.changes(change.lane, states=(ChangeState.QUEUED,)))
    told = facts.why(change.lane, change.id, contract)
    if told is None:
        raise UserError(
            f"{change.label} is behind the {LOOKED_AT} changes that the queue looks at; ask again later"
        )
    return told
