"""Endpoints about commits, trees and blobs, and comparing them."""

from __future__ import annotations

import base64

from tests.github.fake import rules, updates
from tests.github.fake.calls import Answer, Call, Refused, endpoint, not_found
from tests.github.fake.repository import FakeRepository
from tests.github.fake.rules import Change
from tests.github.fake.shapes import pulls, repos
from tests.github.fake.state import Json

MAX_FILES, MAX_COMPARED, MAX_COMMITS = 3000, 300, 250
STATUS = {"A": "added", "D": "removed", "M": "modified", "T": "changed", "R": "renamed"}


def commit_of(call: Call, ref: str) -> str:
    """The commit a path means; 422 as GitHub has it where there is none."""
    found = call.repo.bare.commit(ref.removeprefix("heads/")) or call.repo.bare.commit(ref)
    if found is None:
        raise Refused(422, f"No commit found for SHA: {ref}")
    return found


@endpoint("GET", "/repos/{owner}/{repo}/commits", "contents:read")
def list_commits(call: Call) -> Answer:
    start = commit_of(call, call.query.get("sha", call.repo.default_branch))
    found = call.repo.bare.log(start, limit=1000)
    return call.listed(found, lambda record: repos.commit(call.repo, record))


@endpoint("GET", "/repos/{owner}/{repo}/commits/{ref}", "contents:read")
def get_commit(call: Call) -> Answer:
    sha = commit_of(call, call.params["ref"])
    return Answer(body=repos.commit(call.repo, call.repo.record(sha)))


@endpoint("GET", "/repos/{owner}/{repo}/git/commits/{commit_sha}", "contents:read")
def get_git_commit(call: Call) -> Answer:
    sha = call.repo.bare.resolve(f"{call.params['commit_sha']}^{{commit}}")
    if sha is None:
        raise not_found()
    return Answer(body=repos.git_commit(call.repo, call.repo.record(sha)))


@endpoint("GET", "/repos/{owner}/{repo}/git/blobs/{file_sha}", "contents:read")
def get_blob(call: Call) -> Answer:
    sha = call.params["file_sha"]
    code, data = call.repo.bare.run("cat-file", "blob", sha, ok=(0, 128))
    if code:
        raise not_found()
    body = {
        "sha": sha,
        "node_id": f"B_{sha}",
        "size": len(data),
        "url": f"{call.repo.api_url}/git/blobs/{sha}",
        "content": base64.encodebytes(data).decode(),
        "encoding": "base64",
    }
    return Answer(body=body)


@endpoint("GET", "/repos/{owner}/{repo}/commits/{commit_sha}/pulls", "pull_requests:read")
def pulls_of_commit(call: Call) -> Answer:
    sha = call.params["commit_sha"]
    known = [pull for pull in call.repo.pulls.values() if sha in (pull.head, pull.merge_commit)]
    return call.listed(known, lambda pull: pulls.simple(call.repo, pull))


def files(repo: FakeRepository, old: str, new: str) -> list[Json]:
    """`diff-entry` of each file between two trees."""
    raw = repo.bare.git("diff", "-M", "--raw", "--no-abbrev", "--numstat", "-z", old, new).split("\0")
    found: list[Json] = []
    at = 0
    while at < len(raw) and raw[at].startswith(":"):
        _, _, before, after, kind = raw[at].split(" ")
        renamed = kind[0] in "RC"
        name = raw[at + 2 if renamed else at + 1]
        entry: Json = {"sha": before if kind == "D" else after, "filename": name, "status": STATUS[kind[0]]}
        found.append(entry | ({"previous_filename": raw[at + 1]} if renamed else {}))
        at += 3 if renamed else 2
    for entry in found:
        added, deleted, name = raw[at].split("\t")
        at += 1 if name else 3
        counts = [int(n) if n.isdigit() else 0 for n in (added, deleted)]
        entry |= {"additions": counts[0], "deletions": counts[1], "changes": sum(counts)}
        for link, middle in (("blob_url", "blob"), ("raw_url", "raw")):
            entry[link] = f"{repo.hub.url}/{repo.full_name}/{middle}/{new}/{entry['filename']}"
        entry["contents_url"] = f"{repo.api_url}/contents/{entry['filename']}?ref={new}"
    return found


def _compare(call: Call, base: str, head: str) -> Answer:
    repo, bare = call.repo, call.repo.bare
    old, new = bare.commit(base), bare.commit(head.rpartition(":")[2])
    if old is None or new is None:
        raise not_found()
    code, out = bare.run("merge-base", old, new, ok=(0, 1))
    if code:
        raise Refused(404, f"No common ancestor between {base} and {head}.")
    common = out.decode().strip()
    behind, ahead = map(int, bare.git("rev-list", "--left-right", "--count", f"{old}...{new}").split())
    state = ("diverged" if behind else "ahead") if ahead else ("behind" if behind else "identical")
    commits = bare.log(f"{old}..{new}", "--reverse", limit=MAX_COMMITS) if ahead else []
    page = f"{repo.hub.url}/{repo.full_name}/compare/{base}...{head}"
    body = {
        "url": f"{repo.api_url}/compare/{base}...{head}",
        "html_url": page,
        "permalink_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "base_commit": repos.commit(repo, repo.record(old)),
        "merge_base_commit": repos.commit(repo, repo.record(common)),
        "status": state,
        "ahead_by": ahead,
        "behind_by": behind,
        "total_commits": ahead,
        "commits": [repos.commit(repo, record) for record in commits],
        "files": files(repo, common, new)[:MAX_COMPARED],
    }
    return Answer(body=body)


@endpoint("GET", "/repos/{owner}/{repo}/compare/{basehead}", "contents:read")
def compare(call: Call) -> Answer:
    base, dots, head = call.params["basehead"].partition("...")
    if not dots:
        raise not_found()
    return _compare(call, base, head)


@endpoint("GET", "/repos/{owner}/{repo}/compare/{base}...{head}", "contents:read")
def compare_two(call: Call) -> Answer:
    return _compare(call, call.params["base"], call.params["head"])


@endpoint("POST", "/repos/{owner}/{repo}/merges", "contents:write")
def merge_branches(call: Call) -> Answer:
    base, repo = call.wanted("base"), call.repo
    old, head = repo.tip(base), repo.bare.commit(call.wanted("head"))
    if old is None or head is None:
        raise Refused(404, "Base does not exist" if old is None else "Head does not exist")
    if repo.bare.is_ancestor(head, old):
        return Answer(status=204)
    tree = repo.bare.merge_tree(old, head)
    if tree is None:
        raise Refused(409, "Merge conflict")
    text = call.body.get("commit_message") or f"Merge {call.body['head']} into {base}"
    new = repo.bare.commit_tree(tree, [old, head], text, who=call.who.name, when=call.hub.tick())
    if why := rules.objections(repo, Change(branch=base, old=old, new=new), call.who):
        raise Refused(409, "\n".join(["Repository rule violations found", "", *why]))
    repo.bare.move(f"refs/heads/{base}", new, old)
    updates.moved(repo, f"refs/heads/{base}", old, new, call.who, "merge")
    return Answer(status=201, body=repos.commit(repo, repo.record(new)))
