"""Where a PostgreSQL database is, as the user names it; nothing is connected to, and no password is ever shown."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from pointsman.core.errors import UserError

VARIABLE = "env:"
SCHEMES = ("postgresql://", "postgres://")
LONGEST = 8192
"""Bytes of a file that holds an address."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_SLUG = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Address:
    """`url` is for the driver only; `source` is how the user named it, for people."""

    url: str = field(repr=False)
    source: str

    def __str__(self) -> str:
        return self.source


def address(word: str, environment: Mapping[str, str] = os.environ) -> Address:
    """The address behind `env:NAME`, the name of a file that holds it, or `postgresql://...` without a password.

    UserError for any other, and for a password on the command line: every process of the machine can read those."""
    if word.startswith(VARIABLE):
        return _of_variable(word.removeprefix(VARIABLE), environment)
    if not word.startswith(SCHEMES):
        return _of_file(word)
    if _has_password(word):
        raise UserError(
            "The database's address has a password in it, which every process of this machine can read from the "
            "command line. Put the address into a variable and give `env:NAME`, or into a file (mode 0600) and name it."
        )
    return Address(word, source="postgresql://...")


def of_environment(environment: Mapping[str, str], name: str) -> Address | None:
    """The address in the variable `name`: one with a password may stand there; None where it is not set."""
    value = environment.get(name, "").strip()
    if not value:
        return None
    return Address(value, source=f"${name}") if value.startswith(SCHEMES) else address(value, environment)


def schema_name(key: str) -> str:
    """The schema of the repository with that key: letters, digits and `_` only, at most 63 of them, another for each
    key."""
    slug = _SLUG.sub("_", key.lower()).strip("_")[-30:].strip("_")
    return f"pointsman_{slug}_{sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()[:12]}"


def _of_variable(name: str, environment: Mapping[str, str]) -> Address:
    if not _NAME.fullmatch(name):
        raise UserError("`env:NAME` takes the name of a variable, not its value.")
    value = environment.get(name, "").strip()
    if not value:
        raise UserError(f"The variable {name}, which should hold the database's address, is not set.")
    if not value.startswith(SCHEMES):
        raise UserError(f"The variable {name} does not hold an address of PostgreSQL (postgresql://...).")
    return Address(value, source=f"env:{name}")


def _of_file(word: str) -> Address:
    path = Path(word)
    try:
        mode = path.stat().st_mode
        with path.open(encoding="utf-8") as file:
            value = file.read(LONGEST).strip()
    except (OSError, ValueError) as problem:
        raise UserError(
            "The database is named by `env:NAME`, by a file that holds its address, or by an address that begins with "
            f"postgresql:// and has no password; {_shown(word)} is none of these "
            f"({getattr(problem, 'strerror', None) or 'it can not be read'})."
        ) from None
    if not value.startswith(SCHEMES):
        raise UserError(f"The file {path} does not hold an address of PostgreSQL (postgresql://...).")
    if mode & 0o077 and _has_password(value):
        raise UserError(
            f"The file {path} holds a password and can be read by others: `chmod 600 {path}`, then again."
        )
    return Address(value, source=str(path))


def _has_password(url: str) -> bool:
    """True, too, where that can't be told."""
    try:
        parts = urlsplit(url)
        said = parse_qs(parts.query, keep_blank_values=True)  # password, sslpassword
        return parts.password is not None or any(key.endswith("password") for key in said)
    except ValueError:
        return True


def _shown(word: str) -> str:
    """Never what may hold a password: `password=...` of another form of address, or anything with an `@`."""
    return "what was given" if "@" in word or "password" in word.lower() else repr(word[:200])
