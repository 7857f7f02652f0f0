"""How a report reads: as text, as CSV that computes nothing, as JSON lines, as a page that loads and runs nothing."""

from __future__ import annotations

import csv
import io
import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from pointsman.core.contract import Contract, load
from pointsman.core.report.compose import Asked, compose
from pointsman.core.report.figures import By, Report
from pointsman.core.report.lines import cell_of, landed_lines, report_json, to_csv
from pointsman.core.report.model import Override
from pointsman.core.report.page import to_html
from pointsman.core.report.schema import LANDED_SCHEMA
from pointsman.core.report.text import to_text
from pointsman.core.report.words import duration
from tests.core.report.story import Story

EVIL = '</title><script>alert(1)</script> "quoted" \x1b[2J\u202e=cmd|calc'


def made(story: Story, asked: Asked | None = None, **fields: Any) -> Report:
    return compose(
        story.records(), asked or Asked(), day_of=lambda at: f"2026-01-{1 + int(at // 86_400):02}", **fields
    )


def small() -> Story:
    """One that landed after 192 s of gate, one that came back."""
    story = Story()
    story.landed_alone("agent/a", gate=192, body="Agent-Cost: 2 USD", title="fix: the page")
    red = story.submit("agent/b")
    story.at(story.now + 60).give_back(red, "merge_conflict")
    return story


GOLDEN = """\
Work  2 started, 1 landed, 1 returned
  from submission to landing    3 min 12 s on average (n = 1; percentiles from 5 on)
  conflicts                     1
  heals                         none

Where the time went
  being tested                    3 min 12 s   76 %    1 min 36 s each
  waiting its turn                     1 min   24 %          30 s each

Gate
  runner time                   3 min 12 s in 1 run
  per landed                    3 min 12 s
  per started                   1 min 36 s
    let something land          3 min 12 s  100 %
  runs                          0 failed, 0 retries, 0 cancelled or lost
  candidates                    1 built, 1.00 per landed; 0 rebuilds

People and agents
  interventions                 none; 0.00 per landed
                                commits by others after submission: not known
  new heads while queued        0
  model                         not stated
  cost                          2.00 USD, 2.00 USD per landed, 2.00 USD per started (stated by 1 of 2)
  tokens                        not stated

Returned because of
  merge_conflict                1

By role
             started  landed  returned  half within        gate  per landed  people               cost
  coder            1       1         0            -  3 min 12 s  3 min 12 s       0  2.00 USD (1 of 1)
  not known        1       0         1            -       0.0 s           -       0                  -
"""


def test_the_text_of_a_small_report() -> None:
    assert to_text(made(small(), Asked(by=By.ROLE))) == GOLDEN


def test_an_empty_queue_and_one_where_nothing_has_ended_say_so() -> None:
    assert to_text(made(Story())) == "Nothing was submitted yet.\n"
    assert to_text(made(Story(), Asked(since=1.0))) == "Nothing was submitted in that time.\n"
    story = Story()
    story.submit("agent/a")
    text = to_text(made(story.at(5)))
    assert "Nothing has ended yet" in text
    assert "nothing has landed yet" in text


DURATIONS = [
    (None, "-"),
    (0, "0.0 s"),
    (9.94, "9.9 s"),
    (9.96, "10 s"),
    (59.6, "1 min"),
    (192, "3 min 12 s"),
    (3600, "1 h"),
    (7500, "2 h 5 min"),
    (86_399, "1 d"),
    (90_000, "1 d 1 h"),
]


@pytest.mark.parametrize(("seconds", "words"), DURATIONS, ids=[row[1] for row in DURATIONS])
def test_times_are_in_the_readers_words(seconds: float | None, words: str) -> None:
    assert duration(seconds) == words


def test_csv_computes_nothing_and_keeps_every_row() -> None:
    story = Story()
    for place, title in enumerate(
        ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "fine, really", 'a "b"\nc', "\udce9"]
    ):
        story.landed_alone(f"agent/{place}", title=title, author="=evil@example.org")
    rows = list(csv.DictReader(io.StringIO(to_csv(made(story)), newline="")))
    assert [row["title"] for row in rows] == [
        "'=1+1",
        "'+1",
        "'-1",
        "'@SUM(A1)",
        "'\t=1",
        "' =1",
        "fine, really",
        'a "b"\nc',
        "\\udce9",
    ]
    assert {row["author"] for row in rows} == {"'=evil@example.org"}
    assert {row["tokens"] for row in rows} == {""}
    assert cell_of(-1.5) == -1.5


def test_R57_json_lines_are_what_landed_and_hold_to_their_schema() -> None:
    lines = [json.loads(line) for line in landed_lines(made(small()))]
    (line,) = lines
    Draft202012Validator.check_schema(LANDED_SCHEMA)
    Draft202012Validator(LANDED_SCHEMA).validate(line)
    assert set(line) == set(LANDED_SCHEMA["properties"])
    named = (
        "task_type",
        "model",
        "elapsed",
        "human_interventions",
        "failed_checks",
        "review_fixes",
        "conflicts",
    )
    assert {name: line[name] for name in named} == {
        "task_type": "fix",
        "model": None,
        "elapsed": 192,
        "human_interventions": 0,
        "failed_checks": 0,
        "review_fixes": 0,
        "conflicts": 0,
    }
    assert line["cost"] == {"USD": 2.0}


def test_json_is_one_plain_object() -> None:
    whole = json.loads(json.dumps(report_json(made(small(), Asked(by=By.AUTHOR))), allow_nan=False))
    assert whole["totals"]["gate"]["per_started"] == 96
    assert [group["name"] for group in whole["groups"]] == ["ada@example.org"]
    assert [piece["state"] for piece in whole["work"]] == ["landed", "returned"]


class _Page(HTMLParser):
    """Which elements a page has, which addresses it names, and its text; void elements are closed."""

    VOID = frozenset({"meta", "br", "rect", "line"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.addresses: list[str] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.addresses += [
            value or "" for name, value in attrs if name in ("href", "src", "srcset", "action")
        ]
        assert not [name for name, _ in attrs if name.startswith("on")]
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def page_of(story: Story, asked: Asked | None = None, **fields: Any) -> str:
    return to_html(made(story, asked, **fields), name=EVIL, period="since ever", made="now")


def test_the_page_loads_nothing_runs_nothing_and_trusts_no_title() -> None:
    story = small()
    story.landed_alone(EVIL, title=EVIL, author=EVIL)
    page = page_of(story, Asked(by=By.AUTHOR))
    seen = _Page(page)
    assert seen.open == []
    assert seen.addresses == []
    assert not {"script", "link", "img", "iframe", "object"} & set(seen.seen)
    assert "url(" not in page
    assert "<script" not in page
    assert "\x1b" not in page
    assert "\u202e" not in page


def test_every_plot_says_in_words_what_it_shows() -> None:
    story = small()
    for place in range(9):
        story.landed_alone(f"agent/{place}", gate=30 * 2**place)
    page = page_of(story)
    figures = [part.partition("</figure>")[0] for part in page.split("<figure>")[1:]]
    assert len(figures) == 5
    for figure in figures:
        drawing = ElementTree.fromstring(figure[figure.index("<svg") :])  # noqa: S314 - our own
        names = {child.tag.rpartition("}")[2]: child.text for child in drawing if child.text}
        assert names["title"] and names["desc"], names
        _, _, width, height = (float(one) for one in drawing.attrib["viewBox"].split())
        for rect in drawing.iter("{http://www.w3.org/2000/svg}rect"):
            assert (
                0 <= float(rect.attrib["x"]) <= float(rect.attrib["x"]) + float(rect.attrib["width"]) <= width
            )
            assert (
                0
                <= float(rect.attrib["y"])
                <= float(rect.attrib["y"]) + float(rect.attrib["height"])
                <= height
            )


def test_a_page_of_nothing_says_so() -> None:
    assert "Nothing was submitted yet." in page_of(Story())


CONTRACT = """\
version: 1
base: main
identities: {ada: {email: ada@example.org}, lead: {email: lead@example.org}}
roles:
  coder: {who: [ada], branches: ["agent/**"], owns: [/src/, /docs/]}
scope: {expand: {by: [lead], expires: 24h}}
paths:
  schema: {match: [/db/, /src/schema.sql], approve: {by: [lead], count: 1}}
  one:    {match: [/src/one.py], approve: {by: [lead], count: 1}}
"""


def contract() -> Contract:
    found = load(CONTRACT.encode(), source=".pointsman.yml")
    assert isinstance(found, Contract), found
    return found


def overridden(kind: str, what: str, area: str = "", *, times: int = 3) -> Report:
    story = Story()
    changes = [story.landed_alone(f"agent/{place}") for place in range(times)]
    overrides = [Override(change=one, kind=kind, what=what, area=area) for one in changes for _ in range(2)]
    return made(story, overrides=overrides, contract=contract())


DRIFTS = [
    ("a scope", ("scope", "/ops/**"), 'roles:\n  coder:\n    owns: ["/src/", "/docs/", "/ops/**"]\n'),
    ("an approval", ("approval", "schema", "/db/"), 'paths:\n  schema:\n    match: ["/src/schema.sql"]\n'),
    (
        "the only path of a class",
        ("approval", "one", "/src/one.py"),
        "# remove the class from `paths`: one\n",
    ),
]


@pytest.mark.parametrize(("override", "yaml"), [row[1:] for row in DRIFTS], ids=[row[0] for row in DRIFTS])
def test_R60_three_same_overrides_suggest_a_change_to_the_contract(
    override: tuple[str, ...], yaml: str
) -> None:
    (one,) = overridden(*override).suggestions
    assert (one.count, one.changes, one.yaml) == (3, (1, 2, 3), yaml)
    assert yaml.splitlines()[0] in to_text(overridden(*override))
    assert overridden(*override, times=2).suggestions == ()


def test_R60_one_piece_of_work_that_was_granted_thrice_is_no_drift() -> None:
    story = Story()
    for _ in range(3):
        story.give_back(story.submit("agent/a"))
    story.landed_alone("agent/a")
    grants = [Override(change=one, kind="scope", what="/ops/**") for one in story.changes]
    assert made(story, overrides=grants, contract=contract()).suggestions == ()


@pytest.mark.parametrize(
    "override", [("scope", "/src/"), ("approval", "control", "/.github/"), ("approval", "gone", "x")], ids=str
)
def test_R60_what_is_allowed_by_now_or_may_not_be_relaxed_is_not_suggested(override: tuple[str, ...]) -> None:
    assert overridden(*override, times=5).suggestions == ()


def test_R57_every_key_of_a_line_is_described_where_people_look() -> None:
    page = (Path(__file__).parents[3] / "docs" / "report.md").read_text()
    assert [name for name in LANDED_SCHEMA["properties"] if f"| `{name}` |" not in page] == []
