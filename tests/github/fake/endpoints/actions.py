"""Endpoints about GitHub Actions: workflows, dispatching them, their runs and jobs."""

from __future__ import annotations

from collections.abc import Callable

from tests.github.fake import workflows
from tests.github.fake.calls import Answer, Call, Refused, endpoint, not_found
from tests.github.fake.workflows import Workflow, WorkflowRun

READ, WRITE = "actions:read", "actions:write"
BASE = "/repos/{owner}/{repo}/actions"
RUN = BASE + "/runs/{run_id}"


def _workflow(call: Call) -> Workflow:
    wanted = call.params["workflow_id"]
    for found in call.repo.workflows.values():
        if wanted in (str(found.id), found.path.rsplit("/", 1)[-1]):
            return found
    raise not_found()


def _run(call: Call) -> WorkflowRun:
    found = call.repo.runs.get(call.number("run_id"))
    if found is None:
        raise not_found()
    return found


@endpoint("GET", BASE + "/workflows", READ)
def list_workflows(call: Call) -> Answer:
    found = list(call.repo.workflows.values())
    return call.listed(found, lambda each: workflows.workflow_shape(call.repo, each), "workflows")


@endpoint("GET", BASE + "/workflows/{workflow_id}", READ)
def get_workflow(call: Call) -> Answer:
    return Answer(body=workflows.workflow_shape(call.repo, _workflow(call)))


@endpoint("POST", BASE + "/workflows/{workflow_id}/dispatches", WRITE)
def dispatch(call: Call) -> Answer:
    workflow, ref = _workflow(call), call.wanted("ref")
    if not workflow.on_dispatch:
        raise Refused(422, "Workflow does not have 'workflow_dispatch' trigger")
    branch = ref.removeprefix("refs/heads/")
    sha = call.repo.tip(branch)
    if sha is None:
        raise Refused(422, f"No ref found for: {ref}")
    run = workflows.begin(
        call.repo,
        workflow,
        event="workflow_dispatch",
        sha=sha,
        branch=branch,
        actor=call.account,
        inputs=call.body.get("inputs", {}),
    )
    if not call.body.get("return_run_details"):
        return Answer(status=204)
    shape = workflows.shape(call.repo, run)
    details = {"workflow_run_id": run.id, "run_url": shape["url"], "html_url": shape["html_url"]}
    return Answer(body=details)


def _listed(call: Call, found: list[WorkflowRun]) -> Answer:
    tests: dict[str, Callable[[WorkflowRun], str | None]] = {
        "head_sha": lambda run: run.suite.sha,
        "branch": lambda run: run.suite.branch,
        "event": lambda run: run.event,
        "check_suite_id": lambda run: str(run.suite.id),
    }
    for name, read in tests.items():
        if wanted := call.query.get(name):
            found = [run for run in found if read(run) == wanted]
    if status := call.query.get("status"):
        found = [run for run in found if status in (run.suite.status, run.suite.conclusion)]
    return call.listed(list(reversed(found)), lambda run: workflows.shape(call.repo, run), "workflow_runs")


@endpoint("GET", BASE + "/runs", READ)
def list_runs(call: Call) -> Answer:
    return _listed(call, list(call.repo.runs.values()))


@endpoint("GET", BASE + "/workflows/{workflow_id}/runs", READ)
def list_runs_of(call: Call) -> Answer:
    workflow = _workflow(call)
    return _listed(call, [run for run in call.repo.runs.values() if run.workflow is workflow])


@endpoint("GET", RUN, READ)
def get_run(call: Call) -> Answer:
    return Answer(body=workflows.shape(call.repo, _run(call)))


@endpoint("GET", RUN + "/jobs", READ)
def list_jobs(call: Call) -> Answer:
    run = _run(call)
    newest = call.query.get("filter", "latest") == "latest"
    found = [c for c in call.repo.check_runs(run.suite.sha, newest=newest) if c.suite is run.suite]
    return call.listed(found, lambda check: workflows.job_shape(call.repo, run, check), "jobs")


@endpoint("POST", RUN + "/rerun-failed-jobs", WRITE)
def rerun_failed(call: Call) -> Answer:
    return _rerun(call, everything=False)


@endpoint("POST", RUN + "/rerun", WRITE)
def rerun(call: Call) -> Answer:
    return _rerun(call, everything=True)


def _rerun(call: Call, *, everything: bool) -> Answer:
    run = _run(call)
    if run.suite.status != "completed":
        raise Refused(403, "This workflow is already running")
    workflows.rerun_failed(call.repo, run, everything=everything)
    return Answer(status=201, body={})


@endpoint("POST", RUN + "/cancel", WRITE)
def cancel(call: Call) -> Answer:
    run = _run(call)
    if run.suite.status == "completed":
        raise Refused(409, "Cannot cancel a workflow run that is completed.")
    for check in call.repo.check_runs(run.suite.sha):
        if check.suite is run.suite and check.status != "completed":
            call.repo.end_check(check, "cancelled")
    return Answer(status=202, body={})
