"""Writes verdicts as SARIF 2.1.0, for code scanning and editors; it judges nothing.

Source: https://docs.oasis-open.org/sarif/sarif/v2.1.0/ and what GitHub's upload takes of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import quote

from pointsman.core.contract import CONTRACT_PATH, PathStatus
from pointsman.core.migrations.drawing.quotes import quotes
from pointsman.core.model import GitPath
from pointsman.core.pulls.markdown import bounded, plain
from pointsman.core.pulls.story import Judged

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
MAX_RESULTS = 5_000
"""GitHub takes 25,000 results of a run and shows 5,000."""

_RULES = {
    "contract/denied": "A path that the role may not change",
    "contract/outside": "A path outside the role's scope",
    "contract/approval": "A path that waits for an approval",
    "contract/change": "Something wrong with the change as a whole",
    "contract/role": "No role for the author and the branch",
    "migrations/refused": "A migration fork that is left to people",
    "migrations/fork": "A migration fork that is healed when it lands",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Result:
    rule: str
    level: str
    message: str
    path: GitPath
    line: int = 1


def sarif(judged: Iterable[Judged], *, version: str = "") -> dict[str, Any]:
    """One run with every finding of every verdict; no finding gives an empty list of results, which clears those of
    an earlier upload."""
    results = [result for one in judged for result in (*_contract(one), *_migrations(one))][:MAX_RESULTS]
    driver: dict[str, Any] = {
        "name": "Pointsman",
        "rules": [
            {"id": rule, "name": rule.replace("/", "-"), "shortDescription": {"text": text}}
            for rule, text in _RULES.items()
        ],
    }
    if version:
        driver["version"] = version
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": [_as_json(result) for result in results]}],
    }


def _as_json(result: _Result) -> dict[str, Any]:
    text = bounded("\n".join(plain(line) for line in result.message.splitlines()), 4000)
    mark = f"{result.rule}\0{result.path}\0{result.message}"
    return {
        "ruleId": result.rule,
        "ruleIndex": list(_RULES).index(result.rule),
        "level": result.level,
        "message": {"text": text},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": _uri(result.path), "uriBaseId": "%SRCROOT%"},
                    "region": {"startLine": result.line},
                }
            }
        ],
        "partialFingerprints": {"pointsman/v1": sha256(mark.encode("utf-8", "surrogateescape")).hexdigest()},
    }


def _uri(path: GitPath) -> str:
    """A relative URI reference: bytes as they are in git, percent-encoded."""
    return quote(path.encode("utf-8", "surrogateescape"), safe="/")


def _contract(judged: Judged) -> Iterator[_Result]:
    verdict = judged.contract
    if verdict is None:
        why = judged.problem or judged.why_no_role
        yield _Result(rule="contract/role", level="error", message=why, path=CONTRACT_PATH)
        return
    level = "warning" if verdict.shadow_until is not None else "error"
    for one in verdict.paths:
        if one.status is PathStatus.ALLOWED:
            continue
        where = f" ({CONTRACT_PATH}:{one.line})" if one.line else ""
        message = f"{one.reason} [{one.rule}]{where}"
        if one.status is PathStatus.NEEDS_APPROVAL:
            yield _Result(rule="contract/approval", level="note", message=message, path=one.path)
        else:
            rule = "contract/outside" if one.status is PathStatus.OUTSIDE else "contract/denied"
            yield _Result(rule=rule, level=level, message=message, path=one.path)
    for problem in verdict.problems:
        path = problem.paths[0] if problem.paths else CONTRACT_PATH
        yield _Result(rule="contract/change", level="error", message=problem.message, path=path)


def _migrations(judged: Judged) -> Iterator[_Result]:
    for refusal in judged.migrations.refusals:
        found = [(one.path, one.line, f"{one.why}\n{one.text}") for one in quotes(refusal)]
        for path, line, message in found or [(path, 1, refusal.message) for path in refusal.paths[:20]]:
            yield _Result(
                rule="migrations/refused",
                level="error",
                message=f"{refusal.code}: {message}",
                path=path,
                line=line,
            )
    for graph in judged.migrations.graphs:
        for move in graph.plan.moves:
            message = f"{move.revision} forks the migrations; it will follow {', '.join(move.new_parents) or 'nothing'}"
            yield _Result(rule="migrations/fork", level="note", message=message, path=move.path)
