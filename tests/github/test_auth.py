"""Credentials on disk and in the environment, the app's signature, installation tokens, and the manifest flow."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pointsman.adapters.github.auth import WANTED, TokenAuth, within
from pointsman.adapters.github.credentials import AppCredentials, from_environment, load, save
from pointsman.adapters.github.directory import AppDirectory, open_with_token
from pointsman.adapters.github.manifest import EVENTS, PERMISSIONS, app_manifest, convert
from pointsman.core.errors import ForgeRefused, ForgeUnavailable, UserError
from pointsman.core.pulls.model import GITHUB_ACTIONS_APP, RepositoryName
from tests.github.desk import Desk, HubClock, credentials_of, desk
from tests.github.fake import FakeGitHub

TOKENS = "POST 201 /app/installations/{installation_id}/access_tokens"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nsecret\n-----END RSA PRIVATE KEY-----\n"
CREDENTIALS = AppCredentials(
    app_id=7, slug="pointsman", private_key=PEM, webhook_secret="hush", client_id="Iv1.7"
)


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Desk]:
    with desk(tmp_path) as made:
        yield made


# on disk


def test_what_is_saved_is_loaded_and_only_we_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "app.json"
    save(path, CREDENTIALS)
    assert load(path) == CREDENTIALS
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    save(path, replace(CREDENTIALS, slug="other"))
    assert load(path).slug == "other"
    assert [each.name for each in path.parent.iterdir()] == ["app.json"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_a_file_that_others_can_read_is_refused_with_the_command_that_mends_it(
    tmp_path: Path, mode: int
) -> None:
    path = tmp_path / "app.json"
    save(path, CREDENTIALS)
    path.chmod(mode)
    with pytest.raises(UserError, match="chmod 600"):
        load(path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"app_id": "7"}',
        '{"app_id": 7, "private_key": "x", "webhook_secret": "y"}',
        "x" * 70_000,
    ],
    ids=["empty", "list", "nothing", "no key", "no PEM", "huge"],
)
def test_a_file_that_is_something_else_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "app.json"
    path.touch(0o600)
    path.write_text(text)
    with pytest.raises(UserError):
        load(path)
    with pytest.raises(UserError, match="cannot be read"):
        load(tmp_path / "missing.json")


def test_no_secret_is_shown() -> None:
    shown = repr(CREDENTIALS)
    assert "hush" not in shown and "secret\n" not in shown and "PRIVATE" not in shown


def test_the_environment_names_files_not_secrets(tmp_path: Path) -> None:
    key, secret = tmp_path / "key.pem", tmp_path / "secret"
    for path, text in ((key, PEM), (secret, "hush\n")):
        path.touch(0o600)
        path.write_text(text)
    environment = {
        "POINTSMAN_APP_ID": "7",
        "POINTSMAN_PRIVATE_KEY_FILE": str(key),
        "POINTSMAN_WEBHOOK_SECRET_FILE": str(secret),
    }
    assert from_environment({}) is None
    assert from_environment(environment) == replace(CREDENTIALS, slug="", client_id="")
    enterprise = from_environment({**environment, "POINTSMAN_API_URL": "https://git.example/api/v3"})
    assert enterprise is not None
    assert (enterprise.api_url, enterprise.html_url) == ("https://git.example/api/v3", "")
    for broken in ({"POINTSMAN_APP_ID": "seven"}, {"POINTSMAN_PRIVATE_KEY_FILE": ""}):
        with pytest.raises(UserError):
            from_environment({**environment, **broken})
    key.chmod(0o644)
    with pytest.raises(UserError, match="chmod 600"):
        from_environment(environment)


# the app


def test_the_app_lists_where_it_is_installed_and_what_it_did_not_know_of_itself(tmp_path: Path) -> None:
    with FakeGitHub(tmp_path) as hub:
        app = hub.app()
        for name in ("acme/one", "acme/two", "zoe/three", "eve/none"):
            hub.repository(name)
        hub.install(app, "acme")
        hub.install(app, "zoe")
        hub.install(app, "eve").suspended = True
        nameless = replace(credentials_of(hub, app), slug="", html_url="")
        directory = AppDirectory(nameless, clock=HubClock(hub))
        found = directory.repositories()
        assert {each.repository.full_name for each in found} == {"acme/one", "acme/two", "zoe/three"}
        assert {each.default_branch for each in found} == {"main"}
        assert (directory.credentials.slug, directory.credentials.html_url) == (app.slug, hub.url)
        assert {directory.open(each).pulls.itself.id for each in found} == {app.bot.id}
        directory.close()


@pytest.mark.parametrize("off", [-1800, 1800], ids=["half an hour slow", "half an hour fast"])
def test_a_clock_that_is_off_costs_one_request_not_the_app(tmp_path: Path, off: float) -> None:
    class Wrong(HubClock):
        def now(self) -> float:
            return super().now() + off

    with FakeGitHub(tmp_path) as hub:
        app = hub.app()
        hub.install(app, hub.repository("acme/one"))
        directory = AppDirectory(credentials_of(hub, app), clock=Wrong(hub))
        (installed,) = directory.repositories()
        pulls = directory.open(installed).pulls
        assert pulls.open_pulls() == pulls.open_pulls() == ()
        assert [request.status for request in hub.requests].count(401) == 1
        assert directory.client.skew == pytest.approx(-off, abs=5)
        directory.close()


def test_a_key_that_is_none_is_refused_without_being_quoted(tmp_path: Path) -> None:
    with FakeGitHub(tmp_path) as hub:
        bad = replace(credentials_of(hub, hub.app()), private_key=PEM)
        directory = AppDirectory(bad, clock=HubClock(hub))
        with pytest.raises(UserError, match="private key") as problem:
            directory.repositories()
        assert "secret" not in f"{problem.value!r} {problem.value.__cause__!r}"
        directory.close()


# installation tokens


def test_rule_9_a_token_is_used_for_55_minutes_then_replaced(at: Desk) -> None:
    tokens = at.opened.tokens
    first = tokens.token()
    at.hub.advance(54 * 60)
    assert tokens.token() == first
    at.hub.advance(2 * 60)
    second = tokens.token()
    assert second != first
    assert at.requests() == [TOKENS]
    assert second not in repr(tokens) + repr(at.opened)


def test_a_token_reaches_one_repository_with_no_more_than_is_needed(tmp_path: Path) -> None:
    with FakeGitHub(tmp_path) as hub:
        app = hub.app(permissions={**PERMISSIONS, "secrets": "write", "members": "write"})
        hub.repository("acme/one")
        hub.repository("acme/two")
        hub.install(app, "acme")
        directory = AppDirectory(credentials_of(hub, app), clock=HubClock(hub))
        one = next(each for each in directory.repositories() if each.repository.full_name == "acme/one")
        held = hub.tokens[directory.open(one).tokens.token()]
        assert held.repositories == {one.repository.id}
        assert held.permissions == dict(WANTED)
        directory.close()


def test_what_is_not_granted_is_done_without(tmp_path: Path) -> None:
    granted = {
        "metadata": "read",
        "contents": "write",
        "pull_requests": "write",
        "checks": "write",
        "actions": "read",
    }
    with desk(tmp_path, **granted) as at:
        assert at.hub.tokens[at.opened.tokens.token()].permissions == granted
        # taken back while we run: the next token is for less
        at.installation.permissions = {"metadata": "read", "contents": "read"}
        at.hub.advance(3600)
        at.requests()
        assert at.hub.tokens[at.opened.tokens.token()].permissions == at.installation.permissions
        assert at.requests() == [
            TOKENS.replace("201", "422"),
            "GET 200 /app/installations/{installation_id}",
            TOKENS,
        ]


def test_what_is_granted_later_is_used_from_the_next_token_on(tmp_path: Path) -> None:
    with desk(tmp_path, metadata="read", contents="write") as at:
        assert "checks" not in at.hub.tokens[at.opened.tokens.token()].permissions
        at.installation.permissions = {"metadata": "read", "contents": "write", "checks": "write"}
        at.directory.repositories()
        at.hub.advance(3600)
        assert at.hub.tokens[at.opened.tokens.token()].permissions == at.installation.permissions


def test_a_token_that_was_revoked_is_replaced_once_and_the_request_goes_through(at: Desk) -> None:
    number = at.pull()
    at.pulls.pull(number)
    at.hub.tokens.clear()
    at.requests()
    at.pulls.comment(number, "still there")
    assert at.requests() == [
        "POST 401 /repos/{owner}/{repo}/issues/{issue_number}/comments",
        TOKENS,
        "POST 201 /repos/{owner}/{repo}/issues/{issue_number}/comments",
    ]


@pytest.mark.parametrize("fault", ["502_after_apply", 500, 429], ids=str)
def test_a_token_request_that_fails_is_made_again(at: Desk, fault: int | str) -> None:
    at.hub.advance(3600)
    at.hub.fail_next("POST", r"/access_tokens$", fault)
    assert at.opened.tokens.token() in at.hub.tokens


def test_while_github_is_down_an_old_token_is_used_to_its_end(at: Desk) -> None:
    first = at.opened.tokens.token()
    at.hub.advance(56 * 60)
    at.hub.fail_next("POST", r"/access_tokens$", 500, times=100)
    assert at.opened.tokens.token() == first
    at.hub.advance(4 * 60)
    with pytest.raises(ForgeUnavailable):
        at.opened.tokens.token()


def test_a_suspended_installation_is_refused_in_githubs_words(at: Desk) -> None:
    at.installation.suspended = True
    at.hub.advance(3600)
    with pytest.raises(ForgeRefused):
        at.opened.tokens.token()


def test_a_token_is_narrowed_to_what_there_is() -> None:
    assert within({"checks": "write", "members": "read"}, {"checks": "read", "secrets": "write"}) == {
        "checks": "read"
    }
    assert within({"checks": "read"}, {"checks": "write"}) == {"checks": "read"}
    assert within({"checks": "read"}, {}) == {"metadata": "read"}


@pytest.mark.parametrize("token", ["", "  ", "a b", "x\r\nHost: evil", "tökén"])
def test_what_cannot_be_a_token_is_refused_before_it_gets_into_a_header(token: str) -> None:
    with pytest.raises(UserError):
        TokenAuth(token)


# a token that was given


def test_rule_10_github_token_stands_for_actions(tmp_path: Path) -> None:
    with FakeGitHub(tmp_path) as hub:
        repo = hub.repository("acme/one")
        token = hub.actions_token(repo, {"contents": "write", "pull_requests": "write", "checks": "write"})
        opened = open_with_token(
            token, "acme/one", clock=HubClock(hub), api_url=hub.api_url, html_url=hub.url
        )
        assert opened.pulls.itself.login == "github-actions[bot]"
        assert opened.pulls.itself.id == hub.actions_app.bot.id
        assert opened.pulls.app == GITHUB_ACTIONS_APP
        assert opened.pulls.repository == RepositoryName(id=repo.id, full_name="acme/one")
        assert opened.tokens.token() == token


def test_a_personal_token_is_its_owner(tmp_path: Path) -> None:
    with FakeGitHub(tmp_path) as hub:
        hub.repository("acme/one")
        opened = open_with_token(
            hub.user_token("ada"), "acme/one", clock=HubClock(hub), api_url=hub.api_url, html_url=hub.url
        )
        assert (opened.pulls.itself.login, opened.pulls.itself.bot) == ("ada", False)


# the manifest


def test_the_manifest_asks_for_what_the_tokens_need_and_is_private() -> None:
    manifest = app_manifest(
        "Points", "https://p.example", "https://p.example/hook", "http://127.0.0.1:1/done"
    )
    assert manifest["public"] is False
    assert manifest["hook_attributes"] == {"url": "https://p.example/hook", "active": True}
    assert set(WANTED.items()) <= set(manifest["default_permissions"].items())
    assert {"pull_request", "issue_comment", "check_run", "merge_group", "push"} <= set(
        manifest["default_events"]
    )
    assert len(EVENTS) == len(set(EVENTS))


def test_a_code_becomes_credentials_once(tmp_path: Path) -> None:
    with FakeGitHub(tmp_path) as hub:
        app = hub.app()
        hub.manifest_codes["a1b2"] = app
        made = convert("a1b2", hub.api_url)
        assert made == replace(credentials_of(hub, app), client_id=app.client_id)
        for code in ("a1b2", "../x", ""):
            with pytest.raises(UserError):
                convert(code, hub.api_url)
