"""What keeps a change out of the gate, or a tested one from landing, though nothing is wrong with it: the owner's
policy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache

from pointsman.core import messages
from pointsman.core.contract import AreaLimit, Contract
from pointsman.core.contract.matching import pattern_set
from pointsman.core.queue.deploys import deployment_hold, deployment_stop
from pointsman.core.queue.freeze import frozen
from pointsman.core.queue.model import HOTFIX, LIVE, Change, Reason, Wait
from pointsman.core.queue.observation import Observation, Touch
from pointsman.core.queue.order import waits_for
from pointsman.core.queue.waits import build_facts, is_barred


def admission(now: Observation, ready: Sequence[Change]) -> Mapping[int, Wait]:
    """Changes of the line that may not be tested now: too many of their role or of their area go before them.

    In line order, so that what a change depends on has its place before it has. What is in a candidate already keeps
    its place, and a hotfix has one in any case: both count for those behind them. A change of which role or paths are
    not known yet is let in. One that can't be built now (it waits for an approval) is open in its area but takes no
    place in the gate from others of its role. Linear in the line; a wait stays the same while others come and go.
    """
    if now.contract is None or not _caps(now.contract):
        return {}
    tested = {member.change for one in now.candidates if one.state in LIVE for member in one.members}
    placed = [one for one in ready if one.id in tested or one.priority >= HOTFIX]
    counts = Counter(cap for one in placed for cap in _capped(now, now.contract, one))
    inside = {one.id for one in placed}
    kept_out: dict[int, Wait] = {}
    stuck: set[int] = set()
    for change in ready:
        needs = waits_for(change, now.standings)
        if change.id in inside or needs & kept_out.keys():
            continue
        caps = tuple(_capped(now, now.contract, change))
        if needs & stuck or _cant_be_built(now, now.contract, change):
            stuck.add(change.id)
            caps = tuple(cap for cap in caps if not isinstance(cap, str))
        full = next((cap for cap in caps if counts[cap] >= _most(now.contract, cap)), None)
        if full is not None:
            kept_out[change.id] = _wait(now.contract, full)
        else:
            counts.update(caps)
    return kept_out


def _cant_be_built(now: Observation, contract: Contract, change: Change) -> bool:
    if change.wait is None or now.tip is None:
        return False
    return is_barred(change.wait, build_facts(now.tip, contract.digest, now.consents.get(change.id, 0)), ())


Cap = str | int
"""A role that has a cap, or the place of an area's limit in the contract."""


def _caps(contract: Contract) -> bool:
    return bool(contract.limits.writers_per_role or contract.limits.open_prs_per_area)


def _capped(now: Observation, contract: Contract, change: Change) -> Iterator[Cap]:
    """The caps that the change counts for."""
    role = now.roles.get(change.id)
    if role is not None and role in contract.limits.writers_per_role:
        yield role
    limits = contract.limits.open_prs_per_area
    yield from (place for place in _areas(now, limits, change) if limits[place].over == "hold")


def _most(contract: Contract, cap: Cap) -> int:
    if isinstance(cap, str):
        return contract.limits.writers_per_role[cap]
    return contract.limits.open_prs_per_area[cap].max


def _wait(contract: Contract, cap: Cap) -> Wait:
    if isinstance(cap, str):
        most = contract.limits.writers_per_role[cap]
        return Wait(code="role_full", text=messages.role_full(cap, most), key=f"role:{cap}:{most}")
    limit = contract.limits.open_prs_per_area[cap]
    key = f"area:{limit.area.text}:{limit.max}"
    return Wait(code="area_full", text=messages.area_full(limit), key=key)


def _areas(now: Observation, limits: Sequence[AreaLimit], change: Change) -> frozenset[int]:
    """The places of the limits whose area the change touches."""
    touch = now.touches.get(change.id)
    if touch is None or not limits:
        return frozenset()
    return _matched(tuple(limit.area.text for limit in limits), touch)


@lru_cache(maxsize=1024)
def _matched(areas: tuple[str, ...], touch: Touch) -> frozenset[int]:
    """The same changes wait at each look at the lane, and touch the same."""
    patterns = pattern_set(areas)
    return frozenset().union(*(patterns.matches(path) for path in touch.modified | touch.added))


def refusals(now: Observation) -> Mapping[int, Reason]:
    """Changes that are one too many in an area whose limit says `over: refuse`: the newest go, but none that is being
    tested and no hotfix."""
    found: dict[int, Reason] = {}
    limits = now.contract.limits.open_prs_per_area if now.contract is not None else ()
    refusing = [place for place, limit in enumerate(limits) if limit.over == "refuse"]
    touched = {one.id: _areas(now, limits, one) for one in now.changes} if refusing else {}
    tested = {member.change for one in now.candidates if one.state in LIVE for member in one.members}
    for place in refusing:
        there = [change for change in now.changes if place in touched[change.id]]
        for change in _too_many(there, limits[place].max, tested):
            others = [one for one in there if one.id < change.id][: limits[place].max]
            found.setdefault(change.id, messages.area_refused(change, limits[place], others))
    return found


def _too_many(there: Sequence[Change], most: int, tested: Collection[int]) -> list[Change]:
    stays = {one.id for one in there if one.id in tested or one.priority >= HOTFIX}
    others = sorted((one for one in there if one.id not in stays), key=lambda one: one.id)
    return others[max(0, most - len(stays)) :]


def landing_hold(now: Observation, *, hotfix: bool) -> Wait | None:
    """Why nothing may land now: a freeze, which a `hotfix` passes, or the deployment of what landed last. Changes are
    built and tested meanwhile, so that what is green lands as one afterwards (R22)."""
    freeze = frozen(now.contract.queue.freeze, now.at) if now.contract is not None and not hotfix else None
    if freeze is not None:
        text = messages.frozen(freeze.reason, freeze.ends)
        return Wait(code="frozen", text=text, key=f"frozen:{freeze.ends}:{freeze.reason}")
    return deployment_hold(now)


def breaker(now: Observation) -> str | None:
    """Why the lane is to be paused until a person resumes it: too many failures in a row, a deployment that failed or
    does not end."""
    if now.contract is not None and 0 < now.contract.queue.pause_after <= now.lane.failures:
        return messages.too_many_failures(now.lane.failures)
    return deployment_stop(now)
