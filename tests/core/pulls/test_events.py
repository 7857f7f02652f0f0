"""What webhooks say, read from GitHub's own examples and from garbage (rule 6; issue 3 points 2 and 7)."""

from __future__ import annotations

import copy
import dataclasses
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.core.pulls.commands import parse_commands
from pointsman.core.pulls.events import (
    HANDLED,
    ChecksChanged,
    CommentMade,
    DeploymentChanged,
    Event,
    Ignored,
    InstallationChanged,
    Malformed,
    MergeGroupAsked,
    Pinged,
    PullChanged,
    Pushed,
    RepositoryRenamed,
    ReviewChanged,
    Unreadable,
    parse_event,
    read_account,
    read_check_run,
    read_comment,
    read_pull,
    read_review,
    read_status,
)
from pointsman.core.pulls.events.fields import MAX_ID, MAX_NAME, MAX_TEXT
from pointsman.core.pulls.model import PullState, RepositoryName

PAYLOADS = Path(__file__).parents[2] / "data" / "github" / "webhook-payloads.json"
EXAMPLES: list[tuple[str, dict[str, Any]]] = [
    (entry["event"], payload)
    for entry in json.loads(PAYLOADS.read_text("utf-8"))
    for payload in entry["payloads"]
]
TYPES: dict[str, type[Event]] = {
    "pull_request": PullChanged,
    "pull_request_review": ReviewChanged,
    "issue_comment": CommentMade,
    "check_run": ChecksChanged,
    "check_suite": ChecksChanged,
    "status": ChecksChanged,
    "workflow_run": ChecksChanged,
    "push": Pushed,
    "merge_group": MergeGroupAsked,
    "deployment_status": DeploymentChanged,
    "installation": InstallationChanged,
    "installation_repositories": InstallationChanged,
    "ping": Pinged,
}


def example(event: str, **facts: Any) -> dict[str, Any]:
    """GitHub's first example of the event with these top-level values, to be changed at will."""
    fits = (p for name, p in EXAMPLES if name == event and all(p.get(k) == v for k, v in facts.items()))
    return copy.deepcopy(next(fits))


def read(event: str, payload: object) -> Any:
    parsed = parse_event(event, payload)
    assert not isinstance(parsed, Ignored | Malformed), parsed
    return parsed


def test_all_of_githubs_examples_parse() -> None:
    assert len(EXAMPLES) == 115
    assert {"repository", *TYPES} == set(HANDLED)
    found = Counter((event, type(parse_event(event, payload))) for event, payload in EXAMPLES)
    for event, kind in found:
        assert kind is TYPES.get(event, Ignored)


@pytest.mark.parametrize("event", sorted({event for event, _ in EXAMPLES if event in TYPES}))
def test_every_event_says_where_it_comes_from(event: str) -> None:
    for payload in (payload for name, payload in EXAMPLES if name == event):
        parsed = read(event, payload)
        repository, installation = payload.get("repository"), payload.get("installation")
        if repository is None:
            assert parsed.repository is None
        else:
            assert parsed.repository == RepositoryName(id=repository["id"], full_name=repository["full_name"])
        assert parsed.installation == (installation and installation["id"])
        assert parsed.sender.id == payload["sender"]["id"]
        assert parsed.sender.login == payload["sender"]["login"]


def test_a_pull_request() -> None:
    payload = example("pull_request", action="opened")
    event = read("pull_request", payload)
    pull = event.pull
    raw = payload["pull_request"]
    assert (pull.number, pull.title, pull.body) == (raw["number"], raw["title"], raw["body"])
    assert (pull.head, pull.branch, pull.base, pull.base_sha) == (
        raw["head"]["sha"],
        raw["head"]["ref"],
        raw["base"]["ref"],
        raw["base"]["sha"],
    )
    assert pull.state is PullState.OPEN
    assert not pull.fork
    assert pull.updated_at == pytest.approx(1557933635, abs=86400)


def test_a_synchronize_says_the_head_before() -> None:
    payload = example("pull_request", action="synchronize")
    assert read("pull_request", payload).before == payload["before"]


def test_a_label_and_a_moved_base() -> None:
    assert read("pull_request", example("pull_request", action="labeled")).label
    payload = example("pull_request", action="opened") | {"action": "edited"}
    payload["changes"] = {"base": {"ref": {"from": "release"}, "sha": {"from": "0" * 40}}}
    assert read("pull_request", payload).base_before == "release"


STATES = [
    ({"state": "open"}, PullState.OPEN),
    ({"state": "closed", "merged": True}, PullState.MERGED),
    ({"state": "closed", "merged_at": "2026-01-01T00:00:00Z"}, PullState.MERGED),
    ({"state": "closed", "merged": False, "merged_at": None}, PullState.CLOSED),
]


@pytest.mark.parametrize(("facts", "state"), STATES, ids=str)
def test_merged_is_told_from_closed_in_webhooks_and_in_lists(facts: dict[str, Any], state: PullState) -> None:
    raw = example("pull_request", action="opened")["pull_request"]
    del raw["merged"]
    assert read_pull(raw | facts).state is state


def test_a_fork_and_a_fork_that_was_deleted() -> None:
    raw = example("pull_request", action="opened")["pull_request"]
    raw["head"]["repo"]["id"] += 1
    raw["head"]["repo"]["full_name"] = "ada/fork"
    pull = read_pull(raw)
    assert pull.fork
    assert pull.head_repository == RepositoryName(id=raw["head"]["repo"]["id"], full_name="ada/fork")
    raw["head"]["repo"] = None
    gone = read_pull(raw)
    assert gone.fork
    assert gone.head_repository is None


def test_a_deleted_account_is_nobody() -> None:
    raw = example("issue_comment", action="created")["comment"] | {"user": None}
    assert read_comment(raw, 1).author.id == 0
    with pytest.raises(Unreadable):
        read_account({"login": "ghost", "id": 0})


def test_a_comment_says_whether_it_stands_on_a_pull_request_and_its_commands_are_read_whole() -> None:
    payload = example("issue_comment", action="created")
    payload["issue"].pop("pull_request", None)
    assert not read("issue_comment", payload).is_pull
    payload["issue"]["pull_request"] = {"url": "https://api.github.com/repos/a/b/pulls/1"}
    payload["comment"]["body"] = "x" * 65_000 + "\n\n/queue"
    event = read("issue_comment", payload)
    assert event.is_pull
    assert event.action == "created"
    assert len(parse_commands(event.comment.body)) == 1
    payload["comment"]["body"] = "x" * MAX_TEXT + "\n\n/queue"
    assert parse_commands(read("issue_comment", payload).comment.body) == ()


@pytest.mark.parametrize("action", ["edited", "deleted"])
def test_rule_12_an_edited_comment_is_told_from_a_created_one(action: str) -> None:
    assert read("issue_comment", example("issue_comment", action=action)).action == action


def test_rule_3_a_review_and_the_head_it_was_given_on() -> None:
    payload = example("pull_request_review", action="submitted")
    payload["review"]["state"] = "APPROVED"
    event = read("pull_request_review", payload)
    assert event.review.state == "approved"
    assert event.review.commit == payload["review"]["commit_id"]
    assert event.head == payload["pull_request"]["head"]["sha"]
    assert read_review(payload["review"] | {"commit_id": None}).commit is None


def test_rule_7_a_check_names_its_app_and_its_end() -> None:
    event = read("check_run", example("check_run", action="completed"))
    assert event.completed
    assert event.conclusion
    assert event.app == 29310
    began = read("check_run", example("check_run", action="created"))
    assert (began.completed, began.conclusion, began.name) == (False, None, "Octocoders-linter")
    asked = read("check_run", example("check_run", action="requested_action"))
    assert asked.asked
    suite = read("check_suite", example("check_suite", action="completed"))
    assert (suite.kind, suite.name, suite.completed) == ("check_suite", None, True)


def test_a_check_that_has_not_ended_has_no_conclusion() -> None:
    raw = example("check_run", action="completed")["check_run"]
    check = read_check_run(raw | {"status": "in_progress", "conclusion": "success"})
    assert check.conclusion is None
    output = {"title": "Title", "summary": None, "text": "3 passed in 0.1s"}
    assert read_check_run(raw | {"output": output}).text == "Title\n3 passed in 0.1s"
    assert read_check_run(raw | {"app": None}).app is None


@pytest.mark.parametrize(
    ("state", "status", "conclusion"),
    [
        ("pending", "in_progress", None),
        ("success", "completed", "success"),
        ("failure", "completed", "failure"),
        ("error", "completed", "error"),
        ("newer", "completed", "error"),
    ],
)
def test_a_commit_status(state: str, status: str, conclusion: str | None) -> None:
    check = read_status(example("status") | {"state": state})
    assert (check.kind, check.app, check.name) == ("status", None, "default")
    assert (check.status, check.conclusion) == (status, conclusion)


def test_pushes_of_branches_and_tags() -> None:
    payload = example("push") | {"ref": "refs/heads/agent/a", "deleted": False, "forced": True}
    event = read("push", payload | {"before": "0" * 40, "after": "a" * 40})
    assert (event.branch, event.before, event.after, event.forced) == ("agent/a", None, "a" * 40, True)
    gone = read("push", payload | {"before": "a" * 40, "after": "0" * 40})
    assert (gone.after, gone.deleted) == (None, True)
    assert read("push", payload | {"ref": "refs/tags/v1"}).branch is None


def test_rule_16_a_merge_group() -> None:
    event = read("merge_group", example("merge_group"))
    assert event.action == "checks_requested"
    assert event.base_ref == "refs/heads/main"
    assert event.head_ref.startswith("refs/heads/gh-readonly-queue/")


def test_a_repository_that_was_renamed_or_moved_keeps_its_id() -> None:
    payload = example("repository") | {"action": "renamed"}
    payload["repository"]["full_name"] = "ada/new"
    payload["changes"] = {"repository": {"name": {"from": "old"}}}
    event = read("repository", payload)
    assert isinstance(event, RepositoryRenamed)
    assert (event.repository.full_name, event.before) == ("ada/new", "ada/old")
    payload["action"] = "transferred"
    payload["changes"] = {"owner": {"from": {"user": {"login": "bob", "id": 3, "type": "User"}}}}
    moved = read("repository", payload)
    assert (moved.repository.id, moved.before) == (event.repository.id, "bob/new")


def test_installations_say_what_they_gain_and_lose() -> None:
    created = read("installation", example("installation", action="created"))
    assert created.added and not created.removed
    deleted = read("installation", example("installation", action="deleted"))
    assert deleted.removed and not deleted.added
    assert read("installation_repositories", example("installation_repositories", action="added")).added
    assert read("installation_repositories", example("installation_repositories", action="removed")).removed


def test_what_is_not_followed_is_ignored_by_name() -> None:
    parsed = parse_event("gollum\n", {})
    assert isinstance(parsed, Ignored)
    assert "gollum\\n" in parsed.reason
    assert isinstance(parse_event("repository", example("repository", action="publicized")), Ignored)


WRONG = [
    ("no object", "push", []),
    ("nothing", "push", {}),
    ("a short SHA", "push", {"after": "abc"}),
    ("a SHA in capitals", "push", {"after": "A" * 40}),
    ("a number for a ref", "push", {"ref": 5}),
    ("a ref of two lines", "push", {"ref": "refs/heads/a\nb"}),
    ("an endless ref", "push", {"ref": "refs/heads/" + "a" * MAX_NAME}),
    ("a name that climbs", "push", {"repository": {"id": 1, "full_name": "../../x"}}),
    ("a huge id", "push", {"repository": {"id": MAX_ID + 1, "full_name": "a/b"}}),
    ("a negative id", "push", {"repository": {"id": -1, "full_name": "a/b"}}),
    ("true for an id", "push", {"repository": {"id": True, "full_name": "a/b"}}),
    ("a login with a slash", "push", {"sender": {"login": "a/b", "id": 1}}),
    ("a list of nothing", "pull_request", {"pull_request": {"labels": [None]}}),
]


@pytest.mark.parametrize(("event", "facts"), [pytest.param(*rest, id=name) for name, *rest in WRONG])
def test_what_is_not_as_documented_is_malformed(event: str, facts: Any) -> None:
    payload: object = facts
    if isinstance(facts, dict) and facts:
        payload = example(event)
        for key, value in facts.items():
            payload[key] = {**payload[key], **value} if isinstance(value, dict) else value
    parsed = parse_event(event, payload)
    assert isinstance(parsed, Malformed)
    assert len(parsed.why) < 300
    assert parsed.why.isprintable()


@pytest.mark.parametrize(
    "time", ["2026-01-31", "yesterday", "2026-13-01T00:00:00Z", "9" * 50, -1, float("nan"), []]
)
def test_a_time_is_iso_8601_with_its_zone(time: object) -> None:
    raw = example("issue_comment", action="created")["comment"]
    with pytest.raises(Unreadable, match="created_at"):
        read_comment(raw | {"created_at": time}, 1)


@pytest.mark.parametrize(
    "time", ["2026-01-31T12:00:00Z", "2026-01-31T13:00:00+01:00", "2026-01-31T12:00:00.000Z", 1769860800]
)
def test_times_are_seconds_since_1970(time: object) -> None:
    raw = example("issue_comment", action="created")["comment"]
    assert read_comment(raw | {"created_at": time}, 1).created_at == 1769860800


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just("x" * 100_000),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
) | st.sampled_from([10**400, -(10**30), [[[[[[]]]]]] * 3, {"id": "1"}])
SMALL = {
    event: min((p for e, p in EXAMPLES if e == event), key=lambda p: len(json.dumps(p))) for event in HANDLED
}


def places(raw: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in the JSON, outermost first, but not what lies under `_links` and the like."""
    entries = raw.items() if isinstance(raw, dict) else enumerate(raw) if isinstance(raw, list) else ()
    for key, value in entries:
        yield (*path, key)
        if key not in ("_links", "permissions"):
            yield from places(value, (*path, key))


PLACES = {event: list(places(payload)) for event, payload in SMALL.items()}


def put(raw: Any, path: tuple[Any, ...], value: Any) -> Any:
    """The same JSON with another value in that place; `...` takes the key away."""
    if not path:
        return value
    changed = dict(raw) if isinstance(raw, dict) else list(raw)
    if value is ... and len(path) == 1:
        del changed[path[0]]
    else:
        changed[path[0]] = put(raw[path[0]], path[1:], value)
    return changed


@settings(max_examples=200, deadline=None)
@given(data=st.data(), event=st.sampled_from(HANDLED))
def test_no_payload_whatever_raises(data: st.DataObject, event: str) -> None:
    path = data.draw(st.sampled_from(PLACES[event]))
    value = data.draw(st.just(...) | JUNK)
    parsed = parse_event(event, put(SMALL[event], path, value))
    if isinstance(parsed, Malformed):
        assert len(parsed.why) < 300
        assert parsed.why.isprintable()
    assert all(len(text) <= MAX_TEXT for text in texts(parsed))


@given(event=st.sampled_from([*HANDLED, "fork"]) | st.text(max_size=30), payload=JUNK)
def test_garbage_is_ignored_or_malformed(event: str, payload: object) -> None:
    assert isinstance(parse_event(event, payload), Ignored | Malformed | Pinged)


def texts(value: object) -> Iterator[str]:
    """Every text in a value of ours, however deep; no dict is among them."""
    assert not isinstance(value, dict)
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for each in value:
            yield from texts(each)
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from texts(getattr(value, field.name))
