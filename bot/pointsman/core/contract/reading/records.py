"""The structured half of the typed decoder: lists, named maps and records, with their JSON Schema.

Every mistake is logged and reading goes on, so that one run shows them all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pointsman.core.contract.reading.nodes import Listing, Node, Scalar, Table, describe
from pointsman.core.contract.reading.problems import ErrorLog
from pointsman.core.contract.reading.shapes import INVALID, At, Json, Shape, frozen, suggestion, wrong


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list, kept in order as a tuple. `one` also takes a single item without brackets."""

    item: Shape[Any]
    at_least: int = 0
    one: bool = False
    what: str = "a list"

    def read(self, node: Node, at: At, log: ErrorLog) -> Any:
        if not isinstance(node, Listing):
            if self.one and not (isinstance(node, Scalar) and not node.text):
                value = self.item.read(node, at, log)
                return INVALID if value is INVALID else (value,)
            return wrong(node, at, log, f"expected {self.what}, got {describe(node)}")
        if len(node.items) < self.at_least:
            return wrong(node, at, log, f"expected {self.what} with at least {self.at_least} in it")
        values = [self.item.read(item, at.item(index), log) for index, item in enumerate(node.items)]
        return INVALID if INVALID in values else tuple(values)

    def schema(self) -> Json:
        item = self.item.schema()
        bound = {"minItems": self.at_least} if self.at_least else {}
        listed = {"type": "array", "items": item, **bound}
        return {"anyOf": [listed, item]} if self.one else listed


def entries(table: Table, at: At, log: ErrorLog) -> Iterator[tuple[Scalar, Node]]:
    """The table's pairs with a text for a key, each key once; the rest is logged."""
    first: dict[str, Scalar] = {}
    for key, value in table.pairs:
        if not isinstance(key, Scalar):
            wrong(key, at, log, f"expected a name as key, got {describe(key)}")
        elif key.plain and key.text == "<<":
            wrong(key, at.child("<<"), log, "merge keys are not used in a contract; write the values out")
        elif key.text in first:
            earlier = first[key.text].line
            wrong(key, at.child(key.text), log, f"written twice, first on line {earlier}; keep one")
        else:
            first[key.text] = key
            yield key, value


@dataclass(frozen=True, kw_only=True, slots=True)
class MapOf:
    """Names that the contract chooses, each with a value; `name` is the rule for the names, `special` has
    the shapes of values whose name is fixed."""

    value: Shape[Any]
    name: Shape[Any]
    special: Mapping[str, Shape[Any]] = field(default_factory=dict)
    at_least: int = 0
    what: str = "a mapping of names"

    def read(self, node: Node, at: At, log: ErrorLog) -> Any:
        if not isinstance(node, Table):
            return wrong(node, at, log, f"expected {self.what}, got {describe(node)}")
        if len(node.pairs) < self.at_least:
            return wrong(node, at, log, f"expected {self.what} with at least {self.at_least} in it")
        found: dict[str, Any] = {}
        for key, value in entries(node, at, log):
            name = self.name.read(key, at, log)
            shape = self.special.get(key.text, self.value)
            read = shape.read(value, at.child(key.text, key.line), log)
            if name is not INVALID and read is not INVALID:
                found[key.text] = read
        return frozen(found)

    def schema(self) -> Json:
        bound = {"minProperties": self.at_least} if self.at_least else {}
        name = {key: value for key, value in self.name.schema().items() if key != "type"}
        names = {"propertyNames": name} if name else {}
        special = {key: shape.schema() for key, shape in self.special.items()}
        properties = {"properties": special} if special else {}
        return {
            "type": "object",
            **properties,
            "additionalProperties": self.value.schema(),
            **names,
            **bound,
        }


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a record. `into` is the attribute it fills (its own name if ''); `about` is for editors."""

    shape: Shape[Any]
    about: str = ""
    required: bool = False
    into: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """A mapping with fixed keys. Absent keys leave the default of `build`, which gets keyword arguments.

    `named` passes the record's own name as `name`, `placed` its line as `line`; `rules` look at all keys at
    once and answer '' or what is wrong.
    """

    build: Callable[..., Any]
    keys: Mapping[str, Key]
    what: str = "a mapping"
    named: bool = False
    placed: bool = False
    rules: tuple[Callable[[Mapping[str, Any]], str], ...] = ()
    exclusive: tuple[str, ...] = ()

    def read(self, node: Node, at: At, log: ErrorLog) -> Any:
        if not isinstance(node, Table):
            return wrong(node, at, log, f"expected {self.what}, got {describe(node)}")
        found = {key.text: self._value(key, value, at, log) for key, value in entries(node, at, log)}
        sound = INVALID not in found.values()
        for name, key in self.keys.items():
            if key.required and name not in found:
                sound = False
                wrong(node, at, log, f"the key {name!r} is missing")
        if self.exclusive and len([name for name in self.exclusive if name in found]) != 1:
            choice = " or ".join(repr(name) for name in self.exclusive)
            return wrong(node, at, log, f"expected exactly one of {choice}")
        return self._build(found, node, at, log) if sound else INVALID

    def _value(self, key: Scalar, value: Node, at: At, log: ErrorLog) -> Any:
        known = self.keys.get(key.text)
        if known is None:
            close = suggestion(log, key.text, list(self.keys)) or f"; known are {', '.join(self.keys)}"
            return wrong(key, at.child(key.text), log, f"unknown key {key.text!r}{close}")
        return known.shape.read(value, at.child(key.text, key.line), log)

    def _build(self, found: Mapping[str, Any], node: Table, at: At, log: ErrorLog) -> Any:
        for rule in self.rules:
            trouble = rule(found)
            if trouble:
                return wrong(node, at, log, trouble)
        values = {self.keys[name].into or name: value for name, value in found.items()}
        if self.named:
            values["name"] = at.name
        if self.placed:
            values["line"] = at.line or node.line
        return self.build(**values)

    def schema(self) -> Json:
        properties = {}
        for name, key in self.keys.items():
            described = {"description": key.about} if key.about else {}
            properties[name] = {**key.shape.schema(), **described}
        required = [name for name, key in self.keys.items() if key.required]
        result: Json = {"type": "object", "properties": properties, "additionalProperties": False}
        if required:
            result["required"] = required
        if self.exclusive:
            result["oneOf"] = [{"required": [name]} for name in self.exclusive]
        return result


@dataclass(frozen=True, slots=True)
class Either:
    """A shape by the kind of node: text, list or mapping; None where that kind is not expected."""

    what: str
    text: Shape[Any] | None = None
    listing: Shape[Any] | None = None
    table: Shape[Any] | None = None

    def read(self, node: Node, at: At, log: ErrorLog) -> Any:
        match node:
            case Scalar():
                shape = self.text
            case Listing():
                shape = self.listing
            case Table():
                shape = self.table
        if shape is None:
            return wrong(node, at, log, f"expected {self.what}, got {describe(node)}")
        return shape.read(node, at, log)

    def schema(self) -> Json:
        shapes = [shape for shape in (self.text, self.listing, self.table) if shape is not None]
        return {"anyOf": [shape.schema() for shape in shapes]}


@dataclass(frozen=True, slots=True)
class Mapped:
    """Another shape, its value passed through `build`."""

    shape: Shape[Any]
    build: Callable[[Any], Any]

    def read(self, node: Node, at: At, log: ErrorLog) -> Any:
        value = self.shape.read(node, at, log)
        return INVALID if value is INVALID else self.build(value)

    def schema(self) -> Json:
        return self.shape.schema()
