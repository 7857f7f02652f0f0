"""Endpoints about a pull request's conversation: comments, reactions and labels."""

from __future__ import annotations

from tests.github.fake.calls import Answer, Call, Refused, endpoint, not_found
from tests.github.fake.shapes import pulls
from tests.github.fake.state import Comment, Json, Pull, stamp

READ = ("issues:read", "pull_requests:read")
WRITE = ("issues:write", "pull_requests:write")
BASE = "/repos/{owner}/{repo}/issues"
ONE = BASE + "/{issue_number}"
COMMENT = BASE + "/comments/{comment_id}"
MAX_COMMENT = 65_536


def _pull(call: Call) -> Pull:
    found = call.repo.pulls.get(call.number("issue_number"))
    if found is None:
        raise not_found()
    return found


def _comment(call: Call) -> Comment:
    found = call.repo.comments_by_id.get(call.number("comment_id"))
    if found is None:
        raise not_found()
    return found


@endpoint("GET", ONE, READ)
def get_issue(call: Call) -> Answer:
    return Answer(body=pulls.issue(call.repo, _pull(call)))


@endpoint("PATCH", ONE, WRITE)
def edit_issue(call: Call) -> Answer:
    pull, body = _pull(call), call.body
    call.repo.edit(pull.number, call.account, title=body.get("title"), body=body.get("body"))
    if body.get("state") == "closed" and pull.state == "open":
        call.repo.close(pull.number, call.account)
    return Answer(body=pulls.issue(call.repo, pull))


def _since(call: Call, found: list[Comment]) -> list[Comment]:
    since = call.query.get("since")
    return [comment for comment in found if since is None or stamp(comment.updated) >= since]


@endpoint("GET", ONE + "/comments", READ)
def list_comments(call: Call) -> Answer:
    found = _since(call, call.repo.comments(_pull(call).number))
    return call.listed(found, lambda comment: pulls.comment(call.repo, comment))


@endpoint("GET", BASE + "/comments", READ)
def list_all_comments(call: Call) -> Answer:
    found = _since(call, list(call.repo.comments_by_id.values()))
    if call.query.get("sort") == "updated":
        found.sort(key=lambda comment: comment.updated)
    if call.query.get("direction") == "desc":
        found.reverse()
    return call.listed(found, lambda comment: pulls.comment(call.repo, comment))


def _text(call: Call) -> str:
    text = call.wanted("body")
    if not isinstance(text, str) or len(text) > MAX_COMMENT:
        error = {"resource": "IssueComment", "code": "unprocessable", "field": "data"}
        message = f"Body is too long (maximum is {MAX_COMMENT} characters)"
        raise Refused(422, "Validation Failed", [error | {"message": message}])
    return text


@endpoint("POST", ONE + "/comments", WRITE)
def make_comment(call: Call) -> Answer:
    number = call.repo.comment(_pull(call).number, call.account, _text(call), app=call.who.app)
    made = call.repo.comments_by_id[number]
    return Answer(status=201, body=pulls.comment(call.repo, made))


@endpoint("GET", COMMENT, READ)
def get_comment(call: Call) -> Answer:
    return Answer(body=pulls.comment(call.repo, _comment(call)))


@endpoint("PATCH", COMMENT, WRITE)
def edit_comment(call: Call) -> Answer:
    found = _comment(call)
    call.repo.edit_comment(found.id, _text(call), call.account)
    return Answer(body=pulls.comment(call.repo, found))


@endpoint("DELETE", COMMENT, WRITE)
def delete_comment(call: Call) -> Answer:
    call.repo.delete_comment(_comment(call).id, call.account)
    return Answer(status=204)


@endpoint("GET", COMMENT + "/reactions", READ)
def list_reactions(call: Call) -> Answer:
    found = call.repo.reactions.get(_comment(call).id, [])
    return call.listed(found, lambda each: pulls.reaction(call.repo, each))


@endpoint("POST", COMMENT + "/reactions", WRITE)
def react(call: Call) -> Answer:
    content = call.wanted("content")
    if content not in pulls.KINDS:
        raise Refused(422, "Validation Failed")
    made, fresh = call.repo.react(_comment(call).id, call.account, content)
    return Answer(status=201 if fresh else 200, body=pulls.reaction(call.repo, made))


@endpoint("DELETE", COMMENT + "/reactions/{reaction_id}", WRITE)
def unreact(call: Call) -> Answer:
    found, number = call.repo.reactions.get(_comment(call).id, []), call.number("reaction_id")
    found[:] = [each for each in found if each.id != number]
    return Answer(status=204)


def _labels(call: Call, pull: Pull) -> list[Json]:
    return [pulls.label(call.repo, name) for name in pull.labels]


@endpoint("GET", ONE + "/labels", READ)
def list_labels(call: Call) -> Answer:
    pull = _pull(call)
    return call.listed(pull.labels, lambda name: pulls.label(call.repo, name))


@endpoint("POST", ONE + "/labels", WRITE)
def add_labels(call: Call) -> Answer:
    pull, wanted = _pull(call), call.body.get("labels") or call.body.get("") or []
    for each in wanted:
        call.repo.label(pull.number, call.account, each["name"] if isinstance(each, dict) else each)
    return Answer(body=_labels(call, pull))


@endpoint("DELETE", ONE + "/labels/{name}", WRITE)
def remove_label(call: Call) -> Answer:
    pull, name = _pull(call), call.params["name"]
    if name not in pull.labels:
        raise Refused(404, "Label does not exist")
    call.repo.unlabel(pull.number, call.account, name)
    return Answer(body=_labels(call, pull))
