"""Learns how the deployment of what landed last goes, and remembers it between wake-ups; it decides nothing.

What is remembered is a note of the lane, written when it changes; when to ask again is this process's own business.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from pointsman.core.contract import Contract, Deploy
from pointsman.core.errors import ForgeRefused, ForgeUnavailable
from pointsman.core.model import Sha
from pointsman.core.queue.deploys import Answer, DeployMemory, DeployReport, Question, status_of
from pointsman.core.queue.model import CandidateState, Note
from pointsman.core.queue.observation import Deployment, DeployState
from pointsman.ports import Clock, DeploySource, Questions, Store

PREFIX = "deploy:"
"""Notes under this prefix: `deploy:LANE`."""

ASK_SECONDS, SLOW_SECONDS = 20.0, 60.0
"""Between two questions about one deployment; the second where hints come, or after five minutes."""

SOON_SECONDS = 300.0
HINTS_LAST = 900.0
"""Seconds for which one hint is taken to show that hints do come."""

LONGEST_SECONDS = 3600.0
"""Longer than this nobody is left alone; a clock that was set back would have it so."""

CLOCKS_DIFFER = 60.0
QUESTION_SECONDS = 600.0
"""How long a command of the contract may take to answer."""

NEWEST = 100
"""Of so many candidates that landed one may be what the tip is."""

NO_RUNNER = "no commands of the contract are run by this queue (docs/contract.md, Deployments)"


@dataclass(kw_only=True)
class Deployments:
    """Of one repository. `source`: the forge that others report to, None where there is none; `questions`: what runs
    the contract's commands, None where none are run."""

    store: Store
    clock: Clock
    source: DeploySource | None = None
    questions: Questions | None = None
    _due: dict[tuple[str, Sha], float] = field(default_factory=dict)
    _hinted_at: float = float("-inf")

    @property
    def busy(self) -> bool:
        """Whether a command runs whose answer is waited for."""
        return self.questions is not None and self.questions.busy

    @property
    def due(self) -> bool:
        """Whether `read` would ask or hear something now."""
        ended = self.questions is not None and self.questions.ended
        return ended or any(self._is_time(at) for at in self._due.values())

    def hint(self, commit: Sha) -> None:
        """Something was reported of that commit: ask about it at once."""
        self._hinted_at = self.clock.now()
        for lane, of in list(self._due):
            if of == commit:
                del self._due[lane, of]

    def read(self, lane: str, tip: Sha, contract: Contract | None) -> Deployment | None:
        """The deployment that the next landing waits for, or that pauses the lane; None where there is none, or it
        succeeded. Asks the forge at most every 20 s, and where it can't be asked says what is known."""
        deploy = contract.deploy if contract is not None else None
        if contract is None or deploy is None or (self.source is None and deploy.command is None):
            if self.questions is not None:
                self.questions.forget(lane)
            return None
        known = self._remembered(lane, tip)
        now = self._in_time(known) if known is not None else self._first_seen(lane, tip)
        if now.state is DeployState.PENDING:
            now = self._asked(lane, contract, deploy, now)
        unchecked = now.state is DeployState.SUCCEEDED and deploy.post_check is not None and not now.checked
        if unchecked and deploy.post_check is not None:
            now = self._checked(lane, contract, deploy.post_check, now)
            unchecked = now.state is DeployState.SUCCEEDED and not now.checked
        if now.state is not DeployState.PENDING and not unchecked:
            self._due.pop((lane, tip), None)
        if now != known:
            self.store.save(Note(key=PREFIX + lane, value=now.to_text()), at=self.clock.now())
        return replace(now, state=DeployState.PENDING).to_deployment() if unchecked else now.to_deployment()

    def _remembered(self, lane: str, tip: Sha) -> DeployMemory | None:
        known = DeployMemory.of(self.store.note(PREFIX + lane) or "")
        return known if known is not None and known.commit == tip else None

    def _in_time(self, known: DeployMemory) -> DeployMemory:
        """A clock that was set back has seen nothing of what is still to come."""
        now = self.clock.now()
        return replace(known, since=now) if known.since > now + CLOCKS_DIFFER else known

    def _is_time(self, at: float) -> bool:
        """Whether that time has come, or is too far off to have been meant."""
        return not 0.0 < at - self.clock.now() <= LONGEST_SECONDS

    def _first_seen(self, lane: str, tip: Sha) -> DeployMemory:
        """A commit that we landed is expected to be deployed. Where nothing at all was remembered, the tip is older
        than the queue's interest in deployments: it is waited for only where one is reported."""
        for asked in [asked for asked in self._due if asked[0] == lane]:
            del self._due[asked]
        expected = bool(self.store.note(PREFIX + lane)) and self._is_ours(lane, tip)
        return DeployMemory(commit=tip, expected=expected, since=self.clock.now())

    def _is_ours(self, lane: str, tip: Sha) -> bool:
        states = (CandidateState.LANDED, CandidateState.LANDING)
        return any(one.commit == tip for one in self.store.candidates(lane, states=states, newest=NEWEST))

    def _asked(self, lane: str, contract: Contract, deploy: Deploy, known: DeployMemory) -> DeployMemory:
        """What is known of it after asking, if it is time to ask."""
        at = self.clock.now()
        if not known.expected and at >= known.since + deploy.timeout:
            return replace(known, state=DeployState.SUCCEEDED, checked=True)
        report = self._reported(lane, contract, deploy, known)
        if report is None:
            return known
        since = at if report.state is DeployState.FAILED else known.since
        return replace(known, expected=True, since=since, state=report.state, url=report.url, why=report.why)

    def _reported(
        self, lane: str, contract: Contract, deploy: Deploy, known: DeployMemory
    ) -> DeployReport | None:
        """None where nothing is reported, or it is not yet time to ask again."""
        if not self._is_time(self._due.get((lane, known.commit), 0.0)):
            return None
        if deploy.command is not None:
            return self._told(lane, contract, deploy.command, known)
        self._put_off(lane, known)
        if self.source is None:
            return None
        try:
            return self.source.report(known.commit, deploy)
        except ForgeUnavailable as problem:
            self._put_off(lane, known, until=problem.again_at)
            return None
        except ForgeRefused as problem:
            return DeployReport(state=DeployState.FAILED, why=str(problem))

    def _told(self, lane: str, contract: Contract, command: str, known: DeployMemory) -> DeployReport | None:
        if self.questions is None:
            return DeployReport(state=DeployState.FAILED, why=f"deploy.command: {NO_RUNNER}")
        answer = self.questions.ask(_question(lane, contract, command, known.commit))
        if answer is None:
            return None
        self._put_off(lane, known)
        return status_of(answer)

    def _put_off(self, lane: str, known: DeployMemory, *, until: float = 0.0) -> None:
        now = self.clock.now()
        slow = now - known.since >= SOON_SECONDS or now - self._hinted_at < HINTS_LAST
        self._due[lane, known.commit] = max(until, now + (SLOW_SECONDS if slow else ASK_SECONDS))

    def _checked(self, lane: str, contract: Contract, command: str, known: DeployMemory) -> DeployMemory:
        """What the post-check says of a deployment that succeeded; while it runs the deployment is not done."""
        if self.questions is None:
            return self._failed(known, f"deploy.post_check: {NO_RUNNER}")
        answer = self.questions.ask(_question(lane, contract, command, known.commit))
        if answer is None:
            return known
        return replace(known, checked=True) if answer.exit_code == 0 else self._failed(known, _why(answer))

    def _failed(self, known: DeployMemory, why: str) -> DeployMemory:
        return replace(known, state=DeployState.FAILED, since=self.clock.now(), why=why, expected=True)


def _question(lane: str, contract: Contract, command: str, commit: Sha) -> Question:
    return Question(
        lane=lane, commit=commit, command=command, policy=contract.sandbox, timeout=QUESTION_SECONDS
    )


def _why(answer: Answer) -> str:
    return f"it is deployed, and deploy.post_check says no: {answer.why}"
