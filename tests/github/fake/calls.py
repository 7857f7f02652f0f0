"""One API call and its answer, and the table of endpoints; no endpoint is here."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import urlencode

from tests.github.fake.state import Account, Credential, Json

if TYPE_CHECKING:
    from tests.github.fake.hub import FakeGitHub
    from tests.github.fake.repository import FakeRepository

T = TypeVar("T")
DOCS = "https://docs.github.com/rest"


class Refused(Exception):
    """An answer that is not 2xx, as GitHub words it."""

    def __init__(self, status: int, message: str, errors: Sequence[Any] = (), **headers: str) -> None:
        super().__init__(message)
        self.status, self.message, self.errors, self.headers = status, message, list(errors), headers

    def body(self) -> Json:
        extra = {"errors": self.errors} if self.errors else {}
        return {"message": self.message, **extra, "documentation_url": DOCS, "status": str(self.status)}


def not_found() -> Refused:
    return Refused(404, "Not Found")


@dataclass(kw_only=True)
class Answer:
    """`body` None: none at all."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(kw_only=True)
class Call:
    """A request that was let in. `repo` is only there for paths below /repos."""

    hub: FakeGitHub
    who: Credential
    method: str
    path: str
    params: dict[str, str]
    query: dict[str, str]
    body: Json
    maybe_repo: FakeRepository | None = None

    @property
    def repo(self) -> FakeRepository:
        assert self.maybe_repo is not None
        return self.maybe_repo

    @property
    def account(self) -> Account:
        """Who acts; 401 where nobody does."""
        if self.who.account is None:
            raise Refused(401, "Requires authentication")
        return self.who.account

    def number(self, name: str) -> int:
        """A path parameter that is a number; 404 where it is none."""
        if not re.fullmatch(r"[0-9]{1,18}", self.params[name]):
            raise not_found()
        return int(self.params[name])

    def page(self, items: Sequence[T]) -> tuple[Sequence[T], dict[str, str]]:
        """The page asked for (30 a page, at most 100) and its Link header."""
        size = min(max(_count(self.query.get("per_page"), 30), 1), 100)
        page = max(_count(self.query.get("page"), 1), 1)
        last = max(math.ceil(len(items) / size), 1)
        targets = {"prev": page - 1, "next": page + 1, "first": 1, "last": last}
        if page >= last:
            del targets["next"], targets["last"]
        if page == 1:
            del targets["prev"], targets["first"]
        base = f"{self.hub.api_url}{self.path}"
        links = [f'<{base}?{urlencode(self.query | {"page": n})}>; rel="{rel}"' for rel, n in targets.items()]
        return items[(page - 1) * size : page * size], {"Link": ", ".join(links)} if links else {}

    def listed(self, items: Sequence[T], shape: Callable[[T], Any], key: str | None = None) -> Answer:
        """A page as GitHub gives it: a plain list, or with `key` an object with a total."""
        page, headers = self.page(items)
        found = [shape(item) for item in page]
        body = found if key is None else {"total_count": len(items), key: found}
        return Answer(body=body, headers=headers)

    def wanted(self, name: str) -> Any:
        """A field of the body; 422 where it is missing."""
        if self.body.get(name) in (None, ""):
            text = f'Invalid request.\n\n"{name}" wasn\'t supplied.'
            raise Refused(422, text)
        return self.body[name]


def _count(text: str | None, default: int) -> int:
    return int(text) if text and re.fullmatch(r"[0-9]{1,9}", text) else default


Handler = Callable[[Call], Answer]
Need = str | tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """`needs`: `permission:level` of an app's token, any of them; "" for none, `app` for an app's own JWT."""

    handler: Handler
    needs: tuple[str, ...]


TABLE: dict[tuple[str, str], Endpoint] = {}


def endpoint(method: str, template: str, needs: Need = "metadata:read") -> Callable[[Handler], Handler]:
    """Registers what answers that path of GitHub's description."""

    def register(handler: Handler) -> Handler:
        wanted = (needs,) if isinstance(needs, str) else needs
        TABLE[method, template] = Endpoint(handler=handler, needs=wanted)
        return handler

    return register


def parse_body(raw: bytes) -> Json:
    """The body as an object (a bare list stands under `""`); 400 where it is no JSON."""
    if not raw:
        return {}
    try:
        found = json.loads(raw)
    except ValueError:
        raise Refused(400, "Problems parsing JSON") from None
    return cast(Json, found) if isinstance(found, dict) else {"": found}
