"""docs/github-app.md and docs/operations.md against the program: what they show loads, what they name exists."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from prometheus_client.parser import text_string_to_metric_families

from pointsman.adapters.github.manifest import PERMISSIONS
from pointsman.cli.main import cli
from pointsman.core.pulls.commands.model import WORDS
from pointsman.core.pulls.commands.parsing import label_command
from tests.web.conftest import Door

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {name: (DOCS / name).read_text() for name in ("github-app.md", "operations.md")}


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGES[page], re.M | re.S)


def test_the_contract_that_the_page_shows_is_sound(tmp_path: Path) -> None:
    (contract,) = [block for block in blocks("github-app.md", "yaml") if block.startswith("version:")]
    path = tmp_path / ".pointsman.yml"
    path.write_text(contract)
    done = CliRunner().invoke(cli, ["contract", "lint", str(path)], standalone_mode=False)
    assert (done.exception, done.return_value or 0) == (None, 0), done.output


def test_the_workflow_that_the_page_shows_is_one(tmp_path: Path) -> None:
    (workflow,) = [block for block in blocks("github-app.md", "yaml") if block.startswith("name:")]
    path = tmp_path / "gate.yml"
    path.write_text(workflow)
    checker = Path(sys.executable).parent
    for command in (
        [str(checker / "check-jsonschema"), "--builtin-schema", "vendor.github-workflows", str(path)],
        [str(checker / "zizmor"), "--offline", "--no-progress", str(path)],
    ):
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_page_gives_a_reason_for_every_permission_and_for_no_other() -> None:
    rows = dict(
        re.findall(r"^\| ([a-z, ]+) \| (read|write|comes with every app) \|", PAGES["github-app.md"], re.M)
    )
    told = {
        name.strip().replace("commit ", "").replace(" ", "_"): level
        for row, level in rows.items()
        for name in row.split(",")
    }
    assert told == PERMISSIONS


def test_every_command_and_label_is_named() -> None:
    for word in WORDS.values():
        assert f"/{word.usage.split()[0].lstrip('/')}" in PAGES["github-app.md"]
    labels = re.findall(r"`(pointsman: [a-z ]+)`", PAGES["github-app.md"])
    assert len(labels) == 4
    assert all(label_command(label) for label in labels)


def test_every_metric_is_explained_and_no_other(door: Door) -> None:
    page = door.get("/metrics").text
    known = {
        family.name for family in text_string_to_metric_families(page) if family.name.startswith("pointsman_")
    }
    counters = {
        f"{family.name}_total" for family in text_string_to_metric_families(page) if family.type == "counter"
    }
    names = {f"{name}_total" if f"{name}_total" in counters else name for name in known}
    told = set(re.findall(r"(?<!schema `)\bpointsman_[a-z_]+", PAGES["operations.md"]))
    assert told == names


OPTIONS = sorted(
    {
        (command, option)
        for text in PAGES.values()
        for line in re.findall(
            r"pointsman ((?:app create|serve|doctor|contract init|contract lint|log)[^`\n#]*)", text
        )
        for command in [re.match(r"app create|serve|contract init|contract lint|log|doctor", line)[0]]  # type: ignore[index]
        for option in re.findall(r"--[a-z-]+", line)
    }
)


@pytest.mark.parametrize(("command", "option"), OPTIONS, ids=[" ".join(pair) for pair in OPTIONS])
def test_every_option_that_the_pages_show_exists(command: str, option: str) -> None:
    done = CliRunner().invoke(cli, [*command.split(), "--help"], standalone_mode=False)
    assert re.search(rf"{option}\b", done.output), done.output


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name: str) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", PAGES[name]):
        assert (DOCS / target).exists(), target
