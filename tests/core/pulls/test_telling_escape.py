"""Nothing that comes from outside gets out of its box: read back with a Markdown parser and our own command parser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from pointsman.core.contract import explain
from pointsman.core.migrations.heal.model import Front, Move, Plan, Refusal
from pointsman.core.migrations.model import Layout, Revision
from pointsman.core.model import Sha
from pointsman.core.pulls.commands import parse_commands
from pointsman.core.pulls.markdown import pre
from pointsman.core.pulls.telling import (
    BeingTested,
    CheckTold,
    HealedGraph,
    HealTold,
    Held,
    LandedAs,
    MigrationsTold,
    NotQueued,
    PullStory,
    Queued,
    Returned,
    compose_checks,
    compose_comment,
    compose_explain,
    compose_group_checks,
    compose_patch,
    compose_refusal,
    compose_status,
    sarif,
    summary_markdown,
)
from pointsman.core.queue.model import Reason
from tests.core.pulls.telling_facts import HEAD, contract, judged, verdict

MARK = "zQz"
"""Stands in every text from outside; wherever a reader finds it, that text has got to."""

NASTY = (
    "@everyone @org/team",
    "</details></summary>",
    "--> <!-- x",
    "```\n@here\n```",
    "``` ```` `````",
    "\n\n/queue high\n\n",
    "\n/pause\n",
    "<script>alert(1)</script>",
    "</pre></td></table>@x",
    "[a](javascript:x) ![b](https://evil.example/x.png)",
    "https://evil.example www.evil.example a@evil.example",
    "#1 GH-2 owner/repo#3",
    "\x00\x07\x1b[2J\r\x85\u2028",
    "\u202eoverride\u202c \u2066iso\u2069 \u200b",
    "\udce9 bad bytes",
    "- item\n> quote\n# head\n| a | b |\n---\n",
    "&lt;b&gt; &#64;x &commat;x",
    "\n```\n",
    "\n    \n````````\n",
    "\n</details>\n\n",
    "\n~~~\n~~~\n",
    "\\` \\\\`` $x$ :tada:",
    "    indented\n\ttab",
    "<table>\n\n@x",
    " ",
    "",
)

_pieces = st.one_of(
    st.sampled_from(NASTY),
    st.text(max_size=20),
    st.text(alphabet="`~<>-!/@#[]()&|*_\n\r\t \\", max_size=12),
)
hostile = st.lists(_pieces, min_size=1, max_size=4).map(lambda parts: MARK + MARK.join(parts) + MARK)


def stories(t: str) -> Iterator[PullStory]:
    """One text in every place that holds a text from outside."""
    check = CheckTold(name=t, state="failed", why=t, log_tail=t, url=f"https://x.example/{t}")
    graph = _graph(t)
    refusals = (
        Refusal(t, f"{t}\n{t} [rule]\n  {t}:3\n    {t}\n  {t}:4\n    {t}", (t,)),
        Refusal("conflict", f"head\nwhy\n  a.py:3\n    {t}\n  b.py:4\n    {t}", ("a.py", "b.py")),
    )
    allowed = judged(branch=t, author=t, role=t, checks=(t,), migrations=_told("healed", graph))
    denied = judged(
        contract=replace(verdict("web/secrets/x", "migrations/a"), role=t),
        migrations=MigrationsTold(status="refused", refusals=refusals),
    )
    paths = replace(verdict("web/secrets/x"), paths=(replace(verdict("docs/x").paths[0], path=t, reason=t),))
    nobody = judged(contract=None, branch=t, author=t, why_no_role=t)
    broken = judged(contract=None, problem=t)
    reason = Reason(code=t, text=t, details=t, reproduce=t)
    heal = HealTold(strategy=t, summary=t, proof=t, seconds=1.0, graphs=(graph,))
    yield _story(t, Queued(position=1, of=2, waits=t), judged=allowed, depends_on=(t, t), paused=t)
    yield _story(
        t, BeingTested(commit=Sha(t), checks=(check, replace(check, state=t)), together=(t,)), heal=heal
    )
    yield _story(t, Returned(reason=reason, failed=(check,)), judged=denied)
    yield _story(t, Returned(reason=replace(reason, code="red")), judged=judged(contract=paths))
    yield _story(t, Held(why=t), judged=nobody)
    yield _story(t, NotQueued(), judged=broken)
    yield _story(t, LandedAs(commit=Sha(t)), heal=heal)


def _told(status: str, graph: HealedGraph) -> MigrationsTold:
    return (
        MigrationsTold(status="healed", graphs=(graph,))
        if status == "healed"
        else MigrationsTold(status="clean")
    )


def _story(t: str, stage: object, **facts: object) -> PullStory:
    return PullStory(number=3, lane=t, head=HEAD, queued_head=HEAD, stage=stage, **facts)  # type: ignore[arg-type]


def _graph(t: str) -> HealedGraph:
    one = Revision(id=t, path=t, oid=HEAD, parents=(t,))
    move = Move(revision=t, path=t, old_parents=(t,), new_parents=(t,), new_revision=t, new_path=t)
    layout = Layout(backend="alembic", config=t, name=t, home=t, versions=(t,))
    plan = Plan(
        layout=layout,
        heads_before=(t, t),
        moves=(move,),
        drops=(one,),
        joins=((t, t),),
        fronts=(Front(left=(one, one), right=(one,), fork=(t,)),),
    )
    return HealedGraph(plan=plan, added=((t, t),))


def texts(t: str) -> Iterator[str]:
    """Everything in Markdown that could come of it."""
    for told in stories(t):
        yield compose_comment(told)
        yield compose_status(told)
        for output in compose_checks(told):
            yield output.summary
        if told.judged is not None:
            yield summary_markdown([told.judged])
            yield from (output.summary for output in compose_group_checks([told.judged], head=HEAD))
    yield compose_refusal(t, t)
    yield compose_explain(t, explain(contract(), t.replace("\n", " ")))
    yield compose_patch(f"--- a/x\n+++ b/x\n+{t}\n".encode("utf-8", "replace"), t)
    yield compose_patch(t.encode("utf-8", "surrogatepass"), t, base=t, head=t)


@settings(deadline=None, max_examples=20)
@given(hostile)
@example(MARK + MARK.join(NASTY) + MARK)
def test_rule_12_no_text_from_outside_gets_out_of_its_box(text: str) -> None:
    for said in texts(text):
        for where, found in open_text(said):
            assert MARK not in found, f"{where}: {found!r}"
        assert parse_commands(said) == ()
        assert all(each.isprintable() or each in "\n\t" for each in said)


@pytest.mark.parametrize("nasty", NASTY, ids=repr)
def test_rule_12_each_nasty_text_alone(nasty: str) -> None:
    for said in texts(f"{MARK}{nasty}{MARK}"):
        assert [found for _, found in open_text(said) if MARK in found] == []
        assert parse_commands(said) == ()


@pytest.mark.parametrize("nasty", NASTY, ids=repr)
def test_rule_12_folds_open_and_close_as_often(nasty: str) -> None:
    for told in stories(f"{MARK}{nasty}{MARK}"):
        blocks = [
            token.content for token in MarkdownIt().parse(compose_comment(told)) if token.type == "html_block"
        ]
        opened = sum(block.count("<details>") for block in blocks)
        assert opened == sum(block.count("</details>") for block in blocks)


@settings(deadline=None, max_examples=20)
@given(hostile)
def test_annotations_and_titles_are_of_one_printable_line(text: str) -> None:
    for told in stories(text):
        for output in compose_checks(told):
            assert output.title.isprintable() and 0 < len(output.title) <= 200
            for one in output.annotations:
                assert one.path.isprintable() and one.title.isprintable()
                assert all(each.isprintable() or each == "\n" for each in one.message)
        if told.judged is not None:
            sarif([told.judged])


def test_a_cell_of_a_table_stays_one_block_whatever_lines_are_in_it() -> None:
    several = "a\n\n  b\n\n@everyone"
    cell = f"<table><tr><td>{pre(several)}</td></tr></table>"
    assert [token.type for token in MarkdownIt().parse(cell)] == ["html_block"]


def open_text(markdown: str) -> Iterator[tuple[str, str]]:
    """(kind, text) of all that a forge would look into for mentions, links and tags: not code, not `<pre>`."""
    for token in _flat(MarkdownIt("commonmark").parse(markdown)):
        if token.type in ("code_inline", "fence"):
            if token.type == "fence":
                yield "fence info", token.info
            continue
        if token.type in ("html_block", "html_inline"):
            yield "html", re.sub(r"<pre>[^<>]*</pre>", "", token.content)
        elif not token.children:
            yield token.type, token.content
        for name, value in token.attrs.items():
            # An address of a check may hold anything that stays in its brackets.
            yield name, "" if str(value).startswith("https://x.example/") else str(value)


def _flat(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from _flat(token.children or [])
