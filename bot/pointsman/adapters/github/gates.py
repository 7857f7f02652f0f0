"""The repository's own workflows as the gate: a candidate is pushed to a branch of ours and what is reported on it is
waited for; no code of a change runs here, and what a report means is judged in core."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from pointsman.adapters.github.gate_notes import Asked, GateNotes, Pushed
from pointsman.adapters.github.looks import REFRESH, Looks
from pointsman.adapters.github.remote import HEADS, KEPT
from pointsman.core.errors import ForgeRefused, ForgeUnavailable, MissingObject
from pointsman.core.gates import GateResult, Outcome, Why
from pointsman.core.model import Sha
from pointsman.core.pulls.foreign import Pending, judge_foreign
from pointsman.core.pulls.model import CANDIDATES, CommitChecks, ForeignCheck, RequiredCheck
from pointsman.core.queue.checks import REQUIRED
from pointsman.core.queue.model import RunState
from pointsman.ports import Clock, Gates, Git, Pulls, Remote, Store

if TYPE_CHECKING:
    from pointsman.core.contract import Check
    from pointsman.core.contract.model import Sandbox

REMEMBERED = 3 * 24 * 3600.0
"""Seconds for which it is known that a commit was pushed before."""
SWEPT_AT_ONCE = 200
_OURS = re.compile(rf"{re.escape(HEADS + CANDIDATES)}[0-9]+-[0-9a-f]{{12}}")


class GitHubGates:
    """Implements ports.Gates. One instance works a repository; `hint` may come from another thread.

    `how`: whether pushing the branch starts the workflows, or `workflow` has to be dispatched on it, which is so with a
    `GITHUB_TOKEN` (rule 10). `default_app`: whose check runs count where a check names no app."""

    def __init__(
        self,
        git: Git,
        remote: Remote,
        pulls: Pulls,
        store: Store,
        clock: Clock,
        *,
        how: Literal["push", "dispatch"] = "push",
        workflow: str | None = None,
        default_app: int | None = None,
        refresh: float = REFRESH,
    ) -> None:
        if how == "dispatch" and not workflow:
            raise ValueError("to dispatch, the workflow's file name is needed")
        self._git = git
        self._remote = remote
        self._pulls = pulls
        self._store = store
        self._clock = clock
        self._notes = GateNotes(store=store, clock=clock)
        self._workflow = workflow if how == "dispatch" else None
        self._default_app = default_app
        self._looks = Looks(pulls, clock, refresh=refresh)

    def owns(self, run_id: int) -> bool:
        """Whether the run was started here."""
        return self._notes.asked(run_id) is not None

    def start(self, run_id: int, commit: Sha, check: Check, policy: Sandbox | None = None) -> None:
        """See ports.Gates.start. `policy` is for runners of ours. Where GitHub can't be reached, `poll` goes on."""
        if self.owns(run_id):
            return
        now = self._clock.now()
        branches = self._notes.of_commit(commit)
        pushed = branches[-1] if branches else None
        if pushed is None or not pushed.serves(check.name):
            self._tidy()
            self._looks.drop(commit)
            earlier = None if branches or self._is_known_there(commit) else ()
            pushed = Pushed(run=run_id, commit=commit, made_at=now, earlier=earlier)
        asked = Asked(
            run=run_id,
            commit=commit,
            branch=pushed.branch,
            check=check.name,
            name=check.check_run or check.name,
            app=self._app_of(check),
            min_tests=check.min_tests,
            timeout=check.timeout,
            at=now,
        )
        self._notes.keep(asked, pushed)
        self._bring_up(pushed)

    def poll(self, run_id: int) -> GateResult | None:
        """See ports.Gates.poll. While GitHub can't be asked the run goes on. Errors: `ForgeRefused` where we may not
        read what is reported."""
        asked = self._notes.asked(run_id)
        pushed = self._notes.pushed(asked) if asked is not None else None
        if asked is None or pushed is None:
            return _result(_outcome(RunState.LOST, Why.LOST, "nothing is remembered of it"))
        pushed = self._bring_up(pushed)
        if pushed.refused:
            self._notes.end(asked)
            why = f"the candidate can't be pushed to {pushed.branch}: {pushed.refused}"
            return _result(_outcome(RunState.FAILED, Why.NOT_STARTED, why))
        if not pushed.at:
            return None
        outcome, seen = self._judged(asked, pushed)
        if isinstance(outcome, Pending) or seen is None:
            return None
        self._notes.end(asked)
        self._leave(asked, idle=not seen.suites_running)
        since = max(asked.at, pushed.at)
        return _result(outcome, _judged_check(asked, pushed, seen), self._clock.now() - since)

    def cancel(self, run_id: int) -> None:
        """Nobody waits for it any more. GitHub goes on with what it has begun: stopping that would cost requests."""
        asked = self._notes.asked(run_id)
        if asked is not None:
            self._notes.end(asked)
            self._notes.forget(asked)
            self._leave(asked, idle=True, stopped=True)

    def sweep(self, keep: Collection[int]) -> None:
        """Forget every run but these, and take their branches away; where GitHub can't be reached, another time.

        Only branches with a name of our own form and a commit that is in our mirror are ours."""
        kept = set(keep)
        for asked in self._notes.all_asked():
            if asked.run not in kept:
                self._notes.end(asked)
                self._notes.forget(asked)
        self._tidy()
        known = {HEADS + one.branch for one in self._notes.all_pushed() if not one.gone}
        try:
            there = self._remote.listed([HEADS + CANDIDATES])
            strays = [
                ref for ref in there if _OURS.fullmatch(ref) and ref not in known and self._has(there[ref])
            ]
            for ref in strays[:SWEPT_AT_ONCE]:
                self._remote.push(ref, new=None, expected=there[ref])
        except (ForgeUnavailable, ForgeRefused):
            return

    def hint(self, commit: Sha, *, check: str | None = None, ended: bool = True, red: bool = False) -> None:
        """Something was reported on that commit: look at it now. With the `check`'s name, only if that is waited for;
        what has only begun (`ended` False) just shows that hints come."""
        self._looks.hint(commit, check=check, ended=ended, red=red)

    def _app_of(self, check: Check) -> int | None:
        """A rule of the branch without an app means any app; a check of the contract, the forge's own workflows."""
        if check.app is not None or check.name.startswith(REQUIRED):
            return check.app
        return self._default_app

    def _is_known_there(self, commit: Sha) -> bool:
        """Whether GitHub may have had the commit before we push it, and with it reports that say nothing of our run:
        those of a pull request's workflows are of another tree."""
        kept = set(self._git.refs(KEPT).values())
        return not self._git.commits(commit, exclude=sorted(kept), limit=1)

    def _has(self, commit: Sha) -> bool:
        try:
            self._git.commit_facts(commit)
        except MissingObject:
            return False
        return True

    def _bring_up(self, pushed: Pushed) -> Pushed:
        """Do what is left to do until the workflows run; as far as GitHub can be reached, each step written down."""
        if pushed.at or pushed.refused:
            return pushed
        if not self._looks.is_due(pushed.commit):
            return pushed
        try:
            if pushed.earlier is None:
                self._pulls.forget(commit=pushed.commit)
                reported = self._pulls.checks(pushed.commit).checks
                pushed = self._keep(replace(pushed, earlier=tuple(one.id for one in reported)))
            if not pushed.on_remote:
                refused = self._remote.push(HEADS + pushed.branch, new=pushed.commit, expected=None)
                if refused is not None:
                    return self._keep(replace(pushed, refused=refused.why or refused.code, gone=True))
                pushed = self._keep(replace(pushed, on_remote=True))
            if self._workflow is not None:
                self._pulls.dispatch(self._workflow, ref=pushed.branch, inputs={"commit": pushed.commit})
        except ForgeUnavailable:
            self._looks.put_off(pushed.commit)
            return pushed
        except ForgeRefused as refusal:
            return self._keep(replace(pushed, refused=str(refusal)))
        self._looks.begun(pushed.commit)
        return self._keep(replace(pushed, at=self._clock.now()))

    def _keep(self, pushed: Pushed) -> Pushed:
        self._notes.keep(pushed)
        return pushed

    def _judged(self, asked: Asked, pushed: Pushed) -> tuple[Outcome | Pending, CommitChecks | None]:
        """An end is only believed of what was read just now."""
        self._looks.wait_for(asked.commit, asked.name)
        seen, fresh = self._looks.at(asked.commit)
        outcome = self._judge(asked, pushed, seen)
        if seen is not None and not fresh and not isinstance(outcome, Pending):
            seen, fresh = self._looks.at(asked.commit, now=True)
            outcome = self._judge(asked, pushed, seen) if fresh else Pending()
        return outcome, seen

    def _judge(self, asked: Asked, pushed: Pushed, seen: CommitChecks | None) -> Outcome | Pending:
        if seen is None:
            return Pending()
        return judge_foreign(
            RequiredCheck(name=asked.name, app=asked.app),
            seen,
            own_app=self._pulls.app,
            min_tests=asked.min_tests,
            earlier=frozenset(pushed.earlier or ()),
            waited=self._clock.now() - max(asked.at, pushed.at),
            timeout=asked.timeout,
        )

    def _leave(self, asked: Asked, *, idle: bool, stopped: bool = False) -> None:
        """Take the branch away once nobody waits on it and nothing else seems to run there; `stopped`: or though."""
        used = {one.branch for one in self._notes.all_asked() if not one.ended}
        if asked.branch in used:
            return
        self._looks.drop(asked.commit)
        pushed = self._notes.pushed(asked)
        if idle and pushed is not None:
            self._take_away(replace(pushed, stopped=stopped))

    def _tidy(self) -> None:
        """Forget what has ended and was written down, and take away branches that nobody waits on."""
        asked = self._notes.all_asked()
        running = {run.id for run in self._store.runs(running=True)}
        self._notes.forget(*(one for one in asked if one.ended and one.run not in running))
        used = {one.branch for one in asked if not one.ended}
        idle = [one for one in self._notes.all_pushed() if one.branch not in used]
        for pushed in [one for one in idle if not one.gone][:SWEPT_AT_ONCE]:
            if not self._take_away(pushed):
                return
        old = self._clock.now() - REMEMBERED
        self._notes.forget(*(one for one in idle if one.gone and one.made_at < old))

    def _take_away(self, pushed: Pushed) -> bool:
        """False where GitHub can't be reached."""
        if pushed.gone:
            return True
        try:
            self._remote.push(HEADS + pushed.branch, new=None, expected=pushed.commit)
        except ForgeUnavailable:
            return False
        except ForgeRefused:
            return True
        self._notes.keep(replace(pushed, gone=True))
        return True


class SplitGates:
    """Implements ports.Gates: what is a command runs `here`, what others report is waited for in `foreign`."""

    def __init__(self, here: Gates, foreign: GitHubGates) -> None:
        self._here = here
        self._foreign = foreign

    def start(self, run_id: int, commit: Sha, check: Check, policy: Sandbox | None = None) -> None:
        is_here = check.run is not None and check.check_run is None
        (self._here if is_here else self._foreign).start(run_id, commit, check, policy)

    def poll(self, run_id: int) -> GateResult | None:
        return self._of(run_id).poll(run_id)

    def cancel(self, run_id: int) -> None:
        self._of(run_id).cancel(run_id)

    def sweep(self, keep: Collection[int]) -> None:
        self._here.sweep(keep)
        self._foreign.sweep(keep)

    def _of(self, run_id: int) -> Gates:
        return self._foreign if self._foreign.owns(run_id) else self._here


def _outcome(state: RunState, reason: Why, why: str) -> Outcome:
    return Outcome(state=state, reason=reason, why=why)


def _result(outcome: Outcome, check: ForeignCheck | None = None, waited: float = 0.0) -> GateResult:
    """Times are the other side's where it tells them."""
    seconds = waited
    if check is not None and check.started_at is not None and check.completed_at is not None:
        seconds = check.completed_at - check.started_at
    return GateResult(outcome=outcome, seconds=max(seconds, 0.0), log=check.url or None if check else None)


def _judged_check(asked: Asked, pushed: Pushed, seen: CommitChecks) -> ForeignCheck | None:
    """The newest report of that name, which is where people look for the log."""
    named = [one for one in seen.checks if one.name == asked.name and one.id not in (pushed.earlier or ())]
    return max((one for one in named if asked.app in (None, one.app)), key=lambda one: one.id, default=None)
