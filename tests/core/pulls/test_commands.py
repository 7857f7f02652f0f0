"""Which lines of a comment are commands, and what each asks for (rule 12, issue 3 point 4)."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pointsman.core.pulls.commands import (
    WORDS,
    BadCommand,
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
    label_command,
    parse_commands,
)

WRITTEN: list[tuple[str, Command]] = [
    ("/queue", Queue()),
    ("/queue high", Queue(high=True)),
    ("/Queue HIGH", Queue(high=True)),
    ("/hotfix", Hotfix()),
    ("/dequeue", Dequeue()),
    ("/heal", Heal()),
    ("/retry", Retry()),
    ("/hold", Hold()),
    ("/hold until the  release", Hold(reason="until the  release")),
    ("/unhold", Unhold()),
    ("/scope add a.py", ScopeAdd(patterns=("a.py",))),
    ('/scope ADD docs/** "two words.md" a.py a.py', ScopeAdd(patterns=("docs/**", "two words.md", "a.py"))),
    ("/scope add `web/[...slug].astro`", ScopeAdd(patterns=("web/[...slug].astro",))),
    ("/priority 5", Priority(value=5)),
    ("/priority -100", Priority(value=-100)),
    ("/priority +7", Priority(value=7)),
    ("/status", Status()),
    ("/explain src/app.py", Explain(path="src/app.py")),
    ('/explain "src/my app.py"', Explain(path="src/my app.py")),
    ("/pause the release", Pause(reason="the release")),
    ("/resume", Resume()),
    ("/help", Help()),
    ("   /queue  \t", Queue()),
]


@pytest.mark.parametrize(("line", "command"), WRITTEN, ids=[line.strip() for line, _ in WRITTEN])
def test_command_is_a_line_of_its_own_in_any_place_of_the_text(line: str, command: Command) -> None:
    assert parse_commands(line) == (command,)
    assert parse_commands(f"Looks good.\r\n{line}\r\n\r\nThank you") == (command,)


def test_every_command_has_a_usage_that_begins_with_it_and_help() -> None:
    for word, entry in WORDS.items():
        assert entry.usage.startswith(f"/{word}")
        assert entry.help
    assert set(WORDS) == {command.word for _, command in WRITTEN}


WRONG = [
    ("/dequeue now", "nothing may follow"),
    ("/status.", "nothing may follow"),
    ("/heal please, it is urgent", "nothing may follow"),
    ("/queue low", "high"),
    ("/queue high please", "high"),
    ("/priority", "whole number"),
    ("/priority 101", "whole number"),
    ("/priority 1e2", "whole number"),
    ("/priority ٣", "whole number"),
    ("/scope", "add"),
    ("/scope remove a", "add"),
    ("/scope add", "no path"),
    ("/scope add ../x", "without . and .."),
    ("/scope add !x", "negation"),
    ('/scope add ""', "empty"),
    ('/scope add "a', "not closed"),
    ("/scope add " + " ".join(f"f{n}" for n in range(21)), "at most 20"),
    ("/explain", "one path"),
    ("/explain a b", "one path"),
    ("/explain /etc/passwd", "root of the repository"),
    ("/explain ../x", "no tree may hold"),
    ("/hold " + "x" * 301, "at most 300"),
    ("/queue\u200b", "U+200B"),
    ("/que\u00adue high", "U+00AD"),
    ("/hold a\u202egnidaer", "U+202E"),
    ("/queue\u00a0high", "U+00A0"),
    ("/dequeue\x00", "U+0000"),
    ("/dequeue \x1b[2K", "U+001B"),
]


@pytest.mark.parametrize(("line", "why"), WRONG, ids=[ascii(line)[:40] for line, _ in WRONG])
def test_what_cannot_be_carried_out_is_said_with_the_usage_and_never_guessed(line: str, why: str) -> None:
    (bad,) = parse_commands(f"first\n{line}")
    assert isinstance(bad, BadCommand)
    assert why in bad.why
    assert bad.line == 2
    assert bad.usage.startswith("/")
    assert line.startswith(bad.text)
    assert len(bad.text) <= 200


OTHERS = [
    "/lgtm",
    "/assign @ada",
    "/queue/old",
    "/queueing",
    "//queue",
    "/ queue",
    "please /queue",
    "-/queue",
]


@pytest.mark.parametrize("line", [*OTHERS, "\ufeff/queue", "\u200b/queue", "\u00a0/queue", "\uff0fqueue"])
def test_other_words_are_left_to_other_bots(line: str) -> None:
    assert parse_commands(line) == ()


HIDDEN = [
    ("```\n/queue\n```", "a fence"),
    ("~~~ sh\n/queue\n~~~", "a fence of tildes"),
    ("```\n/queue", "a fence that is not closed"),
    ("````\n```\n/queue\n````", "a longer fence around a shorter"),
    ("```\n~~~\n/queue\n```", "a fence of the other kind within"),
    ("```\n    ```\n/queue\n```", "a closer that is indented too far"),
    ("```\n``` x\n/queue\n```", "a closer with a word is none"),
    ("   ```\n/queue\n   ```", "an indented fence"),
    ("- ```\n  /queue\n  ```", "a fence in a list"),
    ("- ```\n/queue\n```", "a fence in a list, carelessly indented"),
    ("    /queue", "indented code"),
    ("\t/queue", "code indented by a tab"),
    ("  \t/queue", "spaces and a tab"),
    ("> /queue", "a quote"),
    ("> yes\n/queue", "a quote that goes on lazily"),
    ("> - yes\n/queue", "a list in a quote that goes on lazily"),
    ("- > yes\n/queue", "a quote in a list that goes on lazily"),
    ("- do\n\n  /queue", "a paragraph of a list item"),
    ("1. do this:\n   /queue", "a line of a list item"),
    ("<!-- /queue -->", "a comment"),
    ("<!--\n/queue\n-->", "a comment over lines"),
    ("<!--\n\n/queue", "a comment that is not closed"),
    ("see <!-- this\n/queue\n--> there", "a comment within a paragraph"),
    ("see <!-- this\n\n/queue", "a comment from within a paragraph, not closed"),
    ("> <!--\n\n/queue", "a comment from within a quote, not closed"),
    ("# see <!-- this\n/queue", "a comment from within a heading, not closed"),
    ("<details>\n/queue\n</details>", "a folded section"),
    ("<details><summary>Log</summary>\n\n/queue\n\n</details>", "a folded section with blank lines"),
    ("<DETAILS>\n\n/queue", "a folded section that is not closed"),
    ("<pre>\n\n/queue\n</pre>", "preformatted"),
    ("<pre>\n/queue", "preformatted, not closed"),
    ("<blockquote>\n\n/queue\n\n</blockquote>", "a quote in HTML"),
    ("so <del>\n/queue\n</del>", "struck out in HTML"),
    ("<script>\n\n/queue\n</script>", "a script"),
    ("<?php\n\n/queue\n?>", "a processing instruction"),
    ("<![CDATA[\n\n/queue\n]]>", "CDATA"),
    ("<b>\n/queue\n</b>", "an element of its own lines"),
    ('so <a title="\n/queue\n">b</a>', "an attribute"),
    ("so `this\n/queue\nthat`", "a code span over lines"),
    ("so ``a ` b\n/queue\nc``", "a longer code span over lines"),
    ("~~so\n/queue\nnot~~", "struck out"),
    ("$$\n/queue\n$$", "a formula"),
    ('[a](b "\n/queue\n")', "a link's title"),
    ("![a\n/queue\n](b)", "an image's text"),
    ('[a]: /b "\n/queue\n"', "a reference's title"),
    ("[^1]: so\n/queue", "a footnote"),
    ("| a |\n|---|\n/queue", "a row of a table"),
    (">" * 60 + "\n\n/queue", "a comment nested beyond sense"),
    ("x" * 65_537 + "\n/queue", "a comment longer than GitHub takes"),
]


@pytest.mark.parametrize("body", [pytest.param(body, id=f"rule 12: {what}") for body, what in HIDDEN])
def test_nothing_within_quotes_code_or_html_is_a_command(body: str) -> None:
    assert parse_commands(body) == ()
    assert parse_commands(body.replace("\n", "\r\n")) == ()


OPEN = [
    ("> quoted\n\n/queue", "after a quote and a blank line"),
    ("```\ncode\n```\n/queue", "after a fence"),
    ("- one\n- two\n\n/queue", "after a list"),
    ("- one\n- two\n/queue", "right below a list"),
    ("<!-- note -->\n/queue", "after a comment"),
    ("see `a`, <b>c</b> and [d](e)\n/queue\nas `f` says", "between lines with code of their own"),
    ("it costs 5$ and ~3 hours\n/queue\nnot 6$, ~4", "between money and tildes"),
    ("<details><summary>Log</summary>\n\nlong\n\n</details>\n\n/queue", "after a folded section"),
    ("Title\n=====\n/queue", "below a heading"),
    ("**bold** \\` and ` alone\n/queue", "after a backtick that opens nothing"),
    ("/queue\n---\nsent from a telephone", "above a signature"),
    ("> ```\n> code\n> ```\n\n/queue", "after a fence in a quote"),
    ("```a`b\n/queue", "after what looks like a fence and is none"),
]


@pytest.mark.parametrize("body", [pytest.param(body, id=what) for body, what in OPEN])
def test_open_text_is_heard(body: str) -> None:
    assert parse_commands(body) == (Queue(),)


def test_commands_come_in_order_and_at_most_ten() -> None:
    found = parse_commands("/hold\n/lgtm\n/unhold\n" + "/status\n" * 20)
    assert found[:3] == (Hold(), Unhold(), Status())
    assert len(found) == 11
    assert isinstance(found[10], BadCommand)
    assert "at most 10" in found[10].why
    assert found[10].line == 12


def test_a_command_may_be_addressed_where_two_bots_share_a_word() -> None:
    found = parse_commands(
        "/pointsman hold a b\n/pointsman /Queue high\n/pointsman\n/other queue", bot="pointsman[bot]"
    )
    assert found == (Hold(reason="a b"), Queue(high=True), Help())
    (bad,) = parse_commands("/pointsman dance", bot="pointsman")
    assert isinstance(bad, BadCommand)
    assert bad.usage == "/help"


LABELS = [
    ("pointsman: queue", Queue()),
    ("Pointsman: Queue High", Queue(high=True)),
    ("pointsman: heal", Heal()),
    ("pointsman: dequeue", None),
    ("queue", None),
    ("pointsman: queue\u200b", None),
]


@pytest.mark.parametrize(("label", "command"), LABELS)
def test_labels_stand_for_commands(label: str, command: Command | None) -> None:
    assert label_command(label) == command


def test_hold_label_holds() -> None:
    assert isinstance(label_command("pointsman: hold"), Hold)


LINES = st.lists(
    st.sampled_from(
        ["/queue", "text", "", "> q", "- a", "  /heal", "`x", "<b>", "~~~~ ", "a <!-- b -->", "\\", "|-|"]
    )
    | st.text(alphabet="ab/`~<>-!\\ \t[]()|#*", max_size=12),
    max_size=8,
)


def bad_lines(body: str) -> set[int]:
    return {found.line for found in parse_commands(body) if isinstance(found, BadCommand)}


@given(before=LINES, inside=LINES, fence=st.sampled_from(["```", "~~~", "`````", "  ~~~~"]))
def test_rule_12_no_command_is_found_inside_a_fence(before: list[str], inside: list[str], fence: str) -> None:
    mark = fence.strip()
    before = [line for line in before if not any(open in line for open in ("```", "~~~", "<"))]
    inside = [line for line in inside if not line.strip().startswith(mark[0] * 3)]
    body = "\n".join([*before, "", fence, *inside, "/queue now", mark, ""])
    assert not [line for line in bad_lines(body) if line > len(before)]


@given(before=LINES, inside=LINES)
def test_rule_12_no_command_is_found_in_a_quote(before: list[str], inside: list[str]) -> None:
    quote = [f"> {line}" for line in (*inside, "/queue now", "", "so", "/queue now")]
    body = "\n".join([*before, "", *quote, "", "text"])
    assert not [line for line in bad_lines(body) if line > len(before)]


@given(inside=LINES)
def test_rule_12_no_command_is_found_in_a_comment(inside: list[str]) -> None:
    body = "\n".join(["see", "<!-- so", *(line.replace("-->", "") for line in inside), "/queue now", "-->"])
    assert parse_commands(body) == ()


@given(body=st.text(max_size=300) | LINES.map("\r".join))
@example(body="/scope add \ud800")
@example(body="/\\``")
def test_parsing_never_raises_and_finds_only_whole_lines(body: str) -> None:
    for found in parse_commands(body):
        assert not isinstance(found, BadCommand) or any(found.text in line for line in body.splitlines())


ROUGH = [
    "> ",
    ">\n",
    "- ",
    "`",
    "` `` ",
    "~~",
    "$$",
    "<!--",
    "<a b='",
    '<a b="',
    "<s>",
    "](",
    '](a "',
    "[",
    "\t",
    "\\`",
]
ROUGH += ["/x\n=\n", '/scope add "a" ', "- a\n\n", "  - \n", "|-", "<details>\n"]


@pytest.mark.parametrize("piece", ROUGH, ids=ascii)
def test_a_comment_of_64_kibibytes_of_anything_is_read(piece: str) -> None:
    """In well under a second each: what is quadratic here takes minutes, and shows."""
    body = (piece * 65_536)[:65_000] + "\n/queue"
    assert len(parse_commands(body)) <= 11
