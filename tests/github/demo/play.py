"""Plays the story act by act: agents push and comment over HTTP, the app answers; it judges nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pointsman.core.errors import EnvironmentProblem
from pointsman.demo.proof import run
from pointsman.demo.show import Show
from pointsman.demo.story import BASE, KEEPER, End
from tests.github.demo.serving import Serving
from tests.github.demo.stand import Account, Stand
from tests.github.demo.story import (
    CHEAP,
    COOL,
    HOUSE,
    MAINTAINER,
    NOTICE,
    PLAN,
    TERMS,
    WEIGH,
    Scene,
    patch_of,
)
from tests.github.demo.watch import AGENT, GITHUB, PERSON, Watch, patch_in
from tests.github.fake import Pull

LOOK_SECONDS = 0.04
STEP_SECONDS = 90.0
"""How long one act may take before it is given up; a second or two is usual."""


@dataclass(kw_only=True)
class Played:
    """What was opened, by scene: the pull requests' numbers. `alone_from` is how many API requests had been answered
    when the act began that has the app to itself, None where there was none; `wrong` is what went otherwise than
    told."""

    scenes: Sequence[Scene]
    numbers: dict[str, int] = field(default_factory=dict)
    alone_from: int | None = None
    wrong: list[str] = field(default_factory=list)


@dataclass(kw_only=True)
class Play:
    """`scenes` may be a part of the story only; acts without a scene are left out."""

    stand: Stand
    app: Serving
    watch: Watch
    show: Show
    played: Played

    def run(self) -> Played:
        """The whole story. Errors: `EnvironmentProblem` where it does not go on."""
        with self.show.live():
            self._fork()
            self._refusals()
            self._approval()
            self._patch()
            self._closed_main()
        return self.played

    # the acts

    def _fork(self) -> None:
        forked = [scene for scene in (WEIGH, COOL, PLAN) if self._has(scene)]
        self.show.heading("A fork", "migrations that were all written on the same parent")
        for scene in forked:
            self._open(scene)
        for scene in forked[:2]:
            self._say(scene, "/queue")

    def _refusals(self) -> None:
        self.show.heading(
            "Meanwhile", "another role's file, tests that fail, a file that a person has to see"
        )
        for scene in (TERMS, CHEAP, HOUSE):
            if self._has(scene):
                self._open(scene)
                self._say(scene, "/queue")
        first = [scene for scene in (WEIGH, COOL, TERMS, CHEAP) if self._has(scene)]
        self._until(lambda: all(self._over(scene) for scene in first), "the queue works off what it has")

    def _approval(self) -> None:
        if not self._has(HOUSE):
            return
        self.show.heading("A person", "AGENTS.md is in the class `control`: no agent's word is enough")
        pull = self._pull(HOUSE)
        if pull.merged:
            self.played.wrong.append("AGENTS.md landed before a person had approved it")
            return
        self.stand.people[MAINTAINER].approve(pull.number, pull.head)
        text = f"{KEEPER.name}, who keeps the place: {pull.head[:10]}, and no later head"
        self._did("approves", HOUSE, text, source=PERSON)
        self._until(lambda: self._over(HOUSE), "the approved change lands")

    def _patch(self) -> None:
        if not self._has(PLAN):
            return
        self.show.heading("From a fork", "its branch is in another repository: /heal can't push there")
        self._say(PLAN, "/heal")
        self._until(lambda: bool(self._offered()), "a patch comes back")
        self._try_patch()
        self._say(PLAN, "/queue")
        self._until(lambda: self._over(PLAN), "it lands, healed on the candidate")

    def _closed_main(self) -> None:
        if not self._has(NOTICE):
            return
        run(
            ["git", "pull", "-q", "--ff-only", self.stand.repo.clone_url, BASE], at=self.stand.depot.directory
        )
        self.show.heading("Round the queue?", "one more agent, with nobody else in the queue")
        since = len(self.stand.hub.requests)
        self._prepare(NOTICE)
        self._push_to_main(NOTICE)
        self._open(NOTICE, prepared=True)
        self._say(NOTICE, "/queue")
        self._until(lambda: self._over(NOTICE), "the queue lands it")
        self.played.alone_from = since

    # what agents do

    def _prepare(self, scene: Scene) -> None:
        self.stand.depot.change(scene.agent, scene.branch, scene.title, patch_of(scene))

    def _open(self, scene: Scene, *, prepared: bool = False) -> None:
        if not prepared:
            self._prepare(scene)
        who, repo = self._who(scene), self.stand.repo
        target = repo.fork(scene.login) if scene.from_fork else repo
        pushed = who.push(self.stand.depot.worktree(scene.agent), target.clone_url, scene.branch)
        if not pushed.ok:
            raise EnvironmentProblem(f"{scene.login} could not push {scene.branch}:\n{pushed.output}")
        head = f"{scene.login}:{scene.branch}" if scene.from_fork else scene.branch
        self.played.numbers[scene.slug] = who.open(head, scene.title)
        brings = " (migration {} on {})".format(*scene.migration) if scene.migration else ""
        copy = f" from {target.full_name}" if scene.from_fork else ""
        self._did("opens", scene, f"{scene.title}{brings}{copy}")
        self.watch.look()

    def _say(self, scene: Scene, command: str) -> None:
        self._who(scene).say(self._number(scene), command)
        self._did("comments", scene, command)
        self.watch.look()

    def _push_to_main(self, scene: Scene) -> None:
        """An agent in a hurry; that GitHub refuses it is what keeps main the queue's."""
        tree = self.stand.depot.worktree(scene.agent)
        before = self.stand.repo.tip(BASE)
        self.show.step("pushes", f"{scene.agent}", "its branch straight to main", source=AGENT)
        pushed = self._who(scene).push(tree, self.stand.repo.clone_url, f"HEAD:{BASE}")
        refused = not pushed.ok and "GH013" in pushed.output and self.stand.repo.tip(BASE) == before
        word, text = ("refused", "git push, by the rules of main") if refused else ("taken", "main has moved")
        self.show.step(word, f"{scene.agent}", text, source=GITHUB)
        self.show.quote(pushed.output)
        if not refused:
            self.played.wrong.append("an agent's push to main was not refused")

    def _try_patch(self) -> None:
        """What the comment tells the agent to do: merge the base, apply the patch."""
        tree = self.stand.depot.worktree(PLAN.agent)
        file = tree.parent / "heal.patch"
        file.write_text(self._offered(), encoding="utf-8")
        url = self.stand.repo.clone_url
        who = ["-c", "user.name=couriers agent", "-c", "user.email=couriers@agents.example"]
        fetched = run(["git", "fetch", "-q", url, BASE], at=tree)
        merged = run(["git", *who, "merge", "-q", "--no-commit", "FETCH_HEAD"], at=tree)
        applied = run(["git", "apply", "--check", str(file)], at=tree)
        run(["git", "merge", "--abort"], at=tree)
        fits = fetched.ok and merged.ok and applied.ok
        self._did(
            "tries", PLAN, f"git apply heal.patch, {BASE} merged: {'it fits' if fits else 'it does not fit'}"
        )
        if not fits:
            self.played.wrong.append(f"the patch does not apply:\n{merged.output}{applied.output}")

    def _did(self, word: str, scene: Scene, text: str, *, source: str = AGENT) -> None:
        self.show.step(word, f"#{self._number(scene)} {scene.agent}", text, source=source)

    # what stands on GitHub

    def _has(self, scene: Scene) -> bool:
        return scene in self.played.scenes

    def _who(self, scene: Scene) -> Account:
        return self.stand.people[scene.login]

    def _number(self, scene: Scene) -> int:
        return self.played.numbers[scene.slug]

    def _pull(self, scene: Scene) -> Pull:
        return self.stand.repo.pull(self._number(scene))

    def _over(self, scene: Scene) -> bool:
        return end_of(self.stand, self._number(scene)) is not None

    def _offered(self) -> str:
        return next(filter(None, map(patch_in, said_by_app(self.stand, self._number(PLAN)))), "")

    def _until(self, done: Callable[[], bool], what: str) -> None:
        """Look on until it is so."""
        deadline = time.monotonic() + STEP_SECONDS
        while not done():
            if not self.app.alive:
                raise EnvironmentProblem("\n".join(["the app has ended:", *self.app.complaints]))
            if time.monotonic() > deadline:
                raise EnvironmentProblem(f"waited {STEP_SECONDS:.0f} s in vain until {what}")
            self.watch.look()
            time.sleep(LOOK_SECONDS)
        self.watch.look()


def end_of(stand: Stand, number: int) -> End | None:
    """How a pull request ended, as GitHub shows it, once the app has said its last word; None: not yet."""
    with stand.hub.lock:
        pull = stand.repo.pull(number)
        checks = {run.name: run for run in stand.repo.check_runs(pull.head) if run.app is stand.app}
        said = "\n".join(said_by_app(stand, number))
    queue = checks.get("pointsman / queue")
    if queue is None or queue.status != "completed":
        return None
    if pull.merged and "Landed on" in said:
        return End.HEALED if "fork was healed" in said else End.LANDED
    return End.RETURNED if queue.conclusion != "success" and "Returned" in said else None


def said_by_app(stand: Stand, number: int) -> list[str]:
    """The app's comments on a pull request."""
    return [comment.body for comment in stand.repo.comments(number) if comment.author is stand.app.bot]
