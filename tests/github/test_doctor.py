"""`pointsman doctor` against GitHub: a sound set-up is all green, and every fault is found with how to mend it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pointsman.adapters.clock import SystemClock
from pointsman.adapters.github.credentials import AppCredentials, save
from pointsman.adapters.github.manifest import EVENTS, PERMISSIONS
from pointsman.adapters.store.inbox import SqlInbox
from pointsman.adapters.store.sql import SqlStore
from pointsman.core.diagnosis import Finding, State
from pointsman.core.hints import Delivery
from pointsman.core.pulls.diagnosis import Gate
from pointsman.core.queue.model import Entry
from pointsman.wiring.examination import examine_app
from tests.github.fake import App, FakeGitHub, FakeRepository, Installation

CONTRACT = """\
version: 1
base: main
default_role: anyone
identities:
  pointsman: {app: pointsman, id: APP, self: true}
roles:
  anyone: {who: [{permission: write}], owns: ["**"]}
checks:
  unit: {run: "make test", app: 15368}
"""
WORKFLOW = """\
name: CI
on:
  push: {branches: [main, "pointsman/**"]}
  pull_request:
jobs:
  unit: {runs-on: ubuntu-latest, steps: [{run: make test}]}
"""
ACTIONS = 15368


class Hasty(SystemClock):
    """Waits for nothing long."""

    def sleep(self, seconds: float) -> None:
        super().sleep(min(seconds, 0.01))


@dataclass(kw_only=True)
class SetUp:
    """`acme/depot` with the app installed on it; `answer` is what our webhook says to deliveries."""

    folder: Path
    hub: FakeGitHub
    app: App
    answer: list[int] = field(default_factory=lambda: [202])
    repo: FakeRepository
    installation: Installation

    def credentials(self, **changes: Any) -> AppCredentials:
        named: dict[str, Any] = {
            "app_id": self.app.id,
            "slug": self.app.slug,
            "private_key": self.app.private_key,
            "webhook_secret": self.app.webhook_secret,
            "api_url": self.hub.api_url,
            "html_url": self.hub.url,
        }
        return AppCredentials(**named | changes)

    def findings(self, changes: Mapping[str, Any] | None = None, **options: Any) -> tuple[Finding, ...]:
        self.hub.settle()
        known, state = self.credentials(**changes or {}), self.folder / "state"
        return examine_app(known, state=state, clock=Hasty(), **options)

    def faults(self, **options: Any) -> dict[str, Finding]:
        """What is broken, by name."""
        return {each.name: each for each in self.findings(**options) if each.state is State.BROKEN}

    def noted(self, **options: Any) -> dict[str, Finding]:
        """What is not there and need not be, by name."""
        return {each.name: each for each in self.findings(**options) if each.state is State.MISSING}

    def write(self, path: str, text: str | None) -> None:
        self.repo.push("acme", "main", {path: text}, "Set up")

    def guard(self, **wanted: Any) -> None:
        """Another ruleset in place of what there is."""
        self.repo.rulesets.clear()
        self.repo.ruleset(**{"bypass_apps": [self.app], "update": True, **wanted})


@contextmanager
def receiver(answer: list[int]) -> Iterator[str]:
    """Where deliveries go."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(answer[0])
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/webhook"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def sound(tmp_path: Path) -> Iterator[SetUp]:
    """Nothing is wrong with it."""
    (tmp_path / "github").mkdir()
    answer = [202]
    with FakeGitHub(tmp_path / "github") as hub, receiver(answer) as address:
        app = hub.app(permissions=PERMISSIONS, events=EVENTS, hook_url=address)
        hub.organization("acme")
        files = {
            ".pointsman.yml": CONTRACT.replace("APP", str(app.id)),
            ".github/workflows/ci.yml": WORKFLOW,
        }
        repo = hub.repository("acme/depot", files=files)
        made = SetUp(
            folder=tmp_path,
            hub=hub,
            app=app,
            answer=answer,
            repo=repo,
            installation=hub.install(app, repo),
        )
        made.guard()
        yield made


def administrator(setup: SetUp) -> str:
    setup.repo.permission("boss", "admin")
    return setup.hub.user_token("boss")


def test_r24_rule_11_a_sound_set_up_is_green_and_an_administrators_token_proves_the_bypass_list(
    sound: SetUp,
) -> None:
    found = sound.findings(admin_token=administrator(sound))
    assert [(each.name, each.text) for each in found if each.state is not State.OK] == [
        ("folder", f"{sound.folder}/state is not there: `pointsman serve` has not run with it yet")
    ]
    named = {each.name: each.text for each in found}
    assert "nobody but this app" in named["bypass list"]
    assert {"key", "clock", "deliveries", "rate limit", "direct push", "bypass", "job unit"} <= named.keys()


def test_without_such_a_token_the_bypass_list_is_to_be_looked_at_by_hand(sound: SetUp) -> None:
    assert sound.faults() == {}
    found = sound.noted()["bypass list"]
    assert "only to those who may change it" in found.text
    assert found.url.endswith(f"/rules/{next(iter(sound.repo.rulesets))}")


def test_a_repository_costs_at_most_twelve_requests(sound: SetUp) -> None:
    for number in range(20):
        sound.write(f".github/workflows/more{number:02}.yml", WORKFLOW.replace("unit", f"job{number}"))
    for name in "abcdefgh":
        sound.repo.ruleset(name, bypass_apps=[sound.app], update=True)
    before = len(sound.hub.requests)
    noted = sound.noted(admin_token=administrator(sound))
    asked = [each.path for each in sound.hub.requests[before:] if each.path.startswith("/repos/acme/depot")]
    assert len(asked) <= 12
    assert "more were not read" in noted["workflows"].text


def test_it_only_reads(sound: SetUp) -> None:
    before = len(sound.hub.requests)
    sound.findings(admin_token=administrator(sound))
    written = {each.route for each in sound.hub.requests[before:] if each.method != "GET"}
    assert written == {"/app/installations/{installation_id}/access_tokens"}
    allowed = [one for token, one in sound.hub.tokens.items() if token.startswith("ghs_")]
    assert {level for one in allowed for level in one.permissions.values()} == {"read"}


def test_an_administrators_token_that_is_none_hides_nothing_else(sound: SetUp) -> None:
    found = {each.name: each for each in sound.findings(admin_token="ghp_revoked")}
    assert found["bypass"].state is State.OK
    assert "the token does not help" in found["bypass list"].text
    assert sound.faults(admin_token="no token").keys() == {"credentials"}


# the app itself


def test_a_key_that_github_does_not_take_is_named_and_ends_it(sound: SetUp) -> None:
    sound.hub.apps.clear()
    faults = sound.faults()
    assert list(faults) == ["key"]
    assert "401" in faults["key"].text
    assert "private key" in faults["key"].mend


def test_a_key_that_is_none_is_named(sound: SetUp) -> None:
    broken = "-----BEGIN PRIVATE KEY-----\nno\n-----END PRIVATE KEY-----"
    found = sound.findings({"private_key": broken})
    assert [each.name for each in found if each.state is State.BROKEN] == ["key"]


def test_github_that_does_not_answer_is_a_finding(sound: SetUp) -> None:
    found = sound.findings({"api_url": "http://127.0.0.1:9/api/v3"})
    (fault,) = [each for each in found if each.state is State.BROKEN]
    assert (fault.name, "does not answer" in fault.text) == ("api", True)


def test_a_clock_that_is_off_by_minutes_is_broken_and_all_else_is_still_looked_at(sound: SetUp) -> None:
    sound.hub.advance(300)
    faults = sound.faults()
    assert list(faults) == ["clock"]
    assert "300 s behind" in faults["clock"].text or "299 s behind" in faults["clock"].text


def test_a_name_that_is_not_the_apps_any_more(sound: SetUp) -> None:
    found = sound.findings({"slug": "switchman"})
    (fault,) = [each for each in found if each.state is State.BROKEN]
    assert '"slug": "pointsman"' in fault.mend


@pytest.mark.parametrize(
    ("name", "stops", "state"),
    [
        ("contents", "nothing lands", State.BROKEN),
        ("administration", "classic branch protection", State.MISSING),
        ("members", "team", State.MISSING),
        ("workflows", ".github/workflows", State.MISSING),
    ],
)
def test_each_missing_permission_is_named_with_what_stops_working(
    sound: SetUp, name: str, stops: str, state: State
) -> None:
    del sound.app.permissions[name]
    found = {each.name: each for each in sound.findings()}[f"permission {name}"]
    assert (found.area, found.state) == ("app", state)
    assert stops in found.text
    assert found.url == f"{sound.hub.url}/settings/apps/pointsman/permissions"


def test_a_permission_that_an_installation_has_not_accepted_yet(sound: SetUp) -> None:
    sound.installation.permissions["checks"] = "read"
    found = sound.faults()["permission checks"]
    assert (found.area, found.subject) == ("installation", "acme")
    assert found.url.endswith("/permissions/update")


def test_an_event_that_is_not_subscribed_to(sound: SetUp) -> None:
    sound.app.events.remove("issue_comment")
    assert "command" in sound.faults()["event issue_comment"].text


def test_more_rights_than_are_needed_are_told(sound: SetUp) -> None:
    sound.app.permissions["secrets"] = "read"
    assert "secrets: read" in sound.noted()["privileges"].text


def test_installed_nowhere_suspended_or_not_there(sound: SetUp) -> None:
    assert "not installed on acme/other" in sound.faults(repository="acme/other")["installations"].text
    sound.installation.suspended = True
    assert list(sound.faults()) == ["suspended"]
    sound.hub.installations.clear()
    assert sound.faults()["installations"].url.endswith("/apps/pointsman/installations/new")


# the webhook


def test_a_webhook_without_an_address(sound: SetUp) -> None:
    sound.app.hook_url = None
    assert "tells the app nothing" in sound.faults()["url"].text


@pytest.mark.parametrize(
    ("status", "mend"),
    [(401, "the same secret"), (404, "/webhook"), (500, "log of deliveries"), (503, "log")],
)
def test_deliveries_that_are_refused(sound: SetUp, status: int, mend: str) -> None:
    sound.answer[0] = status
    sound.repo.permission("ada", "write")
    sound.repo.push("ada", "feature", {"a.txt": "a\n"})
    found = sound.faults()["deliveries"]
    assert f": {status} " in found.text
    assert mend in found.mend
    assert found.url.endswith("/settings/apps/pointsman/advanced")


def test_a_webhook_that_nobody_listens_to(sound: SetUp) -> None:
    sound.app.hook_url = "http://127.0.0.1:9/webhook"
    sound.repo.push("acme", "feature", {"a.txt": "a\n"})
    assert "start `pointsman serve`" in sound.faults()["deliveries"].mend


def test_deliveries_that_failed_once_are_told_and_long_silence_too(sound: SetUp) -> None:
    sound.answer[0] = 500
    sound.repo.push("acme", "feature", {"a.txt": "a\n"})
    sound.hub.settle()
    sound.answer[0] = 202
    sound.repo.push("acme", "other", {"a.txt": "a\n"})
    assert "failed" in sound.noted()["deliveries"].text


# branch rules


def test_r24_r17_a_base_that_anybody_may_push_to_is_red(sound: SetUp) -> None:
    sound.repo.rulesets.clear()
    found = sound.faults()["direct push"]
    assert "around the queue" in found.text
    assert "Restrict updates" in found.mend
    assert found.url == f"{sound.hub.url}/acme/depot/settings/rules"


def test_r24_a_merge_button_that_goes_around_the_queue_is_red(sound: SetUp) -> None:
    sound.guard(update=False, pull_request=True)
    assert list(sound.faults()) == ["merge button"]
    sound.guard(update=False, pull_request=True, required_checks=[("pointsman / queue", sound.app.id)])
    assert sound.faults() == {}


def test_rule_11_the_app_has_to_be_in_the_bypass_list(sound: SetUp) -> None:
    sound.guard(bypass_apps=[])
    assert "mode Always" in sound.faults()["bypass"].mend


def test_rule_11_for_pull_requests_only_is_not_enough(sound: SetUp) -> None:
    sound.guard(bypass_mode="pull_request")
    assert "bypass" in sound.faults()


def test_r24_others_in_the_bypass_list_are_named(sound: SetUp) -> None:
    (ruleset,) = sound.repo.rulesets.values()
    ruleset.bypass.append({"actor_id": 5, "actor_type": "RepositoryRole", "bypass_mode": "always"})
    assert "role admin" in sound.noted(admin_token=administrator(sound))["bypass list"].text
    ruleset.bypass.append({"actor_id": 4, "actor_type": "RepositoryRole", "bypass_mode": "always"})
    assert "role write" in sound.faults(admin_token=administrator(sound))["bypass list"].text


def test_force_pushes_and_deletion_that_nothing_refuses(sound: SetUp) -> None:
    sound.guard(non_fast_forward=False, deletion=False)
    assert {"force push", "deletion"} <= sound.noted().keys()
    sound.guard(update=False, non_fast_forward=False)
    assert {"force push", "direct push"} <= sound.faults().keys()


def test_r24_a_check_that_anybody_can_report_is_red(sound: SetUp) -> None:
    sound.guard(required_checks=["unit", ("lint", ACTIONS)])
    sound.write(".github/workflows/lint.yml", WORKFLOW.replace("unit", "lint"))
    faults = sound.faults()
    assert list(faults) == ["check unit"]
    assert "15368" in faults["check unit"].mend


def test_our_own_check_required_of_another_app(sound: SetUp) -> None:
    sound.guard(required_checks=[("pointsman / queue", ACTIONS)])
    assert f"this app ({sound.app.id})" in sound.faults()["check pointsman / queue"].mend


def test_rule_16_githubs_own_merge_queue_is_told(sound: SetUp) -> None:
    sound.guard(update=False, merge_queue=True)
    assert "merge_group" in sound.noted()["merge queue"].text
    assert sound.faults() == {}
    sound.guard(update=False, merge_queue=True, required_checks=[("unit", ACTIONS)])
    assert "`on: merge_group`" in sound.faults()["merge group unit"].mend


def test_rule_5_rules_for_every_branch_that_keep_candidates_away(sound: SetUp) -> None:
    sound.repo.ruleset("all", branches=["~ALL"], pull_request=True)
    assert "pull_request on pointsman/**" in sound.faults()["candidates"].text


def test_classic_protection_that_the_queue_runs_into(sound: SetUp) -> None:
    sound.repo.rulesets.clear()
    sound.repo.protect("main", [("unit", ACTIONS)])
    sound.repo.protections["main"]["required_pull_request_reviews"] = {
        "url": f"{sound.repo.api_url}/branches/main/protection/required_pull_request_reviews",
        "dismiss_stale_reviews": False,
        "require_code_owner_reviews": False,
        "required_approving_review_count": 1,
    }
    found = sound.faults()["protection"]
    assert "requires a pull request" in found.text
    assert found.url.endswith("/settings/branches")


def test_a_403_on_one_question_is_a_finding_and_not_the_end(sound: SetUp) -> None:
    sound.installation.permissions.pop("administration")
    found = {each.name: each for each in sound.findings()}
    assert found["protection"].state is State.MISSING
    assert "administration" in found["protection"].text.lower() or "403" in found["protection"].text
    assert found["job unit"].state is State.OK


def test_an_answer_that_never_comes_is_a_finding(sound: SetUp) -> None:
    sound.hub.fail_next("GET", "/rules/branches/main", 500, times=4)
    assert "can't be read" in sound.faults()["rulesets"].text


# the contract and its gate


def test_no_contract(sound: SetUp) -> None:
    sound.write(".pointsman.yml", None)
    found = sound.faults()["contract"]
    assert "no .pointsman.yml on main" in found.text
    assert "contract init" in found.mend


def test_a_contract_that_cannot_be_used(sound: SetUp) -> None:
    sound.write(".pointsman.yml", "version: 1\n")
    assert ".pointsman.yml:" in sound.faults()["contract"].text


def test_the_contract_of_the_base_counts_where_that_is_another_branch(sound: SetUp) -> None:
    sound.write(
        ".pointsman.yml", CONTRACT.replace("base: main", "base: stable").replace("APP", str(sound.app.id))
    )
    sound.guard(branches=["stable"])
    assert "no .pointsman.yml on stable" in sound.faults()["contract"].text


@pytest.mark.parametrize("who", ["{app: pointsman, id: 7, self: true}", "{app: other, self: true}"])
def test_self_at_somebody_else(sound: SetUp, who: str) -> None:
    sound.write(".pointsman.yml", CONTRACT.replace("{app: pointsman, id: APP, self: true}", who))
    assert f"id: {sound.app.id}, self: true" in sound.faults()["identity"].mend


def test_self_by_the_id_of_the_apps_account(sound: SetUp) -> None:
    sound.write(".pointsman.yml", CONTRACT.replace("APP", str(sound.app.bot.id)))
    assert sound.faults() == {}


def test_rule_5_no_workflow_that_runs_on_candidates(sound: SetUp) -> None:
    sound.write(".github/workflows/ci.yml", WORKFLOW.replace(', "pointsman/**"', ""))
    assert "pointsman/**" in sound.faults()["workflows"].mend
    assert sound.faults(gate=Gate(workflows=False, proofs=False)) == {}


def test_rule_7_a_job_whose_name_is_not_the_checks(sound: SetUp) -> None:
    sound.write(".github/workflows/ci.yml", WORKFLOW.replace("unit:", "units:"))
    assert "is it 'units' that is meant?" in sound.faults()["job unit"].text


# the state folder


def test_the_parts_of_the_state_are_weighed_and_the_journal_is_verified(sound: SetUp) -> None:
    folder = sound.folder / "state"
    inbox = SqlInbox.open(folder / "inbox.db")
    delivery = Delivery(id="a", event="push", repository=None, payload=b"{}", received_at=sound.hub.now())
    inbox.add(delivery)
    inbox.close()
    path = folder / "repositories/7/state.db"
    store = SqlStore.open(path)
    store.save(entries=[Entry(lane="main", kind="submitted", body={"change": 1})], at=1.0)
    store.close()
    found = {each.name: each for each in sound.findings()}
    assert (found["inbox"].state, found["inbox"].count) == (State.OK, 1)
    assert (found["journal 7"].state, found["journal 7"].count) == (State.OK, 1)
    assert found["disk"].size
    cut_off(path)
    assert "cut off" in sound.faults()["journal 7"].text


def cut_off(path: Path) -> None:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f"DROP TRIGGER {name}")
        database.execute("DELETE FROM journal")


def test_what_is_left_of_a_repository_that_is_gone_is_told(sound: SetUp) -> None:
    for number in (7, sound.repo.id):
        (sound.folder / f"state/repositories/{number}").mkdir(parents=True)
    assert {"folder 7"} == {name for name in sound.noted() if name.startswith("folder ")}
    assert "folder 7" not in sound.noted(repository="acme/depot")
    sound.hub.fail_next("GET", "/installation/repositories", 500, times=4)
    assert "folder 7" not in sound.noted()


def test_an_inbox_that_nobody_works_is_red(sound: SetUp) -> None:
    inbox = SqlInbox.open(sound.folder / "state/inbox.db")
    inbox.add(Delivery(id="a", event="push", repository=None, payload=b"{}", received_at=1.0))
    inbox.close()
    assert "start `pointsman serve`" in sound.faults()["inbox"].mend


# the command


def doctor(setup: SetUp, *more: str) -> subprocess.CompletedProcess[str]:
    setup.hub.settle()
    file = setup.folder / "app.json"
    save(file, setup.credentials())
    command = [sys.executable, "-m", "pointsman", "doctor", "-C", str(setup.folder)]
    command += ["--credentials", str(file), "--state", str(setup.folder / "state"), *more]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_command_says_it_in_words_and_shows_no_secret(sound: SetUp) -> None:
    done = doctor(sound, "--repository", "acme/depot")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "App on GitHub\n" in done.stdout
    assert "Repository acme/depot\n" in done.stdout
    assert sound.app.webhook_secret not in done.stdout + done.stderr
    assert "PRIVATE KEY" not in done.stdout + done.stderr


def test_the_command_exits_1_with_one_json_object_where_something_is_broken(sound: SetUp) -> None:
    sound.repo.rulesets.clear()
    done = doctor(sound, "--json")
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["sound"]) == (1, False)
    (fault,) = [each for each in answer["findings"] if each["name"] == "direct push"]
    assert (fault["state"], fault["subject"]) == ("broken", "acme/depot")
    assert fault["mend"]
    assert fault["url"]


def test_credentials_that_others_can_read_are_a_finding(sound: SetUp) -> None:
    file = sound.folder / "app.json"
    save(file, sound.credentials())
    file.chmod(0o644)
    command = [sys.executable, "-m", "pointsman", "doctor", "--credentials", str(file), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=sound.folder)
    found = {each["name"]: each for each in json.loads(done.stdout)["findings"]}
    assert done.returncode == 1
    assert "chmod 600" in found["credentials"]["text"]
