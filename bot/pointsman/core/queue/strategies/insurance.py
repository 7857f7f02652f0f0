"""Runs with what is free: contents that land more than the chain would, should some of it be red."""

from __future__ import annotations

from collections.abc import Iterator

from pointsman.core.queue.model import Purpose
from pointsman.core.queue.strategies.board import Board
from pointsman.core.queue.strategies.sets import bits, holds, union

WORTH = 0.1
"""A run has to land so many changes more, by expectation."""

SKIPS = 8
"""Up to so many of the riskiest are left out."""

LINKS = 24
"""So many links of the chain are left out, each by itself."""

SCREENING = 0.5
"""What knowing of a change is worth against landing it."""


def insure(board: Board) -> None:
    """Start what lands most, by expectation, beyond what runs already; screening one suspect competes."""
    loose = union(one.bit for one in board.facts.waiting if one.bit & board.safe & ~board.screened())
    while board.free > 0:
        offers = [*_insurance(board, board.top | loose), *_screens(board)]
        worth, content, base, purpose = max(
            offers, default=(0.0, 0, 0, Purpose.INSURE), key=lambda one: one[0]
        )
        if worth <= WORTH:
            return
        board.start(content, content & ~base, purpose)


Offer = tuple[float, int, int, Purpose]
"""Expected landings, the content, what of it is in the run that it is built on, and what it is for."""


def _insurance(board: Board, full: int) -> Iterator[Offer]:
    tests = [run.content for run in board.live if run.purpose is not Purpose.SCREEN]
    have = {run.content for run in board.live}
    for cut in _cuts(board, full):
        base = _base(board, cut)
        content = base | _buildable(board, cut & ~base, base)
        if content != base and content not in have and not board.is_red(content):
            worth = board.green(content) * (board.gain(content, tests) - board.regret(content))
            yield worth, content, base, Purpose.INSURE


def _cuts(board: Board, full: int) -> Iterator[int]:
    """`full` without its riskiest, its two riskiest and so on; and without each link of the chain but the last."""
    cut = full
    for bit in sorted(bits(full), key=lambda bit: -board.risk[bit])[:SKIPS]:
        cut = board.without(cut, bit)
        yield cut
    below = 0
    for link in board.links[:-1][:LINKS]:
        left = full
        for bit in bits(link.content & ~below & board.known):
            left = board.without(left, bit)
        below = link.content
        yield left


def _base(board: Board, content: int) -> int:
    """The largest run that it can stand on."""
    below = (run.content for run in board.live if holds(content, run.content) and run.content != content)
    return max(below, default=0, key=int.bit_count)


def _buildable(board: Board, added: int, base: int) -> int:
    """As much of it as one link can add."""
    limit = board.facts.max_batch
    if not added & (board.crossed | board.needy | board.stubborn) and (
        limit is None or added.bit_count() <= limit
    ):
        return added
    return board.front((one for one in board.facts.waiting if one.bit & added), base, added.bit_count())


def _screens(board: Board) -> Iterator[Offer]:
    """Suspects that are not screened yet: itself if it is green, its set's others if it is red."""
    if not board.may_screen():
        return
    have = {run.content for run in board.live}
    for red in board.reds:
        for bit in bits(board.held[red] & ~board.screened() & ~board.safe):
            if bit in have or not board.can_join(bit, 0, 0):
                continue
            risk, others = board.risk[bit], board.weigh(board.held[red] & ~bit)
            yield SCREENING * ((1 - risk) * board.weight[bit] + risk * others), bit, 0, Purpose.SCREEN
