"""`pointsman app create`: makes a GitHub App by GitHub's manifest flow and keeps its credentials; it runs nothing."""

from __future__ import annotations

import os
import queue
import re
import time
import webbrowser
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from pointsman.cli.app_page import Page, Visit, served
from pointsman.cli.common import note
from pointsman.core.errors import PointsmanError, UserError

if TYPE_CHECKING:
    from pointsman.adapters.github.credentials import AppCredentials

API_URL, HTML_URL = "https://api.github.com", "https://github.com"
LOGIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,37}[A-Za-z0-9])?")
NAME_CHARACTERS = 34
"""GitHub takes no longer name for an app."""

LOOK_SECONDS = 0.5
"""How long a wait for the browser is deaf to Ctrl-C at most."""


@click.group()
def app() -> None:
    """Set up the GitHub App that `pointsman serve` runs as."""


@app.command()
@click.option("--org", default="", metavar="ORG", help="The organization that owns the app.  [default: you]")
@click.option(
    "--name", default="pointsman", show_default=True, help="The app's name; unique on all of GitHub."
)
@click.option(
    "--webhook-url",
    required=True,
    metavar="URL",
    help="Where GitHub will reach `pointsman serve`, as https://pointsman.example.org/webhook. It need not answer yet "
    "and can be changed in the app's settings.",
)
@click.option("--api-url", default=API_URL, show_default=True, help="With Enterprise: https://HOST/api/v3.")
@click.option("--html-url", default=HTML_URL, show_default=True, help="With Enterprise: https://HOST.")
@click.option(
    "--out",
    default="pointsman-credentials.json",
    show_default=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file that the credentials are written to, for your eyes only (mode 0600).",
)
@click.option(
    "--port", default=0, type=click.IntRange(0, 65535), help="Of the local page.  [default: a free one]"
)
@click.option("--no-browser", is_flag=True, help="Print the local page's address and open no browser.")
@click.option(
    "--minutes",
    default=10.0,
    show_default=True,
    type=click.FloatRange(0, 60),
    help="How long to wait for you.",
)
def create(
    org: str,
    name: str,
    webhook_url: str,
    api_url: str,
    html_url: str,
    out: Path,
    port: int,
    no_browser: bool,
    minutes: float,
) -> int:
    """Create a GitHub App in your browser and write down its credentials.

    A page on this machine sends you to GitHub with the permissions filled in; GitHub sends you back with a code, which
    is changed into the app's key and webhook secret. Needs a browser on this machine, and no token.
    """
    _check(org, name, {"--webhook-url": webhook_url, "--api-url": api_url, "--html-url": html_url}, out)
    visit = Visit(html_url=html_url.rstrip("/"), org=org)
    from pointsman.wiring.extras import require_github

    require_github()
    from pointsman.adapters.github import manifest

    def filled_in(redirect_url: str) -> dict[str, object]:
        return manifest.app_manifest(name, _home(webhook_url), webhook_url, redirect_url)

    with served(visit, port=port, manifest=filled_in) as address:
        click.echo(f"Open this page to create the app:\n\n  {address}\n")
        if not no_browser:
            webbrowser.open(address)
        code = _wait_for(visit, minutes * 60)
        credentials = _kept(visit, code, api_url.rstrip("/"), out)
    _print_next(credentials, out)
    return 0


def _check(org: str, name: str, urls: dict[str, str], out: Path) -> None:
    """UserError for what GitHub, or the disk, would refuse after the app has been made."""
    if org and not LOGIN.fullmatch(org):
        raise UserError(f"--org {org!r} is no name of an organization on GitHub.")
    if not 0 < len(name) <= NAME_CHARACTERS:
        raise UserError(f"--name: GitHub takes 1 to {NAME_CHARACTERS} characters, not {len(name)}.")
    for option, url in urls.items():
        parts = urlsplit(url)
        if parts.scheme not in ("https", "http") or not parts.hostname or parts.username:
            raise UserError(f"{option} {url!r} is no address that begins with https://.")
    if out.exists():
        raise UserError(
            f"{out} exists already and may hold another app's only key. Name another file with --out."
        )
    folder = out.absolute().parent
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise UserError(f"{folder} is no folder that you may write to. Name another file with --out.")


def _home(webhook_url: str) -> str:
    """The address that GitHub shows as the app's own: where it runs."""
    parts = urlsplit(webhook_url)
    return f"{parts.scheme}://{parts.netloc}"


def _wait_for(visit: Visit, seconds: float) -> str:
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        try:
            return visit.codes.get(timeout=min(left, LOOK_SECONDS))
        except queue.Empty:
            continue
    raise UserError("Nobody came back from GitHub in time. Nothing was made; run the command again.")


def _kept(visit: Visit, code: str, api_url: str, out: Path) -> AppCredentials:
    """The code's credentials, on disk; the browser hears how it went either way."""
    from pointsman.adapters.github import credentials as store
    from pointsman.adapters.github import manifest

    try:
        credentials = manifest.convert(code, api_url)
        store.save(out, credentials)
    except PointsmanError as problem:
        visit.told.put(Page(status=502, title="It did not work", body=f"<p>{escape(str(problem))}</p>"))
        raise
    link = f'<a href="{escape(_install_url(credentials))}">install it on your repositories</a>'
    body = f"<p>Next: {link}. The terminal says what follows.</p>"
    visit.told.put(Page(status=200, title="The app is made", body=body))
    return credentials


def _install_url(credentials: AppCredentials) -> str:
    prefix = "apps" if credentials.html_url == HTML_URL else "github-apps"
    return f"{credentials.html_url}/{prefix}/{credentials.slug}/installations/new"


def _print_next(credentials: AppCredentials, out: Path) -> None:
    note(
        f"App {credentials.slug} ({credentials.app_id}) is made; its key and secret are in {out}, readable by you only."
    )
    click.echo(f"1. Install it:    {_install_url(credentials)}")
    click.echo(f"2. Run it:        pointsman serve --credentials {out}")
    click.echo(f"3. Check it:      pointsman doctor --credentials {out}")
    click.echo("4. The branch rule, the contract and the workflow: docs/github-app.md")
