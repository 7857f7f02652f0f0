"""Heads, forks and holes against Django's own loader, on generated projects of two apps."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import django
import pytest
from django.apps import apps
from django.conf import settings
from django.db.migrations.exceptions import CircularDependencyError, NodeNotFoundError
from django.db.migrations.loader import MigrationLoader
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from pointsman.core.migrations.backends import backend_of, between
from pointsman.core.migrations.django.backend import Django
from pointsman.core.migrations.environment import Environment, File, assemble
from pointsman.core.model import Sha
from tests.support.django_project import at, chain, migration, project

APPS = ("dj_blog", "dj_shop")


@pytest.fixture(scope="module", autouse=True)
def installed() -> Iterator[None]:
    """The two apps, as far as Django has to know them to load their migrations."""
    if not settings.configured:
        settings.configure(USE_TZ=True, DATABASES={})
        django.setup()
    yield


def read(files: dict[str, str]) -> dict[str, Environment]:
    """Our environments of those files, with what is wrong between them, by label."""
    backend = Django()
    configs = {path: text.encode() for path, text in files.items() if backend.may_configure(path)}
    found = []
    for layout in backend.discover(files.keys(), configs):
        chosen = [
            File(path, Sha("0" * 40), backend.parse(text.encode()))
            for path, text in files.items()
            if backend.is_revision_file(layout, path)
        ]
        found.append(assemble(backend_of(layout), layout, chosen))
    more = between(found)
    return {
        each.layout.name: Environment(
            each.layout, each.files, each.revisions, each.graph, (*each.problems, *more[each.layout.key])
        )
        for each in found
    }


def leaves(files: dict[str, str], labels: tuple[str, ...] = APPS) -> dict[str, list[str]] | str:
    """What Django's own loader says, or the kind of fault that it finds."""
    with tempfile.TemporaryDirectory() as folder:
        for path, text in files.items():
            target = Path(folder) / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        before, modules = list(sys.path), set(sys.modules)
        sys.path.insert(0, folder)
        sys.dont_write_bytecode = True
        try:
            return _loaded(labels)
        finally:
            sys.path[:] = before
            for name in set(sys.modules) - modules:
                if name.startswith(labels):
                    del sys.modules[name]


def _loaded(labels: tuple[str, ...]) -> dict[str, list[str]] | str:
    class Only(MigrationLoader):  # type: ignore[misc]
        def load_disk(self) -> None:
            configs = apps.app_configs
            apps.app_configs = {}
            try:
                from importlib import import_module

                from django.apps import AppConfig

                for label in labels:
                    config: Any = AppConfig.create(label)
                    apps.app_configs[label] = config
                    import_module(f"{label}.migrations")
                super().load_disk()
            finally:
                apps.app_configs = configs

    try:
        loader = Only(None)
    except NodeNotFoundError:
        return "missing"
    except CircularDependencyError:
        return "circle"
    return {label: sorted(name for _, name in loader.graph.leaf_nodes(label)) for label in labels}


NAMES = [f"000{number}_{letter}" for number in range(1, 5) for letter in "ab"]


@st.composite
def projects(draw: st.DrawFn) -> dict[str, str]:
    files = project(*APPS)
    names = {app: sorted(draw(st.sets(st.sampled_from(NAMES), min_size=1, max_size=6))) for app in APPS}
    for app in APPS:
        squashing = draw(st.booleans())
        for index, name in enumerate(names[app]):
            below = names[app][:index]
            needs = (
                [(app, one) for one in draw(st.lists(st.sampled_from(below), max_size=2, unique=True))]
                if below
                else []
            )
            other = APPS[1 - APPS.index(app)]
            if draw(st.integers(0, 3)) == 0:
                needs.append((other, draw(st.sampled_from([*names[other], "__first__", "0009_gone"]))))
            extra = ""
            later = names[app][index + 1 :]
            if later and not squashing and draw(st.integers(0, 5)) == 0:
                extra = f'    run_before = [("{app}", "{draw(st.sampled_from(later))}")]\n'
            elif below and squashing and draw(st.integers(0, 3)) == 0:
                squashing = False  # Django before 6 knows no squash of a squash
                replaced = draw(st.lists(st.sampled_from(below), min_size=1, max_size=3, unique=True))
                extra = f"    replaces = {[(app, one) for one in replaced]}\n"
                needs = [(label, one) for label, one in needs if one not in replaced]
            files[at(app, name)] = migration(needs, extra=extra)
    return files


@hypothesis_settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(projects())
def test_leaves_are_those_of_djangos_loader(files: dict[str, str]) -> None:
    ours = read(files)
    theirs = leaves(files)
    codes = {problem.code for each in ours.values() for problem in each.problems}
    if theirs == "missing":
        assert codes & {"missing_dependency", "missing_parent"}
    elif theirs == "circle":
        assert codes & {"cycle", "dependency_cycle"}
    else:
        assert not codes
        assert {label: list(each.heads) for label, each in ours.items()} == theirs
        assert isinstance(theirs, dict)
        assert {label for label, each in ours.items() if each.forked} == {
            label for label, heads in theirs.items() if len(heads) > 1
        }


def test_a_numbered_chain_has_one_leaf_in_each_app() -> None:
    files = (
        project(*APPS) | chain("dj_blog", ["0001_initial", "0002_title"]) | chain("dj_shop", ["0001_initial"])
    )
    assert {label: each.heads for label, each in read(files).items()} == {
        "dj_blog": ("0002_title",),
        "dj_shop": ("0001_initial",),
    }
    assert leaves(files) == {"dj_blog": ["0002_title"], "dj_shop": ["0001_initial"]}
