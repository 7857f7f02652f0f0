"""`pointsman app create` as a real process, with the fake GitHub behind it; the test is the browser."""

from __future__ import annotations

import json
import os
import queue
import re
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from click.testing import CliRunner

from pointsman.adapters.github import credentials
from pointsman.adapters.github.manifest import EVENTS, PERMISSIONS
from pointsman.cli.app import create
from pointsman.core.errors import UserError
from tests.github.fake import FakeGitHub

HOOK = "https://pointsman.example.org/webhook"
client = httpx.Client(trust_env=False, timeout=20)


class Form(HTMLParser):
    """The one form of a page: where it goes and its fields."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action = self.method = ""
        self.fields: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action, self.method = given["action"], given["method"]
        if tag == "input":
            self.fields[given["name"]] = given["value"]


@dataclass
class Walk:
    """A running `app create`: its page, and what it has said."""

    process: subprocess.Popen[str]
    address: str
    out: Path

    def form(self) -> Form:
        answer = client.get(self.address)
        assert answer.status_code == 200
        return Form(answer.text)

    def come_back(self, **query: str) -> httpx.Response:
        """What GitHub's redirect makes the browser do."""
        redirect: str = json.loads(self.form().fields["manifest"])["redirect_url"]
        return client.get(redirect, params=query)

    def state(self) -> str:
        return parse_qs(urlsplit(self.form().action).query)["state"][0]

    def end(self) -> tuple[int, str, str]:
        out, err = self.process.communicate(timeout=90)
        return self.process.returncode, out, err


@pytest.fixture(scope="module")
def github(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeGitHub]:
    with FakeGitHub(tmp_path_factory.mktemp("github")) as hub:
        yield hub


def command(github: FakeGitHub, out: Path, *more: str) -> list[str]:
    where = ["--api-url", github.api_url, "--html-url", github.url, "--out", str(out)]
    return [sys.executable, "-m", "pointsman", "app", "create", "--no-browser", *where, *more]


@pytest.fixture
def walk(github: FakeGitHub, tmp_path: Path) -> Iterator[Walk]:
    out = tmp_path / "app.json"
    process = start(command(github, out, "--webhook-url", HOOK, "--name", "points & <co>", "--org", "acme"))
    yield Walk(process=process, address=page_of(process), out=out)
    process.kill()
    process.communicate()


def start(arguments: list[str]) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )


def page_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.search(r"http://127\.0\.0\.1:\d+/\S+", line):
            return found[0]
    raise AssertionError("no page was named")


def test_the_whole_way(walk: Walk, github: FakeGitHub) -> None:
    form = walk.form()
    assert form.action.startswith(f"{github.url}/organizations/acme/settings/apps/new?state=")
    assert form.method == "post"
    manifest = json.loads(form.fields["manifest"])
    assert (manifest["name"], manifest["public"]) == ("points & <co>", False)
    assert manifest["hook_attributes"] == {"url": HOOK, "active": True}
    assert manifest["url"] == "https://pointsman.example.org"
    assert manifest["default_permissions"] == PERMISSIONS
    assert manifest["default_events"] == list(EVENTS)

    made = github.app("made")
    github.manifest_codes["c0de_-9"] = made
    answer = walk.come_back(code="c0de_-9", state=walk.state())
    assert answer.status_code == 200
    assert f"{github.url}/github-apps/made/installations/new" in answer.text

    code, out, err = walk.end()
    assert code == 0, err
    assert f"serve --credentials {walk.out}" in out
    assert f"{github.url}/github-apps/made/installations/new" in out
    known = credentials.load(walk.out)
    assert (known.app_id, known.webhook_secret) == (made.id, made.webhook_secret)
    assert (known.private_key, known.api_url) == (made.private_key, github.api_url)
    assert stat.S_IMODE(walk.out.stat().st_mode) == 0o600
    for private in (made.webhook_secret, made.private_key.splitlines()[1], "c0de_-9"):
        assert private not in out + err + answer.text


def test_only_who_has_the_address_sees_the_form(walk: Walk) -> None:
    origin = walk.address.partition("/start/")[0]
    for path in ("/", "/start/", "/start/guess", "/callback/", "/%2e%2e/etc/passwd"):
        answer = client.get(origin + path)
        assert (answer.status_code, "manifest" in answer.text) == (404, False)
    assert client.post(walk.address).status_code == 501


def test_a_page_elsewhere_that_lets_its_name_lead_here_sees_nothing(walk: Walk) -> None:
    answer = client.get(walk.address, headers={"Host": "evil.example:80"})
    assert (answer.status_code, "manifest" in answer.text) == (421, False)


def test_the_page_keeps_to_itself(walk: Walk) -> None:
    headers = client.get(walk.address).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert (headers["referrer-policy"], headers["cache-control"]) == ("no-referrer", "no-store")
    assert "Python" not in headers["server"]


def test_an_answer_that_is_not_ours_changes_nothing(walk: Walk, github: FakeGitHub) -> None:
    right = walk.state()
    for query in (
        {"code": "abc"},
        {"code": "abc", "state": ""},
        {"code": "abc", "state": "guess"},
        {"code": "abc", "state": "\u00fc"},
        {"state": right},
        {"code": "a/../b", "state": right},
    ):
        assert walk.come_back(**query).status_code == 400, query
    assert walk.process.poll() is None
    github.manifest_codes["after"] = github.app("after")
    assert walk.come_back(code="after", state=right).status_code == 200
    assert walk.end()[0] == 0


def test_one_code_is_taken_and_no_second(walk: Walk, github: FakeGitHub) -> None:
    github.manifest_codes["twice"] = github.app("twice")
    state = walk.state()
    redirect = json.loads(walk.form().fields["manifest"])["redirect_url"]
    answers: queue.Queue[int] = queue.Queue()

    def go() -> None:
        try:
            answers.put(client.get(redirect, params={"code": "twice", "state": state}).status_code)
        except httpx.TransportError:
            answers.put(410)

    threads = [threading.Thread(target=go) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers.get() for _ in threads) == [200, 410, 410, 410]
    assert walk.end()[0] == 0


def test_a_code_that_github_does_not_know(walk: Walk) -> None:
    answer = walk.come_back(code="unknown", state=walk.state())
    assert answer.status_code == 502
    code, _, err = walk.end()
    assert (code, "once and for an hour" in err, walk.out.exists()) == (2, True, False)


def test_nobody_comes_back(github: FakeGitHub, tmp_path: Path) -> None:
    out = tmp_path / "app.json"
    process = start(command(github, out, "--webhook-url", HOOK, "--minutes", "0.001"))
    _, err = process.communicate(timeout=90)
    assert (process.returncode, "Nobody came back" in err, out.exists()) == (2, True, False)


def test_ctrl_c_ends_it(walk: Walk) -> None:
    walk.process.send_signal(signal.SIGINT)
    assert walk.end()[0] == 130


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--webhook-url", "pointsman.example.org"),
        ("--webhook-url", "ftp://pointsman.example.org/webhook"),
        ("--html-url", "javascript:alert(1)"),
        ("--org", "acme/../evil"),
        ("--name", "x" * 35),
        ("--out", "/nowhere/at/all/app.json"),
        ("--api-url", "http://user:pw@127.0.0.1"),
    ],
)  # fmt: skip
def test_what_github_would_refuse_is_refused_first(tmp_path: Path, option: str, value: str) -> None:
    given = {"--webhook-url": HOOK, "--out": str(tmp_path / "app.json")} | {option: value}
    done = CliRunner().invoke(create, [each for pair in given.items() for each in pair])
    assert isinstance(done.exception, UserError)
    assert (
        value in str(done.exception) or "35" in str(done.exception) or "is no folder" in str(done.exception)
    )


def test_credentials_that_are_there_are_not_written_over(tmp_path: Path) -> None:
    out = tmp_path / "app.json"
    out.write_text("another app's only key")
    done = CliRunner().invoke(create, ["--webhook-url", HOOK, "--out", str(out)])
    assert isinstance(done.exception, UserError)
    assert "exists already" in str(done.exception)
    assert out.read_text() == "another app's only key"


def test_a_browser_is_opened_unless_it_is_not_wanted(
    github: FakeGitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}\n')
    browser.chmod(0o755)
    monkeypatch.setenv("BROWSER", str(browser))
    arguments = [each for each in command(github, tmp_path / "a.json") if each != "--no-browser"]
    process = start([*arguments, "--webhook-url", HOOK])
    address = page_of(process)
    github.manifest_codes["browser"] = github.app("browser")
    walk = Walk(process=process, address=address, out=tmp_path / "a.json")
    walk.come_back(code="browser", state=walk.state())
    assert walk.end()[0] == 0
    assert opened.read_text().strip() == address
