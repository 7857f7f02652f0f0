"""Endpoints about a repository: itself, its people, branches and rules, files and deployments."""

from __future__ import annotations

import base64
from urllib.parse import quote

from tests.github.fake import rules
from tests.github.fake.calls import Answer, Call, Refused, endpoint, not_found
from tests.github.fake.endpoints.folders import folder
from tests.github.fake.repository import FakeRepository
from tests.github.fake.shapes import checks, people, repos
from tests.github.fake.state import LEVELS, Deployment, Json, Ruleset, stamp


@endpoint("GET", "/repos/{owner}/{repo}")
def get_repo(call: Call) -> Answer:
    return Answer(body=repos.full(call.repo) | _permissions(call))


def _permissions(call: Call) -> Json:
    if call.who.kind != "user" or call.who.account is None:
        return {}
    level = LEVELS.index(call.repo.level(call.who.account))
    names = {"pull": "read", "triage": "triage", "push": "write", "maintain": "maintain", "admin": "admin"}
    return {"permissions": {name: level >= LEVELS.index(needed) for name, needed in names.items()}}


@endpoint("GET", "/repos/{owner}/{repo}/collaborators/{username}/permission")
def get_permission(call: Call) -> Answer:
    account = call.hub.accounts.get(call.params["username"].lower())
    if account is None or call.who.account is None:
        raise not_found()
    level = call.repo.level(account)
    # GitHub folds the finer roles: `triage` is told as `read`, `maintain` as `write`.
    folded = {"triage": "read", "maintain": "write"}.get(level, level)
    names = {"pull": "read", "triage": "triage", "push": "write", "maintain": "maintain", "admin": "admin"}
    holds = {name: LEVELS.index(level) >= LEVELS.index(needed) for name, needed in names.items()}
    user = people.user(call.hub, account) | {"permissions": holds, "role_name": level}
    return Answer(body={"permission": folded, "role_name": level, "user": user})


def _commit_link(repo: FakeRepository, sha: str) -> Json:
    return {"sha": sha, "url": f"{repo.api_url}/commits/{sha}"}


@endpoint("GET", "/repos/{owner}/{repo}/branches", "contents:read")
def list_branches(call: Call) -> Answer:
    found = list(call.repo.bare.refs("refs/heads/").items())

    def shape(item: tuple[str, str]) -> Json:
        name = item[0].removeprefix("refs/heads/")
        return {
            "name": name,
            "commit": _commit_link(call.repo, item[1]),
            "protected": _protected(call.repo, name),
        }

    return call.listed(found, shape)


def _protected(repo: FakeRepository, branch: str) -> bool:
    return branch in repo.protections or bool(rules.active(repo, branch))


@endpoint("GET", "/repos/{owner}/{repo}/branches/{branch}", "contents:read")
def get_branch(call: Call) -> Answer:
    branch, repo = call.params["branch"], call.repo
    tip = repo.tip(branch)
    if tip is None:
        raise Refused(404, "Branch not found")
    protection = repo.protections.get(branch)
    url = f"{repo.api_url}/branches/{branch}"
    off = {"enforcement_level": "off", "contexts": [], "checks": []}
    checked = (protection or {}).get("required_status_checks") or off
    body = {
        "name": branch,
        "commit": repos.commit(repo, repo.record(tip)),
        "_links": {"self": url, "html": f"{repo.hub.url}/{repo.full_name}/tree/{branch}"},
        "protected": _protected(repo, branch),
        "protection": {"enabled": protection is not None, "required_status_checks": checked},
        "protection_url": f"{url}/protection",
    }
    return Answer(body=body)


@endpoint("GET", "/repos/{owner}/{repo}/branches/{branch}/protection", "administration:read")
def get_protection(call: Call) -> Answer:
    found = call.repo.protections.get(call.params["branch"])
    if found is None:
        raise Refused(404, "Branch not protected")
    return Answer(body=found)


@endpoint("GET", "/repos/{owner}/{repo}/rules/branches/{branch}")
def get_rules(call: Call) -> Answer:
    found = rules.active(call.repo, call.params["branch"])

    def shape(item: tuple[Ruleset, Json]) -> Json:
        ruleset, rule = item
        source = {"ruleset_source_type": "Repository", "ruleset_source": call.repo.full_name}
        return rule | source | {"ruleset_id": ruleset.id}

    return call.listed(found, shape)


def _ruleset(call: Call, found: Ruleset, *, whole: bool) -> Json:
    url = f"{call.repo.api_url}/rulesets/{found.id}"
    page = f"{call.hub.url}/{call.repo.full_name}/rules/{found.id}"
    level = call.repo.level(call.who.account) if call.who.account else "none"
    # GitHub tells the bypass list only to those who may write the ruleset; "exempt" and the like are left out.
    may_write = call.who.permissions.get("administration") == "write" or level == "admin"
    can = "always" if rules.may_bypass(found, call.who, level) else "never"
    body: Json = {
        "id": found.id,
        "name": found.name,
        "target": "branch",
        "source_type": "Repository",
        "source": call.repo.full_name,
        "enforcement": found.enforcement,
        "node_id": f"RRS_{found.id}",
        "_links": {"self": {"href": url}, "html": {"href": page}},
        "created_at": stamp(found.created),
        "updated_at": stamp(found.created),
    }
    if whole:
        include = [
            b if b.startswith("~") else f"refs/heads/{b.removeprefix('refs/heads/')}" for b in found.branches
        ]
        body |= {"conditions": {"ref_name": {"include": include, "exclude": []}}, "rules": found.rules}
        body |= {"current_user_can_bypass": can}
        body |= {"bypass_actors": found.bypass} if may_write else {}
    return body


@endpoint("GET", "/repos/{owner}/{repo}/rulesets")
def list_rulesets(call: Call) -> Answer:
    found = list(call.repo.rulesets.values())
    return call.listed(found, lambda each: _ruleset(call, each, whole=False))


@endpoint("GET", "/repos/{owner}/{repo}/rulesets/{ruleset_id}")
def get_ruleset(call: Call) -> Answer:
    found = call.repo.rulesets.get(call.number("ruleset_id"))
    if found is None:
        raise not_found()
    return Answer(body=_ruleset(call, found, whole=True))


@endpoint("GET", "/repos/{owner}/{repo}/contents/{path}", "contents:read")
def get_contents(call: Call) -> Answer:
    path, ref = call.params["path"], call.query.get("ref", call.repo.default_branch)
    sha = call.repo.bare.commit(ref.removeprefix("refs/heads/"))
    data = call.repo.bare.read(sha, path) if sha else None
    blob = call.repo.bare.resolve(f"{sha}:{path}")
    if data is None and sha and (listed := folder(call, sha, path, ref)) is not None:
        return Answer(body=listed)
    if data is None or blob is None:
        raise not_found()
    url = f"{call.repo.api_url}/contents/{quote(path)}?ref={quote(ref)}"
    git = f"{call.repo.api_url}/git/blobs/{blob}"
    page = f"{call.hub.url}/{call.repo.full_name}/blob/{ref}/{path}"
    body = {
        "type": "file",
        "encoding": "base64",
        "size": len(data),
        "name": path.rsplit("/", 1)[-1],
        "path": path,
        "content": base64.encodebytes(data).decode(),
        "sha": blob,
        "url": url,
        "git_url": git,
        "html_url": page,
        "download_url": f"{call.hub.url}/raw/{call.repo.full_name}/{ref}/{path}",
        "_links": {"self": url, "git": git, "html": page},
    }
    return Answer(body=body)


@endpoint("GET", "/repos/{owner}/{repo}/deployments", "deployments:read")
def list_deployments(call: Call) -> Answer:
    found = list(reversed(call.repo.deployments.values()))
    for name in ("sha", "ref", "task", "environment"):
        if wanted := call.query.get(name):
            found = [each for each in found if getattr(each, name) == wanted]
    return call.listed(found, lambda each: checks.deployment(call.repo, each))


@endpoint("POST", "/repos/{owner}/{repo}/deployments", "deployments:write")
def make_deployment(call: Call) -> Answer:
    if call.repo.bare.commit(call.wanted("ref")) is None:
        raise Refused(422, f"No ref found for: {call.body['ref']}")
    body = call.body
    made = call.repo.deploy(
        call.account,
        body["ref"],
        body.get("environment", "production"),
        task=body.get("task", "deploy"),
        description=body.get("description"),
        payload=body.get("payload"),
    )
    return Answer(status=201, body=checks.deployment(call.repo, made))


def _deployment(call: Call) -> Deployment:
    found = call.repo.deployments.get(call.number("deployment_id"))
    if found is None:
        raise not_found()
    return found


@endpoint("GET", "/repos/{owner}/{repo}/deployments/{deployment_id}", "deployments:read")
def get_deployment(call: Call) -> Answer:
    return Answer(body=checks.deployment(call.repo, _deployment(call)))


@endpoint("GET", "/repos/{owner}/{repo}/deployments/{deployment_id}/statuses", "deployments:read")
def list_deployment_statuses(call: Call) -> Answer:
    return call.listed(list(reversed(_deployment(call).statuses)), lambda each: each)


@endpoint("POST", "/repos/{owner}/{repo}/deployments/{deployment_id}/statuses", "deployments:write")
def make_deployment_status(call: Call) -> Answer:
    known = ("description", "target_url", "log_url", "environment_url")
    said = {name: call.body[name] for name in known if name in call.body}
    made = call.repo.deployment_status(call.account, _deployment(call), call.wanted("state"), **said)
    return Answer(status=201, body=made)
