"""Makes small private git directories whose configuration is ours alone; it runs nothing."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_SETTINGS = """\
[core]
\trepositoryformatversion = {version}
\tbare = {bare}
\tprotectHFS = true
\tprotectNTFS = true
\tattributesFile = /dev/null
\texcludesFile = /dev/null
\thooksPath = /dev/null
\tautocrlf = false
\tsymlinks = true
\tfileMode = true
{shared}[merge]
\trenames = true
\tdirectoryRenames = conflict
[gc]
\tauto = 0
[maintenance]
\tauto = false
"""


def scratch_folder() -> Path:
    """A new folder that only this user can enter; the caller removes it (see `remove`)."""
    # Not the tempfile module: importing it costs `pointsman heads` more than making the folder does.
    parent = Path(os.environ.get("TMPDIR") or "/tmp")  # noqa: S108 - mkdir fails where the name exists
    folder = parent / f"pointsman-git-{os.getpid()}-{os.urandom(8).hex()}"
    folder.mkdir(mode=0o700)
    return folder


def write_git_dir(
    folder: Path, *, object_format: str, head: str, bare: bool, objects: Path | None = None
) -> None:
    """A git directory without refs, hooks, attributes, grafts or remotes. `head` is HEAD's text; new objects
    get the permissions that the `objects` folder shows (core.sharedRepository)."""
    for name in ("refs", "objects", "objects/info", "info"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "HEAD").write_text(head + "\n")
    sha256 = object_format != "sha1"
    shared = _shared_like(objects) if objects else ""
    settings = _SETTINGS.format(version=int(sha256), bare=str(bare).lower(), shared=shared)
    extension = f"[extensions]\n\tobjectFormat = {object_format}\n" if sha256 else ""
    (folder / "config").write_text(settings + extension)


def _shared_like(objects: Path) -> str:
    mode = objects.stat().st_mode
    if not (mode & 0o2000 and mode & 0o020):
        return ""
    return f"\tsharedRepository = {'0664' if mode & 0o004 else '0660'}\n"


def remove(folder: str) -> None:
    """Deletes the folder and all in it; what cannot be deleted is left."""
    for parent, folders, files in os.walk(folder, topdown=False):
        with suppress(OSError):
            for name in files:
                os.unlink(f"{parent}/{name}")  # noqa: PTH108 - runs while the interpreter ends
            for name in folders:
                os.rmdir(f"{parent}/{name}")  # noqa: PTH106
    with suppress(OSError):
        os.rmdir(folder)  # noqa: PTH106
