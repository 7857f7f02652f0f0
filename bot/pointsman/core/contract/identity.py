"""Who somebody is: a contract's names for people, teams and bots, and whether an author is one of them."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Literal, assert_never

from pointsman.core.contract.names import shown

IdentityKind = Literal["user", "app", "team", "permission", "email", "human"]
PERMISSIONS = ("read", "triage", "write", "maintain", "admin")
BOT = "[bot]"


@dataclass(frozen=True, kw_only=True, slots=True)
class Author:
    """What is known of somebody. None and () mean unknown; ids come from a forge and beat every name."""

    login: str | None = None
    email: str | None = None
    account_id: int | None = None
    app_id: int | None = None
    teams: frozenset[str] = frozenset()
    permission: str | None = None
    human: bool = True

    @staticmethod
    def parse(text: str) -> Author:
        """What `--author` takes: an e-mail address where there is an `@` and no `[bot]`, else a login. Of
        `Name <address>`, as git writes it, the address."""
        name = text.strip()
        if name.endswith(">") and "<" in name:
            name = name.rpartition("<")[2].removesuffix(">").strip()
        if name.endswith(BOT):
            return Author(login=name, human=False)
        if "@" in name.removeprefix("@"):
            return Author(email=name)
        return Author(login=name.removeprefix("@"))

    def __str__(self) -> str:
        return shown(self.login or self.email or "") or f"account {self.account_id or self.app_id}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """One identity of a contract; `name` is '' where it was written in place rather than named.

    `itself` marks Pointsman's own account, which never has a role and never approves; `bot` an account that
    looks like a person's (an e-mail address, a machine user) and is none.
    """

    kind: IdentityKind
    value: str = ""
    id: int | None = None
    itself: bool = False
    bot: bool = False
    name: str = ""
    line: int = 0

    def __str__(self) -> str:
        written = self.kind if self.kind == "human" else f"{self.kind}: {self.value}"
        return f"{self.name} ({written})" if self.name else written

    @property
    def specific(self) -> bool:
        """Does it name one account, rather than a group of them?"""
        return self.kind in ("user", "app", "email")


def same_person(a: Author, b: Author) -> bool:
    """Are these known to be one account? Unknown is no."""
    if a.account_id is not None and b.account_id is not None:
        return a.account_id == b.account_id
    return _same(a.login, b.login) or _same(a.email, b.email)


def mismatch(identity: Identity, author: Author) -> str | None:
    """Why the author is not this identity, or None if it is."""
    match identity.kind:
        case "user":
            return _user(identity, author)
        case "app":
            return _app(identity, author)
        case "team":
            return None if _in_team(identity.value, author) else f"{author} is not known to be in {identity}"
        case "permission":
            return _permission(identity, author)
        case "email":
            return None if _same(identity.value, author.email) else f"{author} is not {identity}"
        case "human":
            return None if author.human else f"{author} is not a person"
        case _:
            assert_never(identity.kind)


def is_one_of(identities: tuple[Identity, ...], author: Author) -> bool:
    return any(mismatch(identity, author) is None for identity in identities)


def _same(a: str | None, b: str | None) -> bool:
    """Case does not count in ASCII, composition never: `\u00df` is not `ss`, and no Kelvin sign is a `k`."""
    return a is not None and b is not None and _plain(a) == _plain(b)


def _plain(name: str) -> str:
    return name.lower() if name.isascii() else unicodedata.normalize("NFC", name)


def _user(identity: Identity, author: Author) -> str | None:
    if identity.id is not None and author.account_id is not None:
        if identity.id == author.account_id:
            return None
        return f"{author} has account id {author.account_id}, {identity} has {identity.id}"
    return None if _same(identity.value, author.login) else f"{author} is not {identity}"


def _app(identity: Identity, author: Author) -> str | None:
    """A forge gives ids, and then the contract's id decides; without one only `name[bot]`, which no person
    can register, stands for the app. On the local rung no id is known and the bare name will do."""
    ids = {author.app_id, author.account_id} - {None}
    if identity.id is not None and ids:
        return None if identity.id in ids else f"{author} has not the id {identity.id} of {identity}"
    names = [identity.value + BOT] if ids else [identity.value + BOT, identity.value]
    return None if any(_same(name, author.login) for name in names) else f"{author} is not {identity}"


def _in_team(team: str, author: Author) -> bool:
    return any(_same(team, name) for name in author.teams)


def _permission(identity: Identity, author: Author) -> str | None:
    if not author.human:
        return f"{author} is not a person, and {identity} is for people"
    if author.permission not in PERMISSIONS:
        return f"the permission of {author} is not known"
    if PERMISSIONS.index(author.permission) < PERMISSIONS.index(identity.value):
        return f"{author} has permission {author.permission}, {identity} asks for more"
    return None
