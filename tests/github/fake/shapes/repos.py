"""Repositories, commits, branches and refs as JSON; nothing here changes state."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from tests.github.fake.shapes.people import node_id, user
from tests.github.fake.state import Json, stamp

if TYPE_CHECKING:
    from tests.github.fake.repository import FakeRepository

LINKS = {
    "archive_url": "/{archive_format}{/ref}",
    "assignees_url": "/assignees{/user}",
    "blobs_url": "/git/blobs{/sha}",
    "branches_url": "/branches{/branch}",
    "collaborators_url": "/collaborators{/collaborator}",
    "comments_url": "/comments{/number}",
    "commits_url": "/commits{/sha}",
    "compare_url": "/compare/{base}...{head}",
    "contents_url": "/contents/{+path}",
    "contributors_url": "/contributors",
    "deployments_url": "/deployments",
    "downloads_url": "/downloads",
    "events_url": "/events",
    "forks_url": "/forks",
    "git_commits_url": "/git/commits{/sha}",
    "git_refs_url": "/git/refs{/sha}",
    "git_tags_url": "/git/tags{/sha}",
    "hooks_url": "/hooks",
    "issue_comment_url": "/issues/comments{/number}",
    "issue_events_url": "/issues/events{/number}",
    "issues_url": "/issues{/number}",
    "keys_url": "/keys{/key_id}",
    "labels_url": "/labels{/name}",
    "languages_url": "/languages",
    "merges_url": "/merges",
    "milestones_url": "/milestones{/number}",
    "notifications_url": "/notifications{?since,all,participating}",
    "pulls_url": "/pulls{/number}",
    "releases_url": "/releases{/id}",
    "stargazers_url": "/stargazers",
    "statuses_url": "/statuses/{sha}",
    "subscribers_url": "/subscribers",
    "subscription_url": "/subscription",
    "tags_url": "/tags",
    "teams_url": "/teams",
    "trees_url": "/git/trees{/sha}",
}
NOT_IN_REPOSITORY = ("network_count", "subscribers_count")
COUNTS = (
    *("size", "stargazers_count", "watchers_count", "watchers", "forks", "forks_count"),
    *("open_issues", "open_issues_count", "network_count", "subscribers_count"),
)


def repository(repo: FakeRepository) -> Json:
    """`repository`, as lists, pull requests and webhooks carry it."""
    return {key: value for key, value in full(repo).items() if key not in NOT_IN_REPOSITORY}


minimal = repository
"""`minimal-repository` asks for less of the same."""


def full(repo: FakeRepository) -> Json:
    """`full-repository`."""
    hub, page = repo.hub, f"{repo.hub.url}/{repo.full_name}"
    flags = dict.fromkeys(("has_pages", "archived", "disabled", "has_discussions", "is_template"), False)
    flags |= dict.fromkeys(("has_issues", "has_projects", "has_wiki", "has_downloads", "allow_forking"), True)
    flags |= {"allow_squash_merge": True, "allow_merge_commit": True, "allow_rebase_merge": True}
    return {
        "id": repo.id,
        "node_id": node_id("Repository", repo.id),
        "name": repo.name,
        "full_name": repo.full_name,
        "owner": user(hub, repo.owner),
        "private": repo.private,
        "visibility": "private" if repo.private else "public",
        "html_url": page,
        "url": repo.api_url,
        "description": None,
        "fork": repo.parent is not None,
        **{key: repo.api_url + suffix for key, suffix in LINKS.items()},
        "git_url": f"git://{hub.host}/{repo.full_name}.git",
        "ssh_url": f"git@{hub.host}:{repo.full_name}.git",
        "clone_url": repo.clone_url,
        "svn_url": page,
        "mirror_url": None,
        "homepage": None,
        "language": None,
        "license": None,
        "topics": [],
        "default_branch": repo.default_branch,
        "created_at": stamp(repo.created),
        "updated_at": stamp(repo.created),
        "pushed_at": stamp(repo.pushed),
        **flags,
        **dict.fromkeys(COUNTS, 0),
    }


def pushed_to(repo: FakeRepository) -> Json:
    """What push webhooks say otherwise than all others: times as numbers, and more on the owner."""
    mail = f"{repo.owner.login}@users.noreply.github.com"
    return {
        "created_at": int(repo.created),
        "pushed_at": int(repo.pushed),
        "stargazers": 0,
        "master_branch": repo.default_branch,
        "owner": user(repo.hub, repo.owner) | {"name": repo.owner.login, "email": mail},
    }


def link(url: str) -> Json:
    return {"href": url}


def _person(name: str, email: str, date: str) -> Json:
    return {"name": name, "email": email, "date": date}


def commit(repo: FakeRepository, record: list[str]) -> Json:
    """`commit`, from a record of Bare.log."""
    sha, tree, parents, *people, message = record
    url, page = f"{repo.api_url}/commits/{sha}", f"{repo.hub.url}/{repo.full_name}/commit"
    return {
        "sha": sha,
        "node_id": f"C_{sha}",
        "url": url,
        "html_url": f"{page}/{sha}",
        "comments_url": f"{url}/comments",
        "commit": {
            "url": f"{repo.api_url}/git/commits/{sha}",
            "author": _person(*people[:3]),
            "committer": _person(*people[3:]),
            "message": message.rstrip("\n"),
            "tree": {"sha": tree, "url": f"{repo.api_url}/git/trees/{tree}"},
            "comment_count": 0,
            "verification": verification(),
        },
        "author": _account(repo, people[0]),
        "committer": _account(repo, people[3]),
        "parents": [
            {"sha": p, "url": f"{repo.api_url}/commits/{p}", "html_url": f"{page}/{p}"}
            for p in parents.split()
        ],
    }


def _account(repo: FakeRepository, name: str) -> Json | None:
    found = repo.hub.accounts.get(name.lower())
    return user(repo.hub, found) if found else None


def verification() -> Json:
    empty: Json = dict.fromkeys(("signature", "payload", "verified_at"))
    return {"verified": False, "reason": "unsigned"} | empty


def git_commit(repo: FakeRepository, record: list[str]) -> Json:
    """`git-commit`, from a record of Bare.log."""
    sha, tree, parents, *people, message = record
    page = f"{repo.hub.url}/{repo.full_name}/commit"
    return {
        "sha": sha,
        "node_id": f"C_{sha}",
        "url": f"{repo.api_url}/git/commits/{sha}",
        "html_url": f"{page}/{sha}",
        "author": _person(*people[:3]),
        "committer": _person(*people[3:]),
        "message": message.rstrip("\n"),
        "tree": {"sha": tree, "url": f"{repo.api_url}/git/trees/{tree}"},
        "parents": [
            {"sha": p, "url": f"{repo.api_url}/git/commits/{p}", "html_url": f"{page}/{p}"}
            for p in parents.split()
        ],
        "verification": verification(),
    }


def simple_commit(record: list[str]) -> Json:
    """`simple-commit`, from a record of Bare.log."""
    sha, tree, _, author, mail, _, committer, other_mail, date, message = record
    return {
        "id": sha,
        "tree_id": tree,
        "message": message.rstrip("\n"),
        "timestamp": date,
        "author": {"name": author, "email": mail},
        "committer": {"name": committer, "email": other_mail},
    }


def pushed_commit(repo: FakeRepository, record: list[str]) -> Json:
    """A commit as push webhooks carry it (the lists of files are left empty)."""
    simple = simple_commit(record)
    return simple | {
        "distinct": True,
        "url": f"{repo.hub.url}/{repo.full_name}/commit/{record[0]}",
        "author": simple["author"] | {"username": record[3]},
        "committer": simple["committer"] | {"username": record[6]},
        "added": [],
        "removed": [],
        "modified": [],
    }


def git_ref(repo: FakeRepository, ref: str, sha: str, kind: str = "commit") -> Json:
    """`git-ref`."""
    return {
        "ref": ref,
        "node_id": f"REF_{ref}",
        "url": f"{repo.api_url}/git/{quote(ref)}",
        "object": {"sha": sha, "type": kind, "url": f"{repo.api_url}/git/{kind}s/{sha}"},
    }
