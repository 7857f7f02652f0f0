"""Endpoints about apps: who am I, installations, tokens, the hook and its deliveries."""

from __future__ import annotations

from tests.github.fake.calls import Answer, Call, Refused, endpoint, not_found
from tests.github.fake.shapes import people, repos
from tests.github.fake.state import App, Installation, Json, stamp
from tests.github.fake.webhooks import Delivery


def _app(call: Call) -> App:
    assert call.who.app is not None
    return call.who.app


def _installation(call: Call) -> Installation:
    found = call.hub.installations.get(call.number("installation_id"))
    if found is None or found.app is not _app(call):
        raise not_found()
    return found


@endpoint("GET", "/app", "app")
def get_app(call: Call) -> Answer:
    count = sum(found.app is _app(call) for found in call.hub.installations.values())
    return Answer(body=people.app(call.hub, _app(call)) | {"installations_count": count})


@endpoint("GET", "/app/installations", "app")
def list_installations(call: Call) -> Answer:
    found = [each for each in call.hub.installations.values() if each.app is _app(call)]
    return call.listed(found, lambda each: people.installation(call.hub, each))


@endpoint("GET", "/app/installations/{installation_id}", "app")
def get_installation(call: Call) -> Answer:
    return Answer(body=people.installation(call.hub, _installation(call)))


@endpoint("GET", "/repos/{owner}/{repo}/installation", "app")
def repo_installation(call: Call) -> Answer:
    for found in call.hub.installations_on(call.repo):
        if found.app is _app(call):
            return Answer(body=people.installation(call.hub, found))
    raise not_found()


@endpoint("POST", "/app/installations/{installation_id}/access_tokens", "app")
def make_token(call: Call) -> Answer:
    found, hub = _installation(call), call.hub
    if found.suspended:
        raise Refused(403, "This installation has been suspended")
    permissions = call.body.get("permissions") or None  # `{}` asks for all, as none does
    too_much = [name for name in permissions or {} if name not in found.permissions]
    if too_much:
        text = "The permissions requested are not granted to this installation."
        raise Refused(422, text)
    wanted = _wanted(call, found)
    token = hub.installation_token(found, permissions=permissions, repositories=wanted)
    credential = hub.tokens[token]
    body: Json = {
        "token": token,
        "expires_at": stamp(credential.expires or 0),
        "permissions": dict(credential.permissions),
        "repository_selection": "all" if credential.repositories is None else "selected",
    }
    if wanted is not None:
        body["repositories"] = [repos.full(hub.repositories[number]) for number in sorted(wanted)]
    return Answer(status=201, body=body)


def _wanted(call: Call, found: Installation) -> set[int] | None:
    covered = [repo for repo in call.hub.repositories.values() if call.hub.covers(found, repo)]
    names, ids = call.body.get("repositories"), call.body.get("repository_ids")
    if names is None and ids is None:
        return None
    chosen = {repo.id for repo in covered if repo.name in (names or []) or repo.id in (ids or [])}
    if len(chosen) < len(names or []) or len(chosen) < len(ids or []):
        raise Refused(422, "There is at least one repository that does not exist or is not accessible")
    return chosen


@endpoint("GET", "/installation/repositories", "")
def list_repositories(call: Call) -> Answer:
    installation = call.who.installation
    if installation is None:
        raise Refused(
            403, "You must authenticate with an installation access token in order to list repositories."
        )
    covered = [repo for repo in call.hub.repositories.values() if call.hub.covers(installation, repo)]
    chosen = [repo for repo in covered if call.who.repositories is None or repo.id in call.who.repositories]
    answer = call.listed(chosen, repos.repository, "repositories")
    answer.body["repository_selection"] = "all" if installation.repositories is None else "selected"
    return answer


def _config(app: App) -> Json:
    url = {"url": app.hook_url} if app.hook_url else {}
    return {"content_type": "json", "insecure_ssl": "0", "secret": "********", **url}


@endpoint("GET", "/app/hook/config", "app")
def get_hook(call: Call) -> Answer:
    return Answer(body=_config(_app(call)))


@endpoint("PATCH", "/app/hook/config", "app")
def set_hook(call: Call) -> Answer:
    app = _app(call)
    app.hook_url = call.body.get("url", app.hook_url)
    app.webhook_secret = call.body.get("secret", app.webhook_secret)
    return Answer(body=_config(app))


def _item(found: Delivery) -> Json:
    status = {None: "Pending", 0: "failed to connect to host"}.get(found.status)
    ok = found.status is not None and 200 <= found.status < 300
    return {
        "id": found.id,
        "guid": found.guid,
        "delivered_at": stamp(found.made),
        "redelivery": found.redelivery,
        "duration": round(found.took, 2),
        "status": status or ("OK" if ok else f"Invalid HTTP Response: {found.status}"),
        "status_code": found.status or 0,
        "event": found.event,
        "action": found.action,
        "installation_id": found.installation.id if found.installation else None,
        "repository_id": found.repository,
        "throttled_at": None,
    }


def _deliveries(call: Call) -> list[Delivery]:
    """Those of the app that were tried, newest first; GitHub too lists nothing of what its queue lost."""
    made = [found for found in call.hub.webhooks.log if found.app is _app(call)]
    return [found for found in reversed(made) if not found.lost]


@endpoint("GET", "/app/hook/deliveries", "app")
def list_deliveries(call: Call) -> Answer:
    found, size = _deliveries(call), int(call.query.get("per_page", "30"))
    if status := call.query.get("status"):
        found = [each for each in found if (_item(each)["status"] == "OK") == (status == "success")]
    if cursor := call.query.get("cursor"):
        found = [each for each in found if each.id <= int(cursor)]
    headers = {}
    if len(found) > size:
        target = f"{call.hub.api_url}{call.path}?per_page={size}&cursor={found[size].id}"
        headers = {"Link": f'<{target}>; rel="next"'}
    return Answer(body=[_item(each) for each in found[:size]], headers=headers)


def _delivery(call: Call) -> Delivery:
    number = call.number("delivery_id")
    found = next((each for each in _deliveries(call) if each.id == number), None)
    if found is None:
        raise not_found()
    return found


@endpoint("GET", "/app/hook/deliveries/{delivery_id}", "app")
def get_delivery(call: Call) -> Answer:
    found = _delivery(call)
    request: Json = {"headers": dict(found.headers), "payload": found.payload}
    response: Json = {"headers": {}, "payload": ""}
    return Answer(body=_item(found) | {"request": request, "response": response})


@endpoint("POST", "/app/hook/deliveries/{delivery_id}/attempts", "app")
def redeliver(call: Call) -> Answer:
    call.hub.webhooks.redeliver(_delivery(call))
    return Answer(status=202, body={})


@endpoint("POST", "/app-manifests/{code}/conversions", "")
def convert_manifest(call: Call) -> Answer:
    app = call.hub.manifest_codes.pop(call.params["code"], None)
    if app is None:
        raise not_found()
    secret = {"client_id": app.client_id, "client_secret": "c" * 40, "webhook_secret": app.webhook_secret}
    return Answer(status=201, body=people.app(call.hub, app) | secret | {"pem": app.private_key})
