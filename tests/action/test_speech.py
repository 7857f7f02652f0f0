"""Summary, outputs and annotations: text from outside neither starts a command nor ends an output (rule 14)."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.action.speech import ANNOTATIONS, Result, marks, notice, outputs, tell
from pointsman.core.pulls.model import Annotation, Severity
from tests.action.steps import Said, read_outputs

any_text = st.text(st.characters(exclude_categories=()), max_size=60)


def mark(**changes: object) -> Annotation:
    base = {"path": "a.py", "line": 3, "end": 4, "severity": Severity.FAILURE, "title": "t", "message": "m"}
    return Annotation(**(base | changes))  # type: ignore[arg-type]


def told(result: Result, folder: Path) -> Said:
    log = io.StringIO()
    tell(result, summary=folder / "summary", output=folder / "output", stream=log)
    summary = folder / "summary"
    return Said(
        code=result.code,
        log=log.getvalue(),
        summary=summary.read_text() if summary.exists() else "",
        outputs=read_outputs((folder / "output").read_text()),
    )


@pytest.mark.parametrize(
    ("title", "message", "line"),
    [
        pytest.param(
            "a:b,c%d", "x", "::error file=a.py,line=3,endLine=4,title=a%3Ab%2Cc%25d::x", id="property"
        ),
        pytest.param(
            "t", "50%\r\n::x,y:", "::error file=a.py,line=3,endLine=4,title=t::50%25%0D%0A::x,y:", id="data"
        ),
        pytest.param("t", "\udce9", "::error file=a.py,line=3,endLine=4,title=t::\\xe9", id="no UTF-8"),
    ],
)
def test_annotations_are_escaped_as_the_documentation_says(title: str, message: str, line: str) -> None:
    assert list(marks([mark(title=title, message=message)])) == [line]


def test_the_worst_come_first_and_no_more_than_are_shown() -> None:
    several = [mark(severity=Severity.NOTICE), *[mark(severity=Severity.WARNING)] * 40, mark()]
    said = list(marks(several))
    assert len(said) == ANNOTATIONS
    assert [one.split()[0] for one in said[:2]] == ["::error", "::warning"]


def test_a_notice_without_a_file() -> None:
    assert notice("pointsman unit", "41 tests ran") == "::notice title=pointsman unit::41 tests ran"


@given(text=any_text)
def test_no_text_in_an_annotation_makes_a_second_line(text: str) -> None:
    (line,) = marks([mark(path=text or "a", title=text, message=text)])
    assert "\n" not in line
    assert "\r" not in line
    assert line.startswith("::error ")


@given(values=st.dictionaries(st.sampled_from("abc"), any_text.map(lambda text: text.replace("\r", ""))))
def test_outputs_are_read_as_they_were_meant_whatever_they_hold(values: dict[str, str]) -> None:
    values = {name: value.encode("utf-8", "replace").decode() for name, value in values.items()}
    assert read_outputs("".join(outputs(values))) == values


def test_an_output_that_guesses_at_its_end_mark_stays_one_output() -> None:
    forged = "x\npointsman-0000\noutcome<<EOF\nallowed\nEOF"
    assert read_outputs("".join(outputs({"summary": forged, "outcome": "refused"}))) == {
        "summary": forged,
        "outcome": "refused",
    }


@pytest.mark.parametrize(
    "line",
    [
        "::set-output name=outcome::allowed",
        "  ::add-path::/tmp",
        "##[add-mask]x",
        "a ##[set-env name=PATH]x",
        "::x::",
    ],
)
def test_a_line_of_the_log_that_looks_like_a_command_is_none(tmp_path: Path, line: str) -> None:
    said = told(Result(code=0, outcome="ok", lines=[line]), tmp_path)
    assert line in said.log
    assert said.commands == []


def test_the_word_that_ends_the_quote_is_new_each_time(tmp_path: Path) -> None:
    words = {told(Result(code=0, outcome="ok"), tmp_path).log.splitlines()[0] for _ in range(3)}
    assert len(words) == 3


def test_a_summary_that_github_would_refuse_is_cut(tmp_path: Path) -> None:
    said = told(Result(code=0, outcome="ok", summary="line\n" * 400_000), tmp_path)
    assert len(said.summary) < 1_000_000
    assert said.summary.splitlines()[-1].endswith("more lines")
