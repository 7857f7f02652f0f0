"""`init`: a first contract loads, whatever it is made from."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.contract import Author, Contract, RoleFound, init_from, lint, load, resolve_role
from tests.core.contract.facts import status

OWNERS = b"""\
# the docs team
*            @octo-org/core   # inline
/docs/       @alice docs@example.com
apps/[slug]/ @bob
build/**/    @bob
!/secret     @bob
/vendor
"""


def started(codeowners: bytes | None, tracked: tuple[str, ...], people: tuple[str, ...] = ()) -> Contract:
    text = init_from(codeowners, tracked, "main", people)
    loaded = load(text.encode())
    assert isinstance(loaded, Contract), f"{loaded}\n{text}"
    return loaded


def test_from_codeowners_each_owner_gets_a_role_of_what_they_own() -> None:
    rules = started(OWNERS, ("docs/a.md",), ("ada@example.com",))
    assert {name: [pattern.text for pattern in role.owns] for name, role in rules.roles.items()} == {
        "maintainer": ["**"],
        "octo-org-core": ["**"],
        "alice": ["/docs/"],
        "docs-example-com": ["/docs/"],
        "bob": ["apps/[slug]/", "build/**"],
    }
    assert resolve_role(rules, Author.parse("alice"), "alice/x") == RoleFound(role="alice")
    ada = Author.parse("ada@example.com")
    assert resolve_role(rules, ada, "fix/1/a") == RoleFound(role="maintainer", fallback=True)


def test_what_codeowners_says_and_a_contract_does_not_stands_as_a_comment() -> None:
    text = init_from(OWNERS, (), "main")
    assert "# CODEOWNERS line 6 was left out: '!/secret': negation is not supported" in text
    assert "# CODEOWNERS line 7 leaves /vendor to nobody" in text


def test_from_the_layout_each_folder_gets_a_role_by_branch() -> None:
    tracked = ("docs/a.md", "src/x/y.py", ".github/ci.yml", "README.md", "uv.lock", "pyproject.toml", ".env")
    rules = started(None, tracked, ("ada@example.com",))
    ada = Author.parse("ada@example.com")
    assert list(rules.roles) == ["maintainer", "docs", "src"]
    assert resolve_role(rules, ada, "agent/src/1") == RoleFound(role="src")
    assert resolve_role(rules, ada, "typo/in/text") == RoleFound(role="maintainer", fallback=True)
    assert (status(rules, "src", "src/x/y.py"), status(rules, "src", "docs/a.md")) == ("allowed", "outside")
    assert [(one.run, one.network) for one in rules.conflicts.regenerated] == [("uv lock", "host")]
    assert status(rules, "maintainer", ".env") == "allowed", "what is tracked is not condemned"
    assert status(rules, "maintainer", "x.pem") == "denied"


@pytest.mark.parametrize(
    ("tracked", "runs"),
    [
        pytest.param(("Cargo.lock", "Cargo.toml"), ["cargo update --workspace"], id="keeps what is pinned"),
        pytest.param(
            ("web/package-lock.json", "web/package.json", "yarn.lock", "package.json"),
            ["yarn install --mode=update-lockfile", "cd web && npm install --package-lock-only"],
            id="a folder's own",
        ),
        pytest.param(("uv.lock", "api/pyproject.toml"), [], id="made of nothing that is here"),
        pytest.param(
            ("tests/data/uv.lock", "tests/data/pyproject.toml"), [], id="deep: test data, as a rule"
        ),
        pytest.param(("a b/uv.lock", "a b/pyproject.toml"), [], id="a name that a shell would split"),
        pytest.param(("meta/_journal.json", "meta/a.ts"), [], id="only people know what it is made of"),
    ],
)
def test_files_that_tools_make_are_made_anew(tracked: tuple[str, ...], runs: list[str]) -> None:
    rules = started(None, tracked)
    assert [one.run for one in rules.conflicts.regenerated] == runs
    assert all(one.network == "host" for one in rules.conflicts.regenerated), "these tools fetch"
    found = lint(rules, tracked=tracked, text=init_from(None, tracked, "main").encode())
    assert [finding.code for finding in found] == ["no_gate"]


def test_all_that_lint_finds_is_that_nothing_is_tested_yet() -> None:
    tracked = ("docs/a.md", "src/y.py")
    rules = started(None, tracked, ("ada@example.com",))
    assert [finding.code for finding in lint(rules, tracked=tracked)] == ["no_gate"]


def test_with_nobody_named_any_person_may_work() -> None:
    rules = started(None, ("docs/a.md",))
    assert resolve_role(rules, Author.parse("anyone"), "fix") == RoleFound(role="maintainer")


@pytest.mark.parametrize("people", [(), ("ada@example.com",)], ids=["anybody", "one"])
@pytest.mark.parametrize("owners", [b"* @a\n/docs/ @b\n", b"* @o/t @null @true @1 @all @none @human\n", None])
def test_what_init_writes_has_no_roles_that_overlap(owners: bytes | None, people: tuple[str, ...]) -> None:
    tracked = ("docs/a", "null/a", "on/a", "2024/a")
    found = lint(
        started(owners, tracked, people),
        tracked=tracked,
        text=init_from(owners, tracked, "main", people).encode(),
    )
    assert [finding.code for finding in found] == ["no_gate"]


def test_a_codeowners_larger_than_a_contract_keeps_its_largest_owners() -> None:
    lines = ["/all/ @big", *(f"/packages/some-long-name/number-{n}/ @big @owner-{n}" for n in range(3000))]
    text = init_from("\n".join(lines).encode(), (), "main")
    loaded = load(text.encode())
    assert isinstance(loaded, Contract)
    assert len(loaded.roles["big"].owns) == 3001
    assert "owners, those with the fewest lines, were left out" in text


@pytest.mark.parametrize(
    "people",
    [
        ("ada@example.com",),
        ("ada",),
        ("a@x", "a@y"),
        ("none",),
        ("human@x",),
        ("maintainer",),
        ("@x[bot]",),
        ("docs@example.com",),
    ],
)
def test_any_person_can_be_written_down(people: tuple[str, ...]) -> None:
    rules = started(OWNERS, (), people)
    assert all(role.who for role in rules.roles.values())


@given(
    folders=st.lists(
        st.text(st.characters(exclude_characters="/\x00", exclude_categories=()), min_size=1, max_size=5)
    ),
    owners=st.binary(max_size=60) | st.text("*!/ab[] @#\\\n.-\t", max_size=60).map(str.encode) | st.none(),
)
def test_whatever_the_names_the_text_loads(folders: list[str], owners: bytes | None) -> None:
    started(owners, tuple(f"{folder}/file" for folder in folders), ("ada@example.com",))
