"""Path patterns: CODEOWNERS semantics, where public matchers differ, and agreement with pathspec."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pathspec.patterns.gitignore.basic import GitIgnoreBasicPattern

from pointsman.core.contract.codeowners import owners_of, parse_codeowners
from pointsman.core.contract.matching import PatternSet, branch_matches
from pointsman.core.contract.patterns import pattern_problem, protective_problem

DATA = Path(__file__).parents[2] / "data" / "contract"
GITHUB: dict[str, Any] = json.loads((DATA / "github_docs_codeowners_example.json").read_text("utf-8"))
DISAGREEMENTS: list[dict[str, Any]] = json.loads((DATA / "codeowners_disagreements.json").read_text("utf-8"))[
    "rows"
]


def matches(pattern: str, path: str, *, protective: bool = False) -> bool:
    return bool(PatternSet([pattern], protective=protective).matches(path))


@pytest.mark.parametrize("row", GITHUB["expect"], ids=lambda row: str(row["path"]))
def test_githubs_own_example_gives_githubs_owners(row: dict[str, Any]) -> None:
    text = "".join(f"{pattern} {' '.join(owners)}\n" for pattern, owners in GITHUB["rules"])
    lines, unusable = parse_codeowners(text.encode())
    assert not unusable
    found = owners_of(lines, row["path"])
    assert list(found or ()) == row["owners"]
    assert found is not None, "matched by nothing is another answer than owned by nobody"


@pytest.mark.parametrize("row", DISAGREEMENTS, ids=lambda row: str(row["pattern"]))
def test_where_public_matchers_disagree(row: dict[str, Any]) -> None:
    ours = row.get("ours", row.get("ours_owns"))
    if isinstance(ours, bool):
        assert not pattern_problem(row["pattern"])
        assert matches(row["pattern"], row["path"]) is ours
    else:
        assert "write foo/**" in pattern_problem(row["pattern"])
    if "ours_deny" in row:
        assert "write foo/ or foo/**" in protective_problem(row["pattern"])


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("*.css", "a/b/site.css", True),
        ("*.css", "a/site.css/readme", True),
        ("/src/", "src/a/b", True),
        ("/src/", "src", False),
        ("/src", "src", True),
        ("/src", "src/a", True),
        ("src", "a/src/b", True),
        ("a/b", "x/a/b", False),
        ("/*", "top", True),
        ("/*", "folder/below", False),
        ("*", "any/thing", True),
        ("**", "any/thing", True),
        ("/a/**/z", "a/z", True),
        ("/a/**/z", "a/b/c/z/below", True),
        ("/a/**", "a/b/c", True),
        ("/a/**", "a", False),
        ("/a/**/*", "a/b/c", True),
        ("/a?c", "abc", True),
        ("/a?c", "a/c", False),
        ("/src/pages/[...slug].astro", "src/pages/[...slug].astro", True),
        ("[slug]", "s", False),
        ("{a,b}", "a", False),
        ("/a*c", "a\nc", True),
        ("*.pem", "a\nb/x.pem", True),
        ("*.pem", "x.pem\n", False),
        ("CafÉ", "Café", False),
    ],
)
def test_a_pattern_matches(pattern: str, path: str, expected: bool) -> None:
    assert matches(pattern, path) is expected


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("/Secrets/", "secrets/key"),
        ("claude.md", "docs/CLAUDE.md"),
        ("/caf\u00e9/", "cafe\u0301/menu"),
        ("/straße", "STRASSE"),
        ("/vendor/", "vendor"),
        ("/vendor/**", "vendor"),
    ],
)
def test_a_protecting_pattern_also_matches(pattern: str, path: str) -> None:
    """R31, tricks `case` and `nfc-nfd`: case, composition and a link in a folder's place are no way round."""
    assert matches(pattern, path, protective=True)
    assert not matches(pattern, path)


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("!docs/", "negation"),
        ("docs\\a", "backslash"),
        ("/", "write **"),
        ("a//b", "one slash"),
        ("./a", "without . and .."),
        ("a/../b", "without . and .."),
        (" a", "space"),
        ("foo/**/", "write foo/**"),
        ("a\u200cb", "U+200C"),
        ("a\x07b", "U+0007"),
        ("x" * 2000, "at most"),
        ("*a" * 30, "asterisks"),
        (".git/hooks", "never tracks"),
    ],
)
def test_what_is_no_pattern_says_what_to_write(pattern: str, says: str) -> None:
    assert says in pattern_problem(pattern)
    assert says in protective_problem(pattern)


PART = st.text(alphabet="ab.[]*?é", min_size=1, max_size=4).filter(lambda part: part not in (".", ".."))
PATTERN = st.builds(
    lambda lead, parts, tail: lead + "/".join(parts) + tail,
    st.sampled_from(["", "/"]),
    st.lists(PART | st.just("**"), min_size=1, max_size=4),
    st.sampled_from(["", "/"]),
).filter(lambda pattern: not pattern_problem(pattern))
PATH = st.lists(st.text(alphabet="ab.[]é", min_size=1, max_size=3), min_size=1, max_size=5).map("/".join)


def pathspec_says(pattern: str, path: str) -> bool:
    escaped = pattern.replace("[", "\\[").replace("]", "\\]")
    return GitIgnoreBasicPattern(escaped).match_file(path) is not None


@given(patterns=st.lists(PATTERN, min_size=1, max_size=6), paths=st.lists(PATH, min_size=1, max_size=8))
def test_it_agrees_with_pathspec(patterns: list[str], paths: list[str]) -> None:
    """A set answers as each pattern alone does in pathspec, in whatever order the paths come."""
    together = PatternSet(patterns)
    for path in paths:
        expected = {index for index, pattern in enumerate(patterns) if pathspec_says(pattern, path)}
        assert together.matches(path) == expected, (patterns, path)


@given(pattern=PATTERN, path=PATH, below=PATH)
def test_what_is_inside_a_folder_is_what_matches_below_it(pattern: str, path: str, below: str) -> None:
    rules = PatternSet([pattern])
    if rules.inside(path):
        assert rules.matches(f"{path}/{below}")


@pytest.mark.parametrize(
    ("pattern", "branch", "expected"),
    [
        ("agent/docs-*", "agent/docs-1", True),
        ("agent/docs-*", "agent/docs-1/more", False),
        ("agent/*", "agent/a/b", False),
        ("agent/**", "agent/a/b", True),
        ("agent/**", "agent", False),
        ("**", "anything/at/all", True),
        ("*", "main", True),
        ("*", "a/b", False),
        ("Agent/x", "agent/x", False),
        ("a[b]", "a[b]", True),
        ("**/hotfix", "x/y/hotfix", True),
        ("**/hotfix", "hotfix", True),
        ("**", "", False),
    ],
)
def test_a_branch_pattern_matches_the_whole_name(pattern: str, branch: str, expected: bool) -> None:
    assert branch_matches(pattern, branch) is expected
