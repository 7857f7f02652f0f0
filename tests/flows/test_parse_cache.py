"""The cache of parse results on disk: it saves work, and neither damage nor a full disk ever shows."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.adapters.parsing import DiskCache, cache_path, parse_all
from pointsman.core.migrations.alembic.parse import parse
from pointsman.core.migrations.cache import MemoryCache
from pointsman.core.migrations.model import Issue, Parsed
from pointsman.core.model import Sha
from pointsman.service.heal.verdict import heal
from pointsman.service.migrations import Reader
from pointsman.wiring import open_git, open_reader
from tests.support.project import Project, forked

OID = Sha("1" * 40)
FACTS = Parsed("b", ("a",), ("x",), ("y",), (Issue("computed", "why"),), True)

words = st.text(max_size=5)
several = st.lists(words, max_size=3).map(tuple)
facts = st.builds(
    Parsed,
    st.none() | words,
    st.none() | several,
    several,
    several,
    st.lists(st.builds(Issue, words, words), max_size=2).map(tuple),
    st.booleans(),
)


@given(facts)
def test_what_is_kept_comes_back(tmp_path_factory: pytest.TempPathFactory, parsed: Parsed) -> None:
    path = tmp_path_factory.mktemp("cache") / "file"
    DiskCache(path).put_many("alembic", {OID: parsed})
    assert DiskCache(path).get_many("alembic", [OID]) == {OID: parsed}
    assert DiskCache(path).get_many("other", [OID]) == {}


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],
        lambda text: text[:-3] + b"xx]",
        lambda _: b"",
        lambda text: b"\0" * len(text),
        lambda text: text.replace(b"pointsman ", b"pointsman 0"),
        lambda text: text.replace(b'"a"', b'"z"'),
    ],
    ids=["cut", "end", "empty", "zeros", "another format", "another parent"],
)
def test_a_damaged_cache_is_no_cache(tmp_path: Path, damage: object) -> None:
    path = tmp_path / "file"
    DiskCache(path).put_many("alembic", {OID: FACTS})
    path.write_bytes(damage(path.read_bytes()))  # type: ignore[operator]
    assert DiskCache(path).get_many("alembic", [OID]) == {}
    DiskCache(path).put_many("alembic", {OID: FACTS})
    assert DiskCache(path).get_many("alembic", [OID]) == {OID: FACTS}


def test_a_record_of_another_shape_is_no_record(tmp_path: Path) -> None:
    path = tmp_path / "file"
    cache = DiskCache(path)
    cache.put_many("alembic", {OID: FACTS})
    records: tuple[Any, ...] = ([], ["b"], [1, 2, 3, 4, 5, 6, 7], None, "b", {})
    for record in records:
        cache._parsed.load()[f"alembic:{OID}"] = record
        assert cache.get_many("alembic", [OID]) == {}


def test_a_cache_that_can_not_be_written_fails_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").mkdir()
    DiskCache(tmp_path / "file").put_many("alembic", {OID: FACTS})
    (tmp_path / "plain").write_text("")
    DiskCache(tmp_path / "plain" / "below").put_many("alembic", {OID: FACTS})


def test_a_second_run_reads_no_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    project = Project(tmp_path / "repo")
    project.add("a")
    project.add("b", "'a'")
    for expected in (2, 0):
        with open_git(project.repo.path) as git:
            reader = open_reader(git)
            (environment,) = reader.read(git.tree_of(git.resolve("main"))).environments
            assert (environment.heads, reader.reads.revisions) == (("b",), expected)


def test_a_second_heal_reads_neither_side_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    project = forked(tmp_path / "repo")
    answers = []
    for expected in (6, 1):  # the moved file itself is read to be written again
        with open_git(project.repo.path) as git:
            reader = open_reader(git)
            healing = heal(
                git, git.resolve("main"), git.resolve("change"), None, prover=None, reader=reader
            ).healing
            answers.append((healing.tree, healing.environments[0].known))
            assert (healing.status, healing.reads) == ("healed", expected)
    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    "junk", [None, [], {"operations": 7}, {"operations": [{"kind": "?"}], "unknown": []}]
)
def test_a_kept_footprint_that_is_none_is_read_anew(tmp_path: Path, junk: object) -> None:
    project = forked(tmp_path / "repo")

    class Junk(MemoryCache):
        def get_plain(self, kind: str, keys: Iterable[str]) -> dict[str, Any]:
            return dict.fromkeys(keys, junk)

    with open_git(project.repo.path) as git:
        main, change = git.resolve("main"), git.resolve("change")
        answers = [
            heal(git, main, change, None, prover=None, reader=Reader(git, cache=cache)).healing
            for cache in (Junk(), MemoryCache())
        ]
    assert answers[0] == answers[1]


def test_without_a_home_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.delenv("HOME")
    assert cache_path(tmp_path) is None


def test_two_processes_say_what_one_says_in_the_same_order() -> None:
    blobs = [
        f'revision = "r{n}"\ndown_revision = {f"r{n - 1}" if n else None!r}\n'.encode() for n in range(301)
    ]
    blobs[150] = b"def broken(:"
    assert parse_all(parse, blobs) == [parse(blob) for blob in blobs]


def test_a_child_that_dies_is_made_good() -> None:
    import os

    parent = os.getpid()

    def fragile(blob: bytes) -> Parsed:
        if os.getpid() != parent:
            os._exit(9)
        return parse(blob)

    blobs = [f'revision = "r{n}"\ndown_revision = None\n'.encode() for n in range(200)]
    assert [parsed.revision for parsed in parse_all(fragile, blobs)] == [f"r{n}" for n in range(200)]
