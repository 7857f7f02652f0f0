"""What PostgreSQL's errors mean for the person at the keyboard; the only place that reads its error codes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import unquote, urlsplit

import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from pointsman.adapters.store.address import Address
from pointsman.core.errors import EnvironmentProblem

_MEANINGS = {
    "28": "The server refuses the role or its password ({why}). Mend what {where} holds.",
    "3D": "The database is not there ({why}). Make it (`createdb`), or mend what {where} holds.",
    "42501": "The role may not do that ({why}). Let it own the database, or GRANT CREATE ON DATABASE to it.",
    "53100": "The disk of the database is full ({why}). Nothing was saved; free some space there and try again.",
    "53300": "The server has no connection left ({why}). Raise its max_connections, or run fewer replicas.",
    "55P03": "Another process has kept the tables locked for too long ({why}). See pg_stat_activity for who holds it.",
    "25006": "The server only reads ({why}): it is a standby. Mend what {where} holds to name the primary.",
}
"""By SQLSTATE, or by the two characters of its class (postgresql.org/docs/current/errcodes-appendix.html)."""

_AT_THE_DOOR = {
    "authentication failed": "28",
    "no pg_hba.conf entry": "28",
    'role "': "28",
    'database "': "3D",
    "too many": "53300",
    "remaining connection slots": "53300",
}
"""Who is refused while connecting gets no code from the driver, only the server's words, mostly in English."""

_LOST = (
    "The database can't be reached ({why}). See that it runs and that {where} names it; what was saved stays, "
    "and what was being saved is there whole or not at all."
)


@contextmanager
def explained(address: Address) -> Iterator[None]:
    """Failures of that database as EnvironmentProblem; LookupError where a record names one that is not there (a
    fault of the caller)."""
    try:
        yield
    except PoolTimeout as error:
        raise EnvironmentProblem(
            "Every connection to the database is in use for too long. See pg_stat_activity for what they wait for."
        ) from error
    except DBAPIError as error:
        raise _meaning(address, error.orig) from None
    except psycopg.Error as error:
        raise _meaning(address, error) from None


def _meaning(address: Address, error: BaseException | None) -> Exception:
    why = _without_secrets(str(error), address.url)
    at_the_door = next((code for words, code in _AT_THE_DOOR.items() if words in why), "")
    state = getattr(error, "sqlstate", None) or at_the_door
    if state.startswith("23"):
        return LookupError(f"the database refused a record: {why}")
    known = _MEANINGS.get(state) or _MEANINGS.get(state[:2])
    if known is None and (state[:2] in ("", "08", "57") and isinstance(error, psycopg.Error)):
        known = _LOST
    if known is None:
        known = f"The database failed ({{why}}; SQLSTATE {state}). Nothing was saved."
    return EnvironmentProblem(known.format(why=why, where=address.source))


def _without_secrets(text: str, url: str) -> str:
    """The first line. The driver repeats an address that it can't read, so nothing is shown that holds one."""
    line = (text.strip().splitlines() or ["no reason given"])[0][:300]
    try:
        password = urlsplit(url).password or ""
    except ValueError:
        return "the address can't be read"
    secrets = {password, unquote(password), *re.findall(r"password=([^&\s]+)", url)} - {""}
    if "://" in line or any(secret in line for secret in secrets):
        return "the address can't be read, or holds what can't be shown here"
    return line
