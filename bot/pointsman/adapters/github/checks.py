"""Checks and statuses of a commit, and the check runs that are ours; what is green is decided elsewhere."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import Any

from pointsman.adapters.github.client import Listing, Unsure
from pointsman.adapters.github.limits import clipped, fitted
from pointsman.adapters.github.repository import Raw, Recent, Repository, read
from pointsman.core.errors import ForgeRefused, ForgeUnavailable
from pointsman.core.model import Sha
from pointsman.core.pulls.events import read_check_run, read_status
from pointsman.core.pulls.model import GITHUB_ACTIONS_APP, Annotation, CheckOutput, CommitChecks

CHECKS_SECONDS = 20.0
MOST_RUNS = 1000
BATCH, MOST_ANNOTATIONS = 50, 500
_REMEMBERED_RUNS = 500
_MARK = "pointsman:"


class Checks(Repository):
    """The part of `GitHubPulls` that has to do with check runs."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._checks: Recent[CommitChecks] = Recent(self._clock, seconds=CHECKS_SECONDS)
        self._annotated: OrderedDict[int, frozenset[str]] = OrderedDict()

    def checks(self, commit: Sha) -> CommitChecks:
        """Where there are more than 1,000 of a kind, those and a suite that runs: that commit is never green."""
        return self._checks.get(commit, lambda: self._read_checks(commit))

    def _read_checks(self, commit: Sha) -> CommitChecks:
        at = self._clock.now()
        runs = self._listing(commit, "check-runs", "check_runs", filter="all")
        statuses = self._listing(commit, "status", "statuses")
        running = self._suites_running(commit, runs)
        return CommitChecks(
            commit=commit,
            checks=(
                *(read(read_check_run, raw) for raw in runs.items),
                *(read(read_status, raw) for raw in statuses.items),
            ),
            suites_running=running + (not runs.complete) + (not statuses.complete),
            read_at=at,
        )

    def _listing(self, commit: Sha, kind: str, key: str, **params: Any) -> Listing:
        return self._client.listing(self._path("commits", commit, kind), key=key, most=MOST_RUNS, **params)

    def _suites_running(self, commit: Sha, runs: Listing) -> int:
        """A run that has not ended is in a suite that has not: then nobody need be asked."""
        unfinished = [raw for raw in runs.items if raw.get("status") != "completed"]
        others = {_suite_of(raw) for raw in unfinished if not self._is_own(raw)}
        if others:
            return len(others)
        held_open_by_us = {_suite_of(raw) for raw in unfinished}
        suites = self._listing(commit, "check-suites", "check_suites")
        begun = [
            raw
            for raw in suites.items
            if _has_begun(raw) and raw.get("id") not in held_open_by_us and not self._is_own_suite(raw)
        ]
        return len(begun) + (not suites.complete)

    def _is_own_suite(self, suite: Raw) -> bool:
        return bool(_app_of(suite) == self.app != GITHUB_ACTIONS_APP)

    def _is_own(self, run: Raw) -> bool:
        """With a `GITHUB_TOKEN` our runs are Actions' own, beside those of the workflows that we wait for."""
        marked = str(run.get("external_id") or "").startswith(_MARK)
        return bool(_app_of(run) == self.app) and (marked or self.app != GITHUB_ACTIONS_APP)

    def post_check(self, output: CheckOutput, *, known: int | None) -> int:
        """Of more than 500 annotations the first 500. A `known` run that is gone is made anew."""
        batches = _batches(output)
        if known is not None:
            sent = self._sent_to(known) if any(batches) else frozenset()
            batches = _batches(output, without=sent)
            if self._update(known, output, batches[0]):
                return self._append(known, output, batches)
            batches = _batches(output)
        return self._append(self._create(output, batches[0]), output, batches)

    def _create(self, output: CheckOutput, annotations: list[Annotation]) -> int:
        body = {**_body(output, annotations), "head_sha": output.head, "external_id": external_id(output)}
        try:
            return read(_id, self._client.write("POST", self._path("check-runs"), body, creates=True))
        except Unsure:
            found = self._own_run(output)
        if found is None:
            raise ForgeUnavailable(f"GitHub did not say whether it took the check {output.name}")
        return found

    def _own_run(self, output: CheckOutput) -> int | None:
        """The run that a lost answer was about."""
        path = self._path("commits", output.head, "check-runs")
        runs = self._client.listing(path, key="check_runs", check_name=output.name, filter="latest").items
        ours = (raw for raw in runs if _app_of(raw) == self.app)
        return next((read(_id, raw) for raw in ours if raw.get("external_id") == external_id(output)), None)

    def _update(self, known: int, output: CheckOutput, annotations: list[Annotation]) -> bool:
        """False when the run is gone."""
        path = self._path("check-runs", known)
        body = _body(output, annotations)
        try:
            self._client.write("PATCH", path, body)
            return True
        except ForgeRefused as problem:
            if problem.status in (404, 410):
                return False
            raise
        except Unsure:
            self._annotated.pop(known, None)
            raw = self._client.find(path)
        if raw is not None and not _says(raw, body):
            raise ForgeUnavailable(f"GitHub did not take the new state of the check {output.name}")
        return raw is not None

    def _append(self, run: int, output: CheckOutput, batches: list[list[Annotation]]) -> int:
        """The batches after the first; each adds to what the run has."""
        for batch in batches[1:]:
            self._update(run, output, batch)
        if any(batches):
            self._note(
                run,
                self._annotated.get(run, frozenset()) | {_fingerprint(each) for b in batches for each in b},
            )
        return run

    def _sent_to(self, run: int) -> frozenset[str]:
        """What the run has already: GitHub appends, and would show them twice."""
        if run not in self._annotated:
            found = self._client.listing(self._path("check-runs", run, "annotations"), most=MOST_ANNOTATIONS)
            self._note(run, frozenset(_fingerprint_of(raw) for raw in found.items))
        return self._annotated[run]

    def _note(self, run: int, sent: frozenset[str]) -> None:
        self._annotated[run] = sent
        self._annotated.move_to_end(run)
        while len(self._annotated) > _REMEMBERED_RUNS:
            self._annotated.popitem(last=False)

    def forget(self, number: int | None = None, *, commit: Sha | None = None) -> None:
        if commit is not None:
            self._checks.forget(commit)


def external_id(output: CheckOutput) -> str:
    """The same for every attempt to post the same check: what finds it again after a lost answer."""
    return f"{_MARK}{hashlib.sha256(f'{output.name}@{output.head}'.encode()).hexdigest()[:32]}"


def _batches(output: CheckOutput, *, without: frozenset[str] = frozenset()) -> list[list[Annotation]]:
    """At least one, which may be empty."""
    wanted = [each for each in output.annotations[:MOST_ANNOTATIONS] if _fingerprint(each) not in without]
    return [wanted[start : start + BATCH] for start in range(0, max(len(wanted), 1), BATCH)]


def _body(output: CheckOutput, annotations: list[Annotation]) -> dict[str, Any]:
    said: dict[str, Any] = {"title": clipped(output.title, 250), "summary": fitted(output.summary)}
    if output.text:
        said["text"] = fitted(output.text)
    if annotations:
        said["annotations"] = [_annotation(each) for each in annotations]
    ended = output.conclusion is not None
    body: dict[str, Any] = {
        "name": output.name,
        "status": "completed" if ended else "in_progress",
        "output": said,
    }
    if ended:
        body["conclusion"] = output.conclusion
    return body


def _annotation(each: Annotation) -> dict[str, Any]:
    start = max(each.line, 1)
    return {
        "path": each.path,
        "start_line": start,
        "end_line": max(each.end, start),
        "annotation_level": each.severity.value,
        "title": clipped(each.title, 250),
        "message": fitted(each.message) or each.title or "-",
    }


def _fingerprint(each: Annotation) -> str:
    return _fingerprint_of(_annotation(each))


def _fingerprint_of(raw: Raw) -> str:
    parts = (
        raw.get(name) for name in ("path", "start_line", "end_line", "annotation_level", "title", "message")
    )
    return hashlib.sha256(repr(tuple(parts)).encode("utf-8", "replace")).hexdigest()


def _says(raw: Raw, body: Raw) -> bool:
    """Does the check run say what we meant it to?"""
    said, meant = raw.get("output") or {}, body["output"]
    return (raw.get("status"), raw.get("conclusion")) == (body["status"], body.get("conclusion")) and (
        (said.get("title"), str(said.get("summary")).strip()) == (meant["title"], meant["summary"].strip())
    )


def _has_begun(suite: Raw) -> bool:
    """GitHub makes a suite for every app with access, and most of them never run: those stay `queued` for ever. Its
    own Actions makes one only where a workflow is to run."""
    if suite.get("status") == "completed":
        return False
    runs = suite.get("latest_check_runs_count")
    return suite.get("status") == "in_progress" or bool(runs) or _app_of(suite) == GITHUB_ACTIONS_APP


def _suite_of(run: Raw) -> Any:
    return (run.get("check_suite") or {}).get("id")


def _app_of(raw: Raw) -> Any:
    return (raw.get("app") or {}).get("id")


def _id(raw: Raw) -> int:
    return int(raw["id"])
