"""The recipes in examples/deploy: the image as far as reading shows it, the unit as systemd reads it."""

from __future__ import annotations

import configparser
import fnmatch
import json
import re
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from pointsman.cli.main import cli

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "examples" / "deploy"
ANALYZE = shutil.which("systemd-analyze")


@dataclass(frozen=True)
class Instruction:
    """One instruction of a Dockerfile: its word, its flags, and the rest with continued lines joined."""

    word: str
    flags: dict[str, str]
    rest: str


def instructions(path: Path) -> list[Instruction]:
    """The Dockerfile's instructions; comments and blank lines are none."""
    lines = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n", " ", "\n".join(lines))
    found = []
    for line in filter(None, map(str.strip, joined.splitlines())):
        word, *parts = line.split()
        flags = dict(
            part[2:].split("=", 1)
            for part in parts
            if part.startswith("--") and word in ("COPY", "HEALTHCHECK")
        )
        rest = line[len(word) :].strip()
        for name, value in flags.items():
            rest = rest.replace(f"--{name}={value}", "", 1).strip()
        found.append(Instruction(word, flags, rest))
    return found


DOCKERFILE = instructions(DEPLOY / "Dockerfile")


def last_stage() -> list[Instruction]:
    start = max(n for n, each in enumerate(DOCKERFILE) if each.word == "FROM")
    return DOCKERFILE[start:]


def copied() -> list[str]:
    """What comes from the build context."""
    return [
        source
        for each in DOCKERFILE
        if each.word == "COPY" and "from" not in each.flags
        for source in each.rest.split()[:-1]
    ]


def test_only_instructions_that_exist() -> None:
    known = {"ARG", "FROM", "ENV", "RUN", "WORKDIR", "COPY", "VOLUME", "EXPOSE", "STOPSIGNAL"}
    known |= {"HEALTHCHECK", "USER", "ENTRYPOINT", "CMD"}
    assert {each.word for each in DOCKERFILE} <= known
    for each in DOCKERFILE:
        if each.word in ("ENTRYPOINT", "CMD", "VOLUME"):
            assert all(isinstance(word, str) for word in json.loads(each.rest))


def test_every_image_has_a_tag_and_both_stages_the_same() -> None:
    (base,) = [each.rest for each in DOCKERFILE if each.word == "ARG"]
    name, _, image = base.partition("=")
    assert re.fullmatch(r"python:3\.\d+-slim-[a-z]+(@sha256:[0-9a-f]{64})?", image)
    assert [each.rest.split()[0] for each in DOCKERFILE if each.word == "FROM"] == [f"${{{name}}}"] * 2


def test_the_image_runs_as_nobody_special() -> None:
    stage = last_stage()
    users = [n for n, each in enumerate(stage) if each.word == "USER"]
    assert [stage[n].rest for n in users] == ["10001:10001"]
    assert {each.word for each in stage[users[-1] :]} == {"USER", "ENTRYPOINT", "CMD"}
    assert not any("sudo" in each.rest or "chmod 777" in each.rest for each in stage)


def test_no_compiler_and_no_list_of_packages_is_left() -> None:
    installed = [each.rest for each in last_stage() if "apt-get install" in each.rest]
    assert len(installed) == 1
    assert "--no-install-recommends bubblewrap ca-certificates git" in installed[0]
    assert "rm -rf /var/lib/apt/lists/*" in installed[0]
    assert not re.search(
        r"gcc|build-essential|python3-dev|curl|wget|\bpip\b", " ".join(each.rest for each in last_stage())
    )


def test_no_secret_is_in_the_recipe() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    assert not re.search(r"(?i)(token|password|private.?key|webhook.?secret)\s*=", text)
    assert not re.search(r"\bADD\b|https?://(?!127\.0\.0\.1:8080/healthz)", text)


def test_the_state_is_a_volume_and_serve_looks_there() -> None:
    (volume,) = [json.loads(each.rest) for each in DOCKERFILE if each.word == "VOLUME"]
    environment = " ".join(each.rest for each in last_stage() if each.word == "ENV")
    assert volume == ["/var/lib/pointsman"]
    assert "STATE_DIRECTORY=/var/lib/pointsman" in environment
    assert "HOME=/var/lib/pointsman" in environment


def test_health_is_asked_where_it_is_served() -> None:
    (check,) = [each for each in DOCKERFILE if each.word == "HEALTHCHECK"]
    (command,) = [json.loads(each.rest) for each in DOCKERFILE if each.word == "CMD"]
    port = command[command.index("--port") + 1]
    assert f"http://127.0.0.1:{port}/healthz" in check.rest
    compile(json.loads(check.rest.removeprefix("CMD"))[2], "healthcheck", "exec")


def commands() -> list[list[str]]:
    """Every `pointsman ...` that the recipes start."""
    (entry,) = [json.loads(each.rest) for each in DOCKERFILE if each.word == "ENTRYPOINT"]
    (command,) = [json.loads(each.rest) for each in DOCKERFILE if each.word == "CMD"]
    assert entry == ["pointsman"]
    found = [command]
    for name in ("pointsman.service", "gate-here.conf"):
        starts = re.findall(
            r"^ExecStart=/opt/pointsman/bin/pointsman (.+)$", (DEPLOY / name).read_text(), re.M
        )
        assert len(starts) == 1
        found.append(starts[0].split())
    return found


@pytest.mark.parametrize("command", commands(), ids=["image", "unit", "gate here"])
def test_the_command_line_is_one_that_serve_takes(command: list[str], tmp_path: Path) -> None:
    """Down to the credentials, which are not there: everything before is then right."""
    given = [each.replace("%d", str(tmp_path)).replace("%S", str(tmp_path)) for each in command]
    where = given.index("--credentials") + 1
    given[where] = str(tmp_path / "none.json")
    done = CliRunner().invoke(cli, given, standalone_mode=False)
    assert "none.json cannot be read" in str(done.exception)


def ignored(path: str) -> bool:
    """As BuildKit has it: the last pattern that matches the path or a folder above it counts."""
    verdict = False
    for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines():
        pattern = line.strip().removeprefix("!")
        if not pattern or pattern.startswith("#"):
            continue
        parts = path.split("/")
        above = ["/".join(parts[:n]) for n in range(1, len(parts) + 1)]
        if any(fnmatch.fnmatch(each, pattern) or fnmatch.fnmatch(f"/{each}", pattern) for each in above):
            verdict = not line.strip().startswith("!")
    return verdict


@pytest.mark.parametrize("source", copied())
def test_what_is_copied_exists_and_reaches_the_builder(source: str) -> None:
    assert (ROOT / source).exists()
    assert not ignored(source)


@pytest.mark.parametrize(
    "path",
    [
        ".git/config",
        ".venv/bin/python",
        "pointsman-credentials.json",
        "tests/conftest.py",
        "bot/x/__pycache__/a.pyc",
    ],
)
def test_nothing_else_reaches_the_builder(path: str) -> None:
    assert ignored(path)


@pytest.mark.slow
def test_what_is_copied_is_enough_for_the_package(tmp_path: Path) -> None:
    for source in copied():
        if (ROOT / source).is_dir():
            shutil.copytree(
                ROOT / source,
                tmp_path / source,
                ignore=shutil.ignore_patterns("__pycache__"),
                dirs_exist_ok=True,
            )
        else:
            (tmp_path / source).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / source, tmp_path / source)
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "dist")]
    done = subprocess.run(build, check=False, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {
        "pointsman/web/server.py",
        "pointsman/adapters/store/inbox.py",
        "pointsman/core/contract/schema.json",
    } <= names
    assert not any(name.startswith(("tests/", "bench/")) for name in names)


def unit(path: Path) -> configparser.SectionProxy:
    reader = configparser.ConfigParser(strict=False, interpolation=None, delimiters=("=",))
    reader.optionxform = str  # type: ignore[assignment, method-assign]
    reader.read(path)
    return reader["Service"]


def test_the_unit_gives_nothing_away() -> None:
    service = unit(DEPLOY / "pointsman.service")
    for name in (
        "NoNewPrivileges",
        "DynamicUser",
        "ProtectHome",
        "PrivateTmp",
        "PrivateDevices",
        "RestrictNamespaces",
    ):
        assert service[name] == "yes", name
    assert (service["ProtectSystem"], service["CapabilityBoundingSet"]) == ("strict", "")
    assert service["LoadCredential"].split(":")[0] == "app.json"
    assert "%d/app.json" in service["ExecStart"]
    assert service["StateDirectory"] == "pointsman"
    assert int(service["RestartSec"]) >= 1


def placed(folder: Path, *, here: bool) -> Path:
    """The unit where systemd-analyze finds its program."""
    program = folder / "pointsman"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    path = folder / "pointsman.service"
    path.write_text(
        (DEPLOY / "pointsman.service").read_text().replace("/opt/pointsman/bin/pointsman", str(program))
    )
    if here:
        drop_in = folder / "pointsman.service.d" / "gate-here.conf"
        drop_in.parent.mkdir()
        drop_in.write_text(
            (DEPLOY / "gate-here.conf").read_text().replace("/opt/pointsman/bin/pointsman", str(program))
        )
    return path


@pytest.mark.skipif(ANALYZE is None, reason="there is no systemd-analyze here")
@pytest.mark.parametrize("here", [False, True], ids=["as it is", "with gate-here.conf"])
def test_systemd_reads_the_unit_without_a_word(tmp_path: Path, here: bool) -> None:
    path = placed(tmp_path, here=here)
    environment = {"SYSTEMD_UNIT_PATH": f"{tmp_path}:"}
    done = subprocess.run(
        [str(ANALYZE), "verify", "--man=no", str(path)],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(ANALYZE is None, reason="there is no systemd-analyze here")
def test_systemd_finds_little_exposed(tmp_path: Path) -> None:
    """Out of 10; systemd calls up to 2.0 ok. Network access is what a server needs."""
    command = [
        str(ANALYZE),
        "security",
        "--offline=true",
        "--no-pager",
        "--threshold=20",
        str(placed(tmp_path, here=False)),
    ]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if "Unknown" in done.stderr or "unrecognized" in done.stderr:
        pytest.skip("this systemd-analyze judges no files")
    assert done.returncode == 0, done.stdout[-400:]
