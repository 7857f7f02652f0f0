"""Endpoints about users, teams, limits and the server itself."""

from __future__ import annotations

from tests.github.fake.calls import Answer, Call, endpoint, not_found
from tests.github.fake.shapes import people
from tests.github.fake.state import Json


@endpoint("GET", "/users/{username}", "")
def get_user(call: Call) -> Answer:
    found = call.hub.accounts.get(call.params["username"].lower())
    if found is None:
        raise not_found()
    return Answer(body=people.public_user(call.hub, found))


@endpoint("GET", "/user/{id}", "")
def get_user_by_id(call: Call) -> Answer:
    number = call.number("id")
    found = next((each for each in call.hub.accounts.values() if each.id == number), None)
    if found is None:
        raise not_found()
    return Answer(body=people.public_user(call.hub, found))


@endpoint("GET", "/user", "")
def me(call: Call) -> Answer:
    return Answer(body=people.public_user(call.hub, call.account))


@endpoint("GET", "/orgs/{org}/teams/{team_slug}", "")
def get_team(call: Call) -> Answer:
    found = call.hub.teams.get((call.params["org"].lower(), call.params["team_slug"]))
    if found is None or call.who.account is None:
        raise not_found()
    org = people.organization(call.hub, found.org)
    counts = {"members_count": len(found.members), "repos_count": 0}
    zero = dict.fromkeys(("public_repos", "public_gists", "followers", "following"), 0)
    flags = {"has_organization_projects": True, "has_repository_projects": True, "type": "Organization"}
    times = {"created_at": "2020-01-01T00:00:00Z", "updated_at": "2020-01-01T00:00:00Z", "archived_at": None}
    page = {"html_url": f"{call.hub.url}/{found.org.login}"}
    body = people.team(call.hub, found) | counts | times
    return Answer(body=body | {"organization": org | zero | flags | times | page})


@endpoint("GET", "/orgs/{org}/teams/{team_slug}/memberships/{username}", "")
def get_membership(call: Call) -> Answer:
    found = call.hub.teams.get((call.params["org"].lower(), call.params["team_slug"]))
    states = {login.lower(): state for login, state in found.members.items()} if found else {}
    state = states.get(call.params["username"].lower())
    permissions = (
        call.who.permissions if call.who.kind in ("installation", "actions") else {"members": "read"}
    )
    if state is None or call.who.account is None or "members" not in permissions:
        raise not_found()
    return Answer(body={"url": f"{call.hub.api_url}{call.path}", "role": "member", "state": state})


@endpoint("GET", "/rate_limit", "")
def rate_limit(call: Call) -> Answer:
    key = f"{call.who.kind}-{call.who.installation.id if call.who.installation else call.who.name}"
    used, limit = call.hub.spent.get(key, 0), call.hub.rate_limit
    reset = (int(call.hub.now()) // 3600 + 1) * 3600
    core: Json = {"limit": limit, "used": used, "remaining": max(limit - used, 0), "reset": reset}
    return Answer(body={"resources": {"core": core, "search": core | {"limit": 30}}, "rate": core})


@endpoint("GET", "/meta", "")
def meta(call: Call) -> Answer:
    return Answer(body={"verifiable_password_authentication": True, "installed_version": "3.15.0"})
