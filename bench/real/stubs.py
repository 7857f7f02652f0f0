"""Stands in for whatever a revision file imports and is not there; imports nothing but the standard library."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
import types
from collections.abc import Iterator
from typing import Any


class _Anything:
    """Has every attribute, takes every argument, and is no base of a class that inherits from it."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__table__":  # that one is SQLAlchemy's, the others are Python's
            raise AttributeError(name)
        return self

    def __call__(self, *args: object, **more: object) -> Any:
        return self

    def __mro_entries__(self, bases: object) -> tuple[type, ...]:
        return ()

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __getitem__(self, key: object) -> Any:
        return self

    def __or__(self, other: object) -> Any:
        return self

    __ror__ = __add__ = __radd__ = __truediv__ = __mod__ = __or__


ANYTHING = _Anything()


class _Stub(types.ModuleType):
    __path__: list[str] = []  # noqa: RUF012 - the import system reads it from the module
    __file__ = "/stub.py"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return ANYTHING


class Stubs(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds every module but those of the packages in `real`."""

    def __init__(self, real: frozenset[str]) -> None:
        self._real = real

    def find_spec(self, name: str, path: object, target: object = None) -> Any:
        if name.partition(".")[0] in self._real:
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        return _Stub(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        """A stub has nothing to run."""


def replace_all() -> None:
    """From here on every import but the standard library's is a stub; what is held already stays as it is."""
    real = frozenset(sys.stdlib_module_names) - {"distutils"}
    for name in [each for each in sys.modules if each.partition(".")[0] not in real and each != "__main__"]:
        del sys.modules[name]
    sys.meta_path.insert(0, Stubs(real))


def fill_gaps() -> None:
    """From here on a module that nothing else finds is a stub; the standard library's and Alembic's own are not."""
    # Python looks for these by itself, and goes on where they are not there.
    optional = {"sitecustomize", "usercustomize", "readline", "rlcompleter"}
    tools = {"alembic", "sqlalchemy", "mako", "tomllib", "tzdata", "zoneinfo"}
    sys.meta_path.append(Stubs(frozenset(sys.stdlib_module_names) - {"distutils"} | optional | tools))
