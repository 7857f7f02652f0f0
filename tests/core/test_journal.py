"""The chain that seals the journal: any single edit, removal, insertion or swap is found."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.core.journal import (
    GENESIS,
    Broken,
    Intact,
    about,
    as_stored,
    canonical,
    missing_end,
    seal,
    verify,
)
from pointsman.core.model import Sha
from pointsman.core.queue.model import Change, ChangeState, Entry, JournalLine

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)
entries = st.builds(
    Entry,
    lane=st.text(max_size=8),
    kind=st.text(max_size=8),
    body=st.dictionaries(st.text(max_size=5), json_values, max_size=3),
)
times = st.floats(min_value=0, max_value=4e9)


def chain(*written: Entry, at: float = 1.5) -> list[JournalLine]:
    lines: list[JournalLine] = []
    for entry in written:
        previous = lines[-1].hash if lines else GENESIS
        lines.append(seal(entry, seq=len(lines) + 1, at=at, previous=previous))
    return lines


def entry(kind: str, **body: Any) -> Entry:
    return Entry(lane="main", kind=kind, body=body)


chains = st.lists(entries, min_size=1, max_size=4).map(lambda written: chain(*written))


def change(number: int, state: ChangeState) -> Change:
    return Change(
        id=number,
        lane="main",
        branch=f"agent/{number}",
        head=Sha("a" * 40),
        author="ada",
        title="t",
        submitted_at=1.0,
        state=state,
    )


def test_an_empty_journal_is_intact() -> None:
    assert verify([]) == Intact(count=0, head=GENESIS)


@settings(max_examples=50)
@given(chains)
def test_what_was_sealed_is_intact(lines: list[JournalLine]) -> None:
    assert verify(lines) == Intact(count=len(lines), head=lines[-1].hash)


@settings(max_examples=50)
@given(chains, st.data())
def test_R53_any_edited_field_is_found_at_its_line(lines: list[JournalLine], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(lines) - 1))
    line = lines[place]
    field = data.draw(st.sampled_from(["seq", "at", "lane", "kind", "body", "previous", "hash"]))
    values: dict[str, st.SearchStrategy[Any]] = {
        "seq": st.integers(),
        "at": times | st.none(),
        "body": st.dictionaries(st.text(max_size=5), json_values, max_size=3),
    }
    edited = data.draw(values.get(field, st.text(max_size=64)))
    if canonical(edited) == canonical(getattr(line, field)):
        return
    forged = [*lines[:place], replace(line, **{field: edited}), *lines[place + 1 :]]
    outcome = verify(forged)
    assert isinstance(outcome, Broken)
    assert outcome.seq == place + 1


@settings(max_examples=50)
@given(st.lists(entries, min_size=2, max_size=4), st.data())
def test_R53_a_line_that_is_gone_or_in_another_place_is_found(
    written: list[Entry], data: st.DataObject
) -> None:
    lines = chain(*written)
    place = data.draw(st.integers(0, len(lines) - 2))
    gone = verify(lines[:place] + lines[place + 1 :])
    swapped = verify([*lines[:place], lines[place + 1], lines[place], *lines[place + 2 :]])
    assert isinstance(gone, Broken)
    assert isinstance(swapped, Broken)
    assert (gone.seq, swapped.seq) == (place + 1, place + 1)


def test_R53_a_line_resealed_after_an_edit_breaks_the_next_one() -> None:
    lines = chain(entry("approved", change=1, by="ada"), entry("landed", changes=[1]))
    forged = seal(entry("approved", change=1, by="eve"), seq=1, at=1.5, previous=GENESIS)
    assert verify([forged, lines[1]]) == Broken(seq=2, why="it does not name the hash of the line before it")


@pytest.mark.parametrize("value", [math.nan, math.inf, {1, 2}, b"bytes"], ids=repr)
def test_a_value_that_json_does_not_have_breaks_a_line_and_is_never_sealed(value: object) -> None:
    (line,) = chain(entry("submitted", change=1))
    outcome = verify([replace(line, body={"change": value})])
    assert outcome == Broken(seq=1, why="it holds a value that no journal line can hold")
    with pytest.raises((TypeError, ValueError)):
        seal(entry("submitted", change=value), seq=1, at=1.0, previous=GENESIS)


@given(st.dictionaries(st.integers(0, 12), st.tuples(st.integers(), st.text()), max_size=12))
def test_a_line_hashes_the_same_after_it_was_stored_and_read(body: dict[Any, Any]) -> None:
    (line,) = chain(Entry(lane="main", kind="odd", body=body))
    assert verify([replace(line, body=as_stored(line.body))]) == Intact(count=1, head=line.hash)


ENDED: list[tuple[str, Sequence[Change], Sequence[Entry], int | None]] = [
    ("all told", [change(1, ChangeState.RETURNED)], [entry("returned", change=1)], None),
    ("landed in a batch", [change(2, ChangeState.LANDED)], [entry("landed", changes=[1, 2])], None),
    ("queued needs no end", [change(1, ChangeState.QUEUED)], [], None),
    ("no line", [change(1, ChangeState.WITHDRAWN)], [entry("submitted", change=1)], 1),
    ("another end", [change(1, ChangeState.LANDED)], [entry("returned", change=1)], 1),
    ("another change", [change(7, ChangeState.LANDED)], [entry("landed", changes=[1])], 7),
    ("odd bodies", [change(1, ChangeState.LANDED)], [entry("landed", changes="1", change="1")], 1),
]


@pytest.mark.parametrize(
    ("changes", "written", "missing"), [row[1:] for row in ENDED], ids=[row[0] for row in ENDED]
)
def test_R53_an_end_that_no_line_records_is_found(
    changes: Sequence[Change], written: Sequence[Entry], missing: int | None
) -> None:
    found = missing_end(changes, chain(*written))
    assert (found.id if found else None) == missing


def test_the_story_of_one_change_holds_its_candidates_lines_too() -> None:
    lines = chain(
        entry("submitted", change=1),
        entry("submitted", change=2),
        entry("built", candidate=5, changes=[1]),
        entry("built", candidate=6, changes=[2]),
        entry("run_started", candidate=5, change=None),
        entry("run_ended", candidate=6, change=None),
        entry("paused", why="red"),
        entry("landed", candidate=5, changes=[1]),
    )
    assert [line.seq for line in about(lines, 1)] == [1, 3, 5, 8]
