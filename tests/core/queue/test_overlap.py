"""How waiting changes meet: pairs by table, all at once as the pairs say, what may share a link, areas."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.contract.model import Overlap as Policy
from pointsman.core.contract.model import Pattern
from pointsman.core.queue.observation import Touch
from pointsman.core.queue.overlap import (
    Overlap,
    apart,
    area_of,
    looks_like_migration,
    mended_by,
    overlap,
    overlaps,
)
from tests.core.queue.facts import contract


def touch(*, modified: Iterable[str] = (), added: Iterable[str] = (), migrations: bool = False) -> Touch:
    return Touch(modified=frozenset(modified), added=frozenset(added), migrations=migrations)


APP = touch(modified=["src/app.py"])
NEW = touch(added=["src/one.py"])
SCHEMA = touch(added=["db/versions/a1.py"], migrations=True)

PAIRS = {
    "two modify one file": (APP, touch(modified=["src/app.py", "b"]), Overlap.DESTRUCTIVE),
    "two add the same path": (NEW, NEW, Overlap.DESTRUCTIVE),
    "one adds what the other modifies": (NEW, touch(modified=["src/one.py"]), Overlap.DESTRUCTIVE),
    "two add beside each other": (NEW, touch(added=["src/two.py"]), Overlap.ADDITIVE),
    "two add at the root": (touch(added=["a"]), touch(added=["b"]), Overlap.ADDITIVE),
    "one adds where the other modifies": (NEW, touch(modified=["src/two.py"]), Overlap.DISJOINT),
    "two modify in one folder": (APP, touch(modified=["src/two.py"]), Overlap.DISJOINT),
    "two migrations in different places": (
        SCHEMA,
        touch(added=["billing/migrations/0007_x.py"], migrations=True),
        Overlap.MIGRATIONS,
    ),
    "two migrations and a common file": (
        touch(modified=["m.py"], added=["v/1.py"], migrations=True),
        touch(modified=["m.py"], added=["v/2.py"], migrations=True),
        Overlap.DESTRUCTIVE,
    ),
    "nothing is known": (touch(), touch(), Overlap.DISJOINT),
}


@pytest.mark.parametrize(("a", "b", "how"), PAIRS.values(), ids=PAIRS)
def test_R64_R65_how_two_changes_meet(a: Touch, b: Touch, how: Overlap) -> None:
    assert (overlap(a, b), overlap(b, a)) == (how, how)


PATHS = st.frozensets(st.sampled_from(["a", "b", "x/a", "x/b", "x/y/a", "z/lock", "z/a"]), max_size=4)
TOUCHES = st.builds(Touch, modified=PATHS, added=PATHS, migrations=st.booleans())


def is_lock(path: str) -> bool:
    return path.endswith("lock")


@given(st.lists(TOUCHES, max_size=7))
def test_all_at_once_says_what_each_pair_says(touches: list[Touch]) -> None:
    bits = {one: 1 << (2 * one + 1) for one in range(len(touches))}
    found = overlaps(dict(enumerate(touches)), bits, mended=is_lock)
    everybody = sum(bits.values())
    for one, a in enumerate(touches):
        for other, b in enumerate(touches):
            if one != other:
                how = [kind for kind in Overlap if found[one].of(kind, everybody) & bits[other]]
                assert how == [overlap(a, b, mended=is_lock)]
        met = found[one].destructive | found[one].migrations | found[one].additive
        assert not met & bits[one], "nobody meets itself"


def masks(policy: Policy) -> dict[int, int]:
    touches = {
        7: touch(modified=["m.py"], added=["new/7"]),
        8: touch(modified=["m.py"]),
        9: touch(added=["new/9"]),
    }
    return apart(overlaps(touches, {7: 1, 8: 2, 9: 4}), policy)


def test_R64_changes_of_one_file_stay_out_of_one_link() -> None:
    assert masks(Policy()) == {7: 2, 8: 1}


def test_R65_two_that_only_add_go_together_unless_the_contract_says_serialize() -> None:
    assert masks(Policy(destructive="parallel")) == {}
    assert masks(Policy(additive="serialize")) == {7: 2 | 4, 8: 1, 9: 1}


def test_R64_a_file_that_the_contract_makes_anew_keeps_nobody_apart() -> None:
    rules = contract(
        "speculate: 2}\nconflicts: {lockfiles: [{path: uv.lock, manifest: pyproject.toml, regenerate: uv lock}],"
        " additive: [{path: CHANGELOG.md, marker: Unreleased}],"
        ' regenerated: [{writes: ["api/**"], sources: ["*.proto"], run: make}]'
    )
    mended = mended_by(rules)
    for path in ("uv.lock", "CHANGELOG.md", "api/v1/client.py"):
        assert overlap(touch(modified=[path]), touch(modified=[path]), mended=mended) is Overlap.ADDITIVE
    assert overlap(APP, APP, mended=mended) is Overlap.DESTRUCTIVE


AREAS = {"web": (Pattern(text="web/"), Pattern(text="*.css")), "api": (Pattern(text="api/"),)}
IN_AREA = {
    "all in one": (touch(modified=["web/a.ts", "theme.css"]), "web"),
    "new files count too": (touch(modified=["api/a.py"], added=["api/b.py"]), "api"),
    "in two areas": (touch(modified=["web/a.ts", "api/a.py"]), None),
    "one path in none": (touch(modified=["web/a.ts", "README.md"]), None),
    "one path in both": (touch(modified=["api/admin.css"]), None),
    "a migration is of no area": (touch(added=["api/versions/a.py"], migrations=True), None),
    "nothing known": (touch(), None),
}


@pytest.mark.parametrize(("one", "area"), IN_AREA.values(), ids=IN_AREA)
def test_a_change_is_of_an_area_only_with_all_that_it_touches(one: Touch, area: str | None) -> None:
    assert area_of(one, AREAS) == area
    assert area_of(one, {}) is None


def test_a_migration_is_told_by_its_path() -> None:
    told = [
        path
        for path in ("db/versions/a.py", "shop/migrations/0001_x.py", "db/migrate/2.sql", "schema/9.sql")
        if looks_like_migration(path, ["schema"])
    ]
    assert len(told) == 4
    for path in ("schema/9.sql", "docs/migrations/how.md", "src/versions.py", "migrations"):
        assert not looks_like_migration(path)
