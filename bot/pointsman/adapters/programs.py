"""Which programs a command line names, and what on this machine they are made of; it starts none."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

_SEPARATORS = ";&|()<>"
_SHEBANG = 256
MAX_LINKS = 10


def programs(line: str) -> list[Path]:
    """Every word of a line for `sh` that a program on PATH goes by, in order. Words that only look like one do no
    harm: more is left in sight, nothing is started."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=_SEPARATORS)
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        words = list(lexer)
    except ValueError:  # an open quote: the shell will say so
        words = line.split()
    found = (shutil.which(word) for word in dict.fromkeys(words) if not word.startswith("."))
    return [Path(path).absolute() for path in found if path is not None]


def made_of(program: Path) -> list[Path]:
    """The folders that a program has to see of itself: where it is, where its links lead, and those of the interpreter
    that its first line names."""
    folders: list[Path] = []
    for _ in range(MAX_LINKS):
        folders.append(_prefix(program))
        if not program.is_symlink():
            break
        program = Path(os.path.normpath(program.parent / program.readlink()))
    folders.append(_prefix(program.resolve()))
    for interpreter in _interpreter(program):
        folders += [_prefix(interpreter), _prefix(interpreter.resolve())]
    return [folder for folder in dict.fromkeys(folders) if folder.is_dir()]


def _prefix(program: Path) -> Path:
    """`X` for `X/bin/program`, as long as that is no whole home or what keeps everybody's data (`~/.local`)."""
    folder = program.parent
    above = folder.parent
    wide = above.name == ".local" or above in (Path("/"), Path.home())
    return above if folder.name == "bin" and not wide else folder


def _interpreter(program: Path) -> Iterator[Path]:
    try:
        with program.open("rb") as file:
            first = file.read(_SHEBANG).partition(b"\n")[0]
    except OSError:
        return
    words = first.removeprefix(b"#!").split() if first.startswith(b"#!") else []
    for word in words[:2]:
        path = shutil.which(word.decode("utf-8", "surrogateescape"))
        if path is not None:
            yield Path(path).absolute()
