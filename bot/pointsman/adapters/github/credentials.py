"""The app's identity and secrets, and where they are kept: a file that only we can read, or the environment's files."""

from __future__ import annotations

import json
import os
import secrets
import stat
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from pointsman.core.errors import EnvironmentProblem, UserError

API_URL, HTML_URL = "https://api.github.com", "https://github.com"
LARGEST_FILE = 64 * 1024
APP_ID, KEY_FILE = "POINTSMAN_APP_ID", "POINTSMAN_PRIVATE_KEY_FILE"
SECRET_FILE, API = "POINTSMAN_WEBHOOK_SECRET_FILE", "POINTSMAN_API_URL"


@dataclass(frozen=True, kw_only=True, slots=True)
class AppCredentials:
    """A GitHub App. `private_key` is PEM text; `slug` and `html_url` are '' where they are to be asked for.

    `html_url` is where people and git go (`https://github.com`), `api_url` where requests go."""

    app_id: int
    slug: str = ""
    private_key: str = field(repr=False)
    webhook_secret: str = field(repr=False)
    api_url: str = API_URL
    html_url: str = HTML_URL
    client_id: str = ""


def load(path: Path) -> AppCredentials:
    """What `save` wrote. Errors: `UserError` where it is missing, can be read by others, or is not such a file."""
    try:
        data = json.loads(_read_secret(path))
        known = {each.name for each in fields(AppCredentials)}
        return checked(AppCredentials(**{name: value for name, value in data.items() if name in known}))
    except (ValueError, TypeError, AttributeError):
        raise UserError(
            f"{path} is not a file of app credentials: make one with `pointsman app create`"
        ) from None


def save(path: Path, credentials: AppCredentials) -> None:
    """Whole or not at all, with mode 0600 from the first byte on."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(asdict(credentials), file, indent=2)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as problem:
        raise EnvironmentProblem(
            f"the credentials cannot be written to {path}: {problem.strerror}"
        ) from problem
    finally:
        beside.unlink(missing_ok=True)


def from_environment(environment: Mapping[str, str]) -> AppCredentials | None:
    """None where POINTSMAN_APP_ID is not set. Secrets are in files, never in variables: those are inherited and shown.
    Errors: `UserError`."""
    app_id = environment.get(APP_ID, "").strip()
    if not app_id:
        return None
    missing = [name for name in (KEY_FILE, SECRET_FILE) if not environment.get(name)]
    if missing:
        raise UserError(f"{APP_ID} is set, but {' and '.join(missing)} is not: name the file")
    if not (app_id.isascii() and app_id.isdigit()):
        raise UserError(f"{APP_ID} has to be the app's number, not {app_id!r}")
    return checked(
        AppCredentials(
            app_id=int(app_id),
            private_key=_read_secret(Path(environment[KEY_FILE])),
            webhook_secret=_read_secret(Path(environment[SECRET_FILE])).strip(),
            api_url=environment.get(API) or API_URL,
            html_url="" if environment.get(API) else HTML_URL,
        )
    )


def _read_secret(path: Path) -> str:
    try:
        with path.open("rb") as file:
            facts = os.fstat(file.fileno())
            _assert_private(path, facts)
            data = file.read(LARGEST_FILE + 1)
    except OSError as problem:
        raise UserError(f"{path} cannot be read: {problem.strerror}") from None
    if len(data) > LARGEST_FILE:
        raise UserError(f"{path} is larger than {LARGEST_FILE} bytes: that is no secret of an app")
    return data.decode("utf-8", "replace")


def _assert_private(path: Path, facts: os.stat_result) -> None:
    """What another account owns and shows to our group is its way of giving it to us (Kubernetes does so)."""
    if not stat.S_ISREG(facts.st_mode):
        raise UserError(f"{path} is not a file")
    open_to = facts.st_mode & (0o077 if facts.st_uid == os.geteuid() else 0o007)
    if open_to:
        mode = stat.S_IMODE(facts.st_mode)
        raise UserError(f"{path} can be read by others (mode {mode:03o}): chmod 600 {path}")


def checked(credentials: AppCredentials) -> AppCredentials:
    """The same. Errors: `UserError` where a part is missing or cannot be what it should."""
    values: dict[str, Any] = asdict(credentials)
    number = values.pop("app_id")
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise UserError(f"the app's id has to be a number, not {number!r}")
    wrong = [name for name, value in values.items() if not isinstance(value, str)]
    if wrong or "PRIVATE KEY-----" not in credentials.private_key:
        raise UserError(f"the app's {wrong[0] if wrong else 'private key (PEM)'} cannot be read")
    if not credentials.webhook_secret:
        raise UserError("the webhook's secret is empty: without one anybody could send deliveries")
    return credentials
