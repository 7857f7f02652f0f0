"""Looks at both sides, what GitHub shows and what the app says, and tells what is new; it decides nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from pointsman.demo.show import Show
from pointsman.demo.story import BASE
from tests.github.demo.serving import Serving
from tests.github.demo.stand import Stand
from tests.github.demo.voice import Told, Voice, merged_in
from tests.github.fake.state import ZERO, Comment, Pull

GITHUB, APP, AGENT, PERSON = "GitHub", "Pointsman", "agent", "person"

FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
COMMIT = re.compile(r"\b([0-9a-f]{10})[0-9a-f]{30}\b")
HIDDEN = re.compile(r"<!--.*?-->", re.DOTALL)
FACES = {"+1": "thumbs up", "-1": "thumbs down", "eyes": "eyes", "confused": "a confused face"}


@dataclass(kw_only=True)
class Seen:
    """What was shown already."""

    checks: dict[int, str | None] = field(default_factory=dict)
    comments: dict[int, str] = field(default_factory=dict)
    headlines: dict[int, str] = field(default_factory=dict)
    quotes: set[str] = field(default_factory=set)
    reactions: set[int] = field(default_factory=set)
    merged: set[int] = field(default_factory=set)
    moves: int = 0


class Watch:
    """Follows one stand-in and one app on it. Is called from one thread."""

    def __init__(self, show: Show, stand: Stand, app: Serving) -> None:
        self._show = show
        self._stand = stand
        self._seen = Seen(moves=len(stand.hub.git_log))
        self._voice = Voice(stand, app.lines)

    def look(self) -> None:
        """Show what is new since the last look, and what runs now."""
        for told in self._voice.told():
            self._tell(told, APP)
        with self._stand.hub.lock:
            new = [*self._comments(), *self._reactions(), *self._checks(), *self._moves(), *self._merged()]
            running = self._running()
        for one in new:
            self._tell(one, GITHUB)
        self._show.now(running)

    def _tell(self, told: Told, source: str) -> None:
        self._show.step(told.word, name_of(told.pull), told.text, source=source)
        if told.quote not in self._seen.quotes:
            self._seen.quotes.add(told.quote)
            self._show.quote(told.quote)

    # what GitHub shows

    def _comments(self) -> Iterator[Told]:
        for comment in self._stand.repo.comments_by_id.values():
            before = self._seen.comments.get(comment.id)
            if comment.author is not self._stand.app.bot or comment.body == before:
                continue
            self._seen.comments[comment.id] = comment.body
            headline = headline_of(comment.body)
            if self._seen.headlines.get(comment.id) != headline:
                self._seen.headlines[comment.id] = headline
                verb = "comment" if before is None else "edited"
                yield Told(word=verb, pull=self._pull_of(comment), text=headline, quote=drawn(comment.body))

    def _pull_of(self, comment: Comment) -> Pull:
        return self._stand.repo.pulls[comment.number]

    def _reactions(self) -> Iterator[Told]:
        for comment_id, reactions in self._stand.repo.reactions.items():
            comment = self._stand.repo.comments_by_id[comment_id]
            for reaction in reactions:
                if reaction.id not in self._seen.reactions:
                    self._seen.reactions.add(reaction.id)
                    face = FACES.get(reaction.content, reaction.content)
                    yield Told(word="reaction", pull=self._pull_of(comment), text=f"{face} on {comment.body}")

    def _checks(self) -> Iterator[Told]:
        for run in self._stand.repo.checks.values():
            if run.status != "completed" or self._seen.checks.get(run.id, "") == run.conclusion:
                continue
            self._seen.checks[run.id] = run.conclusion
            ours = run.app is self._stand.app
            on = "" if ours else f" on {run.sha[:10]}"
            about = f": {run.title}" if ours and run.title else ""
            pull = self._at(run.sha)
            yield Told(word="check", pull=pull, text=f"{run.name} {run.conclusion}{on}{about}")

    def _at(self, commit: str) -> Pull | None:
        """The pull request that the commit is the head or the candidate of."""
        ours = (pull for pull in self._stand.repo.pulls.values() if pull.head == commit)
        return next(ours, None) or merged_in(self._stand, commit)

    def _moves(self) -> Iterator[Told]:
        new = self._stand.hub.git_log[self._seen.moves :]
        self._seen.moves += len(new)
        for move in new:
            if move.ref == f"refs/heads/{BASE}" and move.repo == self._stand.repo.full_name:
                kind = "by force" if move.forced else "a fast-forward"
                text = f"{BASE} {move.old[:10]} -> {move.new[:10]} by {move.by}, {kind}"
                yield Told(word="moved", pull=self._at(move.new), text=text)
            elif move.ref.startswith("refs/heads/pointsman/") and move.new != ZERO:
                name = move.ref.removeprefix("refs/heads/")
                yield Told(
                    word="pushed",
                    pull=self._at(move.new),
                    text=f"{name}: workflow ci starts on it",
                )

    def _merged(self) -> Iterator[Told]:
        for pull in self._stand.repo.pulls.values():
            if pull.merged is not None and pull.number not in self._seen.merged:
                self._seen.merged.add(pull.number)
                yield Told(word="merged", pull=pull, text=f"closed as merged: {pull.title}")

    def _running(self) -> str:
        now = self._stand.hub.now()
        runs = [run for run in self._stand.repo.checks.values() if run.status == "in_progress"]
        foreign = [run for run in runs if run.app is not self._stand.app]
        told = [
            f"{name_of(self._at(run.sha)) or BASE}: {run.name} {now - (run.started or now):.1f} s"
            for run in foreign
        ]
        return f"testing {', '.join(told)}" if told else "waiting for the next step"


def name_of(pull: Pull | None) -> str:
    """`#3 couriers`; '' for none."""
    return f"#{pull.number} {pull.author.login.removesuffix('-agent')}" if pull is not None else ""


def headline_of(body: str) -> str:
    """A comment's first line as one reads it."""
    lines = HIDDEN.sub("", body).strip().splitlines()
    return COMMIT.sub(r"\1", re.sub(r"[*`]", "", lines[0]).strip()) if lines else ""


def drawn(body: str) -> str:
    """What of a comment is worth showing as it stands: the migrations before and after, or a patch."""
    blocks = [(kind, text) for kind, text in FENCE.findall(body)]
    wanted = [text for kind, text in blocks if kind == "diff" or text.count("───") > 1]
    return wanted[0] if wanted else ""


def patch_in(body: str) -> str:
    """The patch that a comment carries; '' for none."""
    return next((text for kind, text in FENCE.findall(body) if kind == "diff"), "")
