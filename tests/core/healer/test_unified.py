"""Patches are read strictly: what our own writer and git make is taken exactly, everything doubtful is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.healer.unified import FilePatch, Malformed, apply, parse
from pointsman.core.patch import patch
from tests.support.repo import Repo

A = b"one\ntwo\nthree\n"


def edited(text: str, content: bytes | None = A) -> bytes | Malformed | None:
    files = parse(text.encode())
    assert not isinstance(files, Malformed), files
    (file,) = files
    return apply(file, content)


def hunk(body: str, path: str = "m/a.py") -> str:
    return f"--- a/{path}\n+++ b/{path}\n{body}"


@given(
    old=st.none() | st.binary(max_size=200),
    new=st.none() | st.binary(max_size=200),
    lines=st.lists(st.sampled_from([b"a", b"b", b"", b"\r", b"\xff"]), max_size=12),
    path=st.sampled_from(["m/a.py", "m/with space.py", 'm/"q".py', "m/ü.py", "m/a b/c.py"]),
)
def test_what_our_own_writer_makes_comes_back(
    old: bytes | None, new: bytes | None, lines: list[bytes], path: str
) -> None:
    old = old if old is None else b"\n".join(lines) + old
    new = new if new is None else b"\n".join(lines) + new
    if old == new:
        return
    files = parse(patch([(path, old, new)]))
    assert not isinstance(files, Malformed), files
    (file,) = files
    assert (file.old, file.new) == (path if old is not None else None, path if new is not None else None)
    assert apply(file, old) == new


def test_what_git_diff_prints_is_taken_renames_and_all(tmp_path: Path) -> None:
    repo = Repo(tmp_path).init()
    long = "".join(f"line {number}\n" for number in range(40))
    repo.commit("one", files={"m/a.py": long, "m/gone.py": "x\n", "m/empty.py": "", "m/no_end.py": "a\nb"})
    repo.commit(
        "two",
        files={"m/a.py": None, "m/b ü.py": long.replace("line 20\n", "LINE\n"), "m/gone.py": None}
        | {"m/empty.py": None, "m/new.py": "n\n", "m/no_end.py": "a\nc"},
    )
    text = repo.git("diff", "-M", "HEAD~1", "HEAD") + "\n"
    files = parse(text.encode())
    assert not isinstance(files, Malformed), files
    result = {}
    for file in files:
        before = repo.show("HEAD~1", file.old) if file.old else None
        result[file.old, file.new] = apply(file, before)
    assert result == {
        ("m/a.py", "m/b ü.py"): long.replace("line 20\n", "LINE\n").encode(),
        ("m/gone.py", None): None,
        ("m/empty.py", None): None,
        (None, "m/new.py"): b"n\n",
        ("m/no_end.py", "m/no_end.py"): b"a\nc",
    }


def test_words_before_the_patch_and_a_fence_around_it_are_passed_over() -> None:
    text = "Here you are:\n```diff\n" + hunk("@@ -2 +2 @@\n-two\n+TWO\n") + "```\n\n"
    assert edited(text) == b"one\nTWO\nthree\n"


def test_a_hunk_with_wrong_line_numbers_fits_where_its_text_is_once() -> None:
    assert edited(hunk("@@ -7 +7 @@\n-two\n+TWO\n")) == b"one\nTWO\nthree\n"
    assert isinstance(edited(hunk("@@ -7 +7 @@\n-two\n+TWO\n"), b"two\ntwo\n"), Malformed)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("sorry, no idea", "holds no file", id="words only"),
        pytest.param("@@ -1 +1 @@\n-a\n+b\n", "belongs to no file", id="a hunk alone"),
        pytest.param(hunk("@@ -2 +2 @@\n-two\n"), "ends in the middle", id="cut off"),
        pytest.param(hunk("@@ -2 +2 @@\n-two\n+TWO\nand more\n"), "belongs to nothing", id="text after"),
        pytest.param(hunk("@@ -2,2 +2 @@\n-two\n+TWO\n*x\n"), "neither context", id="a line without mark"),
        pytest.param(hunk(""), "has no hunk", id="no hunk"),
        pytest.param("--- a/x\n@@ -1 +1 @@\n", "without its '+++'", id="half a head"),
        pytest.param("--- x\n+++ x\n@@ -1 +1 @@\n-a\n+b\n", "without `a/`", id="no prefix"),
        pytest.param("--- /dev/null\n+++ /dev/null\n", "at once", id="nothing to nothing"),
        pytest.param("--- a/x\n+++ b/y\n@@ -1 +1 @@\n-a\n+b\n", "no rename", id="two names, no rename"),
        pytest.param(
            "diff --git a/x b/x\n--- a/x\n+++ b/y\n@@ -1 +1 @@\n-a\n+b\n", "different files", id="two stories"
        ),
        pytest.param("diff --git a/x b/x\nold mode 100644\nnew mode 100755\n", "mode", id="mode change"),
        pytest.param("diff --git a/x b/x\nnew file mode 120000\n", "no plain file", id="a link"),
        pytest.param("diff --git a/x b/x\nnew file mode 100755\n", "no plain file", id="a program"),
        pytest.param("diff --git a/x b/x\nnew file mode 160000\n", "no plain file", id="a submodule"),
        pytest.param("diff --git a/x b/y\ncopy from x\ncopy to y\n", "copies", id="a copy"),
        pytest.param("diff --git a/x b/x\nGIT binary patch\nliteral 0\n", "binary", id="binary"),
        pytest.param(hunk("@@ -2 +2 @@\n-two\n+TWO\n") * 2, "named twice", id="one file twice"),
        pytest.param('--- "a/x\n+++ "b/x\n', "quote", id="a quote without end"),
    ],
)
def test_what_is_no_clear_patch_is_none(text: str, why: str) -> None:
    found = parse(text.encode())
    assert isinstance(found, Malformed)
    assert why in found.why


@pytest.mark.parametrize(
    ("text", "content", "why"),
    [
        pytest.param(hunk("@@ -2 +2 @@\n-TWO\n+x\n"), A, "does not hold", id="other text there"),
        pytest.param(hunk("@@ -1,2 +1,2 @@\n one\n-two\n+x\n"), b"ONE\ntwo\n", "does not hold", id="no fuzz"),
        pytest.param(hunk("@@ -2 +2 @@\n-two\n+x\n"), None, "is not there", id="no such file"),
        pytest.param("--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+x\n", A, "there already", id="not new"),
        pytest.param("--- a/x\n+++ /dev/null\n@@ -1 +0,0 @@\n-one\n", A, "leaves lines", id="half deleted"),
    ],
)
def test_a_patch_that_does_not_fit_is_refused(text: str, content: bytes | None, why: str) -> None:
    found = edited(text, content)
    assert isinstance(found, Malformed)
    assert why in found.why


@given(st.binary(max_size=300))
def test_no_bytes_break_it(text: bytes) -> None:
    for start in (b"", b"--- a/x\n+++ b/x\n@@ -1 +1 @@\n", b"diff --git a/x b/x\n", b'diff --git "a/x'):
        found = parse(start + text)
        assert isinstance(found, Malformed) or all(isinstance(one, FilePatch) for one in found)
