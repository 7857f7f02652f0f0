"""A proof by both orders from the contract's seed rows, and one against the models: what settles, what does not."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from pointsman.core.proof import Proof
from pointsman.runner.rows import Rows, Table, differences, leave_out, unsteady
from tests.flows.alembic_project import ENV, Project, path, revision

USERS = (
    'op.create_table("users", sa.Column("id", sa.Integer, primary_key=True), sa.Column("nick", sa.String))'
)
SHOUT = "UPDATE users SET nick = upper(nick)"
SEED = "INSERT INTO users (id, nick) VALUES (1, 'ann'), (2, 'bob');"
MARK, LETTER = "UPDATE users SET nick = nick || '!'", "UPDATE users SET nick = nick || 'x'"


def prove(folder: Path, change: str, *, seed: str = SEED, named: str | None = "seed.sql") -> Proof:
    """The base's side shouts; the change's side is the statement."""
    base = {
        path("f0"): revision("f0", None, USERS, 'op.drop_table("users")'),
        path("b1"): revision("b1", "f0", f'op.execute("{SHOUT}")'),
        "seed.sql": seed,
    }
    project = Project(folder, base=base, healed={path("c1"): revision("c1", "b1", f'op.execute("{change}")')})
    return project.prove(None, both_orders=True, same_data=True, seed=named)


def test_two_data_migrations_that_end_in_the_same_rows_are_proved_by_both_orders(tmp_path: Path) -> None:
    proof = prove(tmp_path, MARK)

    assert (proof.ran, proof.passed, proof.reason) == (True, True, None)
    assert {route.name for route in proof.routes} >= {
        "seed rows, base, then the change",
        "seed rows, the change, then the base",
    }


def test_two_data_migrations_that_end_in_other_rows_fail_and_the_rows_are_quoted(tmp_path: Path) -> None:
    proof = prove(tmp_path, LETTER)

    assert (proof.ran, proof.passed) == (True, False)
    assert (
        "rows of users: where id=1: nick is 'ANNx' by 'base, then the change', 'ANNX' by 'the change, then the base'"
        in (proof.reason or "")
    )


NO_JUDGE = [
    pytest.param(
        MARK, "INSERT INTO teams VALUES (1);", "no such table: teams", id="does not load at the fork"
    ),
    pytest.param(MARK, "-- nothing", "brings no rows", id="no rows"),
    pytest.param(
        f"{MARK} WHERE nick = 'zoe'",
        SEED,
        "no rows that the change's side would change",
        id="rows that it spares",
    ),
]


@pytest.mark.soak
@pytest.mark.parametrize(("change", "seed", "reason"), NO_JUDGE)
def test_a_seed_that_shows_nothing_proves_nothing(
    tmp_path: Path, change: str, seed: str, reason: str
) -> None:
    proof = prove(tmp_path, change, seed=seed)

    assert (proof.ran, proof.passed) == (False, False)
    assert reason in (proof.reason or "")


def test_a_seed_that_is_not_on_the_base_proves_nothing(tmp_path: Path) -> None:
    proof = prove(tmp_path, MARK, named="data/seed.sql")

    assert (proof.ran, proof.passed) == (False, False)
    assert "the contract's seed data/seed.sql is no file on the base" in (proof.reason or "")


@pytest.mark.soak
def test_both_sides_in_one_tables_rows_without_a_seed_prove_nothing(tmp_path: Path) -> None:
    proof = prove(tmp_path, MARK, named=None)

    assert (proof.ran, proof.passed) == (False, False)
    assert "there are no seed rows" in (proof.reason or "")


def rows(*found: tuple[str, ...], key: bool = True) -> Rows:
    return {"t": Table(("id", "nick"), ("id",) if key else (), Counter(found))}


DIFFERENT = {
    "equal, in another order": (rows(("1", "a"), ("2", "b")), rows(("2", "b"), ("1", "a")), None),
    "one value": (
        rows(("1", "a")),
        rows(("1", "b")),
        "rows of t: where id=1: nick is a by 'one', b by 'other'",
    ),
    "one more": (
        rows(("1", "a"), ("2", "b")),
        rows(("1", "a")),
        "rows of t: (id=2, nick=b) is there only by 'one'",
    ),
    "one twice": (
        rows(("1", "a"), key=False),
        rows(("1", "a"), ("1", "a"), key=False),
        "rows of t: (id=1, nick=a) is there only by 'other'",
    ),
    "no key": (
        rows(("1", "a"), key=False),
        rows(("1", "b"), key=False),
        "rows of t: (id=1, nick=a) is there only by 'one'; (id=1, nick=b) is there only by 'other'",
    ),
    "many": (
        rows(*((str(n), "a") for n in range(5))),
        rows(),
        "rows of t: (id=0, nick=a) is there only by 'one'; (id=1, nick=a) is there only by 'one'; and 3 more",
    ),
}


@pytest.mark.parametrize(("one", "other", "said"), DIFFERENT.values(), ids=DIFFERENT.keys())
def test_rows_that_differ_are_told(one: Rows, other: Rows, said: str | None) -> None:
    assert differences(one, other, ("one", "other")) == ([said] if said else [])


def test_what_two_runs_in_one_order_leave_different_is_no_difference_of_orders() -> None:
    first, again, other = rows(("1", "10:00")), rows(("1", "10:01")), rows(("1", "10:02"))

    clock = unsteady(first, again)

    assert clock == {("t", "nick")}
    assert differences(leave_out(first, clock), leave_out(other, clock), ("one", "other")) == []
    assert differences(leave_out(first, clock), leave_out(rows(("2", "10:02")), clock), ("one", "other"))


MODELS = """\
from sqlalchemy import Column, Integer, MetaData, Table
metadata = MetaData()
for name in "users", "teams"{more}:
    Table(name, metadata, Column("id", Integer, primary_key=True))
"""
MODELS_ENV = "from models import metadata\n" + ENV.replace("target_metadata=None", "target_metadata=metadata")
HEALED = ', "notes"'
CHECKED = [
    pytest.param("", HEALED, MODELS_ENV, (True, True), None, id="row 45: equal", marks=pytest.mark.soak),
    pytest.param("", f'{HEALED}, "more"', MODELS_ENV, (True, False), "('add_table', Table('more'", id="row 45: differ"),
    pytest.param(
        ', "more"', f'{HEALED}, "more"', MODELS_ENV, (True, True), None, id="row 45: as before", marks=pytest.mark.soak
    ),
    pytest.param("", HEALED, ENV, (False, False), "MetaData", id="row 45: no models", marks=pytest.mark.soak),
    pytest.param(
        "", HEALED, f"import nobody_has_this\n{ENV}", (False, False), "does not load", id="row 45: no env.py",
        marks=pytest.mark.soak,
    ),
]  # fmt: skip


@pytest.mark.parametrize(("base", "healed", "env", "verdict", "reason"), CHECKED)
def test_row_45_the_healed_schema_is_held_against_the_models(
    tmp_path: Path, base: str, healed: str, env: str, verdict: tuple[bool, bool], reason: str | None
) -> None:
    proof = Project(
        tmp_path,
        base={"migrations/env.py": env, "models.py": MODELS.format(more=base)},
        healed={"models.py": MODELS.format(more=healed)},
    ).prove(models=True)

    assert (proof.ran, proof.passed) == verdict, proof
    assert (reason or "") in (proof.reason or "")
    remark = next((route.detail for route in proof.routes if route.name == "alembic check"), None)
    assert ("the base's own models differ already" in (remark or "")) == (bool(base) and proof.passed)
