"""The one web page the fake has: GitHub's form that makes an app of a manifest, as a person who says yes to all."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode

from starlette.requests import Request
from starlette.responses import Response

if TYPE_CHECKING:
    from tests.github.fake.hub import FakeGitHub

NEW_APP = "settings/apps/new"


def new_app(hub: FakeGitHub, request: Request, path: str, body: bytes) -> Response:
    """Makes the app and sends the browser to the manifest's `redirect_url` with a code that is good once.

    The owner is the organisation of the path, or `maker`."""
    form = parse_qs(body.decode())
    try:
        manifest = json.loads(form["manifest"][0])
        target = manifest["redirect_url"]
        hook = manifest.get("hook_attributes", {}).get("url")
    except (KeyError, ValueError, TypeError):
        return Response("Invalid GitHub App configuration", 422, media_type="text/plain")
    parts = path.strip("/").split("/")
    with hub.lock:
        app = hub.app(
            manifest.get("name", "app").lower().replace(" ", "-"),
            permissions=manifest.get("default_permissions", {}),
            events=manifest.get("default_events", []),
            hook_url=hook,
            owner=parts[1] if parts[0] == "organizations" else "maker",
        )
        code = secrets.token_hex(20)
        hub.manifest_codes[code] = app
    state = {"state": request.query_params["state"]} if "state" in request.query_params else {}
    return Response(status_code=302, headers={"Location": f"{target}?{urlencode({'code': code} | state)}"})
