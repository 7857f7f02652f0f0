"""Every way known to us in which `git diff --name-only main...HEAD` misleads an ownership check, on real git.

One row of the data file is one test: the naive command is shown wrong, ours right, on the same repository.
"""

from __future__ import annotations

import json
import subprocess
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pointsman.adapters.git.repository import GitRepository
from pointsman.core.errors import EnvironmentProblem, GitFailed, UserError
from pointsman.core.model import Conflicted, Merged, PathChange, Sha
from tests.git.conftest import Open
from tests.support.repo import Repo

ROWS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent.parent / "data/git_path_tricks.json").read_text(encoding="utf-8")
)["rows"]
Row = dict[str, Any]
Case = Callable[[Repo, Row, Open], None]
CASES: dict[str, Case] = {}

BASE = "src/layouts/Base.astro"
DOC = "docs/d.md"


def row(name: str) -> Callable[[Case], Case]:
    """Registers the case of the data file's row with that id."""

    def register(case: Case) -> Case:
        CASES[name] = case
        return case

    return register


@pytest.mark.parametrize("trick", ROWS, ids=[trick["id"] for trick in ROWS])
def test_R35_path_trick(trick: Row, repo: Repo, open_git: Open) -> None:
    repo.commit("base", files={BASE: "base\n" * 10, DOC: "doc\n", "src/pages/i.astro": "index\n"})
    repo.branch("pr")
    CASES[trick["id"]](repo, trick, open_git)


def test_R35_every_row_has_its_case() -> None:
    assert set(CASES) == {trick["id"] for trick in ROWS}


def naive(repo: Repo, *revs: str) -> list[str]:
    return repo.git("diff", "--name-only", *(revs or ("main...HEAD",))).splitlines()


def named_in_log(repo: Repo, *options: str) -> list[str]:
    return sorted({*repo.git("log", "--format=", "--name-only", *options, "main..HEAD").split()})


def changes(git: GitRepository) -> tuple[PathChange, ...]:
    """What the pull request changes: merge base against head, as trees."""
    main, head = git.resolve("main"), git.resolve("pr")
    (base,) = git.merge_bases(main, head)
    return git.changed(git.tree_of(base), git.tree_of(head))


def landed(git: GitRepository) -> list[str]:
    """What main would see change."""
    main = git.resolve("main")
    merged = git.merge(main, git.resolve("pr"))
    assert isinstance(merged, Merged)
    return shown(git.changed(git.tree_of(main), merged.tree))


def shown(found: tuple[PathChange, ...]) -> list[str]:
    return [f"{change.status} {change.path}" for change in found]


def paths(found: tuple[PathChange, ...]) -> list[str]:
    return [change.path for change in found]


def raw(change: PathChange) -> str:
    return f":{change.old_mode:o} {change.new_mode:o} {change.status}"


@row("rename-out")
def _(repo: Repo, trick: Row, open_git: Open) -> None:
    repo.git("mv", BASE, "src/pages/Base.astro")
    repo.commit()
    assert naive(repo) == trick["naive"]
    assert shown(changes(open_git(repo.path))) == trick["truth"]


@row("quotepath")
def _(repo: Repo, trick: Row, open_git: Open) -> None:
    repo.commit(files={"src/layouts/caf\u00e9.astro": "x"})
    assert naive(repo) == trick["naive"]
    assert paths(changes(open_git(repo.path))) == trick["truth"]


@row("newline")
def _(repo: Repo, trick: Row, open_git: Open) -> None:
    repo.commit(files={"docs/a\nsrc/pages/x": "x"})
    assert naive(repo) == trick["naive"]
    assert paths(changes(open_git(repo.path))) == [path.replace("<LF>", "\n") for path in trick["truth"]]


@row("tag-shadow")
def _(repo: Repo, trick: Row, open_git: Open) -> None:
    repo.commit(files={BASE: "mine\n"})
    repo.git("tag", "main")
    assert naive(repo) == trick["naive"]
    assert paths(changes(open_git(repo.path))) == trick["truth"]


@row("submodule-ignore")
def _(repo: Repo, trick: Row, open_git: Open) -> None:
    repo.checkout("main").write(
        {".gitmodules": '[submodule "s"]\n\tpath = vendor/s\n\turl = ./s\n\tignore = all\n'}
    )
    (repo.path / "vendor/s").mkdir(parents=True)
    repo.git("add", ".gitmodules")
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},vendor/s")
    repo.commit_index()
    repo.git("checkout", "-q", "-B", "pr")
    repo.git("update-index", "--cacheinfo", f"160000,{'2' * 40},vendor/s")
    repo.commit_index()
    assert naive(repo) == trick["naive"]
    assert repo.git("diff-tree", "-r", "--name-only", "main", "pr") == ""
    (found,) = changes(open_git(repo.path))
    assert [found.path] == trick["truth"]
    assert (found.old_oid, found.new_oid) == ("1" * 40, "2" * 40)


@row("dir-rename")
def _(repo: Repo, trick: Row, open_git: Open) -> None:
    repo.checkout("main").commit(files={"old/a.txt": "a\n" * 9, "old/b.txt": "b\n" * 9})
    repo.git("checkout", "-q", "-B", "pr")
    repo.commit(files={"old/new.txt": "new\n"})
    repo.checkout("main").git("mv", "old", "protected")
    repo.commit()
    repo.git("config", "merge.directoryRenames", "true")
    assert naive(repo, "main...pr") == trick["naive"]
    git = open_git(repo.path)
    moved = Sha(repo.git("merge-tree", "--write-tree", "main", "pr").splitlines()[0])
    assert shown(git.changed(git.tree_of(git.resolve("main")), moved)) == trick["truth_landed"]
    outcome = git.merge(git.resolve("main"), git.resolve("pr"))
    assert isinstance(outcome, Conflicted)
    assert "file location" in {path.kind for path in outcome.paths}


@row("file-rename-on-main")
def _(repo: Repo, trick: Row, open_git: Open) -> None:
    repo.commit(files={BASE: "base\n" * 9 + "mine\n"})
    repo.checkout("main")
    (repo.path / "prot").mkdir()
    repo.git("mv", BASE, "prot/Base.astro")
    repo.commit()
    assert naive(repo, "main...pr") == trick["naive"]
    assert landed(open_git(repo.path)) == trick["truth_landed"]


@row("evil-merge")
def _(repo: Repo, trick: Row, open_git: Open) -> None:
    repo.commit(files={DOC: "mine\n"})
    repo.checkout("main").commit(files={"src/pages/i.astro": "newer\n"})
    repo.checkout("pr").git("merge", "-q", "--no-ff", "--no-commit", "main")
    repo.commit(files={BASE: "slipped in\n"})
    assert named_in_log(repo) == trick["per_commit_log"]
    assert paths(changes(open_git(repo.path))) == trick["truth"]


@row("ours-merge")
def _(repo: Repo, trick: Row, open_git: Open) -> None:
    repo.commit(files={DOC: "mine\n"})
    repo.checkout("main").commit(files={BASE: "a fix\n"})
    repo.checkout("pr").merge("main", "-s", "ours")
    assert named_in_log(repo, "--no-merges") == trick["no_merges_log"]
    assert paths(changes(open_git(repo.path))) == trick["truth"]


@row("net-zero")
def _(repo: Repo, trick: Row, open_git: Open) -> None:
    repo.commit(files={BASE: "gone\n"})
    repo.commit(files={BASE: "base\n" * 10, DOC: "mine\n"})
    assert naive(repo) == trick["naive"]
    git = open_git(repo.path)
    assert paths(changes(git)) == trick["naive"]
    touched: set[str] = set()
    for commit in git.commits(git.resolve("pr"), exclude=[git.resolve("main")]):
        facts = git.commit_facts(commit)
        touched.update(paths(git.changed(git.tree_of(facts.parents[0]), facts.tree)))
    assert sorted(touched) == trick["any_commit"]


@row("union-attr")
def _(repo: Repo, trick: Row, open_git: Open) -> None:
    repo.commit(files={".gitattributes": "src/layouts/* merge=union\n", BASE: "mine\n"})
    repo.checkout("main").commit(files={BASE: "theirs\n"})
    repo.checkout("pr")
    assert trick["merge_main_into_pr"] == "clean, both lines kept"
    union = repo.git("merge-tree", "--write-tree", "pr", "main").splitlines()[0]
    assert repo.show(union, BASE) == b"mine\ntheirs\n"
    git = open_git(repo.path)
    main, head = git.resolve("main"), git.resolve("pr")
    for outcome in (git.merge(main, head), git.merge(head, main)):
        assert isinstance(outcome, Conflicted)
        assert [(path.path, path.kind) for path in outcome.paths] == [(BASE, "content")]


@row("mode")
def _(repo: Repo, trick: Row, open_git: Open) -> None:
    (repo.path / DOC).chmod(0o755)
    repo.commit()
    (found,) = changes(open_git(repo.path))
    assert (found.path, raw(found)) == (DOC, trick["raw"])


@row("symlink")
def _(repo: Repo, trick: Row, open_git: Open) -> None:
    (repo.path / DOC).unlink()
    (repo.path / DOC).symlink_to("../src/layouts/Base.astro")
    repo.commit()
    git = open_git(repo.path)
    (found,) = changes(git)
    assert (found.path, raw(found)) == (DOC, trick["raw"])
    assert found.new_oid is not None
    assert dict(git.read([found.new_oid])) == {found.new_oid: b"../src/layouts/Base.astro"}


@row("case")
def _(repo: Repo, trick: Row, open_git: Open) -> None:
    repo.commit(files={"src/layouts/BASE.astro": "x"})
    assert naive(repo) == trick["naive"]
    git = open_git(repo.path)
    assert shown(changes(git)) == [f"A {path}" for path in trick["naive"]]
    listed = git.entries(git.tree_of(git.resolve("pr")), under="src/layouts")
    assert [entry.path for entry in listed] == ["src/layouts/BASE.astro", BASE]


@row("nfc-nfd")
def _(repo: Repo, trick: Row, open_git: Open) -> None:
    names = [unicodedata.normalize(form, "docs/caf\u00e9") for form in ("NFC", "NFD")]
    repo.commit(files=dict(zip(names, ("c", "d"), strict=True)))
    found = paths(changes(open_git(repo.path)))
    assert found == sorted(names)
    assert len({unicodedata.normalize("NFC", path) for path in found}) == 1


@row("hfs-dotgit")
def _(repo: Repo, trick: Row, open_git: Open) -> None:
    path = ".g\u200cit/x"
    repo.commit(files={path: "x"})
    git = open_git(repo.path)
    assert shown(changes(git)) == [f"A {path}"]
    with pytest.raises(UserError, match="cannot be written"):
        git.edit(git.tree_of(git.resolve("main")), {path: b"x"})
    with pytest.raises(GitFailed, match="invalid path"):
        git.materialise(git.resolve("pr"), repo.path.parent / "out")


@row("homoglyph")
def _(repo: Repo, trick: Row, open_git: Open) -> None:
    path = ".github/w\u043erkflows/x.yml"
    repo.commit(files={path: "x"})
    assert paths(changes(open_git(repo.path))) == [path]


@row("criss-cross")
def _(repo: Repo, trick: Row, open_git: Open) -> None:
    theirs = repo.commit(files={"docs/p1.md": "p1\n"})
    ours = repo.checkout("main").commit(files={"docs/m1.md": "m1\n"})
    repo.merge(theirs)
    repo.checkout("pr").merge(ours)
    repo.commit(files={BASE: "mine\n"})
    git = open_git(repo.path)
    assert set(git.merge_bases(git.resolve("main"), git.resolve("pr"))) == {ours, theirs}
    assert naive(repo) == trick["naive"]
    assert [line.removeprefix("M ") for line in landed(git)] == trick["truth_landed"]


@row("no-merge-base")
def _(repo: Repo, trick: Row, open_git: Open) -> None:
    repo.git("checkout", "-q", "--orphan", "alone")
    repo.commit()
    with pytest.raises(AssertionError, match="exit 128"):
        naive(repo)
    git = open_git(repo.path)
    main, alone = git.resolve("main"), git.resolve("alone")
    assert git.merge_bases(main, alone) == ()
    outcome = git.merge(main, alone)
    assert isinstance(outcome, Conflicted)
    assert [path.kind for path in outcome.paths] == ["unrelated histories"]
    shallow = repo.path.parent / "shallow"
    subprocess.run(["git", "clone", "-q", "--depth=1", f"file://{repo.path}", shallow], check=True)
    with pytest.raises(EnvironmentProblem, match="--unshallow"):
        open_git(shallow)


@row("two-dot")
def _(repo: Repo, trick: Row, open_git: Open) -> None:
    repo.commit(files={DOC: "mine\n"})
    repo.checkout("main").commit(files={"src/pages/i.astro": "newer\n"})
    assert naive(repo, "main..pr") == trick["two_dot"]
    assert paths(changes(open_git(repo.path))) == trick["truth"]


@row("replace-ref")
def _(repo: Repo, trick: Row, open_git: Open) -> None:
    repo.checkout("main").commit()
    repo.git("checkout", "-q", "-B", "pr")
    repo.commit(files={BASE: "mine\n"})
    repo.git("replace", "HEAD", "main")
    assert naive(repo) == trick["naive"]
    git = open_git(repo.path)
    assert paths(changes(git)) == trick["truth"]
    assert landed(git) == [f"M {BASE}"]


@row("attr-diff")
def _(repo: Repo, trick: Row, open_git: Open) -> None:
    repo.commit(files={".gitattributes": "* -diff linguist-generated=true\n", BASE: "mine\n"})
    assert "Binary files" in repo.git("diff", "main...HEAD", "--", BASE)
    git = open_git(repo.path)
    found = changes(git)
    assert paths(found) == naive(repo) == [".gitattributes", BASE]
    blobs = [change.new_oid for change in found if change.new_oid]
    assert [content for _, content in git.read(blobs)][1] == b"mine\n"
