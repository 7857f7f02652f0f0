"""What Pointsman keeps saying on pull requests: real HTTP to the fake GitHub, a real store, changes moved by hand.

What is posted is read from the fake, and what it cost from the fake's log of requests.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from pointsman.adapters.github.directory import AppDirectory
from pointsman.adapters.github.forge import GitHubForge
from pointsman.adapters.github.mirror import open_mirror
from pointsman.adapters.github.people import GitHubPeople
from pointsman.adapters.github.pulls import GitHubPulls
from pointsman.adapters.github.remote import GitRemote
from pointsman.adapters.github.transport import Transport
from pointsman.adapters.store.sql import SqlStore
from pointsman.core.model import Sha
from pointsman.core.pulls.telling import MARKER
from pointsman.core.queue.model import (
    Candidate,
    CandidateState,
    Change,
    ChangeState,
    Healed,
    Reason,
    RecordedApproval,
    RunState,
    Wait,
)
from pointsman.ports import Git, Store
from pointsman.service.migrations import Reader
from pointsman.service.poster import PACE
from pointsman.service.speaker import MergeGroup, Speaker
from tests.core.queue.facts import candidate, run
from tests.github.desk import HubClock, credentials_of
from tests.github.fake import App, FakeGitHub, FakeRepository
from tests.support.project import ENV_PY, INI, VERSIONS, revision

CONTRACT = """\
version: 1
base: main
identities:
  ada: {user: ada}
  lead: {user: lead}
paths:
  docs: {match: ["/docs/**"], approve: {by: [lead]}}
roles:
  web: {who: [ada], owns: ["**"], cannot_touch: ["/secrets/**"]}
checks: {unit: {run: make test}}
"""
PROJECT = {"alembic.ini": INI, "migrations/env.py": ENV_PY, f"{VERSIONS}/aa1.py": revision("aa1")}
CREATES, EDITS = "POST 201", "PATCH 200"
COMMENT = "/repos/{owner}/{repo}/issues/{issue_number}/comments"
EDIT = "/repos/{owner}/{repo}/issues/comments/{comment_id}"
CHECK = "/repos/{owner}/{repo}/check-runs"
UPDATE = "/repos/{owner}/{repo}/check-runs/{check_run_id}"


class Killed(BaseException):
    """The process is gone; nothing after this happens."""


@dataclass(kw_only=True)
class Office:
    """A repository, its store, and somebody who speaks for it."""

    hub: FakeGitHub
    repo: FakeRepository
    app: App
    pulls: GitHubPulls
    clock: HubClock
    store: SqlStore
    git: Git
    forge: GitHubForge
    troubles: list[str] = field(default_factory=list)
    speaker: Speaker = field(init=False)
    _seen: int = 0

    def speak(self, store: Store | None = None) -> Speaker:
        """Another process on the same state."""
        return Speaker(
            pulls=self.pulls,
            store=store or self.store,
            git=self.git,
            forge=self.forge,
            people=GitHubPeople(self.pulls, self.clock),
            clock=self.clock,
            reader=Reader(git=self.git),
            trouble=self.troubles.append,
        )

    def requests(self) -> list[str]:
        """What the API was asked since this was last called: `GET 200 /repos/{owner}/{repo}/pulls`."""
        new = self.hub.requests[self._seen :]
        self._seen += len(new)
        return [f"{each.method} {each.status} {each.route}" for each in new]

    def open(self, branch: str = "work", files: dict[str, Any] | None = None, *, by: str = "ada") -> int:
        self.repo.push(by, branch, files or {f"{branch}.txt": "x\n"})
        return self.repo.open_pull(by, branch, f"Add {branch}", "Because.")

    def tell(self, number: int) -> list[str]:
        """Tell what an event told of it (so that nobody has to ask), and what that cost."""
        self.forge.forget()
        self.pulls.forget(number)
        pull = self.pulls.pull(number)
        self.requests()
        self.speaker.tell(number, pull=pull)
        return self.requests()

    def tell_change(self, number: int) -> list[str]:
        """Tell what the queue itself knows of it."""
        self.requests()
        self.speaker.tell(number)
        return self.requests()

    def queued(self, number: int, **facts: Any) -> Change:
        pull = self.pulls.pull(number)
        assert pull is not None
        change = Change(
            id=0,
            lane="main",
            branch=pull.branch,
            head=pull.head,
            author=pull.author.login,
            account=pull.author.id,
            number=number,
            title=pull.title,
            submitted_at=self.clock.now(),
        )
        saved: Change = self.save(replace(change, **facts))
        return saved

    def save(self, record: Any) -> Any:
        return self.store.save(record, at=self.clock.now())[0]

    def testing(self, change: Change) -> Candidate:
        made: Candidate = self.save(replace(candidate(0, change.id), id=0))
        return made

    def end(self, change: Change, state: ChangeState, **facts: Any) -> Change:
        found = self.store.change(change.id)
        assert found is not None
        ended: Change = self.save(replace(found, state=state, ended_at=self.clock.now(), **facts))
        return ended

    def bodies(self, number: int) -> list[str]:
        bot = self.app.bot.login
        return [one.body for one in self.repo.comments(number) if one.author.login == bot]

    def headline(self, number: int) -> str:
        (body,) = self.bodies(number)
        return body.splitlines()[2]

    def checks(self, head: str) -> dict[str, list[str | None]]:
        """Our check runs on a commit: name -> the conclusion of each of that name."""
        found: dict[str, list[str | None]] = {}
        for one in self.repo.check_runs(head, newest=False):
            if one.app is self.app:
                found.setdefault(one.name.removeprefix("pointsman / "), []).append(one.conclusion)
        return found

    def head(self, number: int) -> str:
        return str(self.repo.pull(number).head)


@contextmanager
def office(folder: Path, **permissions: str) -> Iterator[Office]:
    with ExitStack() as stack:
        (folder / "github").mkdir()
        hub = stack.enter_context(FakeGitHub(folder / "github"))
        repo = hub.repository("acme/widgets", files={".pointsman.yml": CONTRACT, "docs/a.md": "a\n"})
        for login in ("ada", "eve"):
            repo.permission(login, "write")
        app = hub.app(permissions=permissions) if permissions else hub.app()
        hub.install(app, repo)
        clock = HubClock(hub)
        transport = Transport(hub.api_url, clock=clock)
        directory = AppDirectory(credentials_of(hub, app), clock=clock, transport=transport)
        stack.callback(directory.close)
        opened = directory.open(directory.repositories()[0])
        git = open_mirror(folder / "mirror")
        stack.callback(git.close)
        remote = GitRemote(git, repo.clone_url, opened.tokens, clock=clock)
        store = SqlStore.open(folder / "state.db")
        stack.callback(store.close)
        made = Office(
            hub=hub,
            repo=repo,
            app=app,
            pulls=opened.pulls,
            clock=clock,
            store=store,
            git=git,
            forge=GitHubForge(git=git, remote=remote, pulls=opened.pulls, clock=clock),
        )
        made.speaker = made.speak()
        yield made


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Office]:
    with office(tmp_path) as made:
        yield made


def landing(at: Office, number: int) -> Sha:
    change = at.store.changes()[-1]
    at.end(change, ChangeState.LANDED, landed=Sha("c" * 40))
    return Sha("c" * 40)


def test_rule_9_what_a_landed_pull_request_costs_to_tell(at: Office) -> None:
    number = at.open()
    assert at.tell(number) == [f"{CREATES} {CHECK}"] * 2
    change = at.queued(number)
    assert at.tell_change(number) == [f"{CREATES} {CHECK}", f"{CREATES} {COMMENT}"]
    at.testing(change)
    assert at.tell_change(number) == []
    landing(at, number)
    assert at.tell_change(number) == [f"{EDITS} {UPDATE}", f"{EDITS} {EDIT}"]
    assert at.headline(number) == f"**Landed on `main`** as {'c' * 40}."
    assert at.checks(at.head(number)) == {
        "contract": ["success"],
        "migrations": ["success"],
        "queue": ["success"],
    }
    assert at.tell_change(number) == [], "said once"


def test_rule_9_nothing_is_posted_where_nothing_is_new_even_after_a_restart(at: Office) -> None:
    number = at.open()
    at.tell(number)
    at.queued(number)
    at.tell_change(number)
    at.speaker = at.speak()
    assert at.tell(number) == at.tell_change(number) == []


def test_rule_9_a_place_in_the_line_alone_is_never_an_edit(at: Office) -> None:
    first, second = at.open("one"), at.open("two")
    ahead = at.queued(first)
    at.queued(second)
    at.tell_change(second)
    assert "number 2 of 2" in at.headline(second)
    at.end(ahead, ChangeState.LANDED, landed=Sha("c" * 40))
    at.hub.advance(10 * PACE)
    assert at.tell_change(second) == []
    assert at.speaker.owed() == ()


def test_rule_9_another_base_tip_is_no_news_for_those_who_wait(at: Office) -> None:
    number = at.open()
    at.tell(number)
    at.queued(number)
    at.tell_change(number)
    at.repo.push("ada", "main", {"other.txt": "x\n"})
    at.hub.advance(10 * PACE)
    assert at.tell_change(number) == at.tell(number) == []


def test_rule_9_what_happens_within_a_minute_is_said_after_it(at: Office) -> None:
    number = at.open()
    change = at.queued(number)
    at.tell_change(number)
    at.testing(change)
    at.tell_change(number)
    assert at.headline(number).startswith("**In the queue")
    assert at.speaker.owed() == ()
    at.hub.advance(PACE)
    assert at.speaker.owed() == (number,)
    assert at.tell_change(number) == [f"{EDITS} {EDIT}"]
    assert at.headline(number).startswith("**Being tested**")
    assert at.speaker.owed() == ()


def test_how_it_ended_is_said_at_once(at: Office) -> None:
    number = at.open()
    change = at.queued(number)
    at.tell_change(number)
    reason = Reason(code="merge_conflict", text="git can't merge it", reproduce="git merge-tree a b")
    at.end(change, ChangeState.RETURNED, reason=reason)
    at.tell_change(number)
    assert at.headline(number) == "**Returned: git can't merge it.**"
    assert at.checks(at.head(number))["queue"] == ["failure"]


def test_a_red_check_is_told_with_its_page_and_the_end_of_its_log(at: Office) -> None:
    number = at.open()
    change = at.queued(number)
    tested = at.testing(change)
    page = "https://ci.example.org/7"
    at.save(replace(run(tested, state=RunState.FAILED), id=0, log=page, failing_test="test_a"))
    at.save(replace(tested, state=CandidateState.FAILED))
    reason = Reason(code="red", text="check 'unit' failed.", details="E   boom", reproduce="make test")
    at.end(change, ChangeState.RETURNED, reason=reason)
    at.tell_change(number)
    (body,) = at.bodies(number)
    assert "- [`unit`](https://ci.example.org/7) failed: `exit code 1 (test_a)`." in body
    assert "E   boom" in body and "make test" in body


def test_I5_a_kill_between_posting_and_remembering_doubles_nothing(at: Office) -> None:
    number = at.open()
    at.queued(number)
    fatal = at.speak(_Dying(at.store, after_saves=1))
    with pytest.raises(Killed):
        fatal.tell(number)
    assert len(at.bodies(number)) == 1, "it was posted, and nobody remembers"
    at.speaker = at.speak()
    at.tell_change(number)
    assert len(at.bodies(number)) == 1
    assert {name: len(runs) for name, runs in at.checks(at.head(number)).items()} == {
        "contract": 1,
        "migrations": 1,
        "queue": 1,
    }


def test_I5_a_kill_before_posting_loses_nothing(at: Office) -> None:
    number = at.open()
    at.queued(number)
    at.hub.fail_next("POST", "/check-runs", 502, times=9)
    at.speaker.tell(number)
    at.hub.faults.clear()
    at.speaker = at.speak()
    at.hub.advance(1000)
    assert at.speaker.owed() == (number,), "owed, and remembered by the next process"
    at.tell_change(number)
    assert len(at.bodies(number)) == 1
    assert at.speaker.owed() == ()


class _Dying:
    """The store, until somebody pulls the plug: saves after the given number of them kill the process."""

    def __init__(self, store: Store, *, after_saves: int) -> None:
        self._store = store
        self._left = after_saves

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def save(self, *records: Any, entries: Sequence[Any] = (), at: float) -> Any:
        if not self._left:
            raise Killed
        self._left -= 1
        return self._store.save(*records, entries=entries, at=at)


def test_rule_12_somebody_else_s_comment_with_our_marker_is_not_ours(at: Office) -> None:
    number = at.open()
    forged = at.repo.comment(number, "eve", f"{MARKER}\n\n**Landed.**")
    at.queued(number)
    with pytest.raises(Killed):
        at.speak(_Dying(at.store, after_saves=1)).tell(number)
    at.tell_change(number)
    assert at.repo.comments_by_id[forged].body.endswith("**Landed.**")
    assert len(at.bodies(number)) == 1


def test_a_comment_that_was_deleted_is_posted_again(at: Office) -> None:
    number = at.open()
    change = at.queued(number)
    at.tell_change(number)
    (ours,) = at.repo.comments(number)
    at.repo.delete_comment(ours.id)
    at.end(change, ChangeState.WITHDRAWN)
    at.tell_change(number)
    assert at.headline(number).startswith("**Taken out of the queue.**")


def test_rule_2_a_forge_that_fails_is_told_again_later(at: Office) -> None:
    number = at.open()
    at.queued(number)
    at.hub.fail_next("*", "/comments", 502, times=50)
    at.tell_change(number)
    assert at.bodies(number) == []
    assert at.checks(at.head(number)).keys() == {"contract", "migrations", "queue"}
    at.hub.faults.clear()
    at.hub.advance(3600)
    assert at.speaker.owed() == (number,)
    cost = at.tell_change(number)
    assert len(at.bodies(number)) == 1
    assert not [one for one in cost if CHECK in one], "what was posted before is not posted again"
    assert at.speaker.owed() == ()


def test_a_missing_permission_is_said_once_and_stops_nothing_else(tmp_path: Path) -> None:
    allowed = {"checks": "write", "contents": "write", "pull_requests": "read", "metadata": "read"}
    with office(tmp_path, **allowed) as at:
        numbers = [at.open("one"), at.open("two")]
        for number in numbers:
            at.queued(number)
            at.tell_change(number)
            assert at.checks(at.head(number)).keys() == {"contract", "migrations", "queue"}
            assert at.bodies(number) == []
        (trouble,) = at.troubles
        assert trouble.startswith("comments can't be written")
        assert at.speaker.owed() == ()


def test_rule_17_no_success_for_two_pull_requests_with_one_head(at: Office) -> None:
    first = at.open("one")
    at.tell(first)
    at.repo.move("eve", "twin", at.head(first))
    second = at.repo.open_pull("eve", "twin", "The same again", "")
    at.tell(second)
    assert at.checks(at.head(first))["contract"] == ["action_required"], "one commit has one check of ours"
    at.tell(first)
    assert at.checks(at.head(first))["contract"] == ["action_required"]
    at.repo.push("eve", "twin", {"more.txt": "x\n"})
    at.tell(second)
    assert at.speaker.owed() == (first,), "whoever shared the head is told again"
    at.tell(first)
    assert at.checks(at.head(first))["contract"] == ["success"]


def test_rule_17_closing_one_of_two_tells_the_other(at: Office) -> None:
    first = at.open("one")
    at.tell(first)
    at.repo.move("eve", "twin", at.head(first))
    second = at.repo.open_pull("eve", "twin", "The same again", "")
    at.tell(second)
    at.repo.close(second, "eve")
    at.speaker.closed(second)
    assert at.speaker.owed() == (first,)
    at.tell(first)
    assert at.checks(at.head(first))["contract"] == ["success"]


def test_rule_3_a_moved_head_is_judged_anew_and_the_old_head_s_check_ends(at: Office) -> None:
    number = at.open()
    change = at.queued(number)
    at.tell(number)
    old = at.head(number)
    at.repo.push("ada", "work", {"secrets/key": "x\n"})
    reason = Reason(code="head_moved", text="work was submitted at 1 and is now at 2")
    at.end(change, ChangeState.RETURNED, reason=reason)
    at.tell(number)
    assert at.checks(old)["queue"] == ["failure"]
    assert at.checks(at.head(number)) == {"contract": ["failure"], "migrations": ["success"]}
    assert at.headline(number) == "**Returned: its head moved after it was queued.**"


def test_rule_3_the_head_of_now_is_told_also_where_nobody_says_what_it_is(at: Office) -> None:
    number = at.open()
    change = at.queued(number)
    at.tell(number)
    at.repo.push("ada", "work", {"more.txt": "x\n"})
    at.end(change, ChangeState.RETURNED, reason=Reason(code="head_moved", text="it moved"))
    at.tell(number)
    before = at.bodies(number)
    assert [one for one in at.tell_change(number) if not one.startswith("GET")] == []
    assert at.bodies(number) == before


def test_a_head_that_is_queued_again_gets_a_new_check_of_the_queue(at: Office) -> None:
    number = at.open()
    at.end(at.queued(number), ChangeState.RETURNED, reason=Reason(code="red", text="x"))
    at.tell_change(number)
    at.queued(number)
    at.tell_change(number)
    assert at.checks(at.head(number))["queue"] == ["failure", None]
    assert len(at.bodies(number)) == 1


def test_a_fork_is_announced_and_told_with_the_graph_before_and_after_R13(at: Office) -> None:
    at.repo.push("ada", "main", {**PROJECT, f"{VERSIONS}/cc3.py": revision("cc3", '"aa1"')})
    at.repo.push("ada", "work", {f"{VERSIONS}/bb2.py": revision("bb2", '"aa1"')}, base="main~1", force=True)
    at.repo.push("ada", "work", PROJECT)
    number = at.repo.open_pull("ada", "work", "Add bb2", "")
    at.tell(number)
    (check,) = [one for one in at.repo.check_runs(at.head(number)) if one.name.endswith("migrations")]
    assert (check.conclusion, check.title) == ("success", "fork, healed when it lands")
    change = at.queued(number)
    tested = at.testing(change)
    (member,) = tested.members
    healed = Healed(strategy="reparent", summary="bb2 now follows cc3", seconds=0.25, proof="proved")
    member = replace(member, head=change.head, healed=healed)
    at.save(
        replace(tested, base=Sha(str(at.repo.tip("main"))), members=(member,), state=CandidateState.LANDED)
    )
    at.end(change, ChangeState.LANDED, landed=Sha("c" * 40))
    at.speaker = at.speak()
    at.tell_change(number)
    (body,) = at.bodies(number)
    assert "healed in 0.2 s by hanging its revisions behind the base's: `bb2 now follows cc3`" in body
    assert "before  aa1 ─┬─ cc3\n             └─ bb2\nafter   aa1 ─── cc3 ─── bb2" in body


def test_an_approval_turns_the_contract_s_check(at: Office) -> None:
    number = at.open("docs", {"docs/a.md": "b\n"})
    change = at.queued(number, wait=Wait(code="approval", text="waits for lead", key="k"))
    at.tell_change(number)
    assert at.checks(at.head(number))["contract"] == ["action_required"]
    assert "waits for lead" in at.bodies(number)[0]
    lead = at.hub.who("lead")
    at.save(
        RecordedApproval(change=change.id, head=change.head, by="lead", at=1.0, human=True, account=lead.id)
    )
    at.tell_change(number)
    assert at.checks(at.head(number))["contract"] == ["success"]


def test_who_has_no_role_reads_why_at_the_check(at: Office) -> None:
    number = at.open(by="eve")
    at.tell(number)
    assert at.checks(at.head(number))["contract"] == ["failure"]
    assert at.bodies(number) == [], "nobody asked: the check run says it"


def test_what_is_closed_is_forgotten_but_not_before_its_last_word(at: Office) -> None:
    number = at.open()
    change = at.queued(number)
    at.tell_change(number)
    at.hub.fail_next("*", "/comments", 502, times=50)
    at.end(change, ChangeState.LANDED, landed=Sha("c" * 40))
    at.tell_change(number)
    at.speaker.forget(number)
    at.hub.faults.clear()
    at.hub.advance(3600)
    assert at.speaker.owed() == (number,)
    at.tell_change(number)
    assert at.headline(number).startswith("**Landed")
    assert [key for prefix in ("said", "owed", "head") for key in at.store.notes(prefix)] == []


def test_a_number_that_is_no_pull_request_is_nobody_s_business(at: Office) -> None:
    at.speaker.tell(4711)
    assert at.store.notes("said") == {}
    assert at.speaker.owed() == ()


class TestGroup:
    """Rule 16: a repository that uses GitHub's own merge queue."""

    def group(self, at: Office, *numbers: int, said: int | None = None) -> dict[str, list[str | None]]:
        base = at.repo.tip("main")
        head = at.repo.merge_group("ada", numbers)
        branch = f"gh-readonly-queue/main/pr-{numbers[-1]}-{base}"
        at.forge.branch_heads(["main", branch])
        at.speaker.tell_group(
            MergeGroup(head=Sha(head), base=Sha(str(base)), lane="main", number=said or numbers[-1])
        )
        return at.checks(head)

    def test_a_sound_group_gets_all_three_checks(self, at: Office) -> None:
        passed = {"contract": ["success"], "migrations": ["success"], "queue": ["success"]}
        assert self.group(at, at.open()) == passed

    @pytest.mark.soak
    def test_only_the_last_groups_are_remembered(self, at: Office) -> None:
        for name in "abcdef":
            self.group(at, at.open(name))
        assert len(at.store.notes("said@")) == 4 * 3

    def test_a_change_that_the_contract_refuses_fails_there_too(self, at: Office) -> None:
        found = self.group(at, at.open("bad", {"secrets/key": "x\n"}))
        assert found["contract"] == found["queue"] == ["failure"]

    def test_a_group_that_is_not_what_its_name_says_passes_nothing(self, at: Office) -> None:
        harmless, bad = at.open("harmless"), at.open("bad", {"secrets/key": "x\n"})
        found = self.group(at, bad, said=harmless)
        assert found == {"contract": ["failure"], "migrations": ["failure"], "queue": ["failure"]}

    def test_a_group_of_several_is_judged_one_by_one(self, at: Office) -> None:
        one, two = at.open("one"), at.open("two")
        passed = {"contract": ["success"], "migrations": ["success"], "queue": ["success"]}
        assert self.group(at, one, two) == passed
        bad = at.open("bad", {"secrets/key": "x\n"})
        assert self.group(at, bad, two)["contract"] == ["failure"]
