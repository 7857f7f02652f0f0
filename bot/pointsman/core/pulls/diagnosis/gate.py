"""Judges the contract on the base branch and the workflows that are to be its gate. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches

from pointsman.core.contract import Author, Contract
from pointsman.core.contract.identity import BOT, mismatch
from pointsman.core.contract.names import shown
from pointsman.core.diagnosis import Finding, Sheet
from pointsman.core.pulls.diagnosis.branch import Guard
from pointsman.core.pulls.diagnosis.facts import AppFacts, Gate, RepositoryFacts, Unread
from pointsman.core.pulls.diagnosis.workflows import Workflow, read_workflow
from pointsman.core.pulls.model import CANDIDATES, GITHUB_ACTIONS_APP
from pointsman.core.pulls.outputs import OWN_CHECKS
from pointsman.core.queue.checks import PROOF

CANDIDATE = f"{CANDIDATES}1-0123456789ab"
"""A branch such as candidates are pushed to."""
RUN_THERE = f"let it run on them: `on: push: branches: ['{CANDIDATES}**']`"
_SHOWN = 8


def judge_contract(facts: RepositoryFacts, app: AppFacts) -> Iterator[Finding]:
    sheet = Sheet(area="forge", subject=facts.name)
    if facts.contract is None:
        yield sheet.broken(
            "contract",
            facts.contract_problem or f"there is none on {facts.base}",
            mend="`pointsman contract init --write` makes one; commit it to the base branch",
        )
        return
    contract = facts.contract
    default = f", default {shown(contract.default_role)}" if contract.default_role != "none" else ""
    text = f"base {shown(contract.base)}, {len(contract.roles)} roles{default}, {len(contract.checks)} checks"
    yield sheet.ok("contract", text)
    yield from _identity(sheet, contract, app)


def _identity(sheet: Sheet, contract: Contract, app: AppFacts) -> Iterator[Finding]:
    """`self` names us by the app's id or its account's; by its name alone only until somebody takes that name."""
    us = Author(login=app.slug + BOT, app_id=app.id, account_id=app.account, human=False)
    marked = [each for each in contract.identities.values() if each.itself]
    should = f"{{app: {shown(app.slug)}, id: {app.id}, self: true}}"
    if not marked:
        text = "the contract marks nobody as the queue itself: by default_role it could be given a role"
        yield sheet.missing("identity", text, mend=f"write `identities: {{pointsman: {should}}}`")
    for each in marked:
        problem = mismatch(each, us)
        if problem is None:
            yield sheet.ok("identity", f"{shown(str(each))} is this app")
        else:
            text = f"`self: true` stands at somebody else: {shown(problem)}"
            yield sheet.broken("identity", text, mend=f"write {should}")


def judge_gate(facts: RepositoryFacts, gate: Gate) -> Iterator[Finding]:
    """Whether what the gate waits for is reported by some job on the candidates' branches."""
    sheet = Sheet(area="forge", subject=facts.name)
    if isinstance(facts.workflows, Unread):
        yield sheet.missing("workflows", f"can't be read: {facts.workflows.why}")
        return
    read = {file.path: read_workflow(file, CANDIDATE) for file in facts.workflows}
    for path, found in read.items():
        if isinstance(found, str):
            yield sheet.missing("workflows", f"{shown(path)} can't be read: {found}")
    if facts.unread_workflows:
        text = f"{facts.unread_workflows} more were not read: what is said of them may be wrong"
        yield sheet.missing("workflows", text)
    known = [found for found in read.values() if isinstance(found, Workflow)]
    certain = len(known) == len(read) and not facts.unread_workflows
    yield from _on_candidates(sheet, dict(_wanted(facts, gate)), known, certain=certain)
    yield from _on_merge_groups(sheet, facts, known, certain=certain)


def _on_candidates(
    sheet: Sheet, wanted: Mapping[str, str], known: Sequence[Workflow], *, certain: bool
) -> Iterator[Finding]:
    running = [workflow for workflow in known if workflow.on_push]
    if not running and wanted:
        say = sheet.broken if certain else sheet.missing
        text = f"none runs on branches {CANDIDATES}**, and the gate waits for it"
        yield say("workflows", text, mend=RUN_THERE)
        return
    if running:
        names = ", ".join(shown(each.path.rpartition("/")[2]) for each in running)
        yield sheet.ok("workflows", f"on candidates run {names}")
    for name, why in wanted.items():
        yield from _reported(sheet, name, why, running, certain=certain)


def _on_merge_groups(
    sheet: Sheet, facts: RepositoryFacts, known: Sequence[Workflow], *, certain: bool
) -> Iterator[Finding]:
    """Rule 16: what GitHub's own queue requires has to be reported on its groups as well."""
    guard = Guard.of(facts)
    if "merge_queue" not in guard.kinds or not certain:
        return
    reported = [job for workflow in known if workflow.on_merge_group for job in workflow.jobs]
    for check in guard.required:
        if check.app == GITHUB_ACTIONS_APP and not any(job.reports(check.name) for job in reported):
            yield sheet.broken(
                f"merge group {shown(check.name[:100])}",
                "no job that runs on `merge_group` has this name: GitHub's queue waits for it in vain",
                mend="let its workflow run there, too: `on: merge_group`",
            )


def _wanted(facts: RepositoryFacts, gate: Gate) -> Iterator[tuple[str, str]]:
    """The names of check runs of Actions that the gate waits for, and what asks for each."""
    guard = Guard.of(facts)
    for check in guard.required:
        if check.app == GITHUB_ACTIONS_APP and check.name not in OWN_CHECKS:
            yield check.name, "the branch's rules"
    contract = facts.contract
    if contract is None:
        return
    for one in contract.checks.values():
        by_others = gate.workflows or one.run is None
        if one.builtin is None and one.app in (None, GITHUB_ACTIONS_APP) and by_others:
            yield one.check_run or one.name, "the contract"
    if gate.proofs and any(policy.proof == "required" for policy in contract.migrations):
        yield PROOF, "the proof of a heal"


def _reported(
    sheet: Sheet, name: str, why: str, running: Sequence[Workflow], *, certain: bool
) -> Iterator[Finding]:
    told = shown(name[:100])
    where = [workflow for workflow in running for job in workflow.jobs if job.reports(name)]
    if not where:
        say = sheet.broken if certain else sheet.missing
        text = f"{why} asks for it, and no job that runs on candidates has this name{_instead(name, running)}"
        yield say(f"job {told}", text, mend="give a job this name, or set `check_run` to the job's")
        return
    if all(workflow.filtered for workflow in where):
        text = (
            f"{shown(where[0].path)} runs for certain paths only: where none changed, the gate waits in vain"
        )
        yield sheet.missing(f"job {told}", text, mend="take `paths` off, or move the filter into a step")
        return
    yield sheet.ok(f"job {told}", f"in {shown(where[0].path)}, as {why} asks")


def _instead(name: str, running: Sequence[Workflow]) -> str:
    names: Mapping[str, None] = dict.fromkeys(shown(job.name[:100]) for each in running for job in each.jobs)
    if not names:
        return ""
    near = get_close_matches(name[:100], list(names)[:200], n=1)
    if near:
        return f"; is it {near[0]!r} that is meant?"
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f", only {', '.join(map(repr, list(names)[:_SHOWN]))}{more}"
