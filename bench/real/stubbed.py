"""Asks Alembic's own RevisionMap about folders of revision files; runs in a process of its own, in the jail.

Revision files are executed as Alembic does it, with every import but the standard library's replaced by a stub.
Imports nothing of Pointsman. Run: `python stubbed.py ORDER`, where ORDER is a JSON file
`{"folders": {NAME: [FOLDER...]}, "answer": FILE}`.
"""

from __future__ import annotations

import json
import sys
import types
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from alembic.script.base import Script, _only_source_rev_file
from alembic.script.revision import RevisionMap
from alembic.util.pyfiles import load_python_file

sys.path.insert(0, str(Path(__file__).parents[2]))
from bench.real.stubs import replace_all


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
    replace_all()
    Path(order["answer"]).write_text(json.dumps({n: view(f) for n, f in order["folders"].items()}))


if __name__ == "__main__":
    main()
