"""Which programs a command line of a contract names, and what they have to see of this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from pointsman.adapters.programs import made_of, programs


def a_program(path: Path, first: str = "#!/bin/sh") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{first}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    "line",
    ["tool lock", "cd web&&tool lock", "X=1 tool; true", "(tool)", "tool 'an open quote", "cat x | tool"],
)
def test_a_program_is_found_anywhere_in_the_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    tool = a_program(tmp_path / "bin/tool")
    monkeypatch.setenv("PATH", f"{tool.parent}:/usr/bin:/bin")
    assert tool in programs(line)
    assert programs("./tool lock") == [], "what lies in the tree is seen anyway"


def test_a_program_sees_where_its_links_lead_and_its_interpreter_and_no_whole_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = a_program(tmp_path / "python/bin/python3")
    real = a_program(tmp_path / ".local/share/venvs/poetry/bin/poetry", f"#!{python}")
    link = tmp_path / ".local/bin/poetry"
    link.parent.mkdir()
    link.symlink_to("../share/venvs/poetry/bin/poetry")
    seen = made_of(link)
    assert set(seen) == {link.parent, real.parent.parent, python.parent.parent}
    monkeypatch.setenv("HOME", str(tmp_path))
    assert tmp_path not in made_of(a_program(tmp_path / "bin/own"))
