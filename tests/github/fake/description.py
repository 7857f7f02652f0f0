"""Holds requests and answers against GitHub's own OpenAPI description; it answers nothing itself."""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from werkzeug.datastructures import Headers, ImmutableMultiDict

DESCRIPTION = Path(__file__).parents[2] / "data" / "github" / "openapi-trimmed.json"

BEYOND = {
    ("GET", "/user/{id}"),
    ("GET", "/meta"),
    ("GET", "/repos/{owner}/{repo}/statuses/{ref}"),
    ("GET", "/organizations/{org_id}/team/{team_id}"),
}
"""Endpoints that GitHub has and the trimmed description has not; they are served unchecked."""

UNCHECKED_STATUS = {301, 304, 307, 401, 403, 404, 429}
"""Answers that GitHub gives everywhere and the description lists only here and there."""


@functools.cache
def document() -> dict[str, Any]:
    """The description, read once."""
    found: dict[str, Any] = json.loads(DESCRIPTION.read_text())
    _admit_null(found)
    # There the description wants of an account all that a user *and* an enterprise has, which GitHub never sends.
    listed = found["paths"]["/app/installations"]["get"]["responses"]["200"]["content"]["application/json"]
    listed["schema"]["items"] = {"$ref": "#/components/schemas/installation"}
    # What tells a folder from a file there is a property, which the list that a folder is can't have.
    contents = found["paths"]["/repos/{owner}/{repo}/contents/{path}"]["get"]["responses"]["200"]["content"]
    contents["application/json"]["schema"].pop("discriminator", None)
    # A bare list of names is the older form, which GitHub still takes and PyGithub sends.
    labels = found["paths"]["/repos/{owner}/{repo}/issues/{issue_number}/labels"]["post"]["requestBody"]
    names = {"type": "array", "items": {"type": "string"}}
    labels["content"]["application/json"]["schema"]["oneOf"].append(names)
    return found


def _admit_null(schema: Any) -> None:
    """Adds null to nullable enums: OpenAPI 3.0.3 wants it listed, and GitHub's description leaves it out."""
    if isinstance(schema, dict):
        if schema.get("nullable") is True and None not in schema.get("enum", [None]):
            schema["enum"].append(None)
        for value in schema.values():
            _admit_null(value)
    elif isinstance(schema, list):
        for value in schema:
            _admit_null(value)


@functools.cache
def _api() -> Any:
    from openapi_core import Config, OpenAPI

    return OpenAPI.from_dict(document(), config=Config(spec_validator_cls=None))


@functools.cache
def templates() -> list[tuple[str, re.Pattern[str]]]:
    """Every path of the description with a pattern of it, the most literal first."""
    wide = {"ref", "path", "branch", "basehead", "base", "head", "name"}

    def pattern(template: str) -> re.Pattern[str]:
        parts = re.split(r"(\{\w+\})", template)
        text = "".join(
            re.escape(part)
            if not part.startswith("{")
            else f"(?P<{part[1:-1]}>{'.+' if part[1:-1] in wide else '[^/]+'})"
            for part in parts
        )
        return re.compile(text)

    known = [*document()["paths"], *(path for _, path in BEYOND)]
    known.sort(key=lambda path: (path.count("{"), -len(re.sub(r"\{\w+\}", "", path))))
    return [(path, pattern(path)) for path in known]


@functools.cache
def route(method: str, path: str) -> tuple[str, tuple[tuple[str, str], ...]] | None:
    """The description's path for a request with its parameters; None where it has none."""
    for template, pattern in templates():
        found = pattern.fullmatch(path)
        if found and knows(method, template):
            return template, tuple(found.groupdict().items())
    return None


def knows(method: str, template: str) -> bool:
    return method.lower() in document()["paths"].get(template, {}) or (method, template) in BEYOND


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """A request and its answer, as they travelled."""

    method: str
    template: str
    parameters: dict[str, str]
    query: list[tuple[str, str]]
    request_type: str
    request_body: bytes
    status: int
    answer_type: str
    answer: bytes


class _Request:
    """What openapi-core wants to see of a request."""

    def __init__(self, seen: Seen) -> None:
        from openapi_core.datatypes import RequestParameters

        path = seen.template
        for name, value in seen.parameters.items():
            path = path.replace("{" + name + "}", quote(value, safe="") or "-")
        self.host_url, self.path, self.method = "http://localhost", path, seen.method.lower()
        self.body = seen.request_body or None
        self.content_type = (seen.request_type or "application/json").split(";")[0]
        self.parameters = RequestParameters(
            query=ImmutableMultiDict(seen.query), header=Headers(), cookie=ImmutableMultiDict(), path={}
        )


class _Response:
    def __init__(self, seen: Seen) -> None:
        self.data, self.status_code = seen.answer, seen.status
        self.content_type, self.headers = seen.answer_type.split(";")[0], Headers()


def complaints(seen: Seen) -> list[str]:
    """What does not fit the description; empty where all does."""
    if (seen.method, seen.template) in BEYOND:
        return []
    found = []
    if seen.status != 422:  # GitHub refused it too: that is the test's business
        found += [
            f"request: {text}"
            for text in [*_strangers(seen), *_complain(_api().validate_request, _Request(seen))]
        ]
    if seen.status not in UNCHECKED_STATUS and seen.status < 500:
        request, answer = _Request(seen), _Response(seen)
        found += [
            f"answer {seen.status}: {text}" for text in _complain(_api().validate_response, request, answer)
        ]
    return [f"{seen.method} {seen.template} {text}" for text in found]


def _complain(validate: Any, *args: Any) -> list[str]:
    from openapi_core.exceptions import OpenAPIError

    try:
        validate(*args)
    except OpenAPIError as error:
        inner = getattr(error.__cause__, "schema_errors", None) or getattr(error, "schema_errors", None)
        if inner is None:
            return [f"{error}"[:500] + (f": {error.__cause__}"[:500] if error.__cause__ else "")]
        return [f"{'/'.join(map(str, e.absolute_path))}: {e.message}"[:300] for e in list(inner)[:5]]
    return []


def _strangers(seen: Seen) -> list[str]:
    """Parameters and top-level fields that the description has not: GitHub ignores them, a bot should not send them."""
    operation = document()["paths"][seen.template][seen.method.lower()]
    declared = [_deref(entry) for entry in operation.get("parameters", [])]
    known = {entry["name"] for entry in declared if entry["in"] == "query"}
    found = [f"query parameter {name!r} is unknown" for name, _ in seen.query if name not in known]
    fields = _fields(seen.template, seen.method.lower())
    if fields and seen.request_body:
        try:
            body = json.loads(seen.request_body)
        except ValueError:
            return [*found, "the body is no JSON"]
        if isinstance(body, dict):
            found += [f"body field {name!r} is unknown" for name in body if name not in fields]
    return found


def _deref(entry: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in entry:
        target: Any = document()
        for part in entry["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        entry = target
    return entry


@functools.cache
def _fields(template: str, method: str) -> frozenset[str]:
    """Names a request body may have at its top; empty where anything goes."""
    body = document()["paths"][template][method].get("requestBody", {})
    schema = body.get("content", {}).get("application/json", {}).get("schema", {})
    return frozenset(_names(_deref(schema)))


def _names(schema: dict[str, Any]) -> set[str]:
    found = set(schema.get("properties", {}))
    for kind in ("oneOf", "anyOf", "allOf"):
        for part in schema.get(kind, []):
            found |= _names(_deref(part))
    return found
