"""Who an author is, as far as the contract asks, at the price of no request too many."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pointsman.adapters.github.people import GitHubPeople
from pointsman.core.contract.identity import Author
from pointsman.core.contract.model import Contract
from pointsman.core.contract.reading.loading import load
from pointsman.core.errors import ForgeUnavailable
from pointsman.ports import People
from tests.github.desk import Desk, desk

PERMISSION = "GET 200 /repos/{owner}/{repo}/collaborators/{username}/permission"
TEAM = "GET 200 /orgs/{org}/teams/{team_slug}/memberships/{username}"
USER = "GET 200 /users/{username}"
PLAIN = 'version: 1\nbase: main\nidentities: {ada: {user: ada}}\nroles: {dev: {who: [ada], owns: ["**"]}}\n'


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Desk]:
    with desk(tmp_path) as made:
        made.hub.team("acme", "core", ["ada"])
        made.repo.permission("ada", "maintain")
        made.requests()
        yield made


@pytest.fixture
def people(at: Desk) -> People:
    return GitHubPeople(at.pulls, at.clock)


def contract(text: str) -> Contract:
    found = load(text.encode())
    assert isinstance(found, Contract), found
    return found


def id_of(at: Desk, login: str) -> int:
    return at.hub.user(login).id


def test_without_a_contract_nobody_is_asked(at: Desk, people: People) -> None:
    assert people.author("ada", 5) == Author(login="ada", account_id=5)
    assert people.author("ada@example.org", None) == Author(email="ada@example.org")
    assert people.author("ada", None) == Author(login="ada")
    assert people.author("ada@example.org", 5) == Author(email="ada@example.org", account_id=5)
    assert people.author("ada", 5, contract(PLAIN)).permission is None
    assert at.requests() == []


HEAD = "version: 1\nbase: main\n"
WRITERS = HEAD + "identities: {w: {permission: write}}\nroles: {dev: {who: [w], owns: ['**']}}\n"


@pytest.mark.parametrize(
    "rest",
    [
        "",
        "paths: {api: {match: [/api/], approve: {by: [{permission: maintain}]}}}",
        "commands: {queue: [{permission: maintain}]}",
        "scope: {expand: {by: [{permission: maintain}]}}",
        "identities: {lead: {permission: maintain}}",
    ],
    ids=["nowhere", "approval", "command", "scope", "named"],
)
def test_a_permission_is_asked_for_where_the_contract_compares_one(
    at: Desk, people: People, rest: str
) -> None:
    named = rest if "identities" in rest else "identities: {a: {user: ada}}\n" + rest
    asking = contract(f"{HEAD}{named}\nroles: {{dev: {{who: [{{user: ada}}], owns: ['**']}}}}\n")
    assert people.author("ada", id_of(at, "ada"), asking).permission == ("maintain" if rest else None)
    assert at.requests() == ([PERMISSION] if rest else [])


def test_whom_the_contract_does_not_know_may_approve_by_permission_which_is_asked_for(
    at: Desk, people: People
) -> None:
    at.repo.permission("bob", "write")
    assert people.author("bob", id_of(at, "bob"), contract(PLAIN)).permission == "write"
    assert at.requests() == [PERMISSION]


def test_only_the_teams_that_the_contract_names(at: Desk, people: People) -> None:
    at.hub.team("acme", "ops", ["ada"])
    asking = contract(
        "version: 1\nbase: main\nidentities: {core: {team: acme/core}}\nroles: {dev: {who: [core], owns: ['**']}}\n"
    )
    assert people.author("ada", id_of(at, "ada"), asking).teams == {"acme/core"}
    assert at.requests() == [USER, TEAM]
    assert people.author("ada", id_of(at, "ada"), asking, live=True).permission == "maintain"
    assert at.requests() == [PERMISSION, TEAM.replace("200", "304")]


def test_what_is_known_holds_for_five_minutes_and_never_for_what_is_asked_live(
    at: Desk, people: People
) -> None:
    asking = contract(WRITERS)
    ada = id_of(at, "ada")
    for _ in range(3):
        people.author("ada", ada, asking)
    assert len(at.requests()) == 1
    at.repo.permission("ada", "read")
    assert people.author("ada", ada, asking).permission == "maintain"
    assert people.author("ada", ada, asking, live=True).permission == "read"
    assert people.author("ada", ada, asking).permission == "read"
    at.repo.permission("ada", "write")
    at.hub.advance(301)
    assert people.author("ada", ada, asking).permission == "write"


def test_rule_12_a_command_has_its_authors_permission_looked_up_whatever_the_contract_says(
    at: Desk, people: People
) -> None:
    assert people.author("ada", id_of(at, "ada"), contract(PLAIN), live=True).permission == "maintain"
    assert people.author("ada", id_of(at, "ada") + 1, contract(PLAIN), live=True).permission == "none"


def test_rule_12_a_bot_is_no_person_and_we_know_ourselves(at: Desk, people: People) -> None:
    asking = contract(WRITERS)
    renovate = people.author("renovate[bot]", 29139614, asking, live=True)
    assert (renovate.human, renovate.permission, renovate.app_id) == (False, None, None)
    itself = people.author("pointsman[bot]", at.app.bot.id, asking)
    assert (itself.human, itself.app_id) == (False, at.app.id)
    assert at.requests() == []


def test_a_forge_that_cannot_be_asked_is_no_answer(at: Desk, people: People) -> None:
    at.hub.fail_next("GET", r"/permission$", 500, times=4)
    with pytest.raises(ForgeUnavailable):
        people.author("ada", id_of(at, "ada"), contract(PLAIN), live=True)
