"""Which table a model has, and which column a field, as far as the app's own migrations say; the rest follows
Django's default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pointsman.core.migrations.environment import Environment


@dataclass(frozen=True, slots=True)
class Tables:
    """Tables of one app's models by `label` and lower-cased model; `named` are those that are named by hand.
    `columns` are those of fields that are, by `model.field`."""

    label: str
    named: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)

    def of(self, model: str) -> str:
        """The table of a model: `Model`, or `app.Model` for one of another app."""
        app, _, name = model.lower().rpartition(".")
        if app in ("", self.label.lower()):
            return self.named.get(name, f"{self.label}_{name}".lower())
        return f"{app}_{name}"


def tables_of(environment: Environment) -> Tables:
    """The tables as they are after all migrations, in the order of their names."""
    named: dict[str, str] = {}
    columns: dict[str, str] = {}
    for file in environment.files:
        for fact in file.parsed.labels:
            if "." in fact.partition("=")[0]:
                key, _, column = fact.partition("=")
                columns[key] = column
            elif "=" in fact:
                model, _, table = fact.partition("=")
                named[model] = table
            else:
                old, _, new = fact.partition(">")
                if old in named:
                    named[new] = named[old]
    return Tables(environment.layout.name, named, columns)
