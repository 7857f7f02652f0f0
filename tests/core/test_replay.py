"""Replay in small: where a change came from, forks along a line and how they ended, and the sum of it all."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from pointsman.core.migrations.environment import Environment
from pointsman.core.migrations.graph import Graph
from pointsman.core.migrations.landed import Fix, Forks, LandedFork, how_mended
from pointsman.core.migrations.model import Layout, Revision
from pointsman.core.model import Sha
from pointsman.core.replay import Origin, Said, Summary, login_of, origin_of, summarise

SHA = Sha("1" * 40)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        pytest.param("Merge branch 'agent/x'", Origin(branch="agent/x"), id="git"),
        pytest.param(
            "Merge branch 'agent/x' into 'main'\n\nSee merge", Origin(branch="agent/x"), id="GitLab"
        ),
        pytest.param('Merge branch "x"', Origin(branch="x"), id="double quotes"),
        pytest.param("Merge remote-tracking branch 'origin/a/b'", Origin(branch="a/b"), id="remote-tracking"),
        pytest.param("Merge remote-tracking branch 'mine'", Origin(branch="mine"), id="no remote named"),
        pytest.param(
            "Merge pull request #12 from owner/agent/x\n\nTitle",
            Origin(branch="agent/x", pull_request=12),
            id="GitHub",
        ),
        pytest.param("Merged in x/y (pull request #7)", Origin(branch="x/y", pull_request=7), id="Bitbucket"),
        pytest.param("Merged PR 9: Title", Origin(pull_request=9), id="Azure names no branch"),
        pytest.param("Fix it (#34)", Origin(pull_request=34), id="squashed on GitHub"),
        pytest.param("Fix (#3) of it", Origin(), id="a number in the middle is only mentioned"),
        pytest.param(
            "T (#5)\n\nMerge branch 'q'.\n\nPointsman-Change: 5\nPointsman-Branch: agent/q\n",
            Origin(branch="agent/q", pull_request=5),
            id="our own trailer",
        ),
        pytest.param("", Origin(), id="empty"),
        pytest.param("Explain Merge branch 'x'", Origin(), id="words that only look alike"),
    ],
)
def test_the_origin_is_read_off_the_message(message: str, expected: Origin) -> None:
    assert origin_of(message) == expected


@pytest.mark.parametrize(
    ("email", "login"),
    [
        ("123+octo-cat@users.noreply.github.com", "octo-cat"),
        ("octo-cat@users.noreply.github.com", "octo-cat"),
        ("9+dependabot[bot]@users.noreply.github.com", "dependabot[bot]"),
        ("a@example.org", None),
        ("x@users.noreply.github.com.evil.example", None),
    ],
)
def test_a_login_is_known_only_from_an_address_that_github_made(email: str, login: str | None) -> None:
    assert login_of(email) == login


def environment(
    parents: Mapping[str, tuple[str, ...]],
    *,
    config: str = "alembic.ini",
    paths: Mapping[str, str] | None = None,
) -> Environment:
    """Revisions and what they follow; a path is `ID.py` unless told otherwise."""
    layout = Layout(backend="alembic", config=config, name="", home="m", versions=("m/versions",))
    named = paths or {}
    revisions = tuple(
        Revision(id=id, path=named.get(id, f"{id}.py"), oid=SHA, parents=above)
        for id, above in parents.items()
    )
    return Environment(layout, (), revisions, Graph(revisions), ())


ONE = {"a": (), "b": ("a",)}
FORK = {**ONE, "c": ("a",)}


@pytest.mark.parametrize(
    ("after", "paths", "how"),
    [
        pytest.param({**ONE, "c": ("b",)}, {}, "re-parent", id="re-parent"),
        pytest.param({**FORK, "m": ("b", "c")}, {}, "merge revision", id="merge revision"),
        pytest.param({**ONE, "c": ("a",), "b": ("a", "c")}, {}, "other", id="a published one made a merge"),
        pytest.param({**ONE, "d": ("b",)}, {"d": "c.py"}, "new id", id="same file, new id"),
        pytest.param({**ONE, "d": ("b",)}, {}, "replaced", id="new file, new id"),
        pytest.param(ONE, {}, "removed", id="reverted"),
    ],
)
def test_how_a_fork_was_mended_is_read_off_both_graphs(
    after: dict[str, tuple[str, ...]], paths: dict[str, str], how: str
) -> None:
    assert how_mended(environment(FORK), environment(after, paths=paths)) == how


def walk(*trees: Mapping[str, tuple[str, ...]]) -> tuple[list[tuple[str, ...]], list[tuple[str, str, int]]]:
    """(heads of each fork that landed, (commit it landed in, how it ended, seconds)); a commit every minute."""
    forks = Forks([environment(trees[0])])
    landed, mended = [], []
    for number, tree in enumerate(trees[1:], 1):
        new, fixes = forks.step(Sha(f"{number:040}"), 60 * number, [environment(tree)])
        landed += [fork.heads for fork in new]
        mended += [(fix.fork.commit[-1], fix.how, fix.seconds) for fix in fixes]
    return landed, mended


def test_a_fork_counts_once_while_it_stays_open_and_until_it_ends() -> None:
    grown = {**FORK, "d": ("c",)}
    landed, mended = walk(ONE, FORK, grown, {**grown, "m": ("b", "d")})
    assert landed == [("b", "c")]
    assert mended == [("1", "merge revision", 120)]


def test_a_fork_that_was_there_before_the_window_did_not_land_in_it() -> None:
    assert walk(FORK, {**FORK, "d": ("c",)}) == ([], [])


def test_a_second_fork_on_an_open_one_is_a_fork_of_its_own() -> None:
    three = {**FORK, "d": ("a",)}
    landed, mended = walk(ONE, FORK, three, {**three, "d": ("c",)}, {**three, "d": ("c",), "c": ("b",)})
    assert landed == [("b", "c"), ("b", "c", "d")]
    assert mended == [("2", "re-parent", 60), ("1", "re-parent", 180)]


def test_moving_the_settings_of_a_forked_environment_lands_no_fork() -> None:
    forks = Forks([environment(FORK)])
    assert forks.step(SHA, 0, [environment(FORK, config="moved/alembic.ini")]) == ((), ())


def test_an_environment_that_arrives_forked_lands_a_fork() -> None:
    ((fork,), _) = Forks(()).step(SHA, 0, [environment(FORK)])
    assert (fork.config, fork.heads) == ("alembic.ini", ("b", "c"))


FORKED = LandedFork(commit=SHA, at=0, key=("alembic.ini", ""), heads=("b", "c"))
STORY = (
    Said(outcome="allowed", healer="clean", assumed=True),
    Said(outcome="refused", rules=("paths.secrets", "paths.secrets"), paths=("b/.env",), healer="clean"),
    Said(
        outcome="refused", rules=("paths.secrets",), paths=("a/.env",), healer="refused", codes=("conflict",)
    ),
    Said(outcome="no_role", healer="healed", strategies=("reparent",), forks=(FORKED,), blobs_read=3),
    Said(
        outcome="waiting",
        healer="refused",
        codes=("edits_published",),
        fixes=(Fix(fork=FORKED, commit=SHA, how="re-parent", seconds=5400),),
        blobs_read=1,
    ),
    Said(outcome=None, healer=None),
)


def test_the_summary_adds_up() -> None:
    figures = summarise(STORY).to_json(seconds=3.0, interrupted=False)
    assert (figures["merges"], figures["not_judged"], figures["seconds_per_merge"]) == (6, 1, 0.5)
    assert figures["contract"] == {
        "allowed": 1,
        "waiting": 1,
        "refused": 2,
        "no_role": 1,
        "role_by_identity_alone": 1,
        "top_rules": [{"name": "paths.secrets", "merges": 2}],
        "top_paths": [{"name": "a/.env", "merges": 1}, {"name": "b/.env", "merges": 1}],
    }
    assert figures["migrations"] == {
        "clean": 2,
        "healed": 1,
        "refused": 2,
        "read_nothing": 3,
        "blobs_read": 4,
        "strategies": {"reparent": 1},
        "refused_by_code": {"conflict": 1, "edits_published": 1},
    }
    assert figures["forks"] == {
        "found": 1,
        "landed": 1,
        "healer_on_landed": {"healed": 1},
        "fixed_by": {"re-parent": 1},
        "median_hours": 1.5,
        "open": 0,
    }


def test_an_empty_summary_divides_by_nothing_and_has_no_contract() -> None:
    figures = Summary().to_json(seconds=0.1, interrupted=True)
    assert (figures["contract"], figures["seconds_per_merge"], figures["interrupted"]) == (None, None, True)
