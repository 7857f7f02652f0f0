"""Pull requests, issues, comments and reviews as JSON; nothing here changes state."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from tests.github.fake.shapes import people, repos
from tests.github.fake.shapes.people import node_id
from tests.github.fake.state import Comment, Json, Pull, Reaction, Review, stamp

if TYPE_CHECKING:
    from tests.github.fake.repository import FakeRepository


def _when(seconds: float | None) -> str | None:
    return None if seconds is None else stamp(seconds)


def label(repo: FakeRepository, name: str) -> Json:
    """`label`."""
    return {
        "id": repo.label_id(name),
        "node_id": node_id("Label", repo.label_id(name)),
        "url": f"{repo.api_url}/labels/{name}",
        "name": name,
        "description": "",
        "color": hashlib.sha256(name.encode()).hexdigest()[:6],
        "default": False,
    }


def simple(repo: FakeRepository, pull: Pull) -> Json:
    """`pull-request-simple`, as lists carry it."""
    hub, number = repo.hub, pull.number
    url, page = f"{repo.api_url}/pulls/{number}", f"{hub.url}/{repo.full_name}/pull/{number}"
    issue = f"{repo.api_url}/issues/{number}"
    links = {
        "self": url,
        "html": page,
        "issue": issue,
        "comments": f"{issue}/comments",
        "review_comments": f"{url}/comments",
        "review_comment": f"{repo.api_url}/pulls/comments{{/number}}",
        "commits": f"{url}/commits",
        "statuses": f"{repo.api_url}/statuses/{pull.head}",
    }
    return {
        "id": pull.id,
        "node_id": node_id("PullRequest", pull.id),
        "number": number,
        "url": url,
        "html_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "issue_url": issue,
        "commits_url": links["commits"],
        "comments_url": links["comments"],
        "review_comments_url": links["review_comments"],
        "review_comment_url": links["review_comment"],
        "statuses_url": links["statuses"],
        "_links": {name: repos.link(target) for name, target in links.items()},
        "state": pull.state,
        "locked": pull.locked,
        "active_lock_reason": None,
        "title": pull.title,
        "body": pull.body,
        "user": people.user(hub, pull.author),
        "labels": [label(repo, name) for name in pull.labels],
        "milestone": None,
        "draft": pull.draft,
        "assignee": None,
        "assignees": [],
        "requested_reviewers": [],
        "requested_teams": [],
        "created_at": stamp(pull.created),
        "updated_at": stamp(pull.updated),
        "closed_at": _when(pull.closed),
        "merged_at": _when(pull.merged),
        "merge_commit_sha": pull.merge_commit,
        "author_association": repo.association(pull.author),
        "auto_merge": None,
        "head": _head(repo, pull),
        "base": {
            "label": f"{repo.owner.login}:{pull.base}",
            "ref": pull.base,
            "sha": pull.base_sha,
            "user": people.user(hub, repo.owner),
            "repo": repos.repository(repo),
        },
    }


def _head(repo: FakeRepository, pull: Pull) -> Json:
    source = repo.hub.repositories.get(pull.head_repo) if pull.head_repo else None
    return {
        "label": f"{pull.head_owner.login}:{pull.branch}",
        "ref": pull.branch,
        "sha": pull.head,
        "user": people.user(repo.hub, pull.head_owner),
        "repo": repos.repository(source) if source else None,
    }


def full(repo: FakeRepository, pull: Pull) -> Json:
    """`pull-request`; what is said of mergeability is whatever was last computed, maybe nothing."""
    hub = repo.hub
    state = {True: "clean", False: "dirty", None: "unknown"}[pull.mergeable]
    added, deleted, files, commits = repo.size_of(pull)
    return simple(repo, pull) | {
        "merged": pull.merged is not None,
        "mergeable": pull.mergeable if pull.state == "open" else None,
        "rebaseable": pull.mergeable if pull.state == "open" else None,
        "mergeable_state": "draft" if pull.draft else state,
        "merged_by": people.user(hub, pull.merged_by) if pull.merged_by else None,
        "comments": len(repo.comments(pull.number)),
        "review_comments": 0,
        "maintainer_can_modify": pull.maintainer_can_modify,
        "commits": commits,
        "additions": added,
        "deletions": deleted,
        "changed_files": files,
    }


def minimal(repo: FakeRepository, pull: Pull) -> Json:
    """`pull-request-minimal`, as check runs carry it."""
    source = repo.hub.repositories.get(pull.head_repo) if pull.head_repo else None

    def side(ref: str, sha: str, where: FakeRepository) -> Json:
        return {"ref": ref, "sha": sha, "repo": {"id": where.id, "url": where.api_url, "name": where.name}}

    return {
        "id": pull.id,
        "number": pull.number,
        "url": f"{repo.api_url}/pulls/{pull.number}",
        "head": side(pull.branch, pull.head, source or repo),
        "base": side(pull.base, pull.base_sha, repo),
    }


def issue(repo: FakeRepository, pull: Pull) -> Json:
    """`issue`: a pull request seen as one."""
    url = f"{repo.api_url}/issues/{pull.number}"
    page = f"{repo.hub.url}/{repo.full_name}/pull/{pull.number}"
    shared = (
        *(
            "number",
            "state",
            "title",
            "body",
            "user",
            "labels",
            "assignee",
            "assignees",
            "milestone",
            "locked",
        ),
        *("active_lock_reason", "created_at", "updated_at", "closed_at", "author_association", "draft"),
    )
    base = simple(repo, pull)
    return {key: base[key] for key in shared} | {
        "id": pull.id + 1,
        "node_id": node_id("Issue", pull.id + 1),
        "url": url,
        "html_url": page,
        "repository_url": repo.api_url,
        "labels_url": f"{url}/labels{{/name}}",
        "comments_url": f"{url}/comments",
        "events_url": f"{url}/events",
        "comments": len(repo.comments(pull.number)),
        "state_reason": None,
        "reactions": rollup(f"{url}/reactions", []),
        "pull_request": {
            "url": f"{repo.api_url}/pulls/{pull.number}",
            "html_url": page,
            "diff_url": f"{page}.diff",
            "patch_url": f"{page}.patch",
            "merged_at": _when(pull.merged),
        },
    }


KINDS = ("+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes")


def rollup(url: str, reactions: list[Reaction]) -> Json:
    """`reaction-rollup`."""
    counts = {kind: sum(reaction.content == kind for reaction in reactions) for kind in KINDS}
    return {"url": url, "total_count": len(reactions)} | counts


def reaction(repo: FakeRepository, found: Reaction) -> Json:
    """`reaction`."""
    return {
        "id": found.id,
        "node_id": node_id("Reaction", found.id),
        "user": people.user(repo.hub, found.author),
        "content": found.content,
        "created_at": stamp(found.created),
    }


def comment(repo: FakeRepository, found: Comment) -> Json:
    """`issue-comment`."""
    url = f"{repo.api_url}/issues/comments/{found.id}"
    page = f"{repo.hub.url}/{repo.full_name}/pull/{found.number}#issuecomment-{found.id}"
    return {
        "id": found.id,
        "node_id": node_id("IssueComment", found.id),
        "url": url,
        "html_url": page,
        "issue_url": f"{repo.api_url}/issues/{found.number}",
        "user": people.user(repo.hub, found.author),
        "created_at": stamp(found.created),
        "updated_at": stamp(found.updated),
        "author_association": repo.association(found.author),
        "body": found.body,
        "reactions": rollup(f"{url}/reactions", repo.reactions.get(found.id, [])),
        "performed_via_github_app": people.app(repo.hub, found.app) if found.app else None,
    }


def review(repo: FakeRepository, pull: Pull, found: Review, *, lower: bool = False) -> Json:
    """`pull-request-review`; webhooks write the state in lower case."""
    url = f"{repo.api_url}/pulls/{pull.number}"
    page = f"{repo.hub.url}/{repo.full_name}/pull/{pull.number}#pullrequestreview-{found.id}"
    shape: dict[str, Any] = {
        "id": found.id,
        "node_id": node_id("PullRequestReview", found.id),
        "user": people.user(repo.hub, found.author),
        "body": found.body,
        "state": found.state.lower() if lower else found.state,
        "html_url": page,
        "pull_request_url": url,
        "author_association": repo.association(found.author),
        "_links": {"html": repos.link(page), "pull_request": repos.link(url)},
        "submitted_at": stamp(found.at),
        "commit_id": found.commit,
    }
    return shape
