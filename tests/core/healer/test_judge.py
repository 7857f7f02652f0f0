"""Which refusals are handed to a healer command, and what its patch may touch."""

from __future__ import annotations

import pytest

from pointsman.core.healer.judge import Rejected, Room, judge, why_not
from pointsman.core.healer.model import Outcome
from pointsman.core.migrations.heal.model import Refusal, Why
from pointsman.core.migrations.model import Code
from pointsman.core.patch import Change, patch

OURS, OLD, APP = "m/versions/c.py", "m/versions/a.py", "app/models.py"
ROOM = Room(
    contents={OURS: b"c\n"},
    is_migration=lambda path, _: path.startswith("m/versions/") and path.endswith(".py"),
    taken=[OURS, OLD, APP, "m/versions/Sub/x.py", "m/env.py"],
)


@pytest.mark.parametrize("code", [Why.CONFLICT, Why.TWO_HEADS, Why.PROOF_FAILED, Code.UNPARSABLE])
def test_R12_what_other_migrations_could_mend_is_asked(code: str) -> None:
    assert why_not([Refusal(code, "x")]) is None


@pytest.mark.parametrize(
    "code",
    [
        Why.MERGE_CONFLICT,
        Why.EDITS_PUBLISHED,
        Why.DELETES_PUBLISHED,
        Why.STOPPED,
        Why.NOT_PROVED,
        Code.BAD_CONFIG,
    ],
)
def test_R12_what_lies_beyond_the_migrations_of_the_change_is_not_asked(code: str) -> None:
    said = why_not([Refusal(Why.TWO_HEADS, "x"), Refusal(code, "y")])
    assert said is not None and code in said and Why.TWO_HEADS not in said


def tried(*changes: Change) -> dict[str, bytes | None] | Rejected:
    return judge(patch(changes), ROOM)


def test_R12_unpublished_migrations_may_change_go_and_come() -> None:
    assert tried((OURS, b"c\n", b"C\n")) == {OURS: b"C\n"}
    assert tried((OURS, b"c\n", None)) == {OURS: None}
    assert tried(("m/versions/d.py", None, b"d\n")) == {"m/versions/d.py": b"d\n"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param((OLD, b"a\n", b"A\n"), f"{OLD} is no unpublished migration", id="published"),
        pytest.param((OLD, b"a\n", None), f"{OLD} is no unpublished migration", id="published, deleted"),
        pytest.param((OLD, None, b"A\n"), f"{OLD} is there already", id="published, as if new"),
        pytest.param((APP, b"a\n", b"A\n"), f"{APP} is no unpublished migration", id="app code"),
        pytest.param(("app/new.py", None, b"n\n"), "app/new.py would be no migration", id="a new app file"),
        pytest.param(("m/env.py", b"e\n", b"E\n"), "m/env.py is no unpublished migration", id="env.py"),
        pytest.param(("m/versions/../../x.py", None, b"x\n"), "no migration", id="a way up"),
        pytest.param(("m/versions/.git/x.py", None, b"x\n"), "no migration", id="a git folder"),
        pytest.param(("m/versions/\n.py", None, b"x\n"), "no migration", id="unprintable"),
        pytest.param(("m/versions/C.py", None, b"x\n"), "can't stand beside", id="other letters"),
        pytest.param(("m/versions/sub.py/x.py", None, b"x\n"), "", id="free"),
        pytest.param(("m/versions/a.py/x.py", None, b"x\n"), "can't stand beside", id="file as a folder"),
    ],
)
def test_R12_what_a_patch_may_not_touch(change: Change, said: str) -> None:
    found = tried(change)
    if not said:
        assert not isinstance(found, Rejected)
        return
    assert isinstance(found, Rejected)
    assert found.outcome is Outcome.NOT_ALLOWED
    assert said in found.detail


def test_R12_one_path_too_many_rejects_the_whole_patch() -> None:
    found = tried((OURS, b"c\n", b"C\n"), (APP, b"a\n", b"A\n"))
    assert isinstance(found, Rejected) and APP in found.detail and OURS not in found.detail


def test_R12_two_new_files_that_differ_in_letters_only_are_rejected() -> None:
    found = tried(("m/versions/n.py", None, b"1\n"), ("m/versions/N.py", None, b"2\n"))
    assert isinstance(found, Rejected) and found.outcome is Outcome.NOT_ALLOWED


def test_R12_no_patch_and_one_that_does_nothing_are_empty() -> None:
    for text in (b"", b"\n \n"):
        assert judge(text, ROOM) == Rejected(outcome=Outcome.EMPTY, detail="")
    nothing = f"--- a/{OURS}\n+++ b/{OURS}\n@@ -1 +1 @@\n-c\n+c\n".encode()
    found = judge(nothing, ROOM)
    assert isinstance(found, Rejected) and found.outcome is Outcome.EMPTY


def test_R12_a_file_past_its_bound_is_rejected() -> None:
    found = tried((OURS, b"c\n", b"x" * (1 << 20) + b"\n"))
    assert isinstance(found, Rejected) and found.outcome is Outcome.TOO_LARGE
