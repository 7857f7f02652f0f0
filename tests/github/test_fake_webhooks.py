"""The fake GitHub's webhooks: signed, in order, shaped as real ones, never sent again by themselves, lost on demand."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from tests.github.fake import App, FakeGitHub, FakeRepository
from tests.github.fake.receiver import Receiver

PAYLOADS = Path(__file__).parents[1] / "data" / "github" / "webhook-payloads.json"


@contextmanager
def world(folder: Path, **options: Any) -> Iterator[tuple[FakeGitHub, FakeRepository, App, Receiver]]:
    with Receiver() as receiver, FakeGitHub(folder) as hub:
        repo = hub.repository()
        app = hub.app(hook_url=receiver.url, **options)
        hub.install(app, repo)
        hub.settle()
        receiver.received.clear()
        yield hub, repo, app, receiver


def _pull(repo: FakeRepository) -> int:
    repo.push("ada", "feature", {"b.py": "y = 2\n"})
    return repo.open_pull("ada", "feature", "Add b")


def test_rule_6_every_delivery_is_signed_and_has_its_own_id(tmp_path: Path) -> None:
    with world(tmp_path) as (hub, repo, app, receiver):
        repo.comment(_pull(repo), "ada", "/queue")
        hub.settle()
        assert len({each.headers["x-github-delivery"] for each in receiver.received}) == len(
            receiver.received
        )
        for each in receiver.received:
            digest = hmac.new(app.webhook_secret.encode(), each.body, hashlib.sha256).hexdigest()
            assert each.headers["x-hub-signature-256"] == f"sha256={digest}"
        last = receiver.received[-1]
        assert last.payload["comment"]["body"] == "/queue"
        assert last.payload["installation"]["id"] == next(iter(hub.installations))


def test_events_come_in_the_order_in_which_things_happened(tmp_path: Path) -> None:
    with world(tmp_path, events=["push", "pull_request", "issue_comment"]) as (hub, repo, _, receiver):
        number = _pull(repo)
        comment = repo.comment(number, "ada", "/queue")
        repo.edit_comment(comment, "/dequeue")
        repo.push("ada", "feature", {"b.py": "y = 3\n"})
        repo.move("ada", "main", repo.pull(number).head)
        hub.settle()
        assert receiver.events() == [
            "push",
            "pull_request.opened",
            "issue_comment.created",
            "issue_comment.edited",
            "push",
            "pull_request.synchronize",
            "push",
            "pull_request.closed",
        ]
        closed = receiver.received[-1].payload["pull_request"]
        assert (closed["merged"], closed["merge_commit_sha"]) == (True, repo.tip("main"))


def test_rule_6_a_failed_delivery_is_logged_and_not_sent_again_until_asked(tmp_path: Path) -> None:
    with world(tmp_path, events=["issue_comment"]) as (hub, repo, app, receiver):
        receiver.status = 500
        repo.comment(_pull(repo), "ada", "/queue")
        hub.settle()
        assert receiver.events() == ["issue_comment.created"]
        receiver.status = 202
        now = int(hub.now())
        token = jwt.encode({"iss": str(app.id), "iat": now - 5, "exp": now + 60}, app.private_key, "RS256")
        with httpx.Client(base_url=hub.api_url, headers={"Authorization": f"Bearer {token}"}) as http:
            failed = http.get("/app/hook/deliveries").json()[0]
            assert (failed["status_code"], failed["event"]) == (500, "issue_comment")
            detail = http.get(f"/app/hook/deliveries/{failed['id']}").json()
            assert detail["request"]["payload"]["comment"]["body"] == "/queue"
            http.post(f"/app/hook/deliveries/{failed['id']}/attempts")
            hub.settle()
            again = http.get("/app/hook/deliveries").json()[0]
        assert (again["status"], again["redelivery"], again["guid"]) == ("OK", True, failed["guid"])
        assert receiver.received[0].body == receiver.received[1].body


def test_rule_6_deliveries_are_lost_doubled_and_reordered_on_demand(tmp_path: Path) -> None:
    with world(tmp_path, events=["issue_comment", "pull_request"]) as (hub, repo, _, receiver):
        number = _pull(repo)
        hub.webhooks.drop("issue_comment")
        repo.comment(number, "ada", "lost")
        hub.webhooks.double()
        repo.comment(number, "ada", "twice")
        hub.settle()
        assert [d.lost for d in hub.webhooks.log if d.event == "issue_comment"] == [True, False]
        first, second = receiver.received[-2:]
        assert first.headers["x-github-delivery"] == second.headers["x-github-delivery"]
        hub.webhooks.hold()
        repo.comment(number, "ada", "one")
        repo.comment(number, "ada", "two")
        hub.settle()
        assert len(receiver.received) == 3
        hub.webhooks.release(reversed)
        hub.settle()
        assert [each.payload["comment"]["body"] for each in receiver.received[3:]] == ["two", "one"]


def test_an_app_hears_only_of_its_own_check_suites_being_asked_for(tmp_path: Path) -> None:
    with world(tmp_path, events=["check_suite", "check_run"]) as (hub, repo, app, receiver):
        hub.install(hub.app("other"), repo)
        head = repo.push("ada", "feature", {"a": "1"})
        hub.settle()
        suites = [each.payload["check_suite"] for each in receiver.received]
        assert [(suite["app"]["id"], suite["head_sha"]) for suite in suites] == [(app.id, head)]
        run = hub.spoof_check(repo, head, "mine", app.id)
        hub.spoof_check(repo, head, "theirs", 4711)
        repo.rerequest(run, "ada")
        hub.settle()
        assert receiver.events()[1:] == [
            "check_run.created",
            "check_run.completed",
            "check_suite.completed",
            "check_run.created",
            "check_run.completed",
            "check_suite.completed",
            "check_run.rerequested",
        ]


OPTIONAL = (
    *("permissions/", "check_run/deployment", "delete_branch_on_merge", "organization/", "custom_properties"),
    "web_commit_signoff_required",
)
"""What real examples have of other settings, or only since or until some year."""


def _missing(ours: Any, real: Any, path: str = "") -> list[str]:
    """Paths that the real example has and ours has not; lists are compared by their first entry."""
    if isinstance(ours, dict) and isinstance(real, dict):
        gone = [f"{path}{key}" for key in real if key not in ours]
        return gone + [
            p for key in real if key in ours for p in _missing(ours[key], real[key], f"{path}{key}/")
        ]
    if isinstance(ours, list) and isinstance(real, list) and ours and real:
        return _missing(ours[0], real[0], path)
    return []


def _examples() -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = defaultdict(list)
    for entry in json.loads(PAYLOADS.read_text()):
        for payload in entry["payloads"]:
            found[f"{entry['event']}.{payload.get('action')}"].append(payload)
            found[entry["event"]].append(payload)
    return found


def test_payloads_have_every_field_of_githubs_own_examples(tmp_path: Path) -> None:
    with world(tmp_path) as (hub, repo, _, _):
        repo.workflow("ci", ["unit"], on_push=["pointsman/**"])
        number = _pull(repo)
        comment = repo.comment(number, "ada", "x")
        repo.edit_comment(comment, "y")
        repo.delete_comment(comment)
        repo.label(number, "ada", "queue")
        repo.edit(number, "ada", title="New", draft=True)
        repo.dismiss(number, repo.review(number, "bob", "APPROVED"), "ada")
        repo.push("ada", "pointsman/1", {"c": "1"})
        hub.finish_check(repo, "pointsman/1", "unit")
        hub.status(repo, "feature", "lint", "success")
        repo.merge_group("ada", [number])
        repo.deployment_status("ada", repo.deploy("ada", "main"), "success")
        repo.close(number, "ada")
        repo.rename("gadgets")
        hub.suspend(next(iter(hub.installations.values())))
        real = _examples()
        compared = set()
        for delivery in hub.webhooks.log:
            name = f"{delivery.event}.{delivery.action}"
            examples = real.get(name) or real.get(delivery.event) or []
            compared |= {name} if examples else set()
            lacks = min((_missing(delivery.payload, example) for example in examples), key=len, default=[])
            lacks = [path for path in lacks if not any(part in path + "/" for part in OPTIONAL)]
            assert lacks == [], name
        assert len(compared) >= 20


@pytest.mark.parametrize("event", ["pull_request", "check_run"])
def test_an_app_that_did_not_subscribe_is_not_told(tmp_path: Path, event: str) -> None:
    with world(tmp_path, events=[event]) as (hub, repo, _, receiver):
        _pull(repo)
        hub.spoof_check(repo, "feature", "x", 4711)
        hub.settle()
        assert {each.event for each in receiver.received} == {event}
