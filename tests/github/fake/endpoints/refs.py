"""Endpoints about refs: read, make, move, remove; branch rules hold here too."""

from __future__ import annotations

from tests.github.fake import rules, updates
from tests.github.fake.bare import GitFailed
from tests.github.fake.calls import Answer, Call, Refused, endpoint, not_found
from tests.github.fake.rules import Change
from tests.github.fake.shapes import repos
from tests.github.fake.state import ZERO


@endpoint("GET", "/repos/{owner}/{repo}/git/ref/{ref}", "contents:read")
def get_ref(call: Call) -> Answer:
    ref = f"refs/{call.params['ref']}"
    sha = call.repo.bare.resolve(ref)
    if sha is None:
        raise not_found()
    return Answer(body=repos.git_ref(call.repo, ref, sha))


@endpoint("GET", "/repos/{owner}/{repo}/git/matching-refs/{ref}", "contents:read")
def matching_refs(call: Call) -> Answer:
    prefix = f"refs/{call.params['ref']}"
    found = [item for item in call.repo.bare.refs().items() if item[0].startswith(prefix)]
    return call.listed(found, lambda item: repos.git_ref(call.repo, *item))


def _move(call: Call, ref: str, old: str, new: str) -> None:
    if ref.startswith("refs/heads/"):
        change = Change(branch=ref.removeprefix("refs/heads/"), old=old, new=new)
        if why := rules.objections(call.repo, change, call.who):
            text = "\n".join(["Repository rule violations found", "", *why])
            raise Refused(422, text)
    try:
        call.repo.bare.move(ref, new, old if old != ZERO else None)
    except GitFailed:
        raise Refused(422, "Reference update failed") from None
    updates.moved(call.repo, ref, old, new, call.who, "api")


def _commit(call: Call) -> str:
    sha = call.wanted("sha")
    if not isinstance(sha, str) or len(sha) != 40 or call.repo.bare.resolve(f"{sha}^{{object}}") is None:
        raise Refused(422, "Object does not exist")
    return sha


@endpoint("POST", "/repos/{owner}/{repo}/git/refs", "contents:write")
def make_ref(call: Call) -> Answer:
    ref, sha = call.wanted("ref"), _commit(call)
    if not ref.startswith("refs/") or ref.count("/") < 2 or ref.startswith("refs/pull/"):
        raise Refused(422, f"{ref} is not a valid ref name.")
    if call.repo.bare.resolve(ref):
        raise Refused(422, "Reference already exists")
    _move(call, ref, ZERO, sha)
    return Answer(
        status=201,
        body=repos.git_ref(call.repo, ref, sha),
        headers={"Location": f"{call.repo.api_url}/git/{ref}"},
    )


@endpoint("PATCH", "/repos/{owner}/{repo}/git/refs/{ref}", "contents:write")
def move_ref(call: Call) -> Answer:
    ref, new = f"refs/{call.params['ref']}", _commit(call)
    old = call.repo.bare.resolve(ref)
    if old is None:
        raise Refused(422, "Reference does not exist")
    if not call.body.get("force", False) and not call.repo.bare.is_ancestor(old, new):
        raise Refused(422, "Update is not a fast forward")
    if old != new:
        _move(call, ref, old, new)
    return Answer(body=repos.git_ref(call.repo, ref, new))


@endpoint("DELETE", "/repos/{owner}/{repo}/git/refs/{ref}", "contents:write")
def remove_ref(call: Call) -> Answer:
    ref = f"refs/{call.params['ref']}"
    old = call.repo.bare.resolve(ref)
    if old is None or ref.startswith("refs/pull/"):
        raise Refused(422, "Reference does not exist")
    if ref == f"refs/heads/{call.repo.default_branch}":
        raise Refused(422, "Cannot delete the default branch")
    _move(call, ref, old, ZERO)
    return Answer(status=204)
