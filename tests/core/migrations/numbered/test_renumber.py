"""Numbered migrations that clash: which one gives way, and what it is called then."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.migrations.heal.model import HealPolicy, Plan, Refusal, Why
from pointsman.core.migrations.numbered.names import read
from tests.core.migrations.numbered.folder import environment, healed, layout_of, planned, renames

DIR = "db/migrations"


def at(*names: str, folder: str = DIR) -> list[str]:
    return [f"{folder}/{name}" for name in names]


def pair(stem: str) -> list[str]:
    return [f"{stem}.up.sql", f"{stem}.down.sql"]


def named(moved: dict[str, str]) -> dict[str, str]:
    return {old.rpartition("/")[2]: new.rpartition("/")[2] for old, new in moved.items()}


@pytest.mark.parametrize(
    ("base", "new", "moved"),
    [
        pytest.param(
            ["V1__a.sql", "V2__b.sql", "V3__c.sql"], ["V3__d.sql"], {"V3__d.sql": "V4__d.sql"}, id="flyway"
        ),
        pytest.param(
            ["V1__a.sql", "V2__b.sql", "V3__c.sql"],
            ["V3__d.sql", "U3__d.sql", "V3__d.sql.conf"],
            {"V3__d.sql": "V4__d.sql", "U3__d.sql": "U4__d.sql", "V3__d.sql.conf": "V4__d.sql.conf"},
            id="flyway's undo goes with it",
        ),
        pytest.param(
            ["V1.1__a.sql", "V1.2__b.sql", "V1.2.1__c.sql"],
            ["V1.2.1__d.sql"],
            {"V1.2.1__d.sql": "V1.2.2__d.sql"},
            id="flyway's dots",
        ),
        pytest.param(
            ["V1__a.sql", "V1_9__b.sql"], ["V1_9__d.sql"], {"V1_9__d.sql": "V1_10__d.sql"}, id="underscores"
        ),
        pytest.param(
            ["V1__a.sql", "V1.10__b.sql"], ["V1.9__d.sql"], {"V1.9__d.sql": "V1.11__d.sql"}, id="10 is above 9"
        ),
        pytest.param(
            ["V001__a.sql", "V002__b.sql"], ["V002__d.sql"], {"V002__d.sql": "V003__d.sql"}, id="width kept"
        ),
        pytest.param(
            ["V1__a.sql", "V2__b.sql", "R__view.sql"], ["R__other.sql"], {}, id="a repeatable is no revision"
        ),
        pytest.param(
            [*pair("000001_a"), *pair("000002_b")],
            pair("000002_c"),
            {"000002_c.up.sql": "000003_c.up.sql", "000002_c.down.sql": "000003_c.down.sql"},
            id="golang-migrate's pair stays together",
        ),
        pytest.param(
            [*pair("1_a"), *pair("2_b")],
            ["2_c.up.sql", "2_undo_c.down.sql"],
            {"2_c.up.sql": "3_c.up.sql", "2_undo_c.down.sql": "3_undo_c.down.sql"},
            id="a way down by another title, known by its number",
        ),
        pytest.param(
            ["0001_a.sql", "0002_b.sql"], ["0002_c.sql"], {"0002_c.sql": "0003_c.sql"}, id="plain"
        ),
        pytest.param(["1-a.sql", "9-b.sql"], ["9-c.sql"], {"9-c.sql": "10-c.sql"}, id="no zeros"),
        pytest.param(
            ["0001_a.sql", "0002_b.sql", "0002a_c.sql"],
            ["0002a_d.sql"],
            {"0002a_d.sql": "0003_d.sql"},
            id="letters",
        ),
        pytest.param(["001_a.sql", "002_b.sql"], ["002a_c.sql"], {}, id="a letter above the head is no fork"),
        pytest.param(
            ["001_a.sql", "005_b.sql"],
            ["003_c.sql"],
            {"003_c.sql": "006_c.sql"},
            id="a free number below the head: tools skip it or stop",
        ),
        pytest.param(
            ["001_a.sql", "002_b.sql", "003_z.sql"],
            ["002_c.sql", "003_d.sql", "009_e.sql"],
            {"002_c.sql": "004_c.sql", "003_d.sql": "005_d.sql"},
            id="a chain, in its own order; what is above all keeps its number",
        ),
        pytest.param(
            ["001_a.sql", "002_b.sql"], ["005_c.sql"], {}, id="a gap that is nobody's is left"
        ),
        pytest.param(
            ["20240101100000_a.sql", "20240201100059_b.sql"],
            ["20240115100000_c.sql", "20240301100000_d.sql"],
            {"20240115100000_c.sql": "20240201100100_c.sql"},
            id="timestamps: just above the base's, still a time",
        ),
        pytest.param(
            ["001_a.sql", "002_b.sql"],
            ["002_x.sql", "003_x.sql"],
            {"002_x.sql": "003_x.sql", "003_x.sql": "004_x.sql"},
            id="one moves to where another was",
        ),
        pytest.param(
            ["1_a.sql", "2_b.sql", "9_c.sql"], ["1_d.sql"], {"1_d.sql": "10_d.sql"}, id="below all that it saw"
        ),
        pytest.param(
            ["00001_a.sql", "00002_b.go"], ["00002_c.sql"], {"00002_c.sql": "00003_c.sql"}, id="goose in Go"
        ),
    ],
)  # fmt: skip
def test_r06_the_unpublished_file_gets_the_next_number(
    base: list[str], new: list[str], moved: dict[str, str]
) -> None:
    folder = layout_of(*at(*base), named=[DIR])
    assert named(healed(at(*base), at(*new), folder)) == moved


def test_row_3_changes_of_one_number_follow_each_other_in_queue_order() -> None:
    base = at("001_a.sql", "002_b.sql")
    for change in ("x", "y", "z"):
        new = at(f"003_{change}.sql")
        base += [renames(planned(base, new), [*base, *new]).get(path, path) for path in new]
    assert [path.rpartition("/")[2] for path in base[2:]] == ["003_x.sql", "004_y.sql", "005_z.sql"]


@pytest.mark.parametrize(
    ("names", "heads"),
    [
        pytest.param([*pair("1_a"), *pair("2_b"), *pair("2_c")], ["2_b", "2_c"], id="at the top"),
        pytest.param([*pair("1_a"), *pair("1_b"), *pair("2_c")], ["1_b", "2"], id="further down"),
        pytest.param(["1_a.sql", "1_b.sql", "2_c.sql", "3_d.sql"], ["3"], id="where files run by name: no fork"),
        pytest.param(["V1__a.sql", "V1.0__b.sql", "V2__c.sql"], ["1_b", "2"], id="1 is 1.0 to Flyway"),
        pytest.param(["V1__a.sql", "V01__b.sql", "V2__c.sql"], ["1_b", "2"], id="leading zeros"),
    ],
)  # fmt: skip
def test_two_files_of_one_number_are_a_fork_of_the_tree(names: list[str], heads: list[str]) -> None:
    found = environment(layout_of(*at(*names)), at(*names))
    assert list(found.heads) == heads and found.forked == (len(heads) > 1)


def refused(outcome: Plan | tuple[Refusal, ...]) -> Refusal:
    assert not isinstance(outcome, Plan), outcome
    (refusal,) = outcome
    return refusal


def test_row_5_published_twice_is_refused_for_no_merge_exists() -> None:
    base = at("V1__a.sql", "V2__b.sql", "V2__c.sql")
    refusal = refused(planned(base, []))
    assert refusal.code == Why.CANNOT_JOIN and refusal.paths == (base[1], base[2])
    assert "published: reparent" in refusal.message


def test_row_5_published_twice_is_renumbered_where_the_contract_says_so() -> None:
    base = at(*pair("1_a"), *pair("2_b"), *pair("2_c"))
    plan = planned(base, [], HealPolicy(published="reparent"))
    assert named(renames(plan, base)) == {"2_c.up.sql": "3_c.up.sql", "2_c.down.sql": "3_c.down.sql"}


def test_a_merge_revision_that_the_contract_wants_is_refused() -> None:
    outcome = planned(at("1_a.sql", "2_b.sql"), at("2_c.sql"), HealPolicy(on_fork="merge_revision"))
    assert refused(outcome).code == Why.CANNOT_JOIN


def test_row_13_two_files_of_one_number_in_one_change() -> None:
    base, new = at("1_a.sql", "2_b.sql"), at("3_c.sql", "3_d.sql", "4_e.sql")
    assert refused(planned(base, new)).code == Why.TWO_HEADS


def test_row_38_a_published_number_under_another_title() -> None:
    """golang-migrate goes by the number; Flyway validates the description too."""
    old, new = at(*pair("1_a"), *pair("2_b")), at(*pair("1_a"), *pair("2_better"))
    layout = layout_of(*old)
    before = environment(layout, old)
    assert environment(layout, new, before).heads == before.heads == ("2",)
    flyway = at("V1__a.sql", "V2__b.sql")
    before = environment(layout_of(*flyway), flyway)
    after = environment(before.layout, at("V1__a.sql", "V2__better.sql"), before)
    assert after.heads == ("2_better",)


TITLES = st.sampled_from(["users", "orders_total", "x"])
STYLES: dict[str, Callable[[int, str], list[str]]] = {
    "flyway": lambda n, t: [f"V{n}__{t}.sql", f"U{n}__{t}.sql"],
    "paired": lambda n, t: [f"{n:06d}_{t}.up.sql", f"{n:06d}_{t}.down.sql"],
    "plain": lambda n, t: [f"{n:04d}-{t}.sql"],
}


@given(
    style=st.sampled_from(sorted(STYLES)),
    base=st.dictionaries(st.integers(1, 30), TITLES, min_size=2, max_size=8),
    changes=st.lists(
        st.dictionaries(st.integers(1, 33), TITLES, min_size=1, max_size=4), min_size=1, max_size=3
    ),
)
def test_after_the_queue_numbers_rise_and_nothing_published_moved(
    style: str, base: dict[int, str], changes: list[dict[int, str]]
) -> None:
    write = STYLES[style]
    landed = at(*(name for number in sorted(base) for name in write(number, base[number])))
    layout = layout_of(*landed, named=[DIR])
    ordered = [read_number(path) for path in landed if is_up(path)]
    for index, change in enumerate(changes):
        new = at(*(name for number in sorted(change) for name in write(number, f"c{index}_{change[number]}")))
        moved = healed(landed, new, layout)
        assert not set(moved) & set(landed), "published files stay"
        now = [moved.get(path, path) for path in new]
        assert len({*landed, *now}) == len(landed) + len(now), "nothing is overwritten"
        ups, downs = [p for p in now if is_up(p)], [p for p in now if not is_up(p)]
        assert [tail(p) for p in now] == [tail(p) for p in new], "titles and their order stay"
        if downs:
            assert [read_number(p) for p in ups] == [read_number(p) for p in downs], "pairs stay together"
        ordered_now = sorted(ordered) + [read_number(p) for p in ups]
        assert ordered_now == sorted(set(ordered_now)), "numbers rise strictly in queue order"
        landed, ordered = [*landed, *now], ordered_now
    assert not environment(layout, landed).forked


def is_up(path: str) -> bool:
    return not (path.endswith(".down.sql") or path.rpartition("/")[2].startswith("U"))


def read_number(path: str) -> tuple[int, ...]:
    found = read(path)
    assert found is not None
    return found[1].version.parts


def tail(path: str) -> str:
    found = read(path)
    assert found is not None
    return found[1].before + found[1].rest
