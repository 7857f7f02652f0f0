"""The demo from its first line to its last: sets up, plays, sums up, proves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from pointsman.demo.show import Show
from tests.github.demo.play import Play, Played
from tests.github.demo.proof import prove, rows, surprises
from tests.github.demo.serving import Serving
from tests.github.demo.stand import Stand, set_up
from tests.github.demo.story import ALL, JOBS, Scene
from tests.github.demo.watch import Watch
from tests.github.fake import FakeGitHub


def tell(folder: Path, *, kept: bool, elapsed: Callable[[], float], scenes: Sequence[Scene] = ALL) -> bool:
    """Whether everything came out as told and every proof holds; `elapsed` is in seconds, `folder` new or empty."""
    show = Show()
    for part in ("github", "app"):
        (folder / part).mkdir(parents=True)
    with FakeGitHub(folder / "github") as hub, set_up(folder, hub) as stand:
        with Serving(folder / "app", hub, stand.app) as app:
            hub.install(stand.app, stand.repo)
            _introduce(show, stand, app)
            watch = Watch(show, stand, app)
            played = Play(stand=stand, app=app, watch=watch, show=show, played=Played(scenes=scenes)).run()
            code = app.stop()
            watch.look()
        came_true = _end(show, stand, played, folder / "clone")
        if code or app.complaints:
            show.quote("\n".join([f"the app ended with exit code {code}", *app.complaints]), end=True)
    came_true = came_true and code == 0
    show.verdict(_verdict(came_true, elapsed()), ok=came_true)
    _next(show, folder, stand, kept=kept)
    return came_true


def _introduce(show: Show, stand: Stand, app: Serving) -> None:
    show.heading("GitHub (a stand-in on loopback)", stand.hub.url)
    show.say(f"the app        {app.address}: `pointsman serve`, the real one, in a process of its own")
    show.say(
        f"repository     {stand.repo.full_name}, a contract in .pointsman.yml, Alembic migrations on SQLite"
    )
    show.say(
        f"rules of main  through pull requests only, {' and '.join(JOBS)} green; only the app may pass by"
    )
    show.say(f"workflow ci    {' and '.join(JOBS)} really run, on every branch pointsman/**")
    show.say("accounts       six agents, Mara who keeps the place, and nobody else")


def _end(show: Show, stand: Stand, played: Played, clone: Path) -> bool:
    show.heading("What became of each pull request")
    show.table(rows(stand, played))
    proved = prove(stand, played, clone, show)
    wrong = list(surprises(stand, played))
    for surprise in wrong:
        show.say(f"not as told: {surprise}")
    return proved and not wrong


def _verdict(came_true: bool, seconds: float) -> str:
    if came_true:
        return f"Every pull request ended as it should, and main has only tested commits. {seconds:.0f} s."
    return f"This did not come out as it should: please report it with the lines above. {seconds:.0f} s."


def _next(show: Show, folder: Path, stand: Stand, *, kept: bool) -> None:
    show.heading("Where to look next")
    if not kept:
        show.say("python -m tests.github.demo --keep DIR     the same again, and its folders stay")
        return
    show.say(f"cd {folder / 'clone'} && git log --graph      what landed; a healed migration says so")
    show.say(f"{stand.repo.bare.path}      the stand-in's repository")
    show.say(f"{folder / 'app'}      the app's credentials, queue and mirrors")
