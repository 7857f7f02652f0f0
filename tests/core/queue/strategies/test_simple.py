"""Serial, batch and window: each row one situation, the whole plan asserted."""

from __future__ import annotations

import pytest

from pointsman.core.queue.strategies.batch import batch, serial
from pointsman.core.queue.strategies.model import Facts, Strategy
from pointsman.core.queue.strategies.window import window, window_size
from tests.core.queue.strategies.facts import INSURE, SCREEN, change, facts, live, of, starts

RED_AB = [(of("ab"), 1.0)]


@pytest.mark.parametrize(
    ("strategy", "seen", "expected"),
    [
        pytest.param(serial, facts("abc"), [("a", "chain")], id="serial: one at a time"),
        pytest.param(
            serial, facts("abc", depth=1), [("a", "chain"), ("ab", "chain")], id="serial: one more on it"
        ),
        pytest.param(serial, facts("abc", live=[live(1, "a")]), [], id="serial: nothing beside what runs"),
        pytest.param(
            serial,
            facts("abc", live=[live(1, "a", passed=True)]),
            [("ab", "chain")],
            id="serial: what passed waits",
        ),
        pytest.param(
            serial, facts("bc", reds=[(of("b"), 1.0)]), [("b", "screen")], id="serial: a suspect by itself"
        ),
        pytest.param(batch, facts("abcdefghij"), [("abcdefgh", "chain")], id="batch: eight"),
        pytest.param(batch, facts("abcd", max_batch=2), [("ab", "chain")], id="batch: as the contract says"),
        pytest.param(
            batch, facts("abcde", reds=[(of("abcd"), 1.0)]), [("ab", "chain")], id="batch: half of a red one"
        ),
        pytest.param(batch, facts("abc", reds=RED_AB), [("a", "chain")], id="batch: half of two is one"),
        pytest.param(
            batch,
            facts(waiting=[change("a", apart=of("b")), change("b", apart=of("a")), change("c")]),
            [("ac", "chain")],
            id="batch: never two of one file",
        ),
        pytest.param(
            batch,
            facts(waiting=[change("b", needs=of("a")), change("c")]),
            [("c", "chain")],
            id="batch: not without what it depends on",
        ),
        pytest.param(
            window,
            facts("abcd"),
            [("a", "chain"), ("ab", "chain"), ("abc", "chain")],
            id="window: each on all before",
        ),
        pytest.param(
            window,
            facts("abc", live=[live(1, "a")], reds=RED_AB, free=2),
            [("ac", "chain")],
            id="window: behind a red one on the nearest that is not",
        ),
        pytest.param(
            window,
            facts("bc", reds=[(of("b"), 1.0)]),
            [("b", "screen"), ("c", "chain")],
            id="window: a suspect",
        ),
        pytest.param(
            window, facts("abcd", depth=1), [("a", "chain"), ("ab", "chain")], id="window: no deeper"
        ),
    ],
)
def test_what_is_tested_next(strategy: Strategy, seen: Facts, expected: list[tuple[str, str]]) -> None:
    plan = strategy(seen)
    assert starts(plan) == expected
    assert plan.drop == []


def test_what_carries_a_red_set_is_given_up() -> None:
    runs = [live(1, "a"), live(2, "ab"), live(3, "abc"), live(4, "ac")]
    for strategy in (serial, batch, window):
        assert {2, 3} <= set(strategy(facts("abc", live=runs, reds=RED_AB, free=0)).drop)


@pytest.mark.parametrize(
    ("ended", "size"),
    [
        pytest.param((), 20, id="at first"),
        pytest.param((True, True), 22, id="one more for each that landed"),
        pytest.param((True, False), 10, id="half for one that was returned"),
        pytest.param((False,) * 9, 3, id="three at least"),
    ],
)
def test_the_window_grows_slowly_and_halves(ended: tuple[bool, ...], size: int) -> None:
    assert window_size(ended) == size


@pytest.mark.parametrize("strategy", [serial, batch, window])
def test_a_hotfix_runs_at_once_alone_and_pushes_out_insurance_first(strategy: Strategy) -> None:
    runs = [live(1, "a"), live(2, "b", SCREEN), live(3, "c", INSURE)]
    waiting = [change("d", hotfix=True), change("a"), change("b"), change("c")]
    plan = strategy(facts(waiting=waiting, live=runs, free=0))
    assert plan.drop[0] == 3
    assert starts(plan)[0] == ("d", "insure")


@pytest.mark.parametrize("strategy", [serial, batch, window])
def test_what_could_not_be_built_on_the_chain_is_tried_on_the_tip(strategy: Strategy) -> None:
    seen = facts(
        waiting=[change("a"), change("b", barred=frozenset({of("a")}))], live=[live(1, "a")], depth=3
    )
    assert ("b", "screen") in starts(strategy(seen))
