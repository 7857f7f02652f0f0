"""Identities, and the names by which a contract's parts refer to each other; unknown ones are refused here."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pointsman.core.contract.identity import PERMISSIONS, Identity, IdentityKind
from pointsman.core.contract.reading.nodes import Node
from pointsman.core.contract.reading.problems import ErrorLog
from pointsman.core.contract.reading.records import Either, Key, ListOf, MapOf, Record
from pointsman.core.contract.reading.shapes import (
    INVALID,
    At,
    Checked,
    Choice,
    Flag,
    Invalid,
    Json,
    Text,
    Whole,
    suggestion,
    wrong,
)
from pointsman.core.contract.reading.words import name_of

HUMAN: Literal["human"] = "human"


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """The names that a contract defines, for its references. An identity that is defined but unreadable is in
    `identity_names` only. `fixed_checks` can't be dropped. `default_role` may do without `who`; None: any may,
    as far as a JSON Schema can tell."""

    identities: Mapping[str, Identity] = field(default_factory=dict)
    identity_names: Collection[str] = ()
    roles: Collection[str] = ()
    checks: Collection[str] = ()
    fixed_checks: Collection[str] = ()
    default_role: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """A name that the contract defines elsewhere, or one of `also`."""

    what: str
    known: Collection[str]
    also: tuple[str, ...] = ()
    never: Collection[str] = ()

    def read(self, node: Node, at: At, log: ErrorLog) -> str | Invalid:
        name = Text(what=f"the name of a {self.what}").read(node, at, log)
        if name is INVALID:
            return INVALID
        if name in self.never:
            return wrong(node, at, log, f"{name!r} is always required and can't be dropped")
        if name in self.known or name in self.also:
            return name
        close = suggestion(log, name, [*self.known, *self.also])
        return wrong(node, at, log, f"no {self.what} is called {name!r}{close}")

    def schema(self) -> Json:
        return {"type": "string"}


@dataclass(frozen=True, kw_only=True, slots=True)
class NamedIdentity:
    """The name of an identity; `human` is any person where the contract gives it no narrower meaning."""

    known: Known

    def read(self, node: Node, at: At, log: ErrorLog) -> Identity | Invalid:
        name = Text(what="the name of an identity").read(node, at, log)
        if name is INVALID:
            return INVALID
        if name in self.known.identities:
            return self.known.identities[name]
        if name in self.known.identity_names:
            return INVALID
        if name == HUMAN:
            return Identity(kind=HUMAN, line=node.line)
        close = suggestion(log, name, [*self.known.identity_names, HUMAN])
        return wrong(node, at, log, f"no identity is called {name!r}{close}")

    def schema(self) -> Json:
        return {"type": "string"}


_IDENTITY_KINDS: tuple[IdentityKind, ...] = ("user", "app", "team", "permission", "email")


def _identity_rule(found: Mapping[str, Any]) -> str:
    kind = next(kind for kind in _IDENTITY_KINDS if kind in found)
    if "id" in found and kind not in ("user", "app"):
        return f"a {kind} has no id; id belongs to user or app"
    if "self" in found and kind not in ("user", "app"):
        return f"a {kind} can't be the queue itself; self belongs to user or app"
    if "bot" in found and kind not in ("user", "email"):
        return f"bot marks a user or an email that is no person, not a {kind}"
    return ""


def _identity(**values: Any) -> Identity:
    kind = next(kind for kind in _IDENTITY_KINDS if kind in values)
    return Identity(value=values.pop(kind), kind=kind, **values)


def _identity_record(*, named: bool) -> Record:
    login = r"[A-Za-z0-9][A-Za-z0-9_.\-]*"
    bare = "; write the name alone, without @ or [bot]"
    return Record(
        build=_identity,
        what="an identity such as {user: login}, {app: name, id: 1}, {team: org/name} or {email: a@b}",
        keys={
            "user": Key(Text("a login", login, bare), "The login of an account."),
            "app": Key(Text("an app's name", login, bare), "The name (slug) of an app."),
            "team": Key(Text("a team as org/name", r"[^/\s@]+/[^/\s]+"), "A team, as organisation/name."),
            "permission": Key(Choice(PERMISSIONS), "People with at least this permission on the repository."),
            "email": Key(Text("an e-mail address", r"[^@\s]+@[^@\s]+"), "An address, on the local rung."),
            "id": Key(Whole(minimum=1), "The account or app id; it wins over the name."),
            "self": Key(Flag(), "This is the queue's own account.", into="itself"),
            "bot": Key(Flag(), "This account is no person, though it looks like one."),
        },
        exclusive=_IDENTITY_KINDS,
        rules=(_identity_rule,),
        named=named,
        placed=True,
    )


def identities_shape() -> MapOf:
    def human(_text: str, node: Node, at: At) -> Identity:
        return Identity(kind=HUMAN, name=at.name, line=node.line)

    named = Checked(human, lambda _: "", Text("human, or a mapping such as {user: login}", HUMAN))
    return MapOf(
        value=Either("an identity", text=named, table=_identity_record(named=True)),
        name=name_of("a name for an identity"),
        at_least=1,
    )


def people(known: Known, *, at_least: int = 1) -> ListOf:
    one = Either("an identity", text=NamedIdentity(known=known), table=_identity_record(named=False))
    return ListOf(one, at_least=at_least, one=True, what="a list of identities")
