"""Writes files that are whole or not there; it knows nothing of what is in them. Standard library only."""

from __future__ import annotations

import os
from pathlib import Path


def write_atomically(path: str, content: bytes) -> None:
    """The whole file or none, on disk when this returns; never through a link that somebody put there."""
    unfinished = Path(f"{path}.{os.getpid()}.tmp")
    unfinished.unlink(missing_ok=True)
    with unfinished.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
    folder = os.open(Path(path).parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
