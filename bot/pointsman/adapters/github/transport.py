"""One HTTP exchange with GitHub's API through PyGithub, bounded in time and size; it repeats and judges nothing."""

from __future__ import annotations

import logging
from collections.abc import ItemsView, Mapping
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Protocol
from urllib.parse import urlsplit

import requests
from github.Auth import Auth
from github.Requester import HTTPSRequestsConnectionClass, Requester, RequestsResponse
from requests.adapters import HTTPAdapter
from urllib3.exceptions import NameResolutionError, NewConnectionError

from pointsman import __version__
from pointsman.core.errors import UserError
from pointsman.ports import Clock

CONNECT, READ, WHOLE = 5.0, 15.0, 60.0
"""Seconds for a connection to be made, for the next bytes to come, and for all of an answer."""
LARGEST_ANSWER = 32 * 1024 * 1024
"""Bytes. A page of 100 pull requests with the longest bodies there can be has about 26 MB."""
AT_ONCE = 100
LOOPBACK = ("127.0.0.1", "::1", "localhost")

logging.getLogger("github.Requester").setLevel(logging.INFO)  # at DEBUG it writes whole answers: tokens, too


class NotSent(Exception):
    """The request surely never reached GitHub."""


class Lost(Exception):
    """No whole answer came: whether the request was worked is not known."""


class Authority(Protocol):
    """Whose name requests are made in."""

    def auth(self) -> Auth: ...

    def renew(self, refused: str, *, skew: float) -> bool:
        """GitHub would not take this token any more; its clock is `skew` seconds ahead of ours. False when there is
        no other token to be had."""
        ...

    @property
    def spent(self) -> int:
        """API requests that getting tokens has taken."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What came back; header names are in lower case."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    text: str = field(repr=False)


class Transport:
    """Sends single requests to one API; safe to use from several threads."""

    def __init__(self, api_url: str, *, clock: Clock, read: float = READ) -> None:
        """`read`: how many seconds to wait for the next bytes."""
        address = urlsplit(api_url)
        if address.scheme not in ("http", "https") or not address.hostname or address.username:
            raise UserError(f"the API's address has to look like https://api.github.com, not {api_url!r}")
        if address.scheme == "http" and address.hostname not in LOOPBACK:
            raise UserError(f"the API's address {api_url!r} would show our token to the network: use https")
        self.api_url = api_url.rstrip("/")
        self.origin = f"{address.scheme}://{address.netloc}"
        self._clock, self._read = clock, read
        self._session = requests.Session()
        self._session.auth = Requester.noopAuth  # anything but None: else ~/.netrc would replace our token
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # tokens say who we are
        self._session.mount(self.origin, HTTPAdapter(pool_maxsize=AT_ONCE, max_retries=0))

    def exchange(
        self, verb: str, path: str, params: Mapping[str, Any], body: Any, headers: dict[str, str], auth: Auth
    ) -> Answer:
        """Errors: `NotSent`, `Lost`. A permanent redirect (301) is told as 308."""
        connection = _Connection(self._session, self.origin, self._clock, self._read)
        status, replied, text = self._requester(auth).requestJson(
            verb, path, dict(params), headers, body, cnx=connection
        )
        return Answer(status=status, headers=replied, text=text)

    def _requester(self, auth: Auth) -> Requester:
        """A new one per exchange: PyGithub's keep the last request on themselves, which threads would share. Its own
        repeating and pausing are off: the client's rules decide."""
        return Requester(
            auth=auth if auth.token_type else None,
            base_url=self.api_url,
            timeout=int(READ),
            user_agent=f"pointsman/{__version__}",
            per_page=100,
            verify=True,
            retry=0,
            pool_size=None,
            seconds_between_requests=None,
            seconds_between_writes=None,
        )

    def close(self) -> None:
        self._session.close()


class _Reply(RequestsResponse):
    """A whole answer, in the shape that PyGithub asks of a connection."""

    def __init__(self, status: int, headers: Mapping[str, str], text: str) -> None:
        self.status = status
        self.headers = requests.structures.CaseInsensitiveDict(headers)
        self._text = text

    def getheaders(self) -> ItemsView[str, str]:
        return self.headers.items()

    def read(self) -> str:
        return self._text


class _Connection(HTTPSRequestsConnectionClass):
    """One exchange over the shared session."""

    def __init__(self, session: requests.Session, origin: str, clock: Clock, read: float) -> None:
        # not the parent's: that one opens a session of its own, without a limit to what it reads
        self._shared, self._origin, self._clock, self._read = session, origin, clock, read

    def getresponse(self) -> RequestsResponse:
        try:
            with self._shared.request(
                self.verb,
                f"{self._origin}{self.url}",
                data=self.input,
                headers=self.headers,
                timeout=(CONNECT, self._read),
                allow_redirects=False,
                stream=True,
            ) as response:
                text = _bounded(response, self._clock)
                return _Reply(_told(self.verb, response.status_code), response.headers, text)
        except requests.exceptions.RequestException as problem:
            name = type(problem).__name__  # its text can hold whole addresses
            raise (NotSent if _never_connected(problem) else Lost)(name) from None

    def close(self) -> None:
        """The session is not ours to close."""


def _told(verb: str, status: int) -> int:
    """Requester itself follows a 301, without the query, and repeats a GET that answers 202 for ever; 308 and 503
    mean the same and are left to us."""
    if status == 301:
        return 308
    return 503 if status == 202 and verb == "GET" else status


def _bounded(response: requests.Response, clock: Clock) -> str:
    end = clock.now() + WHOLE
    parts: list[bytes] = []
    size = 0
    for part in response.iter_content(64 * 1024):
        parts.append(part)
        size += len(part)
        if size > LARGEST_ANSWER:
            raise Lost(f"an answer of more than {LARGEST_ANSWER} bytes")
        if clock.now() > end:
            raise Lost(f"an answer that takes more than {WHOLE:.0f} s")
    return b"".join(parts).decode("utf-8", "replace")


def _never_connected(problem: requests.exceptions.RequestException) -> bool:
    if isinstance(problem, requests.exceptions.ConnectTimeout):
        return True
    reason = getattr(problem.args[0], "reason", None) if problem.args else None
    return isinstance(reason, NewConnectionError | NameResolutionError)
