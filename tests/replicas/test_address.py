"""How a database is named, what is refused, and that no password is ever told; text that PostgreSQL has no room for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import OperationalError

from pointsman.adapters.store.address import Address, address, of_environment, schema_name
from pointsman.adapters.store.failures_postgresql import explained
from pointsman.adapters.store.postgresql import Database
from pointsman.adapters.store.tables import Exact
from pointsman.core.errors import EnvironmentProblem, UserError
from pointsman.wiring import database as wiring
from pointsman.wiring import extras

SECRET = "hunter2-not-to-be-told"
URL = f"postgresql://ada:{SECRET}@db.example.org/queue"
DIALECT: Any = postgresql.dialect()  # type: ignore[no-untyped-call]


def test_it_is_named_by_a_variable_a_file_or_an_address_without_a_password(tmp_path: Path) -> None:
    file = tmp_path / "address"
    file.write_text(URL + "\n")
    file.chmod(0o600)
    plain = "postgresql://ada@db.example.org/queue?sslmode=verify-full"
    assert address("env:DB", {"DB": URL}).url == URL
    assert address(str(file), {}).url == URL
    assert address(plain, {}).url == plain
    found = of_environment({"POINTSMAN_DATABASE": URL}, "POINTSMAN_DATABASE")
    assert found is not None
    assert found.url == URL
    assert SECRET not in f"{found} {found!r} {address(str(file), {})!r}"


REFUSED = {
    URL: "has a password in it",
    f"postgres://db/queue?user=ada&password={SECRET}": "has a password in it",
    f"postgresql://db/queue?sslkey=k&sslpassword={SECRET}": "has a password in it",
    f"postgresql://[{SECRET}/queue": "has a password in it",
    f"host=db password={SECRET}": "is named by",
    f"mysql://ada:{SECRET}@db/queue": "is named by",
    "env:MISSING": "MISSING, which should hold",
    "env:OTHER": "OTHER does not hold an address",
    f"env:{SECRET}=x": "the name of a variable",
    "/nowhere/at/all": "/nowhere/at/all",
    "": "is named by",
}


@pytest.mark.parametrize("word", REFUSED)
def test_what_names_none_is_refused_with_the_next_step_and_without_the_password(word: str) -> None:
    with pytest.raises(UserError, match=REFUSED[word]) as caught:
        address(word, {"OTHER": f"mysql://ada:{SECRET}@db"})
    assert SECRET not in str(caught.value)


def test_a_file_with_a_password_that_others_can_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "address"
    file.write_text(URL)
    file.chmod(0o644)
    with pytest.raises(UserError, match="chmod 600"):
        address(str(file), {})
    file.write_text("not an address")
    with pytest.raises(UserError, match="does not hold"):
        address(str(file), {})


def test_sqlite_stays_the_default_and_a_missing_package_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POINTSMAN_DATABASE", raising=False)
    assert wiring.named(None) is None
    monkeypatch.setenv("POINTSMAN_DATABASE", URL)
    assert wiring.named("") is None
    assert wiring.named(None) == Address(URL, source="$POINTSMAN_DATABASE")
    monkeypatch.setattr(extras, "POSTGRES", ("no_such_package",))
    with pytest.raises(UserError, match=r"pip install 'pointsman\[postgres\]'"):
        wiring.named(None)


@given(st.text(max_size=200), st.text(max_size=200))
def test_schemas_of_different_repositories_are_different_and_safe(one: str, other: str) -> None:
    name = schema_name(one)
    assert name.replace("_", "a").isalnum()
    assert name.isascii()
    assert name == name.lower()
    assert len(name) < 63
    assert (schema_name(other) == name) == (one == other)


ANY_TEXT = st.text(st.characters(exclude_categories=()) | st.sampled_from("\\u0d8cf\0\ud800\udce9"))


@given(ANY_TEXT, ANY_TEXT)
def test_any_text_has_one_form_that_postgresql_keeps_and_beginnings_stay_beginnings(
    text: str, other: str
) -> None:
    kind = Exact()
    kept = kind.process_bind_param(text, DIALECT)
    assert "\0" not in kept
    kept.encode()
    assert kind.process_result_value(kept, DIALECT) == text
    assert kept.startswith(kind.process_bind_param(other, DIALECT)) == text.startswith(other)


class Refusal(psycopg.OperationalError):
    def __init__(self, text: str, state: str | None = None) -> None:
        super().__init__(text)
        self.sqlstate = state


FAILURES = {
    ("server closed the connection unexpectedly", None): "can't be reached",
    ("terminating connection due to administrator command", "57P01"): "can't be reached",
    ('FATAL:  password authentication failed for user "ada"', None): "refuses the role",
    ('FATAL:  database "queue" does not exist', None): "is not there",
    ("could not extend file: No space left on device", "53100"): "disk of the database is full",
    ("FATAL:  sorry, too many clients already", None): "max_connections",
    ("canceling statement due to lock timeout", "55P03"): "pg_stat_activity",
    ("cannot execute INSERT in a read-only transaction", "25006"): "standby",
    ("permission denied for database queue", "42501"): "GRANT CREATE",
    ("something new", "XX000"): "SQLSTATE XX000",
}


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: failure[0][:30])
def test_each_failure_says_what_to_do_next_and_where(failure: tuple[str, str | None]) -> None:
    orig = Refusal(*failure)
    for error in (orig, OperationalError("SELECT 1", {}, orig)):
        with (
            pytest.raises(EnvironmentProblem, match=FAILURES[failure]) as caught,
            explained(Address(URL, source="env:DB")),
        ):
            raise error
        assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "url", [f"postgresql://ada:{SECRET}@127.0.0.1:1/x", f"postgresql://ada:{SECRET}@h:port/x"]
)
def test_who_can_not_be_reached_is_told_of_without_the_password(url: str) -> None:
    with pytest.raises(EnvironmentProblem, match="env:DB") as caught:
        Database.open(Address(url, source="env:DB"))
    assert SECRET not in f"{caught.value} {caught.value.__cause__} {caught.value.__context__}"
