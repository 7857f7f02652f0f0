"""Whether what a command made may be taken into a tree; it looks at contents, and runs and writes nothing."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass

from pointsman.core.conflicts.model import NotRemade, Remade, Remake
from pointsman.core.model import GitPath

NAMED = 8
"""How many paths a refusal names."""
SHOWN = 12
"""How many lines of a command's output a refusal shows: the last ones."""
_MARKERS = re.compile(rb"^(<{7} |={7}\r?$|>{7} )", re.MULTILINE)
_TOML = (".toml", "uv.lock", "poetry.lock", "pdm.lock", "Cargo.lock")
_JSON = (".json", "composer.lock", "Pipfile.lock", "flake.lock")


@dataclass(frozen=True, slots=True)
class Unfit:
    """Why what was made is not taken, and the next step."""

    why: str


def accept(remake: Remake, made: Remade | NotRemade) -> Mapping[GitPath, bytes] | Unfit:
    """The files to take: declared ones only, none of them gone, empty, half merged or of no known form."""
    command = f"{_named(remake.met)} can't be made anew: `{remake.run}`"
    if isinstance(made, NotRemade):
        alone = (
            "" if remake.network == "host" else "\nIt ran without a network (`network: host` gives it one)."
        )
        return Unfit(f"{command} {made.reason}.{alone}{_said(made.said)}")
    if made.others:
        return Unfit(
            f"{command} also changed {_named(made.others)}: what it may change has to be under `writes` in the "
            "contract, or be ignored by .gitignore."
        )
    if made.odd:
        return Unfit(f"{command} left {_named(made.odd)} as no plain file, or too long a one.")
    gone = tuple(path for path, content in made.files.items() if content is None)
    if gone:
        return Unfit(f"{command} removed {_named(gone)}.")
    files = {path: content for path, content in made.files.items() if content is not None}
    for path, content in sorted(files.items()):
        if (wrong := _wrong(path, content)) is not None:
            return Unfit(f"{command} wrote a {path} that {wrong}.{_said(made.said)}")
    if not files and remake.theirs and remake.moved:
        return Unfit(
            f"{command} left {_named(remake.theirs)} as the base has it, though what it is made from has "
            f"changed: the change's own version would be lost.{_said(made.said)}"
        )
    return files


def needed(remake: Remake) -> str:
    """The words where nothing may run the command here (code `needs_regenerating`)."""
    return (
        f"{_named(remake.met)} needs regenerating, because both sides changed it or what it is made from: "
        f"run `{remake.run}` on a merge with the base, and push that (`pointsman heal --write BRANCH` does both)."
    )


def lost(remake: Remake) -> str:
    """The words where the change changed a made file alone (code `lost_by_regenerating`)."""
    return (
        f"{_named(remake.theirs)} was changed on both sides, by the change without anything that it is made from: "
        f"`{remake.run}` on the base's version would lose what the change did. Merge the base into the change and "
        "do it again there."
    )


def _wrong(path: GitPath, content: bytes) -> str | None:
    if not content.strip():
        return "is empty"
    if len(_MARKERS.findall(content)) > 1:
        return "holds conflict markers"
    try:
        if path.endswith(_JSON):
            json.loads(content)
        elif path.endswith(_TOML):
            tomllib.loads(content.decode())
    except (ValueError, RecursionError) as problem:
        return f"can't be read: {problem}"
    return None


def _named(paths: tuple[GitPath, ...]) -> str:
    more = f" and {len(paths) - NAMED} more" if len(paths) > NAMED else ""
    return ", ".join(sorted(paths)[:NAMED]) + more


def _said(text: str) -> str:
    return "".join(f"\n  | {line}" for line in text.strip().splitlines()[-SHOWN:])
