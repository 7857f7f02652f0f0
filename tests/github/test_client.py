"""Pages, conditional requests and pace: what the client does while all goes well."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
import responses
from hypothesis import given
from hypothesis import strategies as st
from requests import PreparedRequest

from pointsman.adapters.github.auth import TokenAuth
from pointsman.adapters.github.client import Client
from pointsman.adapters.github.pace import Pace, Window
from pointsman.adapters.github.remembered import Remembered
from pointsman.adapters.github.transport import Answer, Transport
from pointsman.core.errors import ForgeUnavailable, UserError
from tests.github.clock import ManualClock

API = "https://api.github.example"
LIST = f"{API}/things"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def client(clock: ManualClock) -> Client:
    return Client(Transport(API, clock=clock), TokenAuth("ghp_x"), clock=clock)


@pytest.fixture
def github() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


def three_pages(request: PreparedRequest) -> tuple[int, dict[str, str], str]:
    page = int(dict(request.params).get("page", 1))  # type: ignore[attr-defined]
    link = {"Link": f'<{LIST}?page={page + 1}&per_page=100>; rel="next", <{LIST}?page=3>; rel="last"'}
    return 200, link if page < 3 else {}, f'[{{"n": {page}}}, {{"n": {page * 10}}}]'


def test_every_page_is_read_and_asked_for_by_the_hundred(
    github: responses.RequestsMock, client: Client
) -> None:
    github.add_callback("GET", LIST, three_pages)
    listing = client.listing("/things", state="open")
    assert [item["n"] for item in listing.items] == [1, 10, 2, 20, 3, 30]
    assert listing.complete
    assert client.spent == 3
    assert "per_page=100" in str(github.calls[0].request.url)


def test_rule_15_a_bound_is_kept_and_told(github: responses.RequestsMock, client: Client) -> None:
    github.add_callback("GET", LIST, three_pages)
    listing = client.listing("/things", most=3)
    assert [item["n"] for item in listing.items] == [1, 10, 2]
    assert not listing.complete
    assert client.spent == 2


def test_reading_stops_where_nothing_newer_follows(github: responses.RequestsMock, client: Client) -> None:
    github.add_callback("GET", LIST, three_pages)
    listing = client.listing("/things", until=lambda item: item["n"] == 2)
    assert [item["n"] for item in listing.items] == [1, 10]
    assert listing.complete
    assert client.spent == 2


def test_rule_9_what_did_not_change_is_not_sent_again(github: responses.RequestsMock, client: Client) -> None:
    github.add("GET", LIST, json={"id": 1}, headers={"ETag": 'W/"one"'})
    github.add(
        "GET", LIST, status=304, match=[responses.matchers.header_matcher({"If-None-Match": 'W/"one"'})]
    )
    assert [client.get("/things"), client.get("/things")] == [{"id": 1}] * 2
    assert client.spent == 2


def test_what_is_remembered_is_bounded_in_number_and_size() -> None:
    remembered = Remembered(most=3, most_bytes=8000)
    for number in range(10):
        remembered.keep(str(number), Answer(status=200, headers={"etag": "x"}, text="y" * 10))
    assert [str(number) for number in range(10) if remembered.get(str(number))] == ["7", "8", "9"]
    remembered.keep("huge", Answer(status=200, headers={"etag": "x"}, text="y" * 4000))
    assert remembered.get("huge") is None
    remembered = Remembered(most=100, most_bytes=8000)
    for number in range(20):
        remembered.keep(str(number), Answer(status=200, headers={"etag": "x"}, text="y" * 1000))
    assert sum(remembered.get(str(number)) is not None for number in range(20)) == 8


@pytest.mark.parametrize(
    ("write", "creates", "free"),
    [(False, False, 900), (True, False, 180), (True, True, 80)],
    ids=["900 reads", "180 writes", "80 that create"],
)
def test_rule_9_no_minute_has_more_than_github_allows(
    clock: ManualClock, write: bool, creates: bool, free: int
) -> None:
    pace = Pace(clock)
    for _ in range(free):
        with pace.turn(write=write, creates=creates, deadline=clock.now()):
            assert clock.slept == []
    with (
        pytest.raises(ForgeUnavailable) as problem,
        pace.turn(write=write, creates=creates, deadline=clock.now() + 20),
    ):
        pass
    assert problem.value.again_at == pytest.approx(clock.now() + 60)
    with pace.turn(write=write, creates=creates, deadline=clock.now() + 61):
        assert sum(clock.slept) == pytest.approx(60)


def test_rule_9_no_hour_has_more_than_500_that_create(clock: ManualClock) -> None:
    pace = Pace(clock)
    for _ in range(500):
        with pace.turn(write=True, creates=True, deadline=clock.now()):
            clock.at += 1
    with (
        pytest.raises(ForgeUnavailable) as problem,
        pace.turn(write=True, creates=True, deadline=clock.now() + 20),
    ):
        pass
    assert problem.value.again_at == pytest.approx(clock.now() + 3100)
    with pace.turn(write=True, creates=False, deadline=clock.now()):
        pass  # edits go on


@given(
    st.lists(st.tuples(st.integers(1, 5), st.floats(0, 30)), max_size=80),
    st.integers(5, 20),
)
def test_rule_9_a_window_never_lets_more_through_than_its_limit(
    steps: list[tuple[int, float]], limit: int
) -> None:
    window = Window(limit, 60.0)
    now, taken = 0.0, []
    for points, pause in steps:
        now += pause
        while wait := window.wait(points, now):
            now += wait
        window.take(points, now)
        taken.append((now, points))
        assert sum(cost for at, cost in taken if at + 60.0 > now) <= limit


def test_rule_9_never_more_at_once_than_allowed(clock: ManualClock) -> None:
    pace = Pace(clock, at_once=2)
    entered, leave = threading.Semaphore(0), threading.Event()

    def hold() -> None:
        with pace.turn(write=False, creates=False, deadline=clock.now() + 20):
            entered.release()
            leave.wait(60)

    threads = [threading.Thread(target=hold) for _ in range(2)]
    for thread in threads:
        thread.start()
    assert entered.acquire(timeout=60) and entered.acquire(timeout=60)
    with (
        pytest.raises(ForgeUnavailable, match="too many"),
        pace.turn(write=False, creates=False, deadline=clock.now() + 0.05),
    ):
        pass
    leave.set()
    for thread in threads:
        thread.join(60)
    with pace.turn(write=False, creates=False, deadline=clock.now() + 1):
        pass


def test_requests_from_many_threads_do_not_mix(github: responses.RequestsMock, client: Client) -> None:
    for number in range(40):
        github.add("GET", f"{API}/things/{number}", json={"id": number})
    wrong: list[int] = []

    def ask(numbers: range) -> None:
        wrong.extend(number for number in numbers if client.get(f"/things/{number}") != {"id": number})

    threads = [threading.Thread(target=ask, args=(range(start, 40, 4),)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert wrong == []
    assert client.spent == 40


@pytest.mark.parametrize(
    "url",
    ["github.com", "ftp://github.com", "https://user:pass@github.com", "https://", "http://api.github.com"],
)
def test_an_address_that_cannot_be_is_said_at_once(url: str, clock: ManualClock) -> None:
    with pytest.raises(UserError, match=r"the API's address"):
        Transport(url, clock=clock)


def test_what_reads_no_api_does_not_load_pygithub() -> None:
    """Commands that only read credentials or print a manifest start in no time."""
    modules = ["credentials", "manifest", "people", "limits", "pace"]
    lines = [f"import pointsman.adapters.github.{name}" for name in modules]
    program = "; ".join(
        ["import sys", *lines, "print([n for n in ('github', 'requests') if n in sys.modules])"]
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
