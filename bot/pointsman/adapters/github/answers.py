"""What an answer of GitHub means: good, come back later, look elsewhere, or no. It asks nothing itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from pointsman.adapters.github.transport import Answer
from pointsman.core.contract.names import shown
from pointsman.core.errors import ForgeRefused, ForgeUnavailable

SECONDARY_WAIT = 60.0
"""Seconds to keep away where a secondary limit says no time: "wait for at least one minute" (GitHub's docs)."""
LONGEST_WAIT = 3700.0
_LIMIT_WORDS = (
    "rate limit",
    "abuse detection",
    "please wait a few minutes",
    "retry your request again later",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Good:
    """Done, or (304) as it was; `empty_for`: the quota is used up for so many seconds, None: it is not."""

    empty_for: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Limited:
    """Not worked at all: too many requests. `wait` in seconds."""

    wait: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Trouble:
    """GitHub has a problem (5xx); a write may have been worked all the same. `wait` is 0 where nothing was said."""

    wait: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Moved:
    """To be found elsewhere: a renamed repository answers reads with 301 and writes with 307."""

    location: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Stranger:
    """The token is not taken (401)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """No, and it will be no again; `message` is GitHub's, on one line."""

    status: int
    message: str
    permission: str


Meaning = Good | Limited | Trouble | Moved | Stranger | Refusal


def meaning(answer: Answer, now: float) -> Meaning:
    """`now` in seconds since 1970, by our clock; waits are reckoned by GitHub's own where it tells the time."""
    match answer.status:
        case 301 | 302 | 307 | 308:
            return Moved(location=answer.headers.get("location", ""))
        case 401:
            return Stranger()
        case 403 | 429:
            wait = _limit_wait(answer, now)
            return _refusal(answer) if wait is None else Limited(wait=wait)
        case status if status >= 500:
            return Trouble(wait=_retry_after(answer, now) or 0.0)
        case status if status >= 400:
            return _refusal(answer)
    return Good(empty_for=_until_reset(answer, now) if _used_up(answer) else None)


def server_time(answer: Answer) -> float | None:
    """What GitHub's clock said, in seconds since 1970; None where it did not."""
    return _date(answer.headers.get("date", ""))


def body_of(answer: Answer) -> Any:
    """The JSON of a good answer; None where there is none. Errors: `ForgeUnavailable`."""
    if not answer.text.strip():
        return None
    try:
        return json.loads(answer.text)
    except (ValueError, RecursionError):
        raise ForgeUnavailable(f"GitHub's answer is not JSON: {shown(answer.text[:80])!r}") from None


def next_page(answer: Answer) -> Mapping[str, str] | None:
    """The parameters of the page after this one; None on the last."""
    for part in answer.headers.get("link", "").split(","):
        address, _, kind = part.partition(";")
        if 'rel="next"' in kind:
            return dict(parse_qsl(urlsplit(address.strip().strip("<>")).query))
    return None


def refused(refusal: Refusal, what: str) -> ForgeRefused:
    """`what` names the request, such as `POST /repos/o/n/pulls`."""
    if refusal.permission and refusal.status in (403, 404):
        step = f"it takes the permission {refusal.permission}: grant it to the app, and accept it for the installation"
    elif refusal.status == 404:
        step = "it is gone, or the app (the token) may not see it"
    else:
        step = "see `pointsman doctor` for what is missing" if refusal.status == 403 else ""
    text = f"GitHub refuses {what} ({refusal.status} {refusal.message})"
    return ForgeRefused(f"{text}: {step}" if step else text, status=refusal.status)


def _limit_wait(answer: Answer, now: float) -> float | None:
    """Seconds to keep away; None where this is no limit but a plain no."""
    after = _retry_after(answer, now)
    if after is not None:
        return after
    if _used_up(answer):
        return _until_reset(answer, now)
    words = _message(answer).lower()
    if answer.status == 429 or any(each in words for each in _LIMIT_WORDS):
        return SECONDARY_WAIT
    return None


def _retry_after(answer: Answer, now: float) -> float | None:
    text = answer.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return _clamped(float(text[:9]))
    at = _date(text)
    return None if at is None else _clamped(at - (server_time(answer) or now))


def _used_up(answer: Answer) -> bool:
    return answer.headers.get("x-ratelimit-remaining", "").strip() == "0"


def _until_reset(answer: Answer, now: float) -> float:
    text = answer.headers.get("x-ratelimit-reset", "").strip()
    if not (text.isascii() and text.isdigit()):
        return SECONDARY_WAIT
    return _clamped(float(text[:12]) - (server_time(answer) or now) + 1.0)


def _clamped(seconds: float) -> float:
    return min(max(seconds, 1.0), LONGEST_WAIT)


def _date(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp() if text else None
    except (ValueError, OverflowError):
        return None


def _refusal(answer: Answer) -> Refusal:
    permission = shown(answer.headers.get("x-accepted-github-permissions", ""))[:200]
    return Refusal(status=answer.status, message=_message(answer), permission=permission)


def _message(answer: Answer) -> str:
    """GitHub's words, with those of each error below them, at most 300 characters."""
    try:
        data = json.loads(answer.text)
    except (ValueError, RecursionError):
        return shown(answer.text[:100])
    if not isinstance(data, dict):
        return ""
    errors = data.get("errors")
    details = [_detail(each) for each in errors[:5]] if isinstance(errors, list) else []
    return shown("; ".join([str(data.get("message", "")), *details]))[:300]


def _detail(error: Any) -> str:
    if isinstance(error, dict):
        return str(error.get("message") or f"{error.get('field', '')}: {error.get('code', '')}")
    return str(error)
