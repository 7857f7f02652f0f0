"""A line that speaks for us is one that a Markdown reader of somebody else shows as plain text (rule 12)."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from pointsman.core.pulls.commands.lines import spoken_lines

PEER = MarkdownIt("commonmark", {"maxNesting": 100})
PIECES = [
    *["/queue"] * 6, "  /queue", "   /queue", "    /queue", "\t/queue", "      /queue", "-\t/queue", "> /queue",
    "", "", "", "text", "  more", "    code", "> q", ">", "   > q", "- item", "-", "+   x", "1. one", "2. two",
    "10. ten", "- > q", "> - a", "-     code", "```", "~~~", "````", "   ```", "- ```", "> ```", "# head", "---",
    "===", "***", "- - -", "<!-- c", "-->", "<!-- a -->", "text <!-- x", "<div>", "</div>", "<pre>", "</pre>", "<a>",
    "<a href='x'>", "<b", "title='", "'>", "<?php", "?>", "<script>", "</script>", "`code", "code`", "``", "a `b",
    "c` d", "\\`", '[a](b "t', 't")', '[r]: /u "t', "| a |", "|---|", "$$", "~~s", "s~~", "<details>", "</details>",
]  # fmt: skip


def shown_as_text(body: str) -> set[tuple[int, str]]:
    """Each (block's line, text) that the peer shows as plain text outside quotes."""
    found: set[tuple[int, str]] = set()
    parents: list[str] = []
    for token in PEER.parse(body):
        if token.nesting == 1:
            parents.append(token.type)
        elif token.nesting == -1:
            parents.pop()
        elif token.type == "inline" and "blockquote_open" not in parents and token.map:
            texts = _texts(token.children or [])
            found.update((line, text) for line in range(*token.map) for text in texts)
    return found


def _texts(children: list[Token]) -> list[str]:
    """The lines of one paragraph; what is not text stands as a character that no line of ours has."""
    lines = [""]
    for child in children:
        if child.type in ("softbreak", "hardbreak"):
            lines.append("")
        elif child.type in ("text", "code_inline", "html_inline", "image"):
            lines[-1] += child.content if child.type == "text" else "\0"
    return [line.strip() for line in lines]


@settings(max_examples=300, deadline=None)
@given(body=st.lists(st.sampled_from(PIECES), min_size=1, max_size=9).map("\n".join))
def test_rule_12_what_we_hear_another_reader_shows_as_plain_text(body: str) -> None:
    shown = shown_as_text(body)
    for line in spoken_lines(body):
        if line.text == "/queue":
            assert (line.number - 1, "/queue") in shown, body
