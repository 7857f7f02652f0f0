"""Our own strategy: one nested chain of likely links, screens where a chain tells too little, insurance with what is
free. It remembers nothing; all that it knows is in the facts."""

from __future__ import annotations

from dataclasses import replace

from pointsman.core.queue.model import Purpose
from pointsman.core.queue.strategies.board import Board
from pointsman.core.queue.strategies.hotfix import start_hotfixes
from pointsman.core.queue.strategies.insurance import insure
from pointsman.core.queue.strategies.model import Facts, Plan, Waiting
from pointsman.core.queue.strategies.sets import union

WINDOW = 400
"""Changes looked at, from the front of the line."""

INCREMENT = 0.6
"""A link, or a group that is screened, takes changes while they are all green with this probability. From 0.7 on links
get too short: near the limit every red one costs all the runners."""

DEPTH = 0.12
"""Fresh changes join the chain while the whole of it is at least so likely."""

RISKY, YOUNG = 0.12, 1.5
"""Fresh changes riskier than this go on top of the others until they have waited for so many gates."""


def speculate(facts: Facts) -> Plan:
    """The chain first, what its red links ask for before it, insurance last."""
    board = Board(_front(facts))
    start_hotfixes(board)
    _screen_suspects(board)
    _extend(board)
    _try_on_tip(board)
    insure(board)
    return board.plan


def _front(facts: Facts) -> Facts:
    """The front of the line, and whoever is in what runs or was red."""
    if len(facts.waiting) <= WINDOW:
        return facts
    bound = union([*(candidate.content for candidate in facts.live), *(red for red, _ in facts.reds)])
    front = [one for place, one in enumerate(facts.waiting) if place < WINDOW or one.bit & bound]
    return replace(facts, waiting=front)


def _screen_suspects(board: Board) -> None:
    """Test what a red set leaves in doubt once what it stood on is decided."""
    alone = set(board.suspects())
    for red in board.reds:
        suspects = board.held[red] & ~board.safe
        if red & ~board.held[red] & board.top:
            continue
        for part in board.parts(suspects):
            if part not in alone and (board.is_live(part) or not _can_stand(board, part)):
                continue
            if board.may_screen() and board.room():
                board.start(part, part, Purpose.SCREEN)


def _can_stand(board: Board, part: int) -> bool:
    """Whether one link can bring all of it onto the tip."""
    todo = [one for one in board.facts.waiting if one.bit & part]
    return board.front(todo, 0, len(todo)) == part


def _extend(board: Board) -> None:
    """Chain what waits; screen the fresh ones that the chain is too unlikely for."""
    busy = board.top | board.out | board.screened()
    todo = sorted(
        (one for one in board.facts.waiting if not one.bit & busy), key=lambda one: _turn(board, one)
    )
    while todo and (board.free > 0 or board.spare()):
        added = _next_link(board, todo)
        if not added:
            return
        if board.links and board.green(board.top | added) < DEPTH:
            added = _next_group(board, todo)
            if not added:
                return
            board.room()
            board.start(added, added, Purpose.SCREEN)
        elif _is_deep(board):
            return
        else:
            board.room()
            board.start(board.top | added, added, Purpose.CHAIN)
        todo = [one for one in todo if not one.bit & added]


def _turn(board: Board, one: Waiting) -> int:
    """Hotfixes first, then cleared changes; fresh ones that are risky last while they are young."""
    if one.hotfix:
        return 0
    if one.bit & board.safe:
        return 1
    young = board.facts.now - one.since <= YOUNG * board.facts.gate
    return 3 if young and board.risk[one.bit] >= RISKY else 2


def _next_link(board: Board, todo: list[Waiting]) -> int:
    """Single changes while runners are free, batches under load; hotfixes by themselves, unless they need others that
    no link has room for."""
    urgent = [one for one in todo if one.hotfix]
    size = -(-len(todo) // max(1, board.free + len(board.spare())))
    mine = board.take(urgent, board.top, size, INCREMENT) if urgent else 0
    return mine or board.take(todo, board.top, size, INCREMENT)


def _next_group(board: Board, todo: list[Waiting]) -> int:
    fresh = [one for one in todo if not one.bit & board.safe]
    if not fresh or not board.may_screen():
        return 0
    added = board.take(fresh, 0, -(-len(fresh) // max(1, board.free)), INCREMENT)
    return 0 if board.is_live(added) else added


def _is_deep(board: Board) -> bool:
    """Whether as many links stand on each other as may; what has passed only waits for its push."""
    depth = board.facts.depth
    return depth is not None and sum(1 for link in board.links if not link.passed) > depth


def _try_on_tip(board: Board) -> None:
    """Changes that could not be built on the chain."""
    for bit in board.lost(board.top):
        if board.free > 0 and board.may_screen():
            board.start(bit, bit, Purpose.SCREEN)
