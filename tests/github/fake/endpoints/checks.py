"""Endpoints about check runs, check suites and commit statuses."""

from __future__ import annotations

import datetime as dt

from tests.github.fake.calls import Answer, Call, Refused, endpoint, not_found
from tests.github.fake.endpoints.commits import commit_of
from tests.github.fake.shapes import checks, repos
from tests.github.fake.state import CheckRun, CheckSuite, Json

READ, WRITE = "checks:read", "checks:write"
BASE = "/repos/{owner}/{repo}"
MAX_ANNOTATIONS = 50
MAX_TEXT = 65_535


@endpoint("POST", BASE + "/check-runs", WRITE)
def make_run(call: Call) -> Answer:
    app, sha = call.who.app, call.wanted("head_sha")
    if app is None:
        raise Refused(403, "You must authenticate via a GitHub App.")
    if call.repo.bare.commit(sha) is None:
        raise Refused(422, f"No commit found for SHA: {sha}")
    branches = [name for name, tip in call.repo.bare.refs("refs/heads/").items() if tip == sha]
    branch = branches[0].removeprefix("refs/heads/") if branches else None
    suite = call.repo.need_suite(app, sha, branch)
    run = CheckRun(
        id=call.hub.new_id(), name=call.wanted("name"), app=app, suite=suite, sha=sha, started=call.hub.now()
    )
    _fill(call, run)
    call.repo.checks[run.id] = run
    call.repo.tell_check(run, "created", call.account)
    _after(call, run, was="queued")
    return Answer(status=201, body=checks.check_run(call.repo, run))


@endpoint("PATCH", BASE + "/check-runs/{check_run_id}", WRITE)
def edit_run(call: Call) -> Answer:
    run = _run(call)
    if run.app is not call.who.app:
        raise Refused(
            403, "Invalid app_id `{}` - check run can only be modified by the GitHub App that created it."
        )
    was = run.status
    _fill(call, run)
    _after(call, run, was=was)
    return Answer(body=checks.check_run(call.repo, run))


def _fill(call: Call, run: CheckRun) -> None:
    body = call.body
    run.name = body.get("name", run.name)
    run.external_id = body.get("external_id", run.external_id)
    run.details_url = body.get("details_url", run.details_url)
    run.status = body.get("status", run.status)
    if "started_at" in body:
        run.started = _time(body["started_at"])
    if "conclusion" in body:
        run.status, run.conclusion = "completed", body["conclusion"]
    if run.status == "completed":
        if run.conclusion is None:
            raise Refused(422, "Invalid request.\n\nMissing required key: conclusion.")
        run.completed = _time(body["completed_at"]) if "completed_at" in body else call.hub.now()
    else:
        run.conclusion = run.completed = None
    _output(run, body.get("output"))


def _output(run: CheckRun, output: Json | None) -> None:
    if output is None:
        return
    for name in ("summary", "text"):
        if len((output.get(name) or "").encode()) > MAX_TEXT:
            raise Refused(
                422, f"Invalid request.\n\nOnly {MAX_TEXT} characters are allowed; {name} is too long."
            )
    if len(output.get("annotations", [])) > MAX_ANNOTATIONS:
        raise Refused(422, f"Invalid request.\n\nNo more than {MAX_ANNOTATIONS} items are allowed.")
    run.title = output.get("title", run.title)
    run.summary = output.get("summary", run.summary)
    run.text = output.get("text", run.text)
    run.annotations += output.get("annotations", [])


def _time(text: str) -> float:
    return dt.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def _after(call: Call, run: CheckRun, *, was: str) -> None:
    if run.status == "completed" and was != "completed":
        call.repo.tell_check(run, "completed", call.account)
    call.repo.settle_suite(run.suite, call.account)


def _run(call: Call) -> CheckRun:
    found = call.repo.checks.get(call.number("check_run_id"))
    if found is None:
        raise not_found()
    return found


@endpoint("GET", BASE + "/check-runs/{check_run_id}", READ)
def get_run(call: Call) -> Answer:
    return Answer(body=checks.check_run(call.repo, _run(call)))


@endpoint("GET", BASE + "/check-runs/{check_run_id}/annotations", READ)
def list_annotations(call: Call) -> Answer:
    run = _run(call)
    empty: Json = dict.fromkeys(("start_column", "end_column", "title", "raw_details"))

    def shape(each: Json) -> Json:
        link = f"{call.hub.url}/{call.repo.full_name}/blob/{run.sha}/{each['path']}"
        return empty | each | {"blob_href": link}

    return call.listed(run.annotations, shape)


def _filtered(call: Call, found: list[CheckRun]) -> Answer:
    query = call.query
    if name := query.get("check_name"):
        found = [run for run in found if run.name == name]
    if status := query.get("status"):
        found = [run for run in found if run.status == status]
    if app := query.get("app_id"):
        found = [run for run in found if str(run.app.id) == app]
    return call.listed(found, lambda run: checks.check_run(call.repo, run), "check_runs")


@endpoint("GET", BASE + "/commits/{ref}/check-runs", READ)
def list_runs(call: Call) -> Answer:
    newest = call.query.get("filter", "latest") == "latest"
    return _filtered(call, call.repo.check_runs(commit_of(call, call.params["ref"]), newest=newest))


@endpoint("GET", BASE + "/commits/{ref}/check-suites", READ)
def list_suites(call: Call) -> Answer:
    sha = commit_of(call, call.params["ref"])
    found = [suite for suite in call.repo.suites.values() if suite.sha == sha]
    if app := call.query.get("app_id"):
        found = [suite for suite in found if str(suite.app.id) == app]
    return call.listed(found, lambda each: checks.check_suite_in_full(call.repo, each), "check_suites")


def _suite(call: Call) -> CheckSuite:
    found = call.repo.suites.get(call.number("check_suite_id"))
    if found is None:
        raise not_found()
    return found


@endpoint("GET", BASE + "/check-suites/{check_suite_id}", READ)
def get_suite(call: Call) -> Answer:
    return Answer(body=checks.check_suite_in_full(call.repo, _suite(call)))


@endpoint("GET", BASE + "/check-suites/{check_suite_id}/check-runs", READ)
def list_runs_of_suite(call: Call) -> Answer:
    suite, newest = _suite(call), call.query.get("filter", "latest") == "latest"
    found = [run for run in call.repo.check_runs(suite.sha, newest=newest) if run.suite is suite]
    return _filtered(call, found)


@endpoint("GET", BASE + "/commits/{ref}/status", "statuses:read")
def combined_status(call: Call) -> Answer:
    sha = commit_of(call, call.params["ref"])
    found = call.repo.latest_statuses(sha)
    states = {each.state for each in found}
    bad, waiting = states & {"failure", "error"}, not states or "pending" in states
    page, headers = call.page(found)
    body = {
        "state": "failure" if bad else "pending" if waiting else "success",
        "statuses": [checks.simple_status(call.repo, each) for each in page],
        "sha": sha,
        "total_count": len(found),
        "repository": repos.minimal(call.repo),
        "commit_url": f"{call.repo.api_url}/commits/{sha}",
        "url": f"{call.repo.api_url}/commits/{sha}/status",
    }
    return Answer(body=body, headers=headers)


@endpoint("GET", BASE + "/statuses/{ref}", "statuses:read")
@endpoint("GET", BASE + "/commits/{ref}/statuses", "statuses:read")
def list_statuses(call: Call) -> Answer:
    sha = commit_of(call, call.params["ref"])
    found = [each for each in reversed(call.repo.statuses) if each.sha == sha]
    return call.listed(found, lambda each: checks.status(call.repo, each))


@endpoint("POST", BASE + "/statuses/{sha}", "statuses:write")
def make_status(call: Call) -> Answer:
    sha = call.params["sha"]
    if call.repo.bare.commit(sha) is None:
        raise Refused(422, f"No commit found for SHA: {sha}")
    made = call.repo.add_status(
        sha,
        call.body.get("context", "default"),
        call.wanted("state"),
        call.account,
        description=call.body.get("description"),
        target_url=call.body.get("target_url"),
    )
    return Answer(status=201, body=checks.status(call.repo, made))
