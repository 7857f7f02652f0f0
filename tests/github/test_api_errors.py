"""What becomes of every answer that GitHub can give: repeated, put off, doubted, or refused in words."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from email.utils import formatdate
from typing import Any

import pytest
import requests
import responses
from urllib3.exceptions import MaxRetryError, NewConnectionError

from pointsman.adapters.github import transport as transport_module
from pointsman.adapters.github.auth import TokenAuth
from pointsman.adapters.github.client import Client, Unsure
from pointsman.adapters.github.transport import Transport
from pointsman.core.errors import ForgeRefused, ForgeUnavailable
from tests.github.clock import ManualClock

API = "https://github.example/api/v3"
TOKEN = "ghs_verysecretindeed"
THING = f"{API}/thing"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def client(clock: ManualClock) -> Client:
    return Client(Transport(API, clock=clock), TokenAuth(TOKEN), clock=clock)


@pytest.fixture
def github() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


def never_connected() -> requests.ConnectionError:
    """As requests wraps a refused connection."""
    reason = NewConnectionError(None, "refused")  # type: ignore[arg-type]
    return requests.ConnectionError(MaxRetryError(None, "/", reason))  # type: ignore[arg-type]


LIMITS: dict[str, dict[str, Any]] = {
    "403 with Retry-After": {"status": 403, "headers": {"Retry-After": "5"}},
    "429 with Retry-After": {"status": 429, "headers": {"Retry-After": "5"}},
    "429 with Retry-After as a date": {
        "status": 429,
        "headers": {"Retry-After": formatdate(1_760_000_005), "Date": formatdate(1_760_000_000)},
    },
    "403 with the quota used up": {
        "status": 403,
        "headers": {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1760000004"},
    },
    "403, reset told by a clock that is an hour ahead": {
        "status": 403,
        "headers": {
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": "1760003604",
            "Date": formatdate(1_760_003_600),
        },
    },
}


@pytest.mark.parametrize("limit", LIMITS.values(), ids=LIMITS)
@pytest.mark.parametrize("verb", ["GET", "POST"])
def test_rule_9_waits_as_long_as_a_limit_says_and_goes_on(
    github: responses.RequestsMock, client: Client, clock: ManualClock, limit: dict[str, Any], verb: str
) -> None:
    github.add(verb, THING, json={"message": "slow down"}, **limit)
    github.add(verb, THING, json={"id": 1})
    answer = client.get("/thing") if verb == "GET" else client.write("POST", "/thing", {})
    assert answer == {"id": 1}
    assert sum(clock.slept) == 5
    assert client.spent == 2


LONG_LIMITS: dict[str, tuple[dict[str, Any], float]] = {
    "a secondary limit without a time": (
        {
            "status": 403,
            "json": {"message": "You have exceeded a secondary rate limit. Please wait a few minutes"},
        },
        60,
    ),
    "the old words for it": (
        {"status": 403, "json": {"message": "You have triggered an abuse detection mechanism"}},
        60,
    ),
    "429 without a time": ({"status": 429, "json": {}}, 60),
    "half an hour": (
        {"status": 429, "headers": {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1760001799"}},
        1800,
    ),
    "a year is taken for an hour": ({"status": 429, "headers": {"Retry-After": "31536000"}}, 3700),
}


@pytest.mark.parametrize(("answer", "wait"), LONG_LIMITS.values(), ids=LONG_LIMITS)
def test_rule_9_what_takes_long_is_put_off_and_nothing_is_asked_meanwhile(
    github: responses.RequestsMock, client: Client, clock: ManualClock, answer: dict[str, Any], wait: float
) -> None:
    github.add("GET", THING, **answer)
    began = clock.now()
    for _ in range(2):
        with pytest.raises(ForgeUnavailable) as problem:
            client.get("/thing")
        assert problem.value.again_at == pytest.approx(began + wait)
    assert client.spent == 1
    assert clock.slept == []
    clock.at = began + wait
    github.replace("GET", THING, json={"id": 1})
    assert client.get("/thing") == {"id": 1}


def test_rule_9_the_last_request_of_the_quota_is_the_last(
    github: responses.RequestsMock, client: Client, clock: ManualClock
) -> None:
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(clock.now()) + 100)}
    github.add("GET", THING, json={"id": 1}, headers=headers)
    assert client.get("/thing") == {"id": 1}
    with pytest.raises(ForgeUnavailable):
        client.get("/thing")
    assert client.spent == 1


BAD_READS: dict[str, dict[str, Any]] = {
    "500": {"status": 500},
    "502 with a page of HTML": {"status": 502, "body": "<html>"},
    "503 with Retry-After": {"status": 503, "headers": {"Retry-After": "2"}},
    "202: being made": {"status": 202},
    "a connection that breaks": {"body": requests.ConnectionError("reset")},
    "no answer in time": {"body": requests.ReadTimeout("slow")},
    "half an answer": {"body": requests.exceptions.ChunkedEncodingError("short")},
    "no connection": {"body": never_connected()},
}


@pytest.mark.parametrize("bad", BAD_READS.values(), ids=BAD_READS)
def test_a_read_is_repeated_a_few_times_with_pauses(
    github: responses.RequestsMock, client: Client, clock: ManualClock, bad: dict[str, Any]
) -> None:
    github.add("GET", THING, **bad)
    github.add("GET", THING, **bad)
    github.add("GET", THING, json={"id": 1})
    assert client.get("/thing") == {"id": 1}
    assert client.spent == 3
    assert len(clock.slept) == 2
    assert all(wait > 0.3 for wait in clock.slept)


@pytest.mark.parametrize("bad", BAD_READS.values(), ids=BAD_READS)
def test_a_read_that_keeps_failing_is_put_off(
    github: responses.RequestsMock, client: Client, clock: ManualClock, bad: dict[str, Any]
) -> None:
    github.add("GET", THING, **bad)
    with pytest.raises(ForgeUnavailable, match="GET /thing"):
        client.get("/thing")
    assert client.spent == 4
    assert sum(clock.slept) <= 20


LOST_WRITES = {
    name: bad for name, bad in BAD_READS.items() if name not in ("202: being made", "no connection")
}


@pytest.mark.parametrize("bad", LOST_WRITES.values(), ids=LOST_WRITES)
def test_rule_2_a_write_without_an_answer_is_doubted_never_repeated(
    github: responses.RequestsMock, client: Client, bad: dict[str, Any]
) -> None:
    github.add("POST", THING, **bad)
    with pytest.raises(Unsure):
        client.write("POST", "/thing", {"body": "x"})
    assert client.spent == 1


@pytest.mark.parametrize(
    "error", [never_connected(), requests.ConnectTimeout("slow")], ids=["refused", "no way"]
)
def test_a_write_that_never_left_is_repeated(
    github: responses.RequestsMock, client: Client, error: Exception
) -> None:
    github.add("POST", THING, body=error)
    github.add("POST", THING, json={"id": 1})
    assert client.write("POST", "/thing", {}) == {"id": 1}


@pytest.mark.parametrize("status", [403, 404])
def test_rule_10_a_missing_permission_is_named(
    github: responses.RequestsMock, client: Client, status: int
) -> None:
    github.add(
        "POST",
        THING,
        status=status,
        json={"message": "Resource not accessible by integration"},
        headers={"X-Accepted-GitHub-Permissions": "checks=write"},
    )
    with pytest.raises(ForgeRefused, match="checks=write") as problem:
        client.write("POST", "/thing", {})
    assert problem.value.status == status
    assert client.spent == 1


def test_a_refusal_carries_githubs_own_words_on_one_line(
    github: responses.RequestsMock, client: Client
) -> None:
    errors = [{"message": "head is\nnot there"}, {"field": "base", "code": "invalid"}]
    github.add("POST", THING, status=422, json={"message": "Validation Failed", "errors": errors})
    with pytest.raises(ForgeRefused, match=r"422 Validation Failed; head is\\nnot there; base: invalid"):
        client.write("POST", "/thing", {})


def test_a_token_that_is_not_taken_is_refused_with_what_may_be_wrong(
    github: responses.RequestsMock, client: Client
) -> None:
    github.add(
        "GET",
        THING,
        status=401,
        json={"message": "Bad credentials"},
        headers={"Date": formatdate(1_760_000_090)},
    )
    with pytest.raises(ForgeRefused, match=r"revoked.*our clock is -90 s off") as problem:
        client.get("/thing")
    assert problem.value.status == 401


@pytest.mark.parametrize("status", [301, 307, 308])
def test_a_redirect_is_followed_with_its_query_and_method(
    github: responses.RequestsMock, client: Client, status: int
) -> None:
    for verb in ("GET", "PATCH"):
        github.add(verb, THING, status=status, headers={"Location": f"{API}/repositories/7/thing"})
        github.add(verb, f"{API}/repositories/7/thing", json={"verb": verb})
    assert client.get("/thing", state="open") == {"verb": "GET"}
    assert client.write("PATCH", "/thing", {"a": 1}) == {"verb": "PATCH"}
    assert str(github.calls[1].request.url).endswith("/repositories/7/thing?state=open")
    assert github.calls[3].request.body == '{"a": 1}'
    assert client.moved


@pytest.mark.parametrize(
    "location",
    ["https://evil.example/thing", "http://github.example/api/v3/thing", "//evil.example/x", ""],
)
def test_a_redirect_to_another_server_is_not_followed(
    github: responses.RequestsMock, client: Client, location: str
) -> None:
    github.add("GET", THING, status=301, headers={"Location": location})
    with pytest.raises(ForgeRefused, match="will not be followed"):
        client.get("/thing")
    assert client.spent == 1


def test_a_ring_of_redirects_ends(github: responses.RequestsMock, client: Client) -> None:
    github.add("GET", THING, status=301, headers={"Location": THING})
    with pytest.raises(ForgeRefused):
        client.get("/thing")


@pytest.mark.parametrize("body", ["<html>", "{", "[" * 100_000], ids=["html", "cut", "deep"])
def test_what_is_no_json_is_put_off(github: responses.RequestsMock, client: Client, body: str) -> None:
    github.add("GET", THING, body=body)
    with pytest.raises(ForgeUnavailable, match="not JSON"):
        client.get("/thing")


@pytest.mark.parametrize("body", [{"items": 3}, "text", [1, 2], {"items": ["x"]}])
def test_a_list_that_is_none_is_put_off(github: responses.RequestsMock, client: Client, body: Any) -> None:
    github.add("GET", THING, json=body)
    with pytest.raises(ForgeUnavailable, match="no list"):
        client.listing("/thing", key="items")


def test_an_answer_without_end_is_cut_off(
    github: responses.RequestsMock, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport_module, "LARGEST_ANSWER", 100_000)
    github.add("GET", THING, body="[" + "1," * 100_000 + "1]")
    with pytest.raises(ForgeUnavailable, match="more than 100000 bytes"):
        client.get("/thing")


OUTCOMES: dict[str, Callable[[responses.RequestsMock], object]] = {
    "refused": lambda mock: mock.add("POST", THING, status=403, json={"message": "no"}),
    "bad credentials": lambda mock: mock.add("POST", THING, status=401, json={"message": "no"}),
    "lost": lambda mock: mock.add("POST", THING, body=requests.ReadTimeout("slow")),
    "taken": lambda mock: mock.add("POST", THING, json={"token": "ghs_another", "id": 1}),
}


@pytest.mark.parametrize("prepare", OUTCOMES.values(), ids=OUTCOMES)
def test_no_token_gets_into_logs_or_texts(
    github: responses.RequestsMock,
    client: Client,
    caplog: pytest.LogCaptureFixture,
    prepare: Callable[[responses.RequestsMock], object],
) -> None:
    prepare(github)
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="github")
    said = ""
    try:
        client.write("POST", "/thing", {"secret": TOKEN})
    except (ForgeRefused, Unsure) as problem:
        said = f"{problem!r} {problem.__cause__!r} {problem.__context__!r}"
    assert github.calls[0].request.headers["Authorization"] == f"token {TOKEN}"
    assert TOKEN not in said + caplog.text
    assert "ghs_another" not in caplog.text
    assert TOKEN not in repr(vars(client))
