"""The app when GitHub, the network, webhooks or its own process fail: nothing is lost, nothing lands twice."""

from __future__ import annotations

import random
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tests.github.world import CONTRACT, World, world


def queued(w: World, name: str = "feature") -> int:
    number = w.open(name, {f"{name}.txt": "a\n"}, title=f"Add {name}")
    w.say(number, "/queue")
    return number


def many_pulls(w: World, count: int) -> None:
    """Open pull requests, each with a head of its own, all in one go and without a webhook."""
    commits = "".join(
        f"commit refs/heads/b{at}\ncommitter ada <ada@x> {1_700_000_000 + at} +0000\ndata 3\nOne\n"
        f"from refs/heads/main\nM 644 inline b.txt\ndata {len(str(at))}\n{at}\n\n"
        for at in range(count)
    )
    git = ["git", "-C", str(w.repo.bare.path)]
    subprocess.run([*git, "fast-import", "--quiet"], input=commits.encode(), check=True)
    hook, w.registered.hook_url = w.registered.hook_url, None
    first = w.repo.pull(w.repo.open_pull("ada", "b0", "One of many", ""))
    w.registered.hook_url = hook
    listed = w.repo.bare.git("for-each-ref", "--format=%(refname:short) %(objectname)", "refs/heads/b*")
    heads = dict(line.split(" ") for line in listed.splitlines())
    for at in range(1, count):
        number, head = w.repo.new_number(), heads[f"b{at}"]
        pull = replace(first, id=w.github.new_id(2), number=number, branch=f"b{at}", head=head)
        w.repo.pulls[number] = pull
        w.repo.bare.move(f"refs/pull/{number}/head", head)


def later(w: World) -> None:
    """Let every rest and every look round come due, a few times."""
    for _ in range(4):
        w.github.advance(301)
        w.work()


FAULTS = {
    "a check run is made": ("POST", r"/check-runs$", "timeout_after_apply"),
    "a check run is refused": pytest.param("POST", r"/check-runs$", 502, marks=pytest.mark.soak),
    "a comment is made": pytest.param("POST", r"/comments$", "502_after_apply", marks=pytest.mark.soak),
    "a comment is refused": pytest.param("POST", r"/comments$", "secondary_limit", marks=pytest.mark.soak),
    "a reaction is refused": pytest.param("POST", r"/reactions$", "timeout", marks=pytest.mark.soak),
    "the pull request can't be read": pytest.param(
        "GET", r"/pulls/1$", "primary_limit", marks=pytest.mark.soak
    ),
    "the gate can't be read": pytest.param(
        "GET", r"/commits/[0-9a-f]+/check-runs", 502, marks=pytest.mark.soak
    ),
    "the rules can't be read": pytest.param("GET", r"/rules/branches/", "timeout", marks=pytest.mark.soak),
    "a person can't be looked up": pytest.param("GET", r"/collaborators/", 429, marks=pytest.mark.soak),
    "the last word does not get through": pytest.param("PATCH", r"/check-runs/", 503, marks=pytest.mark.soak),
}


@pytest.mark.parametrize("method,path,fault", FAULTS.values(), ids=FAULTS)
def test_rule_2_a_failed_request_costs_time_and_nothing_else(
    tmp_path: Path, method: str, path: str, fault: int | str
) -> None:
    with world(tmp_path) as w:
        w.work()
        w.github.fail_next(method, path, fault)
        number = queued(w)
        w.work(rounds=200)
        later(w)
        assert w.landed() == ["Add feature (#1)"]
        assert w.checks(number)["pointsman / queue"] == "success"
        tagged = [text for text in w.ours(number) if text.startswith("<!-- pointsman:comment")]
        assert len(tagged) == 1
        ours = [
            r.name for r in w.repo.check_runs(w.repo.pull(number).head, newest=False) if r.app is w.registered
        ]
        assert len(ours) == len(set(ours)), "no check run is posted twice"


def test_rule_6_doubled_late_and_shuffled_webhooks_land_it_once(tmp_path: Path) -> None:
    with world(tmp_path) as w:
        w.work()
        w.github.webhooks.double(times=1000)
        w.github.webhooks.hold()
        first, second = queued(w, "one"), queued(w, "two")
        w.github.webhooks.release(lambda held: random.Random(7).sample(held, len(held)))
        w.work()
        later(w)
        assert sorted(w.landed()) == ["Add one (#1)", "Add two (#2)"]
        assert all(w.repo.pull(n).merged for n in (first, second))


def test_a_restart_in_the_middle_goes_on_where_it_was(tmp_path: Path) -> None:
    with world(tmp_path, jobs={}) as w:
        w.repo.workflow("ci", ["unit"], on_push=["pointsman/**"])
        number = queued(w)
        w.work()
        w.stop()
        candidate = next(u.new for u in w.github.git_log if u.ref.startswith("refs/heads/pointsman/"))
        w.github.finish_check(w.repo, candidate, "unit")
        w.start()
        w.work()
        later(w)
        assert w.landed() == ["Add feature (#1)"]
        assert len(w.ours(number)) == 1


@pytest.mark.soak
def test_r72_a_push_onto_main_meanwhile_is_built_upon_never_overwritten(tmp_path: Path) -> None:
    with world(tmp_path, jobs={}) as w:
        w.repo.workflow("ci", ["unit"], on_push=["pointsman/**"])
        queued(w)
        w.work()
        w.repo.push("lead", "main", {"hotfix.txt": "x\n"}, "Hotfix")
        for _ in range(3):
            for update in list(w.github.git_log):
                live = w.repo.bare.commit(update.new) and update.ref.startswith("refs/heads/pointsman/")
                if live and update.new.strip("0"):
                    for run in w.repo.check_runs(update.new):
                        if run.name == "unit" and run.status != "completed":
                            w.github.finish_check(w.repo, update.new, "unit")
            w.work()
        assert w.landed() == ["Hotfix", "Add feature (#1)"]


def test_rule_11_a_missing_bypass_is_said_in_words_and_waited_for(tmp_path: Path) -> None:
    with world(tmp_path) as w:
        rules = w.repo.ruleset(pull_request=True)
        number = queued(w)
        w.work()
        assert w.landed() == []
        w.github.advance(90)
        w.work()
        assert any("bypass" in text for text in w.ours(number))
        rules.bypass.append(
            {"actor_id": w.registered.id, "actor_type": "Integration", "bypass_mode": "always"}
        )
        later(w)
        assert w.landed() == ["Add feature (#1)"]


def test_rule_8_a_check_that_the_branch_rules_ask_for_is_waited_for_too(tmp_path: Path) -> None:
    with world(tmp_path, required_checks=["security"]) as w:
        w.repo.workflow("scan", ["security"], on_push=["pointsman/**"])
        queued(w)
        w.work()
        assert w.landed() == []
        candidate = next(u.new for u in w.github.git_log if u.ref.startswith("refs/heads/pointsman/"))
        w.github.finish_check(w.repo, candidate, "security", "success")
        w.work()
        assert w.landed() == ["Add feature (#1)"]


@pytest.mark.parametrize(
    "conclusion",
    ["skipped", *(pytest.param(word, marks=pytest.mark.soak) for word in ("cancelled", "neutral"))],
)
def test_rule_7_r45_what_is_not_success_is_not_passed(tmp_path: Path, conclusion: str) -> None:
    with world(tmp_path, jobs={}) as w:
        w.repo.workflow("ci", ["unit"], on_push=["pointsman/**"])
        queued(w)
        w.work()
        for _ in range(4):
            for update in list(w.github.git_log):
                if update.ref.startswith("refs/heads/pointsman/") and update.new.strip("0"):
                    for run in w.repo.check_runs(update.new):
                        if run.name == "unit" and run.status != "completed":
                            w.github.finish_check(w.repo, update.new, "unit", conclusion)
            w.work()
        assert w.landed() == []


@pytest.mark.parametrize("others", [60, pytest.param(300, marks=pytest.mark.soak)])
def test_rule_9_other_open_pull_requests_cost_nothing_when_one_lands(tmp_path: Path, others: int) -> None:
    with world(tmp_path) as w:
        w.work()
        many_pulls(w, others)
        queued(w, "first")
        w.work()
        before = len(w.github.requests)
        queued(w, "second")
        w.work()
        spent = w.github.requests[before:]
        assert w.landed()[-1] == f"Add second (#{others + 2})"
        assert len(spent) <= 12, [f"{r.method} {r.path}" for r in spent]
        w.github.advance(301)
        before = len(w.github.requests)
        w.hub.round()
        assert len(w.github.requests) - before < 60, "they are looked at a few at a time"


@pytest.mark.soak
def test_two_apps_on_one_repository_do_not_mistake_each_other(tmp_path: Path) -> None:
    with world(tmp_path) as w:
        other = w.github.app("other-bot")
        w.github.install(other, w.repo)
        number = queued(w)
        w.repo.comment(
            number, other.bot, "<!-- pointsman:comment v1 -->\nI am not the queue.\n\n/dequeue", app=other
        )
        w.work()
        assert w.landed() == ["Add feature (#1)"]
        assert len([text for text in w.ours(number) if "comment v1" in text]) == 1


def test_no_secret_is_in_what_is_said_or_kept(tmp_path: Path) -> None:
    with world(tmp_path, contract=CONTRACT) as w:
        w.github.fail_next("*", ".*", 502, times=5, after=3)
        queued(w)
        w.work(rounds=200)
        later(w)
        secrets = [w.registered.webhook_secret, *w.github.tokens, "PRIVATE KEY"]
        said = "\n".join(map(repr, w.heard))
        kept = b"".join(
            p.read_bytes() for p in (tmp_path / "state").rglob("*") if p.is_file() and p.suffix != ".lock"
        )
        for secret in secrets:
            assert secret not in said
            assert secret.encode() not in kept


@pytest.mark.soak
def test_rule_9_two_required_checks_that_end_apart_are_read_once(tmp_path: Path) -> None:
    two = CONTRACT.replace("checks:\n", 'checks:\n  schema: {run: "true", app: 15368}\n')
    with world(tmp_path, contract=two, jobs={}) as w:
        w.repo.workflow("ci", ["unit", "schema"], on_push=["pointsman/**"])
        queued(w)
        w.work()
        candidate = next(u.new for u in w.github.git_log if u.ref.startswith("refs/heads/pointsman/"))
        before = len(w.github.requests)
        w.github.finish_check(w.repo, candidate, "unit")
        w.work()
        assert [r for r in w.github.requests[before:] if candidate in r.path] == []
        w.github.finish_check(w.repo, candidate, "schema")
        w.work()
        assert w.landed() == ["Add feature (#1)"]
