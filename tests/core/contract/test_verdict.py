"""The verdict: its fixed order, approvals and grants at the head, the control class, names that mislead."""

from __future__ import annotations

import pytest

from pointsman.core.contract import Approval, Author, Outcome, PathStatus, ScopeGrant
from pointsman.core.model import MODE_EXECUTABLE, MODE_FILE, MODE_SUBMODULE, MODE_SYMLINK, PathChange
from tests.core.contract.facts import (
    HEAD,
    HEADER,
    LEAD,
    OLD_HEAD,
    approval,
    change,
    contract,
    status,
    verdict,
)

RULES = contract(
    """\
roles:
  docs:
    who: coder
    branches: [agent/*]
    owns: [/docs/, /site/, /generated/, /.env.sample, /vendor/lib/]
    cannot_touch: [/docs/legal/, "*.css"]
  any: {who: leads, owns: ["**"]}
paths:
  shared: {match: [/docs/api/], approve: {by: leads}}
  pair: {match: [/docs/api/v2/], approve: {by: [leads, alice], count: 2}}
  output: {match: [/generated/], rule: absent}
  styles: {match: [/site/built/], rule: regenerated, command: make styles}
  secrets: {match: [".env*", "*.pem"], rule: never}
scope: {expand: {by: [leads, coder]}}
"""
)
BOT = Author(login="coder[bot]", app_id=77, human=False)


@pytest.mark.parametrize(
    ("path", "expected", "rule"),
    [
        pytest.param("docs/a.md", "allowed", "roles.docs.owns[0]", id="R30 owned"),
        pytest.param("src/a.py", "outside", "roles.docs.owns", id="R30 outside"),
        pytest.param("docs/legal/a.md", "denied", "roles.docs.cannot_touch[0]", id="R31 deny beats own"),
        pytest.param("docs/LEGAL/a.md", "denied", "roles.docs.cannot_touch[0]", id="R31 in another case"),
        pytest.param("src/a.css", "denied", "roles.docs.cannot_touch[1]", id="R31 deny beats outside"),
        pytest.param("docs/api/a.md", "needs_approval", "roles.docs.owns[0]", id="R39 shared"),
        pytest.param(".env.sample", "denied", "paths.secrets.match[0]", id="R42 never beats owns"),
        pytest.param(
            "docs/legal/key.pem", "denied", "paths.secrets.match[1]", id="never before cannot_touch"
        ),
        pytest.param("generated/a.js", "denied", "paths.output.match[0]", id="R36 absent"),
        pytest.param("site/built/a", "allowed", "roles.docs.owns[1]", id="R36 regenerated"),
    ],
)
def test_the_order_of_the_verdict(path: str, expected: str, rule: str) -> None:
    found = verdict(RULES, "docs", [path]).paths[0]
    assert (found.status.value, found.rule) == (expected, rule)
    assert found.reason
    assert found.line > HEADER.count("\n")


def test_the_reason_names_the_rule_and_its_line() -> None:
    found = verdict(RULES, "docs", ["docs/legal/a.md"])
    assert found.paths[0].line == 12
    assert found.paths[0].pattern == "/docs/legal/"
    assert "(.pointsman.yml:12)" in str(found)


def test_R30_both_names_of_a_rename_count() -> None:
    moved = verdict(RULES, "docs", [change("src/a.md", "D"), change("docs/a.md", "A")])
    assert moved.outcome is Outcome.REFUSED
    assert [path.path for path in moved.refused_paths] == ["src/a.md"]


def test_R36_an_absent_file_may_be_deleted_and_nothing_else() -> None:
    assert [status(RULES, "docs", change("generated/a", letter)) for letter in "AMD"] == [
        "denied",
        "denied",
        "allowed",
    ]


def test_R36_a_regenerated_class_hands_the_gate_its_command() -> None:
    found = verdict(RULES, "docs", ["site/built/a.css.map", "docs/a"])
    assert [(one.name, one.command, one.paths) for one in found.regenerate] == [
        ("styles", "make styles", ("site/built/a.css.map",))
    ]


@pytest.mark.parametrize("letter", "AMD")
def test_R42_a_secret_may_not_even_be_deleted(letter: str) -> None:
    assert status(RULES, "any", change("sub/.env.local", letter)) == "denied"


def test_the_three_outcomes_can_be_told_apart() -> None:
    assert verdict(RULES, "docs", ["docs/a"]).outcome is Outcome.ALLOWED
    assert verdict(RULES, "docs", ["docs/a", "docs/api/b"]).outcome is Outcome.WAITING
    assert verdict(RULES, "docs", ["docs/a", "docs/api/b", "src/c"]).outcome is Outcome.REFUSED
    assert [verdict(RULES, "docs", [path]).allowed for path in ("docs/a", "docs/api/b", "src/c")] == [
        True,
        False,
        False,
    ]


def test_R31_no_approval_lifts_a_denial() -> None:
    found = verdict(RULES, "docs", ["docs/legal/a", "docs/api/b", ".env"], approvals=[LEAD])
    assert [path.status for path in found.paths] == [
        PathStatus.DENIED,
        PathStatus.ALLOWED,
        PathStatus.DENIED,
    ]


def approvals_of(path: str, *given: Approval, author: Author | None = BOT) -> tuple[str, list[str]]:
    found = verdict(RULES, "any", [path], approvals=given, author=author)
    return found.outcome.value, [need.name for need in found.waiting_for]


ALICE = approval("alice", account_id=11)
OTHER_LEAD = approval("lars", teams=frozenset({"acme/leads"}))


@pytest.mark.parametrize(
    ("path", "given", "expected"),
    [
        pytest.param("docs/api/a", [], ["shared"], id="nobody"),
        pytest.param("docs/api/a", [LEAD], [], id="R39 by one of the named"),
        pytest.param("docs/api/a", [ALICE], ["shared"], id="R39 by somebody else"),
        pytest.param(
            "docs/api/a",
            [approval("lena", head=OLD_HEAD, teams=frozenset({"acme/leads"}))],
            ["shared"],
            id="R39 an older head does not count",
        ),
        pytest.param("docs/api/v2/a", [LEAD], ["pair"], id="count 2, one"),
        pytest.param("docs/api/v2/a", [LEAD, LEAD], ["pair"], id="count 2, one twice"),
        pytest.param("docs/api/v2/a", [LEAD, ALICE], [], id="count 2, two"),
        pytest.param("docs/api/v2/a", [ALICE], ["shared", "pair"], id="each class asks for its own"),
    ],
)
def test_R39_approvals_of_a_class(path: str, given: list[Approval], expected: list[str]) -> None:
    outcome, waiting = approvals_of(path, *given)
    assert waiting == expected
    assert outcome == ("waiting" if expected else "allowed")


def test_the_author_does_not_approve_their_own_change() -> None:
    lena = LEAD.identity
    assert approvals_of("docs/api/a", LEAD, author=lena)[0] == "waiting"
    assert approvals_of("docs/api/a", LEAD, OTHER_LEAD, author=lena)[0] == "allowed"


def test_what_is_waited_for_says_who_and_why_not() -> None:
    stale = approval("lars", head=OLD_HEAD, teams=frozenset({"acme/leads"}))
    (need,) = verdict(RULES, "any", ["docs/api/a"], approvals=[stale, ALICE]).waiting_for
    assert (need.name, need.count, need.have, need.stale) == ("shared", 1, (), ("lars",))
    assert need.by == ("leads (team: acme/leads)",)
    assert need.not_counted == ("alice: not among those who may approve",)
    text = str(verdict(RULES, "any", ["docs/api/a"], approvals=[stale, ALICE]))
    assert "lars approved an older head" in text


CONTROL = [
    ".pointsman.yml",
    ".github/workflows/ci.yml",
    ".GitHub/workflows/ci.yml",
    "CODEOWNERS",
    "docs/CODEOWNERS",
    ".github/CODEOWNERS",
    ".gitattributes",
    "deep/down/.gitattributes",
    ".gitmodules",
    "alembic.ini",
    "migrations/env.py",
    "db/alembic/env.py",
    "migrations/script.py.mako",
    "CLAUDE.md",
    "claude.md",
    "sub/AGENTS.md",
    ".claude/settings.json",
    "sub/.claude/agents/x.md",
    ".cursor/rules/a.mdc",
    ".cursorrules",
    ".github/copilot-instructions.md",
    "GEMINI.md",
    ".mcp.json",
]


@pytest.mark.parametrize("path", CONTROL)
def test_R55_the_control_class_is_built_in_and_needs_a_person(path: str) -> None:
    assert approvals_of(path) == ("waiting", ["control"])
    assert approvals_of(path, approval("coder[bot]", app_id=77, human=False))[0] == "waiting"
    assert approvals_of(path, approval("nobody", account_id=999))[0] == "waiting"
    assert approvals_of(path, approval("alice", account_id=11, head=OLD_HEAD))[0] == "waiting"
    assert approvals_of(path, ALICE)[0] == "allowed"


def test_R55_a_bot_under_a_persons_name_is_no_person() -> None:
    """On the local rung no forge says what is human: the app of the contract does."""
    rules = contract("roles: {any: {who: alice, owns: ['**']}}\n")
    said = Approval(by="coder", identity=Author.parse("coder"), head=HEAD)
    assert verdict(rules, "any", ["AGENTS.md"], approvals=[said]).outcome is Outcome.WAITING


def test_a_user_written_control_class_adds_paths_and_never_narrows() -> None:
    rules = contract(
        "roles: {any: {who: alice, owns: ['**']}}\n"
        "paths: {control: {match: [/deploy/], approve: {by: leads, count: 2}}}\n"
    )
    for path in ("deploy/run.sh", "CLAUDE.md"):
        assert verdict(rules, "any", [path], approvals=[LEAD]).outcome is Outcome.WAITING
        assert verdict(rules, "any", [path], approvals=[LEAD, OTHER_LEAD]).outcome is Outcome.ALLOWED
        assert verdict(rules, "any", [path], approvals=[LEAD, ALICE]).outcome is Outcome.WAITING


def test_declared_migration_environments_are_in_the_control_class() -> None:
    rules = contract(
        "roles: {any: {who: alice, owns: ['**']}}\n"
        "migrations: [{backend: alembic, config: /conf/db.ini, versions: [/app/store/versions]}]\n"
    )
    assert [status(rules, "any", path) for path in ("conf/db.ini", "app/store/env.py", "app/env.py")] == [
        "needs_approval",
        "needs_approval",
        "allowed",
    ]


def test_an_environment_under_any_name_is_told_by_its_template() -> None:
    existing = ["odd/env.py", "odd/script.py.mako", "app/env.py"]
    found = verdict(RULES, "any", ["odd/env.py", "app/env.py"], existing=existing)
    assert [path.status.value for path in found.paths] == ["needs_approval", "allowed"]


def test_a_change_to_the_contract_lands_alone() -> None:
    both = verdict(RULES, "any", [".pointsman.yml", "docs/a"], approvals=[ALICE])
    assert both.outcome is Outcome.REFUSED
    assert [(one.code, one.paths) for one in both.problems] == [("contract_not_alone", ("docs/a",))]
    assert verdict(RULES, "any", [".pointsman.yml"], approvals=[ALICE]).allowed


def grant(pattern: str, by: str = "lena", **changes: object) -> ScopeGrant:
    facts: dict[str, object] = {
        "pattern": pattern,
        "by": by,
        "head": HEAD,
        "expires": 100.0,
        "identity": LEAD.identity,
    }
    return ScopeGrant(**(facts | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "path", "expected"),
    [
        pytest.param(grant("/src/"), "src/a", "allowed", id="R32 granted"),
        pytest.param(grant("/src/", head=OLD_HEAD), "src/a", "outside", id="R32 a new push voids it"),
        pytest.param(grant("/src/", expires=50.0), "src/a", "outside", id="R32 expired at its instant"),
        pytest.param(
            grant("/src/", by="coder[bot]", identity=BOT), "src/a", "outside", id="R32 by the agent"
        ),
        pytest.param(grant("/src/", by="eve", identity=None), "src/a", "outside", id="R32 by a stranger"),
        pytest.param(grant("!x"), "src/a", "outside", id="R32 no pattern"),
        pytest.param(grant("**"), "docs/legal/a", "denied", id="R31 a grant does not lift a denial"),
        pytest.param(grant("**"), ".env", "denied", id="R42 nor a never"),
        pytest.param(grant("**"), "AGENTS.md", "needs_approval", id="nor the control class"),
    ],
)
def test_R32_scope_grants(given: ScopeGrant, path: str, expected: str) -> None:
    found = verdict(RULES, "docs", [path], grants=[given], now=50.0, author=BOT)
    assert found.paths[0].status.value == expected


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        pytest.param("docs/a\nsite/x", "control_character", id="newline"),
        pytest.param("docs/\x1b[2J", "control_character", id="escape"),
        pytest.param("docs/\x85", "control_character", id="C1"),
        pytest.param("docs/.g\u200cit/x", "invisible_character", id="hfs-dotgit"),
        pytest.param("docs/a\u202egnp.exe", "invisible_character", id="bidi"),
        pytest.param("docs/\ufeffa", "invisible_character", id="byte order mark"),
        pytest.param("docs/\udce9", "not_utf8", id="not UTF-8"),
        pytest.param("docs/.git/config", "git_name", id=".git"),
        pytest.param("docs/.GIT. /config", "git_name", id=".git in NTFS's eyes"),
        pytest.param("docs/git~1/x", "git_name", id="short name"),
        pytest.param("docs/../src/a", "git_name", id="dot dot"),
        pytest.param("docs//a", "git_name", id="empty part"),
    ],
)
def test_a_misleading_name_is_denied_and_may_be_deleted(path: str, rule: str) -> None:
    for letter in "AM":
        found = verdict(RULES, "any", [change(path, letter)]).paths[0]
        assert (found.status, found.rule) == (PathStatus.DENIED, rule)
    assert status(RULES, "any", change(path, "D")) == "allowed"


@pytest.mark.parametrize(
    "path", ["docs/gitlab.md", "docs/.gitkeep", "docs/a..b", "docs/café.md", "docs/日本.md"]
)
def test_an_honest_name_is_allowed(path: str) -> None:
    assert status(RULES, "docs", change(path, "A")) == "allowed"


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(".github/w\u043erkflows/x.yml", id="homoglyph below a protected folder"),
        pytest.param(".g\u0456thub/workflows/x.yml", id="homoglyph of a protected folder"),
        pytest.param("docs/CLAUD\u0415.md", id="homoglyph of an instruction file"),
        pytest.param("\u0435nv/.\u0435nv", id="homoglyph of a secret"),
    ],
)
def test_a_lookalike_of_a_protected_name_needs_a_person(path: str) -> None:
    assert status(RULES, "any", change(path, "A")) == "needs_approval"


def test_a_lookalike_of_what_the_role_cannot_touch_needs_a_person() -> None:
    assert status(RULES, "docs", change("docs/leg\u0430l/a", "A")) == "needs_approval"


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        pytest.param(change("docs/a", "A", mode=MODE_SYMLINK), "denied", id="new link"),
        pytest.param(
            change("docs/a", "T", mode=MODE_SYMLINK, old_mode=MODE_FILE), "denied", id="file to link"
        ),
        pytest.param(change("docs/a", "M", mode=MODE_SYMLINK), "denied", id="link turned elsewhere"),
        pytest.param(change("docs/a", "D", mode=MODE_SYMLINK), "allowed", id="link removed"),
        pytest.param(
            change("docs/a", "T", mode=MODE_FILE, old_mode=MODE_SYMLINK), "allowed", id="link to file"
        ),
        pytest.param(change("docs/a", mode=MODE_EXECUTABLE, old_mode=MODE_FILE), "allowed", id="mode, owned"),
        pytest.param(
            change("src/a", mode=MODE_EXECUTABLE, old_mode=MODE_FILE), "outside", id="mode, foreign"
        ),
        pytest.param(change("vendor/lib", mode=MODE_SUBMODULE), "allowed", id="submodule in an owned folder"),
        pytest.param(
            change("docs/legal", mode=MODE_SUBMODULE), "denied", id="submodule in a denied folder's place"
        ),
        pytest.param(change("vendor/lib", "A"), "outside", id="a file is no folder"),
    ],
)
def test_modes_links_and_submodules(changed: PathChange, expected: str) -> None:
    assert status(RULES, "docs", changed) == expected


def test_links_are_allowed_where_the_contract_says_so() -> None:
    rules = contract("roles: {any: {who: alice, owns: ['**']}}\nlimits: {symlinks: allow}\n")
    assert status(rules, "any", change("a", "A", mode=MODE_SYMLINK)) == "allowed"


@pytest.mark.parametrize(
    ("added", "existing", "pairs"),
    [
        pytest.param("docs/BASE.md", ["docs/Base.md"], [("docs/BASE.md", "docs/Base.md")], id="case"),
        pytest.param(
            "docs/cafe\u0301", ["docs/caf\u00e9"], [("docs/cafe\u0301", "docs/caf\u00e9")], id="nfc-nfd"
        ),
        pytest.param("Docs/b", ["docs/a", "docs/c"], [("Docs", "docs")], id="folders"),
        pytest.param("docs/b", ["docs/a"], [], id="none"),
    ],
)
def test_names_that_collide_where_case_does_not_count(
    added: str, existing: list[str], pairs: list[tuple[str, str]]
) -> None:
    found = verdict(RULES, "any", [change(added, "A")], existing=[*existing, added])
    assert [one.paths for one in found.problems] == pairs
    assert found.allowed is not bool(pairs)


def test_a_change_of_case_alone_is_no_collision() -> None:
    found = verdict(
        RULES, "any", [change("docs/a.md", "D"), change("docs/A.md", "A")], existing=["docs/A.md"]
    )
    assert found.allowed


def test_without_the_tree_names_still_collide_within_the_change() -> None:
    assert verdict(RULES, "any", [change("a", "A"), change("A", "A")]).problems[0].code == "name_collision"


def test_a_file_name_cannot_forge_a_line_of_the_verdict() -> None:
    text = str(verdict(RULES, "docs", [change("x\nallowed for role docs", "A")]))
    assert "\nallowed" not in text


SHADOW = """\
roles: {docs: {who: coder, owns: [/docs/]}}
shadow: {until: 2026-03-01}
paths: {no: {match: [/no/], rule: never}}
"""
BEFORE, AFTER = 1772323199.0, 1772323200.0


def test_R18_shadow_mode_lets_pass_until_its_day_and_says_so() -> None:
    rules = contract(SHADOW)
    before, after = (verdict(rules, "docs", ["src/a"], now=now) for now in (BEFORE, AFTER))
    assert (before.outcome, before.allowed) == (Outcome.REFUSED, True)
    assert "shadow mode until 2026-03-01" in str(before)
    assert (after.outcome, after.allowed) == (Outcome.REFUSED, False)


@pytest.mark.parametrize(
    "paths",
    [["no/a"], ["AGENTS.md"], ["docs/\x01"], ["src/.pointsman.yml/../x"], [".pointsman.yml", "docs/a"]],
    ids=ascii,
)
def test_R18_what_shadow_mode_never_lets_pass(paths: list[str]) -> None:
    rules = contract(SHADOW.replace("[/docs/]", "['**']"))
    assert not verdict(rules, "docs", paths, now=BEFORE).allowed


def test_a_change_of_nothing_is_allowed() -> None:
    assert verdict(RULES, "docs", []).allowed
