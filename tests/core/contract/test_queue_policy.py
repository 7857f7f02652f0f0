"""The queue's policy as a contract writes it: freezes, areas, caps, deployments."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from pointsman.core.contract import Contract, lint
from pointsman.core.contract.overlap import paths_meet
from tests.core.contract.facts import HEADER, contract, errors_of

ROLE = "roles: {r: {who: alice, owns: ['**']}}\n"
BERLIN = ZoneInfo("Europe/Berlin")


def policy(text: str) -> Contract:
    return contract(ROLE + text)


def mistakes(text: str) -> list[str]:
    """Without the place of the file: `column key: message`."""
    return [error.split(":", 2)[2] for error in errors_of(HEADER + ROLE + text)]


def test_a_weekly_freeze_and_one_that_comes_once() -> None:
    text = (
        "queue:\n  freeze:\n"
        '  - {days: [fri, sat], from: "16:00", to: "09:00", zone: Europe/Berlin, reason: weekend}\n'
        "  - {since: 2026-12-20, until: 2027-01-04 09:00, zone: Europe/Berlin, reason: holidays}\n"
        '  - {to: "06:30", reason: nights}\n'
    )
    weekly, once, nights = policy(text).queue.freeze
    assert (weekly.days, weekly.start, weekly.end, weekly.zone) == (
        frozenset({4, 5}),
        960,
        540,
        "Europe/Berlin",
    )
    assert (weekly.reason, weekly.since, weekly.line) == ("weekend", None, 10)
    assert once.since == datetime(2026, 12, 20, tzinfo=BERLIN).timestamp()
    assert once.until == datetime(2027, 1, 4, 9, tzinfo=BERLIN).timestamp()
    assert (nights.days, nights.start, nights.end, nights.zone) == (frozenset(range(7)), 0, 390, "UTC")


@pytest.mark.parametrize(
    ("freeze", "says"),
    [
        pytest.param("{days: satt, reason: x}", "did you mean 'sat'?", id="a day that is none"),
        pytest.param('{from: "9:00", reason: x}', "got '9:00'; write \"09:00\"", id="one digit"),
        pytest.param('{from: "24:00", reason: x}', "expected a time of the day", id="begins at the end"),
        pytest.param('{to: "24:01", reason: x}', "expected a time of the day", id="after the end"),
        pytest.param(
            "{days: fri, zone: Mars/Base, reason: x}", "no time zone is called 'Mars/Base'", id="zone"
        ),
        pytest.param(
            "{days: fri, zone: ../etc, reason: x}", "no time zone is called '../etc'", id="zone path"
        ),
        pytest.param("{days: fri, zone: America, reason: x}", "no time zone is called", id="zone folder"),
        pytest.param("{days: fri}", "the key 'reason' is missing", id="no reason"),
        pytest.param("{reason: x}", "expected days (and from, to)", id="no time"),
        pytest.param("{since: 2026-12-20, reason: x}", "or since and until for once", id="no end"),
        pytest.param("{days: fri, until: 2026-12-20, reason: x}", "write two freezes", id="both forms"),
        pytest.param("{since: 2026-12-20, until: 2026-12-20, reason: x}", "before it begins", id="no length"),
        pytest.param(
            "{since: 2026-13-20, until: 2027-01-01, reason: x}", "expected a day such as", id="month 13"
        ),
        pytest.param('{from: "10:00", to: "10:00", reason: x}', "are the same time", id="from is to"),
    ],
)
def test_a_freeze_that_cannot_be_meant_is_refused_with_its_place(freeze: str, says: str) -> None:
    (mistake,) = mistakes(f"queue: {{freeze: [{freeze}]}}\n")
    assert "queue.freeze[0]" in mistake and says in mistake


def test_areas_are_read_as_patterns_with_their_places() -> None:
    areas = policy("queue: {independent: {web: [/web/], api: /api/}}\n").queue.independent
    assert {name: [one.text for one in patterns] for name, patterns in areas.items()} == {
        "web": ["/web/"],
        "api": ["/api/"],
    }
    assert areas["api"][0].key == "queue.independent.api"


@pytest.mark.parametrize(
    ("areas", "says"),
    [
        pytest.param(
            "{a: [/web/], b: [/api/, /web/x/]}", "/web/x/ and /web/ of a (line 8) can match", id="inside"
        ),
        pytest.param("{a: ['*.css'], b: [/api/]}", "/api/ and *.css of a", id="anywhere"),
        pytest.param("{a: [/web/], b: ['**']}", "** and /web/ of a", id="everything"),
        pytest.param("{a: [/WEB/], b: [/web/]}", "/web/ and /WEB/ of a", id="case"),
        pytest.param("{a: [/web/]}", "with at least 2 in it", id="one area"),
        pytest.param("{a: [/web/], b: ['/" + "x/" * 150 + "']}", "too long", id="a long one"),
        pytest.param(f"{{a: [{', '.join(['/x*y*z/'] * 300)}], b: [/b/]}}", "2,000 in all", id="many"),
    ],
)
def test_areas_that_share_a_path_are_refused_with_both_patterns(areas: str, says: str) -> None:
    (mistake,) = mistakes(f"queue: {{independent: {areas}}}\n")
    assert "queue.independent" in mistake and says in mistake


@pytest.mark.parametrize(
    ("a", "b", "meet"),
    [
        ("/web/", "/web", True),
        ("/web/", "/website/", False),
        ("/web/*", "/web/deep/x", False),
        ("/web/*", "/web/x", True),
        ("/a/**/z.py", "/a/b/c/z.py", True),
        ("/a/**/z.py", "/b/c/z.py", False),
        ("/docs/a.md", "/docs/b.md", False),
        ("*.py", "*.md", True),  # a folder may be called x.md, and hold y.py
        ("*.py", "/docs/", True),
        ("src/", "/lib/src/x", True),
        ("/src/", "/lib/src/x", False),
    ],
)
def test_whether_two_patterns_can_match_one_path(a: str, b: str, meet: bool) -> None:
    assert paths_meet(a, b) is meet
    assert paths_meet(b, a) is meet


def test_caps_name_roles_that_there_are() -> None:
    limits = policy("limits: {writers_per_role: {r: 1}, agents: 6}\n").limits
    assert (dict(limits.writers_per_role), limits.agents) == ({"r": 1}, 6)
    found = mistakes("limits: {writers_per_role: {q: 1, r: 0}, agents: 0}\n")
    assert [mistake.split(": ")[0].split(" ")[1] for mistake in found] == [
        "limits.writers_per_role",
        "limits.writers_per_role.r",
        "limits.agents",
    ]


def test_a_deployment_is_learned_of_in_exactly_one_way() -> None:
    deploy = policy("deploy: {command: ./status, post_check: ./count, timeout: 5m}\n").deploy
    assert deploy is not None
    assert (deploy.command, deploy.post_check, deploy.timeout, deploy.on_timeout) == (
        "./status",
        "./count",
        300.0,
        "pause",
    )
    for text in ("{command: x, environment: y}", "{post_check: x}"):
        (mistake,) = mistakes(f"deploy: {text}\n")
        assert "expected exactly one of 'workflow' or 'environment' or 'command'" in mistake
    (mistake,) = mistakes("deploy: {workflow: ../deploy.yml}\n")
    assert "a file in .github/workflows/" in mistake


def test_R23_a_resource_without_a_holder_is_refused() -> None:
    (mistake,) = mistakes("writers: {database: {kind: database}}\n")
    assert mistake.endswith("writers.database: the key 'holder' is missing")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param("queue: {independent: {web: [/web/], api: [/api/]}}\n", "untested_together", id="areas"),
        pytest.param(
            "queue: {freeze: {days: [mon, tue, wed, thu, fri, sat, sun], reason: x}}\n",
            "always_frozen",
            id="days",
        ),
        pytest.param('queue: {freeze: {from: "00:00", reason: x}}\n', "always_frozen", id="every day"),
        pytest.param('queue: {freeze: {from: "00:01", reason: x}}\n', "", id="a minute is open"),
        pytest.param("queue: {freeze: {days: [sat, sun], reason: x}}\n", "", id="weekend"),
    ],
)
def test_lint_says_what_a_policy_gives_up(text: str, code: str) -> None:
    found = {one.code for one in lint(policy(text), tracked=()) if one.line > 7}
    assert found == ({code} if code else set())
