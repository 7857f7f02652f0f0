"""Roles: identity and branch both agree, once; what a forge knows beats what a name says."""

from __future__ import annotations

import pytest

from pointsman.core.contract import Author, NoRole, RoleFound, SeveralRoles, judge_target, resolve_role
from tests.core.contract.facts import HEADER, contract, errors_of

RULES = contract(
    """\
  owner: {email: owner@example.com}
  robot: {email: robot@example.com, bot: true}
  queue: {app: pointsman, self: true}
default_role: people
roles:
  people: {who: [{permission: write}, human], owns: ["**"]}
  docs: {who: [coder, alice], branches: [agent/docs-*], worktree: ../wt-docs, owns: [/docs/]}
  db: {who: [coder], branches: [agent/db/**], owns: [/db/]}
  lead: {who: [leads], branches: [integration/*], owns: ["**"], accepts_from: [docs], targets: [main]}
  bots: {who: [robot, queue], branches: [robot/*], owns: [/x/]}
"""
)
CODER = Author(login="coder[bot]", account_id=9001, app_id=77, human=False)
ALICE = Author(login="alice", account_id=11)


def role(author: Author, branch: str, worktree: str | None = None) -> str:
    match resolve_role(RULES, author, branch, worktree=worktree):
        case RoleFound(role=name):
            return name
        case NoRole():
            return "none"
        case SeveralRoles(names=names):
            return "several: " + ", ".join(names)


@pytest.mark.parametrize(
    ("author", "branch", "expected"),
    [
        pytest.param(CODER, "agent/docs-1", "docs", id="R29 app and branch agree"),
        pytest.param(CODER, "agent/db/a/b", "db", id="R29 the branch picks between two roles"),
        pytest.param(
            Author(login="coder[bot]", account_id=5, app_id=6, human=False),
            "agent/docs-1",
            "none",
            id="R29 right branch and name, wrong id",
        ),
        pytest.param(
            Author(login="coder", account_id=5),
            "agent/docs-1",
            "people",
            id="a person who took the app's name is a person",
        ),
        pytest.param(Author.parse("coder[bot]"), "agent/docs-1", "docs", id="no id known: the app's login"),
        pytest.param(Author.parse("coder"), "agent/docs-1", "docs", id="no id known: the app's bare name"),
        pytest.param(CODER, "feature/x", "none", id="R29 an agent on a foreign branch does not fall back"),
        pytest.param(Author(login="renamed", account_id=11), "agent/docs-1", "docs", id="ids win over names"),
        pytest.param(Author(login="alice", account_id=12), "agent/docs-1", "people", id="a login taken over"),
        pytest.param(
            Author(login="lena", teams=frozenset({"ACME/Leads"})), "integration/a", "lead", id="team"
        ),
        pytest.param(Author(login="bob", permission="admin"), "fix/x", "people", id="fallback by permission"),
        pytest.param(Author.parse("owner@example.com"), "x", "people", id="e-mail, local rung"),
        pytest.param(Author.parse("Robot@example.com"), "robot/x", "bots", id="e-mail in another case"),
        pytest.param(Author.parse("robot@example.com"), "x", "none", id="an account marked bot is no person"),
        pytest.param(Author.parse("pointsman[bot]"), "robot/x", "none", id="the queue itself has no role"),
        pytest.param(
            Author(login="x[bot]", human=False, permission="write"),
            "x",
            "none",
            id="permission is for people",
        ),
    ],
)
def test_R29_a_role_is_identity_and_branch(author: Author, branch: str, expected: str) -> None:
    assert role(author, branch) == expected


def test_R33_a_wrong_branch_is_answered_with_the_expected_pattern() -> None:
    outcome = resolve_role(RULES, CODER, "agent/dokumentation")
    assert isinstance(outcome, NoRole)
    why = {candidate.role: candidate.why for candidate in outcome.candidates}
    assert why["docs"] == "the branch has to match agent/docs-*"
    assert "77" in why["docs"] or "is not" in why["lead"] or "not known" in why["lead"]
    assert "has no role on branch 'agent/dokumentation'" in str(outcome)


@pytest.mark.parametrize(
    ("worktree", "expected"),
    [
        ("/home/me/wt-docs", "docs"),
        ("/home/me/other", "none"),
        ("/home/me/wt-docs/sub", "none"),
        (None, "docs"),
    ],
)
def test_R33_the_worktree_is_checked_where_it_is_known(worktree: str | None, expected: str) -> None:
    assert role(CODER, "agent/docs-1", worktree) == expected


def test_two_roles_are_refused_by_name() -> None:
    rules = contract(
        "roles:\n"
        "  a: {who: alice, branches: [x/*], owns: [/a/]}\n"
        "  b: {who: [human], branches: [x/**], owns: [/b/]}\n"
    )
    outcome = resolve_role(rules, ALICE, "x/1")
    assert isinstance(outcome, SeveralRoles)
    assert (outcome.names, outcome.lines) == (("a", "b"), (8, 9))
    assert "a (line 8), b (line 9)" in str(outcome)


def test_without_a_default_role_nobody_falls_back() -> None:
    rules = contract("roles: {a: {who: alice, branches: [x/*], owns: [/a/]}}\n")
    assert isinstance(resolve_role(rules, ALICE, "y"), NoRole)


def test_a_default_role_that_names_the_author_is_open_on_every_branch() -> None:
    rules = contract(
        "default_role: any\nroles:\n"
        "  any: {who: alice, owns: ['**']}\n"
        "  a: {who: alice, branches: [x/*], owns: [/a/]}\n"
    )
    assert resolve_role(rules, ALICE, "y") == RoleFound(role="any", fallback=True)
    assert resolve_role(rules, ALICE, "x/1") == RoleFound(role="a")


def test_a_default_role_without_who_is_anybodys() -> None:
    rules = contract(
        "  queue: {app: pointsman, self: true}\n"
        "default_role: guest\nroles:\n"
        "  guest: {owns: [/docs/], branches: [guest/*]}\n"
        "  a: {who: alice, branches: [x/*], owns: [/a/]}\n"
    )
    stranger = Author(email="eve@example.com")
    assert resolve_role(rules, stranger, "guest/1") == RoleFound(role="guest", fallback=True)
    assert isinstance(resolve_role(rules, stranger, "x/1"), NoRole)
    assert isinstance(resolve_role(rules, ALICE, "guest/1"), NoRole), "another role's branches bind her"
    assert isinstance(resolve_role(rules, Author(login="pointsman[bot]", human=False), "guest/1"), NoRole)


def test_no_role_but_the_default_may_leave_who_out() -> None:
    text = HEADER + "default_role: guest\nroles:\n  guest: {owns: [/docs/]}\n  a: {owns: [/a/]}\n"
    assert errors_of(text) == [".pointsman.yml:10:6 roles.a: the key 'who' is missing"]


@pytest.mark.parametrize(
    ("name", "target", "allowed"),
    [
        ("docs", "integration/week-1", True),
        ("docs", "main", False),
        ("docs", "agent/db/a", False),
        ("lead", "main", True),
        ("lead", "integration/other", False),
        ("db", "main", True),
        ("db", "agent/docs-1", False),
    ],
    ids=str,
)
def test_R37_where_a_roles_changes_may_land(name: str, target: str, allowed: bool) -> None:
    found = judge_target(RULES, name, target)
    assert found.allowed is allowed
    assert allowed or repr(target) in found.reason


def test_R38_an_agent_gets_no_role_on_an_integration_branch() -> None:
    assert role(CODER, "integration/week-1") == "none"


@pytest.mark.parametrize(
    ("text", "author"),
    [
        ("a@b.c", Author(email="a@b.c")),
        ("octocat", Author(login="octocat")),
        ("@octocat", Author(login="octocat")),
        ("Ada <ada@b.c>", Author(email="ada@b.c")),
        ("x[bot]", Author(login="x[bot]", human=False)),
        ("49699333+dependabot[bot]", Author(login="49699333+dependabot[bot]", human=False)),
    ],
)
def test_author_takes_a_login_or_an_address(text: str, author: Author) -> None:
    assert Author.parse(text) == author
