"""The two ends of GitHub's app-manifest flow: the manifest, and the credentials that come of it. No page here."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from pointsman.adapters.github.credentials import AppCredentials, checked
from pointsman.core.errors import ForgeRefused, ForgeUnavailable, UserError

EVENTS = (
    "check_run",
    "check_suite",
    "deployment_status",
    "issue_comment",
    "merge_group",
    "pull_request",
    "pull_request_review",
    "push",
    "repository",
    "status",
    "workflow_run",
)
"""`installation` and `installation_repositories` come to every app without asking."""
PERMISSIONS = {
    "actions": "write",
    "administration": "read",
    "checks": "write",
    "contents": "write",
    "deployments": "read",
    "issues": "write",
    "members": "read",
    "merge_queues": "read",
    "metadata": "read",
    "pull_requests": "write",
    "statuses": "read",
    "workflows": "write",
}
"""`merge_queues` only so that its events come. Without `workflows` GitHub refuses every push that
changes a workflow, and such a change could not land."""


def app_manifest(name: str, url: str, webhook_url: str, redirect_url: str) -> dict[str, Any]:
    """What GitHub's page for new apps takes as `manifest`: a private app with no more than is needed.

    `redirect_url` is where GitHub sends the maintainer's browser afterwards, with `?code=`."""
    return {
        "name": name,
        "url": url,
        "hook_attributes": {"url": webhook_url, "active": True},
        "redirect_url": redirect_url,
        "public": False,
        "default_permissions": dict(PERMISSIONS),
        "default_events": list(EVENTS),
    }


def convert(code: str, api_url: str) -> AppCredentials:
    """Change the `code` into the app's credentials; it works once, within the hour.

    Errors: `UserError` for a code that GitHub does not know, `ForgeUnavailable`."""
    from pointsman.adapters.clock import SystemClock
    from pointsman.adapters.github.auth import Nobody
    from pointsman.adapters.github.client import Client, Unsure
    from pointsman.adapters.github.transport import Transport

    if not re.fullmatch(r"[A-Za-z0-9_-]{1,200}", code):
        raise UserError("that is no code of GitHub's: open the page again")
    clock = SystemClock()
    client = Client(Transport(api_url, clock=clock), Nobody(), clock=clock)
    try:
        return _read(client.write("POST", f"/app-manifests/{code}/conversions"), api_url)
    except ForgeRefused as problem:
        raise UserError(
            f"GitHub does not take the code ({problem.status}): it works once and for an hour; start again"
        ) from None
    except Unsure:
        raise ForgeUnavailable(
            "GitHub did not answer, and a code works only once: look for the app on GitHub, delete it, and start again"
        ) from None


def _read(answer: Any, api_url: str) -> AppCredentials:
    try:
        page = urlsplit(answer["html_url"])
        return checked(
            AppCredentials(
                app_id=answer["id"],
                slug=answer["slug"],
                private_key=answer["pem"],
                webhook_secret=answer["webhook_secret"],
                api_url=api_url,
                html_url=f"{page.scheme}://{page.netloc}",
                client_id=answer.get("client_id", ""),
            )
        )
    except (KeyError, TypeError, ValueError):
        raise ForgeUnavailable("GitHub's answer holds no app that can be read") from None
