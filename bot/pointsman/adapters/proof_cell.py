"""The folders of one proof and the walls around them: what its process may see and write; it starts nothing."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pointsman.adapters.accounts import Account, account, instead_of_root
from pointsman.adapters.handed import is_below, settings_beside
from pointsman.adapters.jail import WALLS, Jail, Protection, jail_of
from pointsman.adapters.postgresql.programs import find_driver

if TYPE_CHECKING:
    from pointsman.adapters.postgresql.scratch import Server
    from pointsman.core.migrations.model import Layout
    from pointsman.core.proof import ProofRequest

CROWDED = ("/tmp", "/var/tmp", "/home", "/root", "/run")  # noqa: S108 - to be hidden
"""Where others keep what is theirs: files, keys, sockets."""
MAX_SEED = 16 << 20


@dataclass(frozen=True, slots=True)
class Cell:
    """`inside` is what the proof's process can write to. What is about it (log, result, answer) lies beside that, or
    it could be written there too, or be a link to somewhere else when we read it."""

    folder: Path

    @property
    def inside(self) -> Path:
        return self.folder / "cell"

    @property
    def home(self) -> Path:
        return self.inside / "home"

    @property
    def tmp(self) -> Path:
        return self.inside / "tmp"

    @property
    def databases(self) -> Path:
        return self.inside / "databases"

    @property
    def healed(self) -> Path:
        return self.inside / "healed"

    @property
    def base(self) -> Path:
        return self.inside / "base"

    @property
    def order(self) -> Path:
        return self.inside / "job.json"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    @property
    def result(self) -> Path:
        return self.folder / "result.json"

    @property
    def answer(self) -> Path:
        return self.folder / "answer"

    def make(self) -> None:
        self.folder.chmod(0o711)
        for place in (self.inside, self.home, self.tmp, self.databases):
            place.mkdir(mode=0o700)

    def jails(
        self, request: ProofRequest, *, python: str, source: Path, server: Server | None, state: Path | None
    ) -> Iterator[Jail]:
        """The walls to try, best first. Root's proofs run under another account where that can come to all that the
        interpreter is made of. What the contract demands, each of them has."""
        asked = jail_of(request.sandbox)
        jail = replace(
            asked,
            wanted=WALLS | asked.wanted,
            everything=True,
            hidden=tuple(place for place in (state, server.hidden if server else None) if place),
            writable=(self.inside, *([server.sockets] if server else [])),
        )
        needed = [*_of_interpreter(Path(python)), source, *_existing([find_driver()]), *self._objects()]
        users = [account(asked.user)] if asked.user is not None else [instead_of_root(), None]
        for user in dict.fromkeys(users):
            own = jail
            if user is not None and os.geteuid() == 0:
                self._give(user)
                own = _under(own, user, needed, self.inside)
            yield self._alone(own, needed)
            yield own

    def _alone(self, jail: Jail, needed: Iterable[Path]) -> Jail:
        """Without sight of what is somebody else's on this machine, but for what the interpreter is made of. The
        repository's settings may hold a token; its objects a migration may ask git for."""
        home = Path(pwd.getpwuid(os.getuid()).pw_dir) if _has_account() else Path("/")
        crowded = [*map(Path, CROWDED), Path(tempfile.gettempdir()), self.folder.parent, home]
        hidden = {place.resolve() for place in crowded if place.is_dir()} - {Path("/")}
        inside = {path for path in needed if is_below(path, hidden)}
        return replace(
            jail,
            hidden=(*jail.hidden, *sorted(hidden - set(jail.hidden)), *settings_beside(self._objects())),
            visible=tuple(dict.fromkeys((*jail.visible, *sorted(inside)))),
        )

    def _objects(self) -> list[Path]:
        """The object folders that the trees borrow from."""
        try:
            text = (self.healed / ".git/objects/info/alternates").read_text(errors="surrogateescape")
        except OSError:
            return []
        return [Path(line) for line in text.splitlines()]

    def _give(self, user: Account) -> None:
        trees = [place for place in (self.healed, self.base) if place.exists()]
        own = (self.inside, self.home, self.tmp, self.databases, self.order, *trees)
        for place in (*own, *(tree / ".git" for tree in trees)):
            os.chown(place, user.uid, user.gid, follow_symlinks=False)


def _has_account() -> bool:
    try:
        pwd.getpwuid(os.getuid())
    except KeyError:
        return False
    return True


def _under(jail: Jail, user: Account, needed: Iterable[Path], inside: Path) -> Jail:
    """The same, under another account. A folder that this account can't enter is hidden as a whole; of it comes back
    what is needed."""
    reached = {*needed, inside}
    barred = {path.resolve(): barrier for path in reached if (barrier := user.barrier(path)) is not None}
    return replace(
        jail,
        wanted=jail.wanted | {Protection.USER},
        demanded=jail.demanded | {Protection.USER, *([Protection.HIDDEN] if barred else [])},
        hidden=(*sorted(set(barred.values())), *jail.hidden),
        visible=tuple(sorted(barred.keys() - {inside})),
        user=user.name,
    )


def _of_interpreter(python: Path) -> list[Path]:
    """The folders that an interpreter is made of: its own, those that its links lead through, and what is installed
    in it by a link."""
    found: list[Path] = []
    for _ in range(10):
        found.append(_prefix(python))
        if not python.is_symlink():
            break
        python = python.parent / python.readlink()
    found.append(_prefix(python.resolve()))
    settings = found[0] / "pyvenv.cfg"
    if settings.is_file():
        for line in settings.read_text(errors="replace").splitlines():
            key, _, value = (part.strip() for part in line.partition("="))
            if key == "home":
                found.append(_prefix(Path(value) / "python"))
    return [*dict.fromkeys(_existing(found)), *_linked(found[0])]


def _prefix(python: Path) -> Path:
    return python.parent.parent if python.parent.name == "bin" else python.parent


def _linked(prefix: Path) -> list[Path]:
    """What `pip install -e` and its like point to."""
    listings = prefix.glob("lib*/python*/site-packages/*.pth")
    lines = [line for path in listings for line in path.read_text(errors="replace").splitlines()]
    return [Path(line) for line in dict.fromkeys(lines) if line.startswith("/") and Path(line).is_dir()]


def _existing(places: Iterable[Path | None]) -> list[Path]:
    return [place for place in places if place is not None and place.exists()]


def fill(cell: Cell, request: ProofRequest, server: Server | None) -> str | None:
    """Ready the trees and write the order; why that can't be, or None."""
    for tree in (cell.healed, cell.base):
        _forget_bytecode(tree, request.layout)
    seed = None
    if request.seed is not None and request.both_orders and request.base_heads:
        seed = cell.base / request.seed
        if not seed.is_file() or not seed.resolve().is_relative_to(cell.base):
            return f"the contract's seed {request.seed} is no file on the base"
        if seed.stat().st_size > MAX_SEED:
            return f"the contract's seed {request.seed} is larger than {MAX_SEED >> 20} MiB"
    cell.order.write_text(json.dumps(_order(cell, request, server, seed)))
    cell.order.chmod(0o600)
    return None


def _forget_bytecode(tree: Path, layout: Layout) -> None:
    """A committed .pyc may be older than its source, and one kind of them is never checked against it. A link in the
    tree leads us nowhere."""
    for place in (layout.home, *layout.versions):
        folder = tree / place
        if not folder.resolve().is_relative_to(tree):
            continue
        for cache in folder.rglob("__pycache__"):
            shutil.rmtree(cache, ignore_errors=True)


def _order(cell: Cell, request: ProofRequest, server: Server | None, seed: Path | None) -> dict[str, Any]:
    """What the runner's `prove_` modules read."""
    layout = request.layout
    renamed = {move.revision: move.new_revision for move in request.moves}
    return {
        "scratch": str(cell.databases),
        "healed": str(cell.healed),
        "base": str(cell.base) if request.base_heads else None,
        "config": layout.config,
        "name": layout.name if layout.section is None else layout.section,
        "home": layout.home,
        "versions": list(layout.versions),
        "recursive": layout.recursive,
        "template": layout.file_template,
        "expected_heads": sorted(request.expected_heads),
        "base_heads": sorted(request.base_heads),
        "change_heads": sorted(request.change_heads),
        "fork_points": sorted(request.fork_points),
        "parents": {
            move.new_revision: [renamed.get(parent, parent) for parent in move.old_parents]
            for move in request.moves
        },
        "renamed": {new: old for old, new in renamed.items()},
        "both_orders": request.both_orders,
        "same_data": request.same_data,
        "seed": str(seed) if seed is not None else None,
        "seed_name": request.seed,
        "models": request.models,
        "url_env": list(request.url_env),
        "postgresql": server.as_json(driver=find_driver()) if server else None,
    }
