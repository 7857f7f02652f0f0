"""What is foretold of a change: close to what then happens, told in parts, careful where little is known."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.core.queue.forecast import (
    MOST_WORDS,
    End,
    History,
    Met,
    kept_words,
    meeting,
    met_of,
    role_in,
    words_of,
)
from pointsman.core.queue.observation import Touch
from pointsman.core.queue.overlap import Overlap, Overlaps

PLAIN = ("role:coder", "size:2", "area:src", "migration:no", "retry:no")


def synthetic(count: int, seed: int) -> Iterator[tuple[tuple[str, ...], float, bool]]:
    """Changes with words that say the same (role with area, size with migration), an effect of two words at once
    and a drift: none of them is known to the model. With the true probability of being red, and whether it was."""
    dice = random.Random(seed)
    role = {name: dice.gauss(0, 0.5) for name in "abcdef"}
    area = [dice.gauss(0, 0.5) for _ in range(12)]
    for place in range(count):
        who = dice.choice("abcdef")
        where = (ord(who) * 2 + dice.choice([0, 0, 0, 1, 2, 5])) % 12
        size = min(4, int(dice.expovariate(0.7)))
        migration = dice.random() < 0.1 + 0.08 * size
        x = -3.2 + role[who] + area[where] + 0.35 * size + 0.7 * migration
        x += 0.8 * (migration and size >= 3) + 0.6 * math.sin(place / count * 3.1)
        p = 1 / (1 + math.exp(-x))
        words = (f"role:{who}", f"area:{where}", f"size:{size}", f"migration:{'yes' if migration else 'no'}")
        yield words, p, dice.random() < p


def loss(p: float, red: bool) -> float:
    return -math.log(p if red else 1 - p)


def test_what_is_said_is_what_happens_and_tells_more_than_the_base_rate() -> None:
    rows: list[tuple[float, float, float, bool]] = []
    for seed in range(2):
        history = History()
        for place, (words, truth, red) in enumerate(synthetic(2500, seed)):
            if place >= 300:
                rows.append((history.alone(words).p, history.base(), truth, red))
            history.learn(words, End.RED if red else End.GREEN)
    for low, high in ((0.0, 0.05), (0.05, 0.1), (0.1, 0.2), (0.2, 0.4), (0.4, 1.0)):
        part = [(said, red) for said, _, _, red in rows if low <= said < high]
        said, was = (sum(each) / len(part) for each in zip(*part, strict=True))
        slack = 3 * math.sqrt(was * (1 - was) / len(part)) + 0.01
        assert abs(said - was) < slack, f"said {said:.3f}, was {was:.3f} of {len(part)}"
    ours, base, truth = (sum(loss(row[of], row[3]) for row in rows) / len(rows) for of in range(3))
    assert truth < ours < base
    assert (base - ours) / (base - truth) > 0.6, "most of what words can tell is told"


def test_the_parts_make_up_the_whole() -> None:
    history = History()
    for words, _, red in synthetic(400, 1):
        history.learn(words, End.RED if red else End.GREEN)
    said = history.alone(("role:a", "migration:yes", "met:4:0:0:0"))
    assert [name for name, _ in said.parts] == ["base", "role:a", "migration:yes"]
    assert said.p == pytest.approx(1 / (1 + math.exp(-sum(part for _, part in said.parts))))


def test_nothing_known_says_one_in_twelve_and_a_bit_more_after_a_return() -> None:
    fresh = History()
    assert fresh.alone(()).p == pytest.approx(1 / 12)
    assert fresh.alone(PLAIN).p == pytest.approx(1 / 12)
    assert 1 / 12 < fresh.alone(("retry:yes",)).p < 1 / 6


def test_words_that_say_the_same_are_not_counted_twice() -> None:
    history, dice = History(), random.Random(4)
    rates = {"a": 0.4, "b": 0.05}
    for _ in range(1500):
        who = dice.choice("ab")
        words = tuple(f"{kind}:{who}" for kind in ("role", "area", "size", "team"))
        history.learn(words, End.RED if dice.random() < rates[who] else End.GREEN)
    for who, rate in rates.items():
        said = history.alone(tuple(f"{kind}:{who}" for kind in ("role", "area", "size", "team"))).p
        assert said == pytest.approx(rate, abs=0.05)


def test_a_repository_may_change_its_ways() -> None:
    history = History(half_life=100)
    for _ in range(500):
        history.learn(("role:a",), End.RED)
    for _ in range(500):
        history.learn(("role:a",), End.GREEN)
    assert history.alone(("role:a",)).p < 0.06


ENDS = st.lists(st.tuples(st.lists(st.sampled_from([*PLAIN, "met:4:0:1:2", "met:x"])), st.sampled_from(End)))


@settings(max_examples=40)
@given(ENDS)
def test_whatever_is_learnt_a_forecast_is_a_probability(ends: list[tuple[list[str], End]]) -> None:
    history = History()
    for words, end in ends:
        history.learn(words, end)
    for how in Overlap:
        odds = history.odds(PLAIN, Met(**{how.value: 9}))
        assert 0 < odds.alone < 1
        assert 0 < odds.joint < 1


def test_it_remembers_no_more_words_than_it_may() -> None:
    history = History()
    for place in range(MOST_WORDS + 50):
        history.learn(("role:often", f"area:{place}"), End.GREEN)
    assert len(history._words) == MOST_WORDS
    assert "role:often" in history._words


# Red together only


def test_R47_worse_overlap_and_more_of_it_make_red_together_likelier() -> None:
    fresh = History()
    by_kind = [fresh.joint(Met(**{how.value: 2})) for how in Overlap]
    assert by_kind == sorted(by_kind)
    assert len(set(by_kind)) == len(by_kind)
    by_number = [fresh.joint(Met(additive=others)) for others in (0, 1, 5, 20)]
    assert by_number == sorted(by_number)
    assert fresh.joint(Met()) == 0
    assert fresh.joint(Met(disjoint=40)) < fresh.joint(Met(disjoint=39, destructive=1))


def test_R47_the_rate_of_red_together_is_learnt_by_kind_of_overlap() -> None:
    history = History()
    for place in range(200):
        history.learn((Met(destructive=1).word,), End.TOGETHER if place % 5 == 0 else End.GREEN)
        history.learn((Met(additive=1).word,), End.GREEN)
        history.learn((Met(destructive=1).word,), End.RED)
    assert history.joint(Met(destructive=1)) == pytest.approx(0.2, abs=0.03)
    assert history.joint(Met(additive=1)) < 0.004


def test_R47_blame_goes_where_it_is_likely_and_what_is_said_of_many_is_what_happens() -> None:
    history, dice = History(), random.Random(7)
    said = was = 0.0
    for _ in range(2000):
        met = Met(disjoint=dice.randrange(20), destructive=dice.randrange(3))
        p = 1 - 0.998 ** met.exposures.get(Overlap.DISJOINT, 0) * 0.85 ** met.exposures.get(
            Overlap.DESTRUCTIVE, 0
        )
        red = dice.random() < p
        said, was = said + history.joint(met), was + red
        history.learn((met.word,), End.TOGETHER if red else End.GREEN)
    assert said / was == pytest.approx(1, abs=0.15)
    assert history.joint(Met(destructive=1)) == pytest.approx(0.15, abs=0.03)
    assert history.joint(Met(disjoint=1)) == pytest.approx(0.002, abs=0.002)


def test_what_a_change_is_like_in_words() -> None:
    touch = Touch(
        modified=frozenset({"src/a.py", "src/b.py", "README.md"}),
        added=frozenset({"db/versions/c.py", "docs/x.md", "zoo/y"}),
        migrations=True,
    )
    assert words_of(touch, "coder", retry=True, heals=True) == (
        "role:coder",
        "size:3",
        "area:src",
        "area:.",
        "area:db",
        "migration:yes",
        "heals:yes",
        "retry:yes",
    )
    assert words_of(None, None) == ("retry:no",), "what is not known is not said"
    assert words_of(Touch(), None) == ("size:0", "migration:no", "retry:no")


def test_whom_it_met_is_read_back_from_its_words() -> None:
    met = meeting(Overlaps(destructive=0b0001, migrations=0b0110, additive=0), ahead=0b1111)
    assert met == Met(disjoint=1, migrations=2, destructive=1)
    assert met_of((*PLAIN, met.word)) == met
    assert [met_of((word,)) for word in ("met:1:2:3", "met:1:2:3:x", "met:", "role:met")] == [None] * 4


def test_a_role_that_was_kept_counts_under_its_contract_alone() -> None:
    kept = kept_words(PLAIN, Met(additive=2), "a" * 64)
    assert (role_in(kept, "a" * 64), role_in(kept, "b" * 64)) == ("coder", None)
    assert role_in(kept_words(("retry:no",), Met(), "a" * 64), "a" * 64) is None
    assert met_of(kept) == Met(additive=2)
    assert [word for word, _ in History().alone(kept).parts] == ["base", *PLAIN]
