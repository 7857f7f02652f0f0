"""`pointsman simulate` as a user meets it: figures, JSON, histories, and what is said of unusable input."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pointsman.cli.main import entry


def call(*args: str) -> int:
    with pytest.raises(SystemExit) as ended:
        entry(["simulate", "--changes", "12", "--strategy", "speculate,serial", *args])
    return int(ended.value.code or 0)


def test_it_prints_a_table_of_strategies_beside_the_oracle(capsys: pytest.CaptureFixture[str]) -> None:
    assert call() == 0
    rows = [line.split()[0] for line in capsys.readouterr().out.splitlines()[3:]]
    assert rows == ["oracle", "speculate", "serial"]


def test_json_is_one_object_and_the_same_for_a_seed(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("--json", "--seed", "3") == 0
    first = json.loads(capsys.readouterr().out)
    assert call("--json", "--seed", "3") == 0
    assert json.loads(capsys.readouterr().out) == first
    assert set(first["strategies"]) == {"speculate", "serial"}
    assert first["strategies"]["serial"]["of_oracle"]["p50"] >= 1


def test_a_history_file_is_replayed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "past.jsonl"
    file.write_text(
        "".join(json.dumps({"at": 60 * n, "seconds": 30, "red": n == 2}) + "\n" for n in range(6))
    )
    assert call("--history", str(file), "--together", "0", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["changes"], found["strategies"]["speculate"]["landed"]) == (6, 5)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(
            '{"at": 1}\n{"at": "x"}\n', ":2: at: expected seconds, got 'x'", id="a word for seconds"
        ),
        pytest.param('{"at": 1}\nnonsense\n', ":2: not JSON", id="no JSON"),
        pytest.param(
            '{"at": 1, "red": 1}\n', ":1: red: expected true or false, got 1", id="a number for yes"
        ),
        pytest.param('{"seconds": 1}\n', ":1: no 'at'", id="no time"),
        pytest.param('{"at": 1}\n', "1 changes; a simulation takes 2", id="too few"),
    ],
)
def test_an_unusable_history_is_named_by_line_and_value(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    file = tmp_path / "past.jsonl"
    file.write_text(text)
    assert call("--history", str(file)) == 2
    assert said in capsys.readouterr().err


def test_an_unknown_strategy_is_named_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("--strategy", "speculate,zool") == 2
    assert "no strategy 'zool'; there are speculate" in capsys.readouterr().err


@pytest.mark.soak
def test_plots_are_drawn_as_png_and_svg_and_are_small(tmp_path: Path) -> None:
    assert call("--plot", str(tmp_path)) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"turnaround.png", "turnaround.svg"}
    assert all(0 < path.stat().st_size < 150_000 for path in tmp_path.iterdir())


def test_the_published_page_is_what_its_figures_say() -> None:
    """docs/performance.md is written from docs/images/performance.json and nothing else."""
    from pointsman.cli.simulate_report import page_of, read_figures

    docs = Path(__file__).parents[3] / "docs"
    assert page_of(read_figures(docs / "images" / "performance.json")) == (docs / "performance.md").read_text(
        "utf-8"
    )
