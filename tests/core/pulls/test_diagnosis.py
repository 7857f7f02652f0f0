"""What the doctor makes of what was read of an app, its webhook, a branch's rules and the workflows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.adapters.github import manifest
from pointsman.core.contract import Contract, load
from pointsman.core.diagnosis import Finding, State
from pointsman.core.pulls.diagnosis import (
    CANDIDATE,
    EVENTS,
    PERMISSIONS,
    Actor,
    AppFacts,
    Classic,
    DeliveryFacts,
    Gate,
    HookFacts,
    InstallationFacts,
    RepositoryFacts,
    Rule,
    Ruleset,
    Unread,
    WorkflowFile,
    judge_app,
    judge_branch,
    judge_contract,
    judge_gate,
    judge_hook,
    judge_installations,
)
from pointsman.core.pulls.diagnosis.workflows import Workflow, matches, read_workflow
from pointsman.core.pulls.model import RequiredCheck

NOW = 1_000_000.0
GRANTED = {name: need.level for name, need in PERMISSIONS.items()}
APP = AppFacts(
    id=7,
    slug="pointsman",
    owner="maker",
    owned_by_organization=False,
    site="https://github.com",
    permissions=GRANTED,
    events=frozenset(EVENTS),
)
HOOK = HookFacts(url="https://example.org/webhook", content_type="json", verifies_tls=True, has_secret=True)
SAFE = (
    Rule(kind="update", ruleset=1),
    Rule(kind="deletion", ruleset=1),
    Rule(kind="non_fast_forward", ruleset=1),
)
OURS = Ruleset(id=1, name="main", page="https://github.com/r/1", bypass="always", actors=())


def contract(more: str = "") -> Contract:
    text = f"version: 1\nbase: main\nidentities: {{us: {{app: pointsman, self: true}}}}\n{more}\n"
    found = load((text + "roles: {dev: {who: [{permission: write}], owns: ['**']}}\n").encode())
    assert isinstance(found, Contract), found
    return found


def facts(**changes: Any) -> RepositoryFacts:
    sound = RepositoryFacts(
        name="acme/depot",
        page="https://github.com/acme/depot",
        default_branch="main",
        base="main",
        contract=contract(),
        rules=SAFE,
        rulesets={1: OURS},
    )
    return replace(sound, **changes)


def broken(findings: Iterable[Finding]) -> dict[str, str]:
    return {each.name: each.text for each in findings if each.state is State.BROKEN}


def missing(findings: Iterable[Finding]) -> dict[str, str]:
    return {each.name: each.text for each in findings if each.state is State.MISSING}


# the app


def test_what_is_needed_is_what_a_new_app_is_made_with() -> None:
    assert GRANTED == manifest.PERMISSIONS
    assert frozenset(EVENTS) == frozenset(manifest.EVENTS)


@pytest.mark.parametrize(
    ("skew", "state"),
    [(0, State.OK), (-9, State.OK), (30, State.MISSING), (-60, State.MISSING), (61, State.BROKEN)],
)
def test_the_clock(skew: float, state: State) -> None:
    (found,) = [
        each for each in judge_app(APP, api_url="https://api.github.com", skew=skew) if each.name == "clock"
    ]
    assert found.state is state


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("https://api.github.com", "GitHub answers"),
        ("https://ghe.example.org/api/v3", "GitHub Enterprise answers"),
    ],
)
def test_which_github_it_is(url: str, kind: str) -> None:
    assert next(judge_app(APP, api_url=url, skew=0)).text.startswith(kind)


def test_the_pages_of_an_organizations_app_are_the_organizations() -> None:
    app = replace(APP, owned_by_organization=True, permissions={})
    found = next(each for each in judge_app(app, api_url="", skew=0) if each.url)
    assert found.url == "https://github.com/organizations/maker/settings/apps/pointsman/permissions"


def test_more_of_one_permission_than_is_needed_is_told() -> None:
    app = replace(APP, permissions={**GRANTED, "administration": "write"})
    assert "administration: write" in missing(judge_app(app, api_url="", skew=0))["privileges"]


def test_what_the_app_itself_lacks_is_not_said_again_of_each_installation() -> None:
    less = {name: level for name, level in GRANTED.items() if name != "checks"}
    one = InstallationFacts(id=1, account="acme", page="https://p", permissions=less, events=APP.events)
    assert "permission checks" in broken(judge_installations(APP, [one], everywhere=True))
    without = replace(APP, permissions=less)
    assert broken(judge_installations(without, [one], everywhere=True)) == {}


def test_few_requests_left_are_told() -> None:
    one = InstallationFacts(
        id=1, account="acme", page="", permissions=GRANTED, events=APP.events, limit=5000, remaining=12
    )
    assert missing(judge_installations(APP, [one], everywhere=True))["rate limit"].startswith("12 of 5,000")


# the webhook


@pytest.mark.parametrize(
    ("hook", "name", "state"),
    [
        (None, "url", State.BROKEN),
        (Unread(why="403"), "url", State.MISSING),
        (replace(HOOK, url=""), "url", State.BROKEN),
        (replace(HOOK, url="http://127.0.0.1:8080/webhook"), "url", State.BROKEN),
        (replace(HOOK, url="http://example.org/webhook"), "url", State.MISSING),
        (replace(HOOK, content_type="form"), "content type", State.BROKEN),
        (replace(HOOK, verifies_tls=False), "tls", State.MISSING),
        (replace(HOOK, has_secret=False), "secret", State.BROKEN),
        (HOOK, "url", State.OK),
        (HOOK, "secret", State.OK),
    ],
)
def test_the_webhook(hook: HookFacts | Unread | None, name: str, state: State) -> None:
    found = {each.name: each for each in judge_hook(APP, hook, (), now=NOW)}[name]
    assert found.state is state
    assert state is State.OK or found.mend or isinstance(hook, Unread)


def delivery(code: int, *, age: float = 5.0, status: str = "OK") -> DeliveryFacts:
    return DeliveryFacts(at=NOW - age, code=code, status=status, event="push")


@pytest.mark.parametrize(
    ("deliveries", "state", "said"),
    [
        ((), State.MISSING, "none in GitHub's log"),
        ((delivery(202), delivery(202)), State.OK, "the last 2 arrived"),
        ((delivery(202), delivery(500)), State.MISSING, "1 of the last 2 failed"),
        ((delivery(500), delivery(202)), State.BROKEN, "500"),
        ((delivery(0, status="Pending"), delivery(202)), State.OK, "the last 1 arrived"),
        ((delivery(202, age=3 * 86_400),), State.MISSING, "3 days ago"),
        (Unread(why="no"), State.MISSING, "no"),
    ],
    ids=["none", "all arrived", "one failed", "the newest failed", "one under way", "silence", "unread"],
)
def test_deliveries(deliveries: tuple[DeliveryFacts, ...] | Unread, state: State, said: str) -> None:
    found = {each.name: each for each in judge_hook(APP, HOOK, deliveries, now=NOW)}["deliveries"]
    assert found.state is state
    assert said in found.text


# branch rules


def test_r24_a_sound_branch_has_nothing_broken() -> None:
    assert broken(judge_branch(facts(), APP)) == {}
    assert missing(judge_branch(facts(), APP)) == {}


@pytest.mark.parametrize("kind", ["update", "pull_request", "required_status_checks", "merge_queue"])
def test_r24_each_of_these_rules_refuses_a_plain_push(kind: str) -> None:
    assert "direct push" not in broken(judge_branch(facts(rules=(Rule(kind=kind, ruleset=1),)), APP))


def test_r24_rules_that_are_not_read_are_no_rules_that_are_missing() -> None:
    found = broken(judge_branch(facts(rules=Unread(why="403")), APP))
    assert list(found) == ["rulesets"]


@pytest.mark.parametrize(
    ("ruleset", "name", "state"),
    [
        (replace(OURS, bypass="exempt"), "bypass", State.OK),
        (replace(OURS, bypass="never"), "bypass", State.BROKEN),
        (replace(OURS, bypass="pull_requests_only"), "bypass", State.BROKEN),
        (replace(OURS, bypass=None), "bypass", State.MISSING),
        (Unread(why="404"), "bypass", State.MISSING),
        (replace(OURS, actors=None), "bypass list", State.MISSING),
        (replace(OURS, actors=(Actor(kind="Integration", id=7, mode="always"),)), "bypass list", State.OK),
        (
            replace(OURS, actors=(Actor(kind="Integration", id=8, mode="always"),)),
            "bypass list",
            State.MISSING,
        ),
        (
            replace(OURS, actors=(Actor(kind="OrganizationAdmin", id=None, mode="always"),)),
            "bypass list",
            State.MISSING,
        ),
        (
            replace(OURS, actors=(Actor(kind="RepositoryRole", id=4, mode="always"),)),
            "bypass list",
            State.BROKEN,
        ),
    ],
)
def test_rule_11_the_bypass_list(ruleset: Ruleset | Unread, name: str, state: State) -> None:
    found = {each.name: each for each in judge_branch(facts(rulesets={1: ruleset}), APP)}[name]
    assert found.state is state


def test_rule_11_a_ruleset_of_what_the_queue_never_does_needs_no_bypass() -> None:
    kinds = (*SAFE, Rule(kind="deletion", ruleset=2))
    rulesets = {1: OURS, 2: replace(OURS, id=2, bypass="never")}
    assert broken(judge_branch(facts(rules=kinds, rulesets=rulesets), APP)) == {}


def test_a_base_that_is_not_the_default_branch_can_be_deleted_where_nothing_refuses_it() -> None:
    open_to_deletion = facts(rules=SAFE[:1], base="stable")
    assert "deletion" in broken(judge_branch(open_to_deletion, APP))
    assert "deletion" in missing(judge_branch(replace(open_to_deletion, base="main"), APP))


CLASSIC = Classic(required=(RequiredCheck(name="unit", app=15368),))


@pytest.mark.parametrize(
    ("classic", "said"),
    [
        (replace(CLASSIC, pushers=frozenset({8}), other_pushers=()), "restricts who can push"),
        (replace(CLASSIC, review_bypass=frozenset()), "requires a pull request"),
        (replace(CLASSIC, locked=True), "locks the branch"),
        (replace(CLASSIC, signatures=True), "signed commits"),
        (replace(CLASSIC, linear=True), "linear history"),
        (replace(CLASSIC, required=(RequiredCheck(name="pointsman / queue", app=7),)), "pointsman / queue"),
    ],
)
def test_classic_protection_that_stops_the_queue(classic: Classic, said: str) -> None:
    assert said in broken(judge_branch(facts(classic=classic), APP))["protection"]


@pytest.mark.parametrize(
    "classic",
    [
        CLASSIC,
        replace(CLASSIC, pushers=frozenset({7}), other_pushers=()),
        replace(CLASSIC, review_bypass=frozenset({7})),
    ],
)
def test_classic_protection_that_lets_the_queue_through(classic: Classic) -> None:
    assert broken(judge_branch(facts(classic=classic), APP)) == {}


def test_a_linear_history_is_no_obstacle_to_squashing() -> None:
    squashing = facts(
        classic=replace(CLASSIC, linear=True), contract=contract("queue: {merge_method: squash}")
    )
    assert broken(judge_branch(squashing, APP)) == {}


def test_others_who_may_push_and_administrators_are_told() -> None:
    classic = replace(CLASSIC, pushers=frozenset({7}), other_pushers=("ada", "team core"), admins_too=False)
    found = missing(judge_branch(facts(classic=classic), APP))
    assert "ada, team core" in found["push list"]
    assert "administrators" in found["admins"]


# the contract and its gate


def test_a_contract_that_marks_nobody_as_the_queue_is_told() -> None:
    nobody = load(
        b"version: 1\nbase: main\nidentities: {a: {user: ann}}\nroles: {dev: {who: a, owns: ['**']}}\n"
    )
    assert "identity" in missing(judge_contract(facts(contract=nobody), APP))


JOBS = "jobs: {unit: {runs-on: x, steps: []}}\n"


@pytest.mark.parametrize(
    ("on", "runs"),
    [
        ("on: push", True),
        ("on: [push, pull_request]", True),
        ("on: pull_request", False),
        ("on: {push: }", True),
        ("on: {push: {branches: [main]}}", False),
        ("on: {push: {branches: 'pointsman/**'}}", True),
        ("on: {push: {branches: ['**', '!pointsman/**']}}", False),
        ("on: {push: {branches: ['!pointsman/**', '**']}}", True),
        ("on: {push: {branches-ignore: ['dependabot/**']}}", True),
        ("on: {push: {branches-ignore: ['pointsman/*']}}", False),
        ("on: {push: {tags: ['v*']}}", False),
        ("on: {push: {tags: ['v*'], branches: ['pointsman/*']}}", True),
        ("'on': push", True),
        ("name: no trigger", False),
    ],
)
def test_rule_5_when_a_workflow_runs_on_candidates(on: str, runs: bool) -> None:
    found = read_workflow(WorkflowFile(path="ci.yml", data=f"{on}\n{JOBS}".encode()), CANDIDATE)
    assert isinstance(found, Workflow)
    assert found.on_push is runs


@pytest.mark.parametrize(
    ("branch", "pattern", "expected"),
    [
        ("pointsman/1-a", "pointsman/**", True),
        ("pointsman/1-a", "pointsman/*", True),
        ("pointsman/1-a", "pointsman*", False),
        ("pointsman/1-a", "*", False),
        ("pointsman/1-a", "**", True),
        ("pointsman/1-a", "pointsman/[0-9]-a", True),
        ("pointsman/11-a", "pointsman/[0-9]+-a", True),
        ("main", "mainx?", True),
        ("main", "m.in", False),
        ("main", "[", False),
        ("main", "(ma", False),
        ("main", "ma\\in", True),
    ],
)
def test_branch_patterns_as_github_has_them(branch: str, pattern: str, expected: bool) -> None:
    assert matches(branch, [pattern]) is expected


@given(st.lists(st.text(alphabet="a*?+[]!-\\/(){}|^$.", max_size=300), max_size=3))
def test_no_pattern_breaks_it_or_takes_for_ever(patterns: list[str]) -> None:
    assert matches("aaaa/aaaaaaaaaaaaaaaaaaaa", patterns) in (True, False)


def gate(workflow: str, more: str = "checks: {unit: {run: x}}", **options: bool) -> tuple[Finding, ...]:
    file = WorkflowFile(path=".github/workflows/ci.yml", data=f"on: push\n{workflow}".encode())
    return tuple(judge_gate(facts(contract=contract(more), workflows=(file,)), Gate(**options)))


@pytest.mark.parametrize(
    ("jobs", "found"),
    [
        ("jobs: {unit: {}}", True),
        ("jobs: {a: {name: unit}}", True),
        ("jobs: {unit: {name: other}}", False),
        ("jobs: {a: {name: '${{ matrix.what }}'}}", True),
        ("jobs: {a: {name: 'lint ${{ matrix.what }}'}}", False),
        ("jobs: {unit: {strategy: {matrix: {os: [a, b]}}}}", False),
        ("jobs: {unit: {uses: ./.github/workflows/other.yml}}", False),
    ],
)
def test_rule_7_a_job_reports_under_its_name(jobs: str, found: bool) -> None:
    assert ("job unit" not in broken(gate(jobs))) is found


def test_rule_7_jobs_of_a_matrix_and_of_a_reusable_workflow_have_longer_names() -> None:
    checks = "checks: {a: {check_run: 'unit (linux)'}, b: {check_run: 'all / unit'}}"
    jobs = "jobs: {unit: {strategy: {matrix: {os: [linux]}}}, all: {uses: ./x.yml}}"
    assert broken(gate(jobs, checks)) == {}


def test_a_check_of_another_app_is_looked_for_in_no_workflow() -> None:
    assert broken(gate("jobs: {a: {}}", "checks: {unit: {check_run: unit, app: 42}}")) == {}


def test_checks_that_are_run_here_need_no_job_but_those_of_others_do() -> None:
    checks = "checks: {unit: {run: x}, lint: {check_run: lint}}"
    found = broken(gate("jobs: {a: {}}", checks, workflows=False, proofs=False))
    assert list(found) == ["job lint"]


def test_the_proof_of_a_heal_needs_a_job_where_workflows_prove() -> None:
    policy = "migrations: [{backend: alembic, proof: required}]"
    assert "job proof" in broken(gate("jobs: {a: {}}", policy))
    assert broken(gate("jobs: {a: {}}", policy, proofs=False)) == {}


def test_rule_7_a_workflow_with_a_path_filter_leaves_the_gate_waiting() -> None:
    file = WorkflowFile(path="ci.yml", data=b"on: {push: {paths: [src/**]}}\njobs: {unit: {}}")
    found = missing(
        judge_gate(facts(contract=contract("checks: {unit: {run: x}}"), workflows=(file,)), Gate())
    )
    assert "waits in vain" in found["job unit"]


def test_where_not_all_workflows_were_read_nothing_is_certain() -> None:
    some = facts(contract=contract("checks: {unit: {run: x}}"), unread_workflows=3)
    assert broken(judge_gate(some, Gate())) == {}
    told = [each.text for each in judge_gate(some, Gate()) if each.state is State.MISSING]
    assert any(text.startswith("3 more") for text in told)


def test_a_workflow_that_is_no_yaml_is_told_and_others_count() -> None:
    files = (
        WorkflowFile(path="a.yml", data=b"on: [push\n\tx"),
        WorkflowFile(path="b.yml", data=b"on: push\njobs: {unit: {}}"),
    )
    found = tuple(judge_gate(facts(contract=contract("checks: {unit: {run: x}}"), workflows=files), Gate()))
    assert broken(found) == {}
    assert "a.yml" in missing(found)["workflows"]
