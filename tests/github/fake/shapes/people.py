"""Users, teams, apps and installations as JSON; nothing here changes state."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

from tests.github.fake.state import Account, App, Installation, Json, Team, stamp

if TYPE_CHECKING:
    from tests.github.fake.hub import FakeGitHub


def node_id(kind: str, number: int) -> str:
    """A global id in GitHub's old form."""
    return base64.b64encode(f"0{len(kind)}:{kind}{number}".encode()).decode()


def user(hub: FakeGitHub, account: Account) -> Json:
    """`simple-user`."""
    name = account.login.replace("[", "%5B").replace("]", "%5D")
    url = f"{hub.api_url}/users/{name}"
    plain = account.login.removesuffix("[bot]")
    page = f"{hub.url}/apps/{plain}" if account.type == "Bot" else f"{hub.url}/{name}"
    return {
        "login": account.login,
        "id": account.id,
        "node_id": node_id(account.type, account.id),
        "avatar_url": f"{hub.url}/avatars/u/{account.id}?",
        "gravatar_id": "",
        "url": url,
        "html_url": page,
        "followers_url": f"{url}/followers",
        "following_url": f"{url}/following{{/other_user}}",
        "gists_url": f"{url}/gists{{/gist_id}}",
        "starred_url": f"{url}/starred{{/owner}}{{/repo}}",
        "subscriptions_url": f"{url}/subscriptions",
        "organizations_url": f"{url}/orgs",
        "repos_url": f"{url}/repos",
        "events_url": f"{url}/events{{/privacy}}",
        "received_events_url": f"{url}/received_events",
        "type": account.type,
        "site_admin": False,
        "user_view_type": "public",
    }


def public_user(hub: FakeGitHub, account: Account) -> Json:
    """`public-user`."""
    empty: Json = dict.fromkeys(("company", "location", "email", "hireable", "bio"))
    counts = dict.fromkeys(("public_repos", "public_gists", "followers", "following"), 0)
    times = {"created_at": stamp(hub.started), "updated_at": stamp(hub.started)}
    return user(hub, account) | empty | counts | times | {"name": account.login, "blog": ""}


def organization(hub: FakeGitHub, account: Account) -> Json:
    """The short form that webhooks carry."""
    url = f"{hub.api_url}/orgs/{account.login}"
    return {
        "login": account.login,
        "id": account.id,
        "node_id": node_id("Organization", account.id),
        "url": url,
        "repos_url": f"{url}/repos",
        "events_url": f"{url}/events",
        "hooks_url": f"{url}/hooks",
        "issues_url": f"{url}/issues",
        "members_url": f"{url}/members{{/member}}",
        "public_members_url": f"{url}/public_members{{/member}}",
        "avatar_url": f"{hub.url}/avatars/u/{account.id}?",
        "description": None,
    }


def team(hub: FakeGitHub, found: Team) -> Json:
    """`team`."""
    url = f"{hub.api_url}/organizations/{found.org.id}/team/{found.id}"
    return {
        "id": found.id,
        "node_id": node_id("Team", found.id),
        "url": url,
        "html_url": f"{hub.url}/orgs/{found.org.login}/teams/{found.slug}",
        "name": found.slug,
        "slug": found.slug,
        "description": None,
        "privacy": "closed",
        "permission": "pull",
        "members_url": f"{url}/members{{/member}}",
        "repositories_url": f"{url}/repos",
        "type": "organization",
        "organization_id": found.org.id,
        "parent": None,
    }


def app(hub: FakeGitHub, found: App) -> Json:
    """`integration`."""
    return {
        "id": found.id,
        "slug": found.slug,
        "client_id": found.client_id,
        "node_id": node_id("Integration", found.id),
        "owner": user(hub, found.owner),
        "name": found.slug,
        "description": None,
        "external_url": "https://example.org",
        "html_url": f"{hub.url}/apps/{found.slug}",
        "created_at": stamp(found.created),
        "updated_at": stamp(found.created),
        "permissions": {"metadata": "read", **found.permissions},
        "events": list(found.events),
    }


def installation(hub: FakeGitHub, found: Installation) -> Json:
    """`installation`."""
    owner = found.account
    org = owner.type == "Organization"
    settings = f"organizations/{owner.login}/settings" if org else "settings"
    return {
        "id": found.id,
        "account": user(hub, owner),
        "repository_selection": "all" if found.repositories is None else "selected",
        "access_tokens_url": f"{hub.api_url}/app/installations/{found.id}/access_tokens",
        "repositories_url": f"{hub.api_url}/installation/repositories",
        "html_url": f"{hub.url}/{settings}/installations/{found.id}",
        "app_id": found.app.id,
        "client_id": found.app.client_id,
        "app_slug": found.app.slug,
        "target_id": owner.id,
        "target_type": owner.type,
        "permissions": dict(found.permissions),
        "events": list(found.app.events),
        "created_at": stamp(found.created),
        "updated_at": stamp(found.created),
        "single_file_name": None,
        "has_multiple_single_files": False,
        "single_file_paths": [],
        "suspended_by": user(hub, owner) if found.suspended else None,
        "suspended_at": stamp(hub.now()) if found.suspended else None,
    }


def short_installation(found: Installation) -> Json:
    """What every webhook of an app carries."""
    return {"id": found.id, "node_id": node_id("Integration" + "Installation", found.id)}


def etag(body: bytes) -> str:
    return f'W/"{hashlib.sha256(body).hexdigest()}"'
