"""Where Alembic environments are found: every way that configs have of naming them."""

from __future__ import annotations

import pytest

from pointsman.core.migrations.apart import Placed, placed
from pointsman.core.migrations.backends import BACKENDS
from pointsman.core.migrations.model import Layout

ALEMBIC = BACKENDS[0]
SCRIPTS = ("migrations/env.py", "migrations/script.py.mako", "migrations/versions/a_x.py")


def found(configs: dict[str, str], *paths: str) -> tuple[Layout, ...]:
    blobs = {path: text.encode() for path, text in configs.items()}
    return ALEMBIC.discover([*configs, *(paths or SCRIPTS)], blobs)


def only(configs: dict[str, str], *paths: str) -> Layout:
    (layout,) = found(configs, *paths)
    return layout


INI = "[alembic]\n{}\n"


@pytest.mark.parametrize(
    ("setting", "home", "versions"),
    [
        pytest.param("script_location = migrations", "migrations", ["migrations/versions"], id="relative"),
        pytest.param("script_location = ./migrations/", "migrations", ["migrations/versions"], id="dots"),
        pytest.param(
            "script_location = %(here)s/migrations", "migrations", ["migrations/versions"], id="here"
        ),
        pytest.param(
            "dir = migrations\nscript_location = %(here)s/%(dir)s",
            "migrations",
            ["migrations/versions"],
            id="name",
        ),
        pytest.param(
            "script_location = migrations  # where they are",
            "migrations",
            ["migrations/versions"],
            id="remark",
        ),
        pytest.param(
            "script_location = /app/migrations", "migrations", ["migrations/versions"], id="in an image"
        ),
        pytest.param(
            "script_location = migrations\nversion_locations = %(here)s/one %(here)s/two",
            "migrations",
            ["one", "two"],
            id="spaces",
        ),
        pytest.param(
            "script_location = migrations\nversion_locations = %(here)s/one, %(here)s/two",
            "migrations",
            ["one", "two"],
            id="commas",
        ),
        pytest.param(
            "script_location = migrations\nversion_path_separator = os  # Use os.pathsep.\n"
            "version_locations = one:two",
            "migrations",
            ["one", "two"],
            id="os, with a remark",
        ),
        pytest.param(
            "script_location = migrations\npath_separator = ;\nversion_locations = one;two dir",
            "migrations",
            ["one", "two dir"],
            id="semicolon",
        ),
        pytest.param(
            "script_location = migrations\npath_separator = newline\nversion_locations =\n  one\n  two",
            "migrations",
            ["one", "two"],
            id="lines",
        ),
        pytest.param(
            "script_location = migrations\npath_separator = space\nversion_path_separator = ;\n"
            "version_locations = one two",
            "migrations",
            ["one", "two"],
            id="the newer separator wins",
        ),
    ],
)
def test_ini_settings(setting: str, home: str, versions: list[str]) -> None:
    layout = only({"alembic.ini": INI.format(setting)}, *SCRIPTS, "one/x.py", "two/x.py", "two dir/x.py")
    assert (layout.config, layout.home, list(layout.versions)) == ("alembic.ini", home, versions)
    assert layout.problems == ()


def test_a_relative_location_counts_from_the_config_s_folder_then_from_the_root() -> None:
    ini = {"conf/alembic.ini": INI.format("script_location = migrations")}
    assert only(ini, "conf/migrations/env.py", "migrations/env.py").home == "conf/migrations"
    assert only(ini, *SCRIPTS).home == "migrations"


def test_package_locations_are_looked_for_where_packages_are() -> None:
    ini = {"alembic.ini": INI.format("script_location = my.app:db/migrations")}
    assert only(ini, "my/app/db/migrations/env.py").home == "my/app/db/migrations"
    assert only(ini, "src/my/app/db/migrations/env.py").home == "src/my/app/db/migrations"
    assert only(ini, "backend/py/my/app/db/migrations/env.py").home == "backend/py/my/app/db/migrations"


def test_several_sections_are_several_environments() -> None:
    text = (
        "[DEFAULT]\nprepend_sys_path = .\n[alembic]\nscript_location = one\n"
        "[tenants]\nscript_location = two\n[loggers]\nkeys=x\n"
    )
    layouts = found({"alembic.ini": text}, "one/env.py", "two/env.py")
    assert [(each.config, each.name, each.home) for each in layouts] == [
        ("alembic.ini", "", "one"),
        ("alembic.ini", "tenants", "two"),
    ]


def test_a_default_section_alone_is_one() -> None:
    assert (
        only({"alembic.ini": "[DEFAULT]\nscript_location = migrations\n[post_write_hooks]\nhooks = x\n"}).name
        == ""
    )


def test_any_ini_or_cfg_may_hold_it() -> None:
    assert only({"conf/dev.ini": INI.format("script_location = migrations")}).config == "conf/dev.ini"
    assert (
        only({"setup.cfg": "[metadata]\nname=x\n[alembic]\nscript_location = migrations\n"}).config
        == "setup.cfg"
    )


def test_two_configs_of_one_folder_are_one_environment() -> None:
    text = INI.format("script_location = migrations")
    assert only({"alembic.ini": text, "alembic_test.ini": text}).config == "alembic.ini"


@pytest.mark.parametrize("table", ["[tool.alembic]", '[tool."alembic"]', "[ tool . alembic ]"])
def test_pyproject(table: str) -> None:
    text = (
        f'[project]\nname = "x"\n{table}\nscript_location = "%(here)s/migrations"\n'
        'version_locations = ["%(here)s/one", "two"]\nrecursive_version_locations = true\n'
        'file_template = "%%(year)d_%%(rev)s"\n'
    )
    layout = only({"pyproject.toml": text}, *SCRIPTS, "one/x.py", "two/x.py")
    assert (layout.versions, layout.recursive, layout.file_template) == (
        ("one", "two"),
        True,
        "%(year)d_%(rev)s",
    )


def test_a_pyproject_without_alembic_is_nothing_and_a_broken_one_no_crash() -> None:
    assert found({"pyproject.toml": "[tool.black]\nline-length = 1\n"}, "x.py") == ()
    assert found({"pyproject.toml": "[tool.alembic\nscript_location=1"}, "x.py") == ()


def test_flask_migrate_leaves_the_location_to_the_ini_s_own_folder() -> None:
    layout = only({"migrations/alembic.ini": "[alembic]\n# template\n[loggers]\nkeys=root\n"})
    assert (layout.config, layout.home, layout.versions) == (
        "migrations/alembic.ini",
        "migrations",
        ("migrations/versions",),
    )


def test_a_script_folder_that_no_config_names_is_found() -> None:
    assert only({}).config == "migrations"
    assert found({}, "migrations/env.py", "migrations/script.py.mako") == (), "a template, not an environment"


def test_a_package_s_loose_revisions_are_found() -> None:
    names = [f"plugin/migrations/{'0123456789ab'}_x.py", f"plugin/migrations/{'ba9876543210'}_y.py"]
    assert only({}, *names).versions == ("plugin/migrations",)
    nested = [f"migrations/versions/legacy/versions/{'0123456789ab'}_{n}.py" for n in "xy"]
    assert len(found({}, *SCRIPTS, *nested)) == 1


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param(
            ["postgresql/a.py", "sqlite/b.py"],
            [("postgresql", ("postgresql",), ("sqlite",)), ("sqlite", ("sqlite",), ("postgresql",))],
            id="a history each",
        ),
        pytest.param(["main/a.py"], [("main", ("main",), ())], id="one"),
        pytest.param(["a.py", "legacy/b.py"], [("", ("",), ())], id="the folder has its own"),
        pytest.param(
            ["one/a.py", "one/legacy/b.py", "two/c.py"],
            [("one", ("one",), ("two",)), ("two", ("two",), ("one",))],
            id="older ones kept below",
        ),
        pytest.param([".gitkeep", "notes/a.md", "__pycache__/a.py"], [("", ("",), ())], id="none yet"),
        pytest.param(["__init__.py", "new/__init__.py", "new/a.py"], [("new", ("new",), ())], id="packages"),
    ],
)
@pytest.mark.parametrize("config", ["alembic.ini", ""])
def test_version_folders_that_are_named_at_run_time(
    config: str, files: list[str], expected: list[tuple[str, tuple[str, ...], tuple[str, ...]]]
) -> None:
    def whole(places: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(f"{usual}/{place}".rstrip("/") for place in places)

    usual = "migrations/versions"
    configs = {config: INI.format("script_location = migrations")} if config else {}
    layouts = found(configs, *SCRIPTS[:2], *(f"{usual}/{path}" for path in files))
    told = [(each.name, each.versions, each.beside) for each in layouts]
    assert told == [(name, whole(own), whole(beside)) for name, own, beside in expected]
    assert {each.section for each in layouts} == {"" if layouts[0].name else None}
    assert not any(each.problems for each in layouts)


def test_revisions_deeper_than_the_subfolders_are_for_the_contract_to_tell() -> None:
    ini = {"alembic.ini": INI.format("script_location = migrations")}
    deep = ["migrations/versions/liberty/expand/a.py", "migrations/versions/main/b.py"]
    layout = only(ini, *SCRIPTS[:2], *deep)
    assert [(p.code, p.message) for p in layout.problems] == [
        (
            "version_folders",
            "alembic.ini names its version folders at run time; name them in the contract "
            "(migrations: config, versions).",
        )
    ]
    assert all(ALEMBIC.is_revision_file(layout, path) for path in deep), "a change of them must be looked at"
    for setting in ("recursive_version_locations = true", "version_locations = migrations/versions/main"):
        told = {"alembic.ini": INI.format(f"script_location = migrations\n{setting}")}
        assert only(told, *SCRIPTS[:2], *deep).problems == (), setting


TWO = ("migrations/versions/one/a.py", "migrations/versions/two/b.py")
ONE, OTHER = (path.rpartition("/")[0] for path in TWO)


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        pytest.param([("alembic.ini", (ONE,))], [("", (ONE,), None)], id="the one that is meant"),
        pytest.param([("alembic.ini", (ONE, OTHER))], [("", (ONE, OTHER), None)], id="together"),
        pytest.param(
            [("alembic.ini", (ONE,)), ("migrations", (OTHER,))],
            [("one", (ONE,), ""), ("two", (OTHER,), "")],
            id="an entry each, by config or script folder",
        ),
        pytest.param([(None, (OTHER,))], [("", (OTHER,), None)], id="no config"),
        pytest.param([("other.ini", (ONE,))], [("one", (ONE,), ""), ("two", (OTHER,), "")], id="another's"),
    ],
)
def test_a_contract_names_the_version_folders(
    entries: list[tuple[str | None, tuple[str, ...]]],
    expected: list[tuple[str, tuple[str, ...], str | None]],
) -> None:
    layouts = found({"alembic.ini": INI.format("script_location = migrations")}, *SCRIPTS[:2], *TWO)
    named = placed(layouts, [Placed("alembic", *entry) for entry in entries], TWO)
    assert [(each.name, each.versions, each.section) for each in named] == expected


def test_a_contract_that_names_no_folder_of_the_tree_hides_none() -> None:
    layouts = found({"alembic.ini": INI.format("script_location = migrations")}, *SCRIPTS[:2], *TWO)
    named = placed(layouts, [Placed("alembic", "alembic.ini", ("migrations/versions/typo",))], TWO)
    assert [each.versions for each in named] == [(ONE,), (OTHER,)]
    assert [problem.code for each in named for problem in each.problems] == ["version_folders"] * 2


def test_a_contract_s_folders_belong_to_the_section_whose_scripts_they_lie_by() -> None:
    text = "[alembic]\nscript_location = migrations\n[tenants]\nscript_location = tenants\n"
    paths = (*SCRIPTS, "tenants/env.py", "tenants/history/a.py")
    named = placed(
        found({"alembic.ini": text}, *paths),
        [Placed("alembic", "alembic.ini", ("tenants/history",))],
        paths,
    )
    assert [(each.name, each.versions) for each in named] == [
        ("", ("migrations/versions",)),
        ("tenants", ("tenants/history",)),
    ]


def test_recursive_locations_take_subfolders_and_others_do_not() -> None:
    flat = only({"alembic.ini": INI.format("script_location = migrations")})
    deep = only(
        {"alembic.ini": INI.format("script_location = migrations\nrecursive_version_locations = true")}
    )
    below = "migrations/versions/legacy/old.py"
    assert not ALEMBIC.is_revision_file(flat, below)
    assert ALEMBIC.is_revision_file(deep, below)


@pytest.mark.parametrize(
    ("name", "loaded"),
    [
        ("a.py", True),
        ("__init__.py", False),
        ("__init__x.py", False),
        (".#a.py", False),
        ("a.pyc", False),
        ("a.txt", False),
    ],
)
def test_files_are_revisions_by_alembic_s_rule(name: str, loaded: bool) -> None:
    assert ALEMBIC.is_revision_file(only({}), f"migrations/versions/{name}") is loaded


def test_a_location_that_is_not_in_the_tree_is_a_problem() -> None:
    layout = only({"alembic.ini": INI.format("script_location = nowhere")}, "x.py")
    assert [problem.code for problem in layout.problems] == ["no_script_location"]
    layout = only({"alembic.ini": INI.format("script_location = ../../etc")}, "x.py")
    assert [problem.code for problem in layout.problems] == ["no_script_location"]


def test_an_ini_that_can_not_be_read_is_a_problem() -> None:
    layout = only({"alembic.ini": "script_location = x\n"}, "x.py")
    assert [problem.code for problem in layout.problems] == ["bad_config"]


def test_doubled_keys_and_unknown_names_elsewhere_do_no_harm() -> None:
    text = "[alembic]\nscript_location = migrations\nsqlalchemy.url = %(DB)s\nsqlalchemy.url = x\n[alembic]\nk = 100%\n"
    assert only({"alembic.ini": text}).problems == ()
