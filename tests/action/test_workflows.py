"""The workflows that we offer, use and show: linted as `make check` does, and asked who may do what (rule 14, I7)."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from pointsman.core import contract as contracts
from tests.action.expressions import evaluate, truthy

ROOT = Path(__file__).parents[2]
OURS = sorted((ROOT / ".github/workflows").glob("*.yml"))
SHOWN = sorted((ROOT / "examples").glob("github-*/.github/workflows/*.yml"))
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
BIN = Path(sys.executable).parent


def load(path: Path) -> dict[str, Any]:
    value: dict[Any, Any] = yaml.safe_load(path.read_text())
    value["on"] = value.pop(True)  # YAML 1.1 takes the word for a boolean
    return value


def workflow(name: str) -> dict[str, Any]:
    return load(ROOT / ".github/workflows" / f"pointsman-{name}.yml")


def example(name: str) -> dict[str, Any]:
    return load(ROOT / "examples" / name)


def steps(flow: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, job in flow["jobs"].items():
        for step in job.get("steps", ()):
            yield name, step


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(BIN / command[0]), *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_zizmor_finds_nothing_in_its_pedantic_mood() -> None:
    places = [".github", "action.yml", "examples"]
    done = run("zizmor", "--offline", "--strict-collection", "--no-progress", "--persona=pedantic", *places)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("schema", "files"),
    [("vendor.github-workflows", [*OURS, *SHOWN]), ("vendor.github-actions", [ROOT / "action.yml"])],
    ids=["workflows", "action"],
)
def test_every_file_fits_the_schema(schema: str, files: list[Path]) -> None:
    done = run("check-jsonschema", "--builtin-schema", schema, *map(str, files))
    assert done.returncode == 0, done.stdout
    assert files


@pytest.mark.parametrize("path", [*OURS, *SHOWN], ids=lambda path: f"{path.parents[2].name}-{path.stem}")
def test_rule_14_no_script_has_an_expression_and_every_action_is_pinned(path: Path) -> None:
    flow = load(path)
    for _, step in steps(flow):
        assert "${{" not in step.get("run", "")
        uses = step.get("uses", "$/")
        assert uses.startswith(("$/", "./")) or len(uses.partition("@")[2].split()[0]) == 40
    for job in flow["jobs"].values():
        assert "uses" not in job or len(job["uses"].partition("@")[2].split()[0]) == 40


@pytest.mark.parametrize("path", [*OURS, *SHOWN], ids=lambda path: f"{path.parents[2].name}-{path.stem}")
def test_rule_14_where_the_token_may_write_nothing_of_a_change_is_checked_out(path: Path) -> None:
    flow = load(path)
    for name, step in steps(flow):
        job = flow["jobs"][name]
        writes = "write" in job.get("permissions", flow.get("permissions", {})).values()
        checks_out = "actions/checkout" in step.get("uses", "")
        assert not (writes and checks_out), f"{name} may write and checks out"
        assert not (writes and "run" in step), f"{name} may write and has a script"


def is_caller(path: Path) -> bool:
    return any("uses" in job for job in load(path)["jobs"].values())


@pytest.mark.parametrize("path", [path for path in SHOWN if is_caller(path)], ids=lambda path: path.stem)
def test_a_caller_gives_what_the_called_workflow_asks_for_and_no_more(path: Path) -> None:
    (job,) = load(path)["jobs"].values()
    called = load(ROOT / ".github/workflows" / Path(job["uses"].partition("@")[0]).name)
    wanted: dict[str, str] = {}
    for each in called["jobs"].values():
        for name, word in each["permissions"].items():
            wanted[name] = "write" if "write" in (word, wanted.get(name)) else "read"
    given = dict(job["permissions"])
    assert given == wanted
    assert set(job.get("with", {})) <= set(called["on"]["workflow_call"].get("inputs") or {})


def inputs_of(flow: dict[str, Any]) -> Iterator[tuple[str, dict[str, str]]]:
    for name, step in steps(flow):
        if step.get("uses", "").startswith(("$/", "./.pointsman-action", "acme/pointsman@")):
            yield name, step["with"]


@pytest.mark.parametrize("path", [*OURS, *SHOWN], ids=lambda path: f"{path.parents[2].name}-{path.stem}")
def test_only_inputs_that_the_action_has_are_given(path: Path) -> None:
    for _, given in inputs_of(load(path)):
        assert set(given) <= set(ACTION["inputs"])


@pytest.mark.parametrize("name", ["queue", "heal"])
def test_a_job_that_may_write_takes_no_environment_out_of_a_cache(name: str) -> None:
    flow = workflow(name)
    for job, given in inputs_of(flow):
        if "write" in flow["jobs"][job]["permissions"].values():
            assert given["cache"] == "false"


def test_the_judge_of_the_check_can_not_write_anything() -> None:
    for flow in (workflow("check"), workflow("self")):
        assert flow["permissions"] == {}
        assert set(flow["jobs"]["judge"]["permissions"].values()) == {"read"}


def test_our_own_pull_requests_are_judged_by_the_code_of_their_base() -> None:
    (checkout,) = [step for _, step in steps(workflow("self")) if "checkout" in step["uses"]]
    ref = checkout["with"]["ref"]
    pull = {"github": {"event": {"pull_request": {"base": {"sha": "B"}, "head": {"sha": "H"}}}}}
    assert evaluate(ref, pull) == "B"
    assert evaluate(ref, {"github": {"event": {"merge_group": {"base_sha": "G"}}}}) == "G"


@pytest.mark.parametrize(("due", "lands"), [("true", True), ("false", False), ("", False)])
def test_the_lander_runs_only_where_the_judge_found_work(due: str, lands: bool) -> None:
    lander = workflow("queue")["jobs"]["lander"]
    assert truthy(evaluate(lander["if"], {"needs": {"judge": {"outputs": {"due": due}}}})) is lands


def test_landers_wait_for_each_other_and_none_is_cancelled() -> None:
    flow = workflow("queue")
    assert flow["jobs"]["lander"]["concurrency"] == {"group": "pointsman-lane", "cancel-in-progress": False}
    assert "concurrency" not in flow["jobs"]["judge"], (
        "a judged event that is nothing drops no pending lander"
    )
    assert example("github-action/.github/workflows/pointsman-queue.yml")["concurrency"]["group"].endswith(
        "${{ github.run_id }}"
    )


PULL = {"pull_request": {"url": "x"}}


@pytest.mark.parametrize(
    ("action", "issue", "body", "judged"),
    [
        pytest.param("created", PULL, "please\n/heal", True, id="a pull request"),
        pytest.param("created", {}, "/heal", False, id="an issue"),
        pytest.param("edited", PULL, "/heal", False, id="edited"),
        pytest.param("created", PULL, "hi", False, id="other words"),
    ],
)
def test_heal_is_judged_for_new_comments_on_pull_requests(
    action: str, issue: dict[str, Any], body: str, judged: bool
) -> None:
    github = {"event": {"action": action, "issue": issue, "comment": {"body": body}}}
    assert truthy(evaluate(workflow("heal")["jobs"]["judge"]["if"], {"github": github})) is judged


@pytest.mark.parametrize(
    ("outcome", "runner", "pushed"),
    [
        ("healed", "success", True),
        ("healed", "failure", False),
        ("healed", "skipped", False),
        ("healed", "cancelled", False),
        ("refused", "success", False),
        ("clean", "skipped", False),
        ("nothing", "skipped", False),
        ("", "success", False),
    ],
)
def test_I6_only_a_heal_that_was_proved_is_pushed(outcome: str, runner: str, pushed: bool) -> None:
    jobs = workflow("heal")["jobs"]
    needs = {"judge": {"outputs": {"outcome": outcome}}, "runner": {"result": runner}}
    assert truthy(evaluate(jobs["pusher"]["if"], {"needs": needs})) is pushed
    assert truthy(evaluate(jobs["runner"]["if"], {"needs": needs})) is (outcome == "healed")
    assert jobs["pusher"]["needs"] == ["judge", "runner"]


def test_the_pusher_makes_the_commit_again_and_pushes_only_the_one_that_was_proved() -> None:
    given = dict(inputs_of(workflow("heal")))
    for name in ("base", "head", "expect"):
        assert given["pusher"][name] == given["runner"][name]
    assert given["pusher"]["expect"] == "${{ needs.judge.outputs.commit }}"
    assert given["pusher"]["push"] == "true"


def test_I7_the_runner_of_the_gate_has_no_token_and_no_secret() -> None:
    flow = example("github-action/.github/workflows/gate.yml")
    runner = flow["jobs"]["runner"]
    assert runner["permissions"] == {}
    assert "secrets." not in yaml.safe_dump(flow)
    assert "github.token" not in yaml.safe_dump(runner)
    assert set(flow["on"]) == {"workflow_dispatch"}, "rule 10: a push by GITHUB_TOKEN would start nothing"
    assert "commit" in flow["on"]["workflow_dispatch"]["inputs"], "the queue names the candidate"


@pytest.mark.parametrize(("checks", "runs"), [('["unit"]', True), ("[]", False)])
def test_no_matrix_is_made_of_nothing(checks: str, runs: bool) -> None:
    runner = example("github-action/.github/workflows/gate.yml")["jobs"]["runner"]
    context = {"needs": {"source": {"outputs": {"checks": checks}}}}
    assert truthy(evaluate(runner["if"], context)) is runs
    assert evaluate(runner["strategy"]["matrix"]["check"], context) == yaml.safe_load(checks)


@pytest.mark.parametrize("rung", ["github-action", "github-app"])
def test_rule_7_the_jobs_are_called_like_the_checks_that_the_contract_waits_for(rung: str) -> None:
    data = (ROOT / "examples" / rung / ".pointsman.yml").read_bytes()
    contract = contracts.load(data, source=".pointsman.yml")
    assert isinstance(contract, contracts.Contract), str(contract)
    waited = [check.name for check in contract.checks.values() if check.run is not None]
    jobs = example(f"{rung}/.github/workflows/gate.yml")["jobs"]
    assert jobs["proof"]["name"] == "proof"
    if rung == "github-app":
        assert jobs["checks"]["strategy"]["matrix"]["check"] == waited
    else:
        assert jobs["runner"]["name"] == "${{ matrix.check }}"


def test_rule_5_the_apps_candidates_start_the_gate_and_rule_16_groups_do_too() -> None:
    flow = example("github-app/.github/workflows/gate.yml")
    assert flow["on"]["push"]["branches"] == ["pointsman/**"]
    assert "merge_group" in flow["on"]
    assert "merge_group" in example("github-action/.github/workflows/pointsman-check.yml")["on"]


def test_the_queue_is_woken_by_everything_that_can_make_work() -> None:
    woken = set(example("github-action/.github/workflows/pointsman-queue.yml")["on"])
    assert woken == {
        "schedule",
        "issue_comment",
        "pull_request_target",
        "workflow_run",
        "push",
        "workflow_dispatch",
    }
