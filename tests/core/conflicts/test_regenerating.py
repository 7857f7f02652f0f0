"""When a command has to run, what of its work is taken, and what is known of tools: tables without any process."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pointsman.core.conflicts.accept import Unfit, accept
from pointsman.core.conflicts.declared import NOTHING, Declared, declared, meetings
from pointsman.core.conflicts.kinds import KNOWN, SCRIPTS_OFF, declaration, known
from pointsman.core.conflicts.model import NotRemade, Remade, Remake
from pointsman.core.contract import Contract, load

START = "version: 1\nbase: main\nidentities: {a: {email: a@x.org}}\nroles: {r: {who: [a], owns: ['**']}}\n"


def rules(text: str) -> Declared:
    loaded = load((START + text).encode(), source=".pointsman.yml")
    assert isinstance(loaded, Contract), loaded
    return declared(loaded.conflicts, loaded.sandbox)


LOCK = rules("conflicts: {lockfiles: [{path: uv.lock, manifest: pyproject.toml, regenerate: uv lock}]}\n")


@pytest.mark.parametrize(
    ("conflicted", "base", "change", "same", "runs"),
    [
        pytest.param("uv.lock", "uv.lock", "uv.lock pyproject.toml", "", "uv.lock", id="R76 git conflicts in the lock"),
        pytest.param("", "uv.lock", "uv.lock pyproject.toml", "", "uv.lock", id="git merged two locks by lines"),
        pytest.param("", "pyproject.toml", "pyproject.toml uv.lock", "", "uv.lock", id="both changed the manifest"),
        pytest.param("", "pyproject.toml uv.lock", "pyproject.toml", "", "uv.lock", id="only the base's lock moved"),
        pytest.param("", "pyproject.toml", "pyproject.toml", "", "", id="nothing of it shows in the lock"),
        pytest.param("", "app.py", "uv.lock pyproject.toml", "", "", id="one side alone"),
        pytest.param("", "uv.lock", "pyproject.toml", "", "", id="a lock here, a manifest there"),
        pytest.param("", "uv.lock", "uv.lock", "uv.lock", "", id="both have the same lock"),
        pytest.param("", "web/uv.lock", "web/uv.lock", "", "", id="another folder's lock"),
        pytest.param("uv.lock", "uv.lock", "uv.lock", "", "LOST", id="the change's lock moved by itself"),
    ],
)  # fmt: skip
def test_a_command_runs_where_both_sides_met(
    conflicted: str, base: str, change: str, same: str, runs: str
) -> None:
    found = meetings(LOCK, conflicted.split(), base.split(), change.split(), same.split())
    assert [("LOST" if one.loses else " ".join(one.remake.met)) for one in found] == ([runs] if runs else [])
    for one in found:
        assert one.remake.run == "uv lock" and one.remake.network == "none"


def test_entries_run_in_the_contracts_order_and_what_one_writes_is_no_source_of_it() -> None:
    both = rules(
        "conflicts:\n  regenerated:\n"
        "    - {writes: ['/db/**'], sources: ['/schema.ts', '/db/**'], run: one, network: host, timeout: 7s}\n"
        "    - {writes: ['/db/sum'], sources: ['/db/*.sql'], run: two}\n"
    )
    found = meetings(both, ["db/sum"], ["db/sum", "db/2.sql"], ["db/sum", "db/3.sql", "schema.ts"], [])
    assert [one.remake.run for one in found] == ["one", "two"]
    assert found[0].give_way == ("db/3.sql", "db/sum"), "the change's own give way to the base's"
    assert (found[0].remake.network, found[0].remake.timeout) == ("host", 7.0)
    assert meetings(NOTHING, ["db/sum"], ["db/sum"], ["db/sum"], []) == ()


REMAKE = Remake(writes=("/uv.lock",), run="uv lock", met=("uv.lock",), theirs=("uv.lock",), moved=True)
GOOD = Remade(files={"uv.lock": b"version = 1\n"})


def test_what_a_command_made_well_is_taken() -> None:
    assert accept(REMAKE, GOOD) == {"uv.lock": b"version = 1\n"}
    assert accept(replace(REMAKE, moved=False), Remade(files={})) == {}, "both sides asked for the same"
    assert accept(replace(REMAKE, theirs=()), Remade(files={})) == {}
    drawn = Remade(files={"notes.md": b"Title\n=======\n"})
    assert accept(REMAKE, drawn) == drawn.files, "an underline is no conflict marker"


@pytest.mark.parametrize(
    ("made", "why"),
    [
        pytest.param(NotRemade(reason="ended with exit code 2"), "code 2.\nIt ran without a network", id="R76 crash"),
        pytest.param(NotRemade(reason="took longer than 300 s"), "took longer", id="too long"),
        pytest.param(replace(GOOD, others=("app.py", "b")), "also changed app.py, b", id="writes elsewhere"),
        pytest.param(replace(GOOD, others=tuple(map(str, range(20)))), "and 12 more", id="writes everywhere"),
        pytest.param(replace(GOOD, odd=("uv.lock",)), "no plain file", id="a link"),
        pytest.param(Remade(files={"uv.lock": None}), "removed uv.lock", id="deleted"),
        pytest.param(Remade(files={"uv.lock": b" \n"}), "is empty", id="empty"),
        pytest.param(Remade(files={"uv.lock": b"version = = 1\n"}), "can't be read", id="no TOML"),
        pytest.param(Remade(files={"package-lock.json": b"{"}), "can't be read", id="no JSON"),
        pytest.param(Remade(files={"a.json": b"[" * 100_000}), "can't be read", id="JSON too deep"),
        pytest.param(Remade(files={"sum": b"<<<<<<< a\n1\n>>>>>>> b\n"}), "conflict markers", id="half merged"),
        pytest.param(Remade(files={}), "as the base has it", id="nothing done"),
    ],
)  # fmt: skip
def test_R76_what_can_not_be_taken_is_refused_and_says_why(made: Remade | NotRemade, why: str) -> None:
    outcome = accept(REMAKE, made)
    assert isinstance(outcome, Unfit)
    assert why in outcome.why
    assert outcome.why.startswith("uv.lock can't be made anew: `uv lock` ")


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_what_is_offered_for_a_known_tool_is_a_sound_contract(name: str) -> None:
    folder = "db/meta/" if name == "_journal.json" else "web/"
    for path in {folder + name, name if name != "_journal.json" else f"meta/{name}"}:
        entry = declaration(path)
        assert entry is not None
        (one,) = rules(entry).generated
        assert one.makes(path) and not one.reads(path), entry


def test_only_known_names_are_known() -> None:
    assert known("src/_journal.json") is None
    assert declaration("app.py") is None
    assert {"npm_config_ignore_scripts", "YARN_ENABLE_SCRIPTS", "UV_NO_BUILD"} <= SCRIPTS_OFF.keys()
