"""Who may give which command (rule 12, R40), and how what somebody wrote is echoed."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from pointsman.core import contract as contracts
from pointsman.core.contract import Author, Contract
from pointsman.core.contract.reading.schema import COMMANDS
from pointsman.core.pulls.commands import (
    WORDS,
    Command,
    Dequeue,
    Explain,
    Heal,
    Help,
    Hold,
    Hotfix,
    Pause,
    Priority,
    Queue,
    Resume,
    Retry,
    ScopeAdd,
    Status,
    Unhold,
    contract_key,
    may,
    needed_permission,
    parse_commands,
    quote,
)

ALL: tuple[Command, ...] = (
    *(
        Queue(),
        Hotfix(),
        Dequeue(),
        Heal(),
        Retry(),
        Hold(),
        Unhold(),
        ScopeAdd(patterns=("a",)),
        Priority(value=1),
    ),
    *(Status(), Explain(path="a"), Pause(), Resume(), Help()),
)
SCOPE = ScopeAdd(patterns=("docs/**",))


def contract(commands: str = "{}", scope: str = "[lead]") -> Contract:
    loaded = contracts.load(
        f"""
version: 1
base: main
identities:
  lead: {{user: lead, id: 1}}
  robot: {{app: robot, id: 77}}
  queue: {{app: pointsman, id: 99, self: true}}
  writers: {{permission: write}}
roles: {{coder: {{who: [robot], branches: ["agent/*"], owns: ["**"]}}}}
commands: {commands}
scope: {{expand: {{by: {scope}, expires: 1h}}}}
""".encode()
    )
    assert isinstance(loaded, Contract), loaded
    return loaded


def person(permission: str | None, number: int = 5) -> Author:
    return Author(login=f"person{number}", account_id=number, permission=permission)


LEAD = Author(login="lead", account_id=1, permission="read")
ROBOT = Author(login="robot[bot]", account_id=500, app_id=77, permission="write", human=False)
OURSELVES = Author(login="pointsman[bot]", account_id=600, app_id=99, permission="admin", human=False)
SILENT = contract()

DEFAULTS = [
    (Queue(), "write"),
    (Priority(value=3), "write"),
    (Hold(), "write"),
    (Priority(value=99), "write"),
    (Priority(value=100), "maintain"),
    (Hotfix(), "maintain"),
    (Pause(), "maintain"),
    (Resume(), "maintain"),
]


@pytest.mark.parametrize(("command", "needed"), DEFAULTS, ids=lambda value: getattr(value, "word", value))
def test_where_the_contract_is_silent_the_permission_decides(command: Command, needed: str) -> None:
    ranks = ["read", "triage", "write", "maintain", "admin"]
    assert needed_permission(command) == needed
    for rank in ranks:
        refused = may(SILENT, command, person(rank), own_change=False)
        assert (refused is None) == (ranks.index(rank) >= ranks.index(needed)), rank
        assert refused is None or needed in refused


@pytest.mark.parametrize("command", [Status(), Explain(path="a"), Help()], ids=lambda command: command.word)
def test_whoever_may_comment_may_ask(command: Command) -> None:
    assert may(SILENT, command, person(None), own_change=False) is None


@pytest.mark.parametrize("permission", [None, "none", "ADMIN", ""])
def test_rule_12_a_permission_that_is_not_known_is_none(permission: str | None) -> None:
    assert may(SILENT, Queue(), person(permission), own_change=False) is not None


@pytest.mark.parametrize("command", ALL, ids=lambda command: command.word)
@pytest.mark.parametrize("own", [False, True], ids=["another's change", "own change"])
def test_rule_12_never_from_the_bot_itself_nor_from_nobody(command: Command, own: bool) -> None:
    everybody = contract("{" + ", ".join(f"{word}: [queue, writers]" for word in COMMANDS) + "}", "[queue]")
    assert may(everybody, command, OURSELVES, own_change=own, has_role=True) is not None
    unmarked = Author(login="Pointsman[bot]", account_id=7, permission="admin")
    for login in ("pointsman[bot]", "pointsman"):
        assert may(SILENT, command, unmarked, own_change=own, has_role=True, bot=login) is not None
    assert may(SILENT, command, person("admin", 0), own_change=own, has_role=True) is not None


def test_the_contract_decides_where_it_names_the_command() -> None:
    named = contract("{queue: [lead, robot], priority: [], resume: [lead]}")
    assert may(named, Queue(), LEAD, own_change=False) is None
    assert may(named, Queue(), ROBOT, own_change=False) is None
    refused = may(named, Queue(), person("admin"), own_change=True, has_role=True)
    assert refused is not None and "lead" in refused and "robot" in refused
    assert may(named, Priority(value=1), person("admin"), own_change=True, has_role=True) is not None
    assert may(named, Resume(), person("admin"), own_change=False) is not None


def test_who_may_hold_may_let_go_and_who_may_resume_may_pause() -> None:
    named = contract("{hold: [lead], resume: [lead]}")
    for command in (Unhold(), Pause()):
        assert may(named, command, LEAD, own_change=False) is None
        assert may(named, command, person("admin"), own_change=False) is not None


def test_who_may_give_priorities_may_make_a_hotfix_unless_the_contract_gives_that_to_others() -> None:
    named = contract("{priority: [lead]}")
    for command in (Hotfix(), Priority(value=100)):
        assert may(named, command, LEAD, own_change=False) is None
        assert may(named, command, person("admin"), own_change=True, has_role=True) is not None
    apart = contract("{priority: [writers], hotfix: [lead]}")
    assert may(apart, Priority(value=99), person("write"), own_change=False) is None
    for command in (Hotfix(), Priority(value=100)):
        assert may(apart, command, LEAD, own_change=False) is None
        assert may(apart, command, person("write"), own_change=False) is not None


def test_the_account_id_counts_and_not_the_login() -> None:
    named = contract("{queue: [lead]}")
    taken_over = Author(login="lead", account_id=2, permission="admin")
    renamed = Author(login="leader", account_id=1, permission="read")
    assert may(named, Queue(), taken_over, own_change=False) is not None
    assert may(named, Queue(), renamed, own_change=False) is None


OWN = [
    (Dequeue(), True),
    (Hold(), True),
    (Unhold(), True),
    (Queue(), False),
    (Retry(), False),
    (Heal(), False),
]


@pytest.mark.parametrize(("command", "always"), OWN, ids=lambda value: getattr(value, "word", ""))
def test_authors_command_their_own_change(command: Command, always: bool) -> None:
    reader = person("read")
    assert may(SILENT, command, reader, own_change=False, has_role=True) is not None
    assert (may(SILENT, command, reader, own_change=True) is None) == always
    assert may(SILENT, command, reader, own_change=True, has_role=True) is None
    assert may(SILENT, command, ROBOT, own_change=True, has_role=True) is None


@pytest.mark.parametrize(
    "command", [Pause(), Resume(), Priority(value=1), SCOPE], ids=lambda command: command.word
)
def test_authors_command_nothing_that_is_others_business(command: Command) -> None:
    assert may(SILENT, command, person("read"), own_change=True, has_role=True) is not None


def test_bots_give_no_command_unless_the_contract_names_them() -> None:
    assert may(SILENT, Queue(), ROBOT, own_change=False) is not None
    marked = Author(login="robot[bot]", account_id=500, app_id=77, permission="write")
    assert may(SILENT, Queue(), marked, own_change=False) is not None
    assert may(contract("{queue: [robot]}"), Queue(), marked, own_change=False) is None


def test_a_scope_is_widened_by_those_whom_the_scope_section_names_and_the_commands_section_does_not_exclude() -> (
    None
):
    assert may(SILENT, SCOPE, LEAD, own_change=False) is None
    assert may(SILENT, SCOPE, person("admin"), own_change=False) is not None
    assert may(contract("{scope: [writers]}"), SCOPE, LEAD, own_change=False) is not None
    assert may(contract("{scope: [writers]}"), SCOPE, person("admin"), own_change=False) is not None


def test_every_command_can_be_named_in_a_contract() -> None:
    assert {contract_key(command) for command in ALL} == set(WORDS)
    assert set(WORDS) <= set(COMMANDS)


MEAN = [
    "@ada",
    "a@b.example",
    "-->",
    "</code><script>",
    "[x](https://e.example)",
    "https://e.example www.e.example",
    "#12 GH-12 ada/repo#3",
    "`````",
    "a | b",
    "\n/queue\n",
    "&amp; &lt;",
    ":tada: **b** ~~s~~ $x$",
    "\u202eevil",
]


@pytest.mark.parametrize("text", MEAN, ids=ascii)
def test_rule_12_echoed_text_is_only_text(text: str) -> None:
    echoed = quote(text)
    inside = echoed.removeprefix("<code>").removesuffix("</code>")
    assert re.fullmatch(r"(?:[A-Za-z0-9 ]|&#[0-9]+;|[^\x00-\x7f])*", inside)
    assert parse_commands(f"{echoed}\n{inside}") == ()
    assert not re.search(r"@\w", html.unescape(inside))


@given(text=st.text(max_size=60))
def test_rule_12_echoed_text_reads_as_it_was_written(text: str) -> None:
    echoed = quote(text)
    assert echoed.isprintable() or "\u200b" in echoed
    if not text:
        assert echoed == ""
        return
    (inline,) = [
        token for token in MarkdownIt("commonmark").parse(f"so {echoed} it is") if token.type == "inline"
    ]
    kinds = {child.type for child in inline.children or []}
    assert kinds <= {"text", "html_inline"}
    shown = "".join(child.content for child in inline.children or [] if child.type == "text")
    if text.isprintable():
        assert shown.replace("\u200b", "") == f"so {text} it is".replace("\u200b", "")


def test_long_text_is_cut_before_it_is_escaped() -> None:
    assert quote("<" * 500, limit=3) == "<code>&#60;&#60;&#60;…</code>"
