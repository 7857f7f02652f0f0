"""Asks Alembic's own RevisionMap about folders of revision files; runs in a process of its own, in the jail.

Revision files are executed as Alembic does it, with every import but the standard library's replaced by a stub.
Imports nothing of Pointsman. Run: `python stubbed.py ORDER`, where ORDER is a JSON file
`{"folders": {NAME: [FOLDER...]}, "answer": FILE}`.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import json
import sys
import types
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from alembic.script.base import Script, _only_source_rev_file
from alembic.script.revision import RevisionMap
from alembic.util.pyfiles import load_python_file

REAL = frozenset(sys.stdlib_module_names) - {"distutils"}


class _Anything:
    """Has every attribute, takes every argument, and is no base of a class that inherits from it."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
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


class _Stubs(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name: str, path: object, target: object = None) -> Any:
        if name.partition(".")[0] in REAL:
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        return _Stub(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        """A stub has nothing to run."""


def view(folders: Sequence[str]) -> dict[str, Any]:
    """Heads with the labels of their branch, and each revision's parents, as Alembic has them. `failed` are files
    that can't be loaded; `missing` are revisions that others name and no file has (another package's, as a rule),
    and which are left out of what Alembic is asked."""
    modules, failed = _loaded(folders)
    known = {_id(path, module) for path, module in modules}
    missing: set[str] = set()
    scripts = []
    for path, module in modules:
        for name in ("down_revision", "depends_on"):
            named = _tuple(getattr(module, name, None))
            labels = {label for _, each in modules for label in _tuple(getattr(each, "branch_labels", None))}
            absent = set(named) - known - labels
            if absent:
                missing |= absent
                setattr(module, name, tuple(each for each in named if each not in absent) or None)
        scripts.append(Script(module, _id(path, module), str(path)))
    answer: dict[str, Any] = {"failed": failed, "missing": sorted(missing), "error": None}
    try:
        revisions = RevisionMap(lambda: scripts)
        answer["heads"] = {id: sorted(revisions._revision_map[id].branch_labels) for id in revisions.heads}  # type: ignore[union-attr]
        list(revisions.iterate_revisions("heads", "base"))
    except Exception as error:  # noqa: BLE001
        answer |= {"error": f"{type(error).__name__}: {error}"[:300], "heads": {}}
    answer["revisions"] = {script.revision: sorted(script._versioned_down_revisions) for script in scripts}
    return answer


def _loaded(folders: Sequence[str]) -> tuple[list[tuple[Path, types.ModuleType]], dict[str, str]]:
    modules, failed = [], {}
    for folder in folders:
        for path in sorted(Path(folder).iterdir()):
            if not _only_source_rev_file.match(path.name):
                continue
            try:
                module = load_python_file(folder, path.name)
            except BaseException as error:  # noqa: BLE001 - whatever a revision file does is an answer
                failed[path.name] = f"{type(error).__name__}: {error}"[:200]
                continue
            if hasattr(module, "down_revision"):
                modules.append((path, module))
            else:
                failed[path.name] = "no down_revision"
    return modules, failed


def _id(path: Path, module: types.ModuleType) -> str:
    return str(getattr(module, "revision", None) or path.name.partition("_")[0].removesuffix(".py"))


def _tuple(value: Any) -> tuple[str, ...]:
    return () if value is None else (value,) if isinstance(value, str) else tuple(value)


def main() -> None:
    """Answers the order named on the command line."""
    order = json.loads(Path(sys.argv[1]).read_text())
    warnings.simplefilter("ignore")
    sys.dont_write_bytecode = True
    for name in [each for each in sys.modules if each.partition(".")[0] not in REAL and each != "__main__"]:
        del sys.modules[name]  # Alembic keeps what it has; what a revision imports from here on is a stub
    sys.meta_path.insert(0, _Stubs())
    Path(order["answer"]).write_text(json.dumps({n: view(f) for n, f in order["folders"].items()}))


if __name__ == "__main__":
    main()
