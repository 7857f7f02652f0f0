"""Endpoints about pull requests and their reviews."""

from __future__ import annotations

from typing import cast

from tests.github.fake import merging, rules
from tests.github.fake.calls import Answer, Call, Refused, endpoint, not_found
from tests.github.fake.endpoints.commits import MAX_COMMITS, MAX_FILES, files
from tests.github.fake.rules import Change
from tests.github.fake.shapes import pulls, repos
from tests.github.fake.state import Pull

READ, WRITE = "pull_requests:read", "pull_requests:write"
BASE = "/repos/{owner}/{repo}/pulls"
ONE = BASE + "/{pull_number}"


def _pull(call: Call) -> Pull:
    found = call.repo.pulls.get(call.number("pull_number"))
    if found is None:
        raise not_found()
    return found


@endpoint("GET", BASE, READ)
def list_pulls(call: Call) -> Answer:
    state, query = call.query.get("state", "open"), call.query
    found = [pull for pull in call.repo.pulls.values() if state in ("all", pull.state)]
    if base := query.get("base"):
        found = [pull for pull in found if pull.base == base]
    if head := query.get("head"):
        found = [pull for pull in found if f"{pull.head_owner.login}:{pull.branch}" == head]
    by_update = query.get("sort") == "updated"
    found.sort(key=lambda pull: (pull.updated, pull.number) if by_update else (pull.created, pull.number))
    if query.get("direction", "asc" if query.get("sort") not in (None, "created") else "desc") == "desc":
        found.reverse()
    return call.listed(found, lambda pull: pulls.simple(call.repo, pull))


@endpoint("POST", BASE, WRITE)
def open_pull(call: Call) -> Answer:
    owner, _, branch = call.wanted("head").rpartition(":")
    base, fork = call.wanted("base"), owner if owner and owner != call.repo.owner.login else None
    source = call.repo.fork(fork) if fork else call.repo
    if source.tip(branch) is None or call.repo.tip(base) is None:
        field = "head" if source.tip(branch) is None else "base"
        raise Refused(
            422, "Validation Failed", [{"resource": "PullRequest", "field": field, "code": "invalid"}]
        )
    same = [p for p in call.repo.pulls.values() if (p.state, p.branch, p.base) == ("open", branch, base)]
    if any(pull.head_repo == source.id for pull in same):
        text = f"A pull request already exists for {source.owner.login}:{branch}."
        raise Refused(
            422, "Validation Failed", [{"resource": "PullRequest", "code": "custom", "message": text}]
        )
    if call.repo.tip(base) == source.tip(branch):
        text = f"No commits between {base} and {branch}"
        raise Refused(
            422, "Validation Failed", [{"resource": "PullRequest", "code": "custom", "message": text}]
        )
    number = call.repo.open_pull(
        call.account,
        branch,
        call.wanted("title"),
        call.body.get("body"),
        base=base,
        fork=fork,
        draft=call.body.get("draft", False),
        maintainer_can_modify=call.body.get("maintainer_can_modify", False),
        credential=call.who,
    )
    return Answer(status=201, body=pulls.full(call.repo, call.repo.pulls[number]))


@endpoint("GET", ONE, READ)
def get_pull(call: Call) -> Answer:
    pull = _pull(call)
    merging.look(call.repo, pull)
    return Answer(body=pulls.full(call.repo, pull))


@endpoint("PATCH", ONE, WRITE)
def edit_pull(call: Call) -> Answer:
    pull, body = _pull(call), call.body
    base = body.get("base")
    if base is not None and call.repo.tip(base) is None:
        raise Refused(
            422, "Validation Failed", [{"resource": "PullRequest", "field": "base", "code": "invalid"}]
        )
    call.repo.edit(pull.number, call.account, title=body.get("title"), body=body.get("body"), base=base)
    if body.get("state") == "closed" and pull.state == "open":
        call.repo.close(pull.number, call.account)
    elif body.get("state") == "open" and pull.state == "closed":
        if pull.merged:
            raise Refused(422, "Validation Failed")
        call.repo.reopen(pull.number, call.account)
    return Answer(body=pulls.full(call.repo, pull))


@endpoint("GET", ONE + "/merge", READ)
def is_merged(call: Call) -> Answer:
    if _pull(call).merged is None:
        raise not_found()
    return Answer(status=204)


@endpoint("PUT", ONE + "/merge", "contents:write")
def merge(call: Call) -> Answer:
    pull, repo, body = _pull(call), call.repo, call.body
    sha, base = body.get("sha"), call.repo.tip(_pull(call).base)
    if pull.state != "open" or pull.draft or base is None:
        raise Refused(405, "Pull Request is still a draft" if pull.draft else "Pull Request is not mergeable")
    if sha is not None and sha != pull.head:
        raise Refused(409, "Head branch was modified. Review and try the merge again.")
    change = Change(branch=pull.base, old=base, new=pull.head, pull=pull.number)
    if why := rules.objections(repo, change, call.who):
        raise Refused(405, "\n".join(["Repository rule violations found", "", *why]))
    method = cast(merging.Method, body.get("merge_method", "merge"))
    new = merging.merge(repo, pull, call.who, method, body.get("commit_title"), body.get("commit_message"))
    if new is None:
        raise Refused(405, "Pull Request is not mergeable")
    return Answer(body={"sha": new, "merged": True, "message": "Pull Request successfully merged"})


@endpoint("PUT", ONE + "/update-branch", WRITE)
def update_branch(call: Call) -> Answer:
    pull = _pull(call)
    expected = call.body.get("expected_head_sha")
    if expected is not None and expected != pull.head:
        raise Refused(422, "expected head sha didn’t match current head ref.")  # noqa: RUF001 (GitHub's own)
    source = call.hub.repositories.get(pull.head_repo or 0)
    if source is not call.repo and not pull.maintainer_can_modify:
        raise Refused(403, "Resource not accessible by integration")
    if not merging.update_branch(call.repo, pull, call.who):
        raise Refused(422, "merge conflict between base and head")
    url = f"{call.repo.api_url}/pulls/{pull.number}"
    return Answer(status=202, body={"message": "Updating pull request branch.", "url": url})


@endpoint("GET", ONE + "/commits", READ)
def list_commits(call: Call) -> Answer:
    pull, bare = _pull(call), call.repo.bare
    found = bare.log("--reverse", f"{pull.base_sha}..{pull.head}", limit=MAX_COMMITS)
    return call.listed(found, lambda record: repos.commit(call.repo, record))


@endpoint("GET", ONE + "/files", READ)
def list_files(call: Call) -> Answer:
    pull, bare = _pull(call), call.repo.bare
    common = bare.git("merge-base", pull.base_sha, pull.head)
    found = files(call.repo, common, pull.head)[:MAX_FILES]
    return call.listed(found, lambda entry: entry)


@endpoint("GET", ONE + "/reviews", READ)
def list_reviews(call: Call) -> Answer:
    pull = _pull(call)
    return call.listed(pull.reviews, lambda review: pulls.review(call.repo, pull, review))


@endpoint("POST", ONE + "/reviews", WRITE)
def make_review(call: Call) -> Answer:
    pull, event = _pull(call), call.wanted("event")
    states = {"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED"}
    if event not in states:
        raise Refused(422, "Unprocessable Entity", ["Event is invalid"])
    if event == "APPROVE" and pull.author is call.account:
        raise Refused(422, "Unprocessable Entity", ["Can not approve your own pull request"])
    body, commit = call.body.get("body", ""), call.body.get("commit_id")
    number = call.repo.review(pull.number, call.account, states[event], body, commit=commit)
    made = next(review for review in pull.reviews if review.id == number)
    return Answer(body=pulls.review(call.repo, pull, made))
