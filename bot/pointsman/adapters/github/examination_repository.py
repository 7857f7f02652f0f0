"""Reads from GitHub what the doctor judges of one repository, in at most twelve requests; it judges nothing."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

from pointsman.adapters.github.client import Client
from pointsman.adapters.github.examination import Place, asked
from pointsman.adapters.github.repository import Raw, read
from pointsman.core.contract import CONTRACT_PATH, Contract, load
from pointsman.core.errors import ForgeRefused
from pointsman.core.pulls.diagnosis import (
    CANDIDATE,
    Actor,
    Classic,
    RepositoryFacts,
    Rule,
    Ruleset,
    Unread,
    WorkflowFile,
)
from pointsman.core.pulls.model import RequiredCheck

MOST_REQUESTS = 12
KEPT_FOR_WORKFLOWS = 4
"""Requests: the folder's listing, and a few of its files."""
WORKFLOWS = ".github/workflows"


@dataclass(kw_only=True)
class Reader:
    """Questions about one repository, counted. `admin`: whoever may see bypass lists, None where nobody does."""

    client: Client
    name: str
    admin: Client | None = None
    spent: int = field(default=0, init=False)

    def get(self, *parts: str | int, client: Client | None = None, **params: Any) -> Any:
        self.spent += 1
        return (client or self.client).get(self._path(*parts), **params)

    def find(self, *parts: str | int, **params: Any) -> Any | None:
        self.spent += 1
        return self.client.find(self._path(*parts), **params)

    def file(self, path: str, ref: str) -> bytes | None:
        """None where there is none, or no ordinary file."""
        raw = self.find("contents", *path.split("/"), ref=ref)
        if not isinstance(raw, dict) or raw.get("type") != "file":
            return None
        return read(_content, raw)

    def _path(self, *parts: str | int) -> str:
        owner, _, name = self.name.partition("/")
        return "/".join(["/repos", *(quote(str(part), safe="") for part in (owner, name, *parts))])


def read_repository(
    client: Client, place: Place, *, site: str, admin: Client | None = None
) -> RepositoryFacts:
    """All that the doctor judges; what GitHub does not tell is `Unread`, one question at a time."""
    reader, branch = Reader(client=client, name=place.name, admin=admin), place.default_branch
    blank = RepositoryFacts(name=place.name, page=f"{site}/{place.name}", default_branch=branch, base=branch)
    facts = _with_contract(reader, blank)
    facts = replace(
        facts,
        rules=asked(lambda: _rules(reader, facts.base)),
        candidate_rules=asked(lambda: _rules(reader, CANDIDATE)),
        classic=asked(lambda: _classic_of(reader, facts.base)),
    )
    facts = replace(facts, rulesets=dict(_rulesets(reader, facts)))
    return _with_workflows(reader, facts)


def _with_contract(reader: Reader, facts: RepositoryFacts) -> RepositoryFacts:
    """The one on the default branch names the base; where that is another branch, the one there is what counts."""
    first = _contract(reader, facts.default_branch)
    if isinstance(first, str):
        return replace(facts, contract_problem=first)
    base = first.base
    if base == facts.default_branch:
        return replace(facts, contract=first)
    there = _contract(reader, base)
    if isinstance(there, str):
        problem = f"the one on {facts.default_branch} names {base} as the base, and there: {there}"
        return replace(facts, base=base, contract_problem=problem)
    return replace(facts, base=base, contract=there)


def _contract(reader: Reader, branch: str) -> Contract | str:
    """Where there is none that counts, why."""
    data = asked(lambda: reader.file(CONTRACT_PATH, branch))
    if isinstance(data, Unread):
        return f"{CONTRACT_PATH} on {branch} can't be read: {data.why}"
    if data is None:
        return f"there is no {CONTRACT_PATH} on {branch}"
    found = load(data, source=CONTRACT_PATH)
    return found if isinstance(found, Contract) else f"the one on {branch} can't be used:\n{found}"


def _rules(reader: Reader, branch: str) -> tuple[Rule, ...]:
    raw = reader.get("rules", "branches", branch, per_page=100)
    return read(lambda items: tuple(_rule(each) for each in items), raw)


def _rule(raw: Raw) -> Rule:
    checks: Sequence[Raw] = ()
    if raw["type"] == "required_status_checks":
        checks = (raw.get("parameters") or {}).get("required_status_checks") or ()
    return Rule(
        kind=str(raw["type"]),
        ruleset=int(raw["ruleset_id"]),
        required=tuple(_required(each, "integration_id") for each in checks),
    )


def _required(raw: Raw, app: str) -> RequiredCheck:
    """-1 and nothing at all: any app."""
    number = raw.get(app)
    bound = number if isinstance(number, int) and number > 0 else None
    return RequiredCheck(name=str(raw["context"]), app=bound)


def _rulesets(reader: Reader, facts: RepositoryFacts) -> Iterator[tuple[int, Ruleset | Unread]]:
    """Those of the base branch first. What is over the limit is not asked for, and judged as not read."""
    rules = [
        rule for part in (facts.rules, facts.candidate_rules) if not isinstance(part, Unread) for rule in part
    ]
    for number in dict.fromkeys(rule.ruleset for rule in rules):
        if reader.spent > MOST_REQUESTS - KEPT_FOR_WORKFLOWS:
            return
        yield number, asked(lambda number=number: _ruleset(reader, facts, number))  # type: ignore[misc]


def _ruleset(reader: Reader, facts: RepositoryFacts, number: int) -> Ruleset:
    """What we may is told to us alone, and the list to an administrator alone."""
    ours = read(lambda raw: _one(raw, facts), reader.get("rulesets", number))
    if ours.actors is None and reader.admin is not None:
        path = ("rulesets", number)
        theirs = asked(lambda: read(lambda raw: _one(raw, facts), reader.get(*path, client=reader.admin)))
        if isinstance(theirs, Unread):
            return replace(ours, hidden=f"the token does not help: {theirs.why}")
        hidden = "nor is it shown to the one whose token was given" if theirs.actors is None else ""
        return replace(ours, actors=theirs.actors, hidden=hidden)
    return ours


def _one(raw: Raw, facts: RepositoryFacts) -> Ruleset:
    actors = raw.get("bypass_actors")
    links = raw.get("_links") or {}
    page = (links.get("html") or {}).get("href") or f"{facts.page}/settings/rules"
    bypass = raw.get("current_user_can_bypass")
    return Ruleset(
        id=int(raw["id"]),
        name=str(raw["name"]),
        page=str(page),
        bypass=None if bypass is None else str(bypass),
        actors=None if actors is None else tuple(_actor(each) for each in actors),
    )


def _actor(raw: Raw) -> Actor:
    number = raw.get("actor_id")
    return Actor(
        kind=str(raw["actor_type"]),
        id=number if isinstance(number, int) else None,
        mode=str(raw.get("bypass_mode") or "always"),
    )


def _classic_of(reader: Reader, branch: str) -> Classic | None:
    try:
        return read(_classic, reader.get("branches", branch, "protection"))
    except ForgeRefused as problem:
        if problem.status == 404 and "not protected" in str(problem).lower():
            return None
        raise


def _classic(raw: Raw) -> Classic:
    wanted = raw.get("required_status_checks") or {}
    required = [_required(each, "app_id") for each in wanted.get("checks") or ()]
    named = {check.name for check in required}
    required += [RequiredCheck(name=str(each)) for each in wanted.get("contexts") or () if each not in named]
    pushing, reviews = raw.get("restrictions"), raw.get("required_pull_request_reviews")
    return Classic(
        required=tuple(required),
        pushers=None if pushing is None else _apps(pushing),
        other_pushers=None if pushing is None else tuple(_people(pushing)),
        review_bypass=None if reviews is None else _apps(reviews.get("bypass_pull_request_allowances") or {}),
        locked=_enabled(raw, "lock_branch"),
        signatures=_enabled(raw, "required_signatures"),
        linear=_enabled(raw, "required_linear_history"),
        force_pushes=_enabled(raw, "allow_force_pushes"),
        deletions=_enabled(raw, "allow_deletions"),
        admins_too=_enabled(raw, "enforce_admins"),
    )


def _apps(raw: Raw) -> frozenset[int]:
    return frozenset(int(each["id"]) for each in raw.get("apps") or ())


def _people(raw: Raw) -> Iterator[str]:
    yield from (str(each.get("login")) for each in raw.get("users") or ())
    yield from (f"team {each.get('slug')}" for each in raw.get("teams") or ())


def _enabled(raw: Raw, name: str) -> bool:
    return bool((raw.get(name) or {}).get("enabled"))


def _with_workflows(reader: Reader, facts: RepositoryFacts) -> RepositoryFacts:
    """As many files as the budget leaves, those whose names come first."""
    paths = asked(lambda: _workflow_paths(reader, facts.base))
    if isinstance(paths, Unread):
        return replace(facts, workflows=paths)
    found: list[WorkflowFile] = []
    for path in paths[: max(MOST_REQUESTS - reader.spent, 0)]:
        data = asked(lambda path=path: reader.file(path, facts.base))  # type: ignore[misc]
        if isinstance(data, bytes):
            found.append(WorkflowFile(path=path, data=data))
    return replace(facts, workflows=tuple(found), unread_workflows=len(paths) - len(found))


def _workflow_paths(reader: Reader, branch: str) -> list[str]:
    raw = reader.find("contents", *WORKFLOWS.split("/"), ref=branch)
    items = raw if isinstance(raw, list) else []
    paths = [str(each.get("path")) for each in items if isinstance(each, dict) and each.get("type") == "file"]
    return sorted(path for path in paths if path.endswith((".yml", ".yaml")))


def _content(raw: Raw) -> bytes:
    """Of a file over a megabyte GitHub sends none: what is left is empty, and no contract."""
    try:
        return base64.b64decode(str(raw.get("content") or ""))
    except binascii.Error as problem:
        raise ValueError("not base64") from problem
