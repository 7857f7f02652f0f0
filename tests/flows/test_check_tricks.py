"""The 22 ways to mislead a list of changed paths, against the whole `pointsman check`: a row of the data, a test."""

from __future__ import annotations

import json
import subprocess
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.flows.check_command import BASE, BRANCH, DOC, Check, site
from tests.support.repo import Repo

ROWS = [
    row["id"]
    for row in json.loads(
        (Path(__file__).parent.parent / "data/git_path_tricks.json").read_text(encoding="utf-8")
    )["rows"]
]
Case = Callable[[Repo, Check], None]
CASES: dict[str, Case] = {}


def row(name: str) -> Callable[[Case], Case]:
    def register(case: Case) -> Case:
        CASES[name] = case
        return case

    return register


@pytest.mark.parametrize("name", ROWS)
def test_R35_path_trick(name: str, repo: Repo, capsys: pytest.CaptureFixture[str]) -> None:
    CASES[name](site(repo), Check(repo, capsys))


def test_R35_every_row_has_its_case() -> None:
    assert set(CASES) == set(ROWS)


@row("rename-out")
def _(repo: Repo, check: Check) -> None:
    repo.git("mv", BASE, "src/pages/Base.astro")
    repo.commit()
    found = check()
    assert (found.code, found.outcome) == (1, "refused")
    assert found.paths == {BASE: "denied", "src/pages/Base.astro": "allowed"}


@row("quotepath")
def _(repo: Repo, check: Check) -> None:
    repo.commit(files={"src/layouts/caf\u00e9.astro": "x"})
    found = check()
    assert (found.code, found.paths) == (1, {"src/layouts/caf\u00e9.astro": "denied"})


@row("newline")
def _(repo: Repo, check: Check) -> None:
    repo.commit(files={"docs/a\nsrc/pages/x": "x"})
    found = check()
    assert (found.code, list(found.rules.values())) == (1, ["control_character"])


@row("tag-shadow")
def _(repo: Repo, check: Check) -> None:
    main = repo.rev("main")
    head = repo.commit(files={BASE: "mine\n"})
    repo.git("tag", "main")
    for name in ("main", "refs/heads/main", main):
        found = check(base=name)
        assert (found.code, found.paths) == (1, {BASE: "denied"})
        assert (found.answer["base"], found.answer["head"]) == (main, head)


@row("submodule-ignore")
def _(repo: Repo, check: Check) -> None:
    ignored = '[submodule "s"]\n\tpath = vendor/s\n\turl = ./s\n\tignore = all\n'
    repo.checkout("main").write({".gitmodules": ignored, "vendor/s/.keep": ""})
    repo.git("add", ".gitmodules")
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},vendor/s")
    repo.commit_index()
    repo.git("branch", "-f", BRANCH)
    repo.git("checkout", "-q", "-f", BRANCH)
    repo.git("update-index", "--cacheinfo", f"160000,{'2' * 40},vendor/s")
    repo.commit_index()
    assert check().paths == {"vendor/s": "allowed"}
    found = check(branch="agent/docs/y", author="ada@example.org")
    assert found.paths == {"vendor/s": "allowed"}


@row("dir-rename")
def _(repo: Repo, check: Check) -> None:
    repo.checkout("main").commit(files={"old/a.txt": "a\n" * 9, "old/b.txt": "b\n" * 9})
    repo.git("branch", "-f", BRANCH)
    repo.checkout(BRANCH).commit(files={"old/new.txt": "new\n"})
    repo.checkout("main").git("mv", "-k", "old/a.txt", "old/b.txt", "protected")
    repo.commit()
    repo.git("config", "merge.directoryRenames", "true")
    found = check()
    assert (found.code, found.outcome, found.problems) == (1, "refused", ["not_merged"])


@row("file-rename-on-main")
def _(repo: Repo, check: Check) -> None:
    repo.checkout("main").commit(files={"src/free/f.txt": "line\n" * 10})
    repo.git("branch", "-f", BRANCH)
    repo.checkout(BRANCH).commit(files={"src/free/f.txt": "line\n" * 10 + "mine\n"})
    repo.checkout("main").git("mv", "src/free/f.txt", "protected/f.txt")
    repo.commit()
    found = check()
    assert (found.code, found.paths) == (1, {"src/free/f.txt": "allowed", "protected/f.txt": "denied"})


@row("evil-merge")
def _(repo: Repo, check: Check) -> None:
    repo.commit(files={DOC: "mine\n"})
    repo.checkout("main").commit(files={"src/pages/i.astro": "newer\n"})
    repo.checkout(BRANCH).git("merge", "-q", "--no-ff", "--no-commit", "main")
    repo.commit(files={BASE: "slipped in\n"})
    found = check()
    assert (found.code, found.paths) == (1, {DOC: "allowed", BASE: "denied"})


@row("ours-merge")
def _(repo: Repo, check: Check) -> None:
    repo.commit(files={DOC: "mine\n"})
    repo.checkout("main").commit(files={BASE: "a fix\n"})
    repo.checkout(BRANCH).merge("main", "-s", "ours")
    found = check()
    assert (found.code, found.paths) == (1, {DOC: "allowed", BASE: "denied"})


@row("net-zero")
def _(repo: Repo, check: Check) -> None:
    repo.commit(files={BASE: "gone\n"})
    repo.commit(files={BASE: "base\n" * 10, DOC: "mine\n"})
    found = check()
    assert (found.code, found.paths) == (0, {DOC: "allowed"})


@row("union-attr")
def _(repo: Repo, check: Check) -> None:
    repo.commit(files={".gitattributes": "docs/* merge=union\n", DOC: "mine\n"})
    repo.checkout("main").commit(files={DOC: "theirs\n"})
    found = check()
    assert (found.code, found.outcome) == (1, "refused")
    assert found.paths == {".gitattributes": "outside", DOC: "allowed"}
    assert found.answer["tree"] is None
    owners = check(branch="fix", author="ada@example.org")
    assert owners.paths[".gitattributes"] == "needs_approval"


@row("mode")
def _(repo: Repo, check: Check) -> None:
    (repo.path / BASE).chmod(0o755)
    repo.commit()
    found = check()
    assert (found.code, found.paths) == (1, {BASE: "denied"})


@row("symlink")
def _(repo: Repo, check: Check) -> None:
    (repo.path / DOC).unlink()
    (repo.path / DOC).symlink_to("../src/layouts/Base.astro")
    repo.commit()
    found = check()
    assert (found.code, found.rules) == (1, {DOC: "limits.symlinks"})


@row("case")
def _(repo: Repo, check: Check) -> None:
    repo.commit(files={"src/layouts/BASE.astro": "x", "docs/D.md": "x", "SRC/Layouts/n.astro": "x"})
    found = check()
    assert (found.code, found.problems) == (1, ["name_collision"] * 2)
    assert found.paths == {
        "src/layouts/BASE.astro": "denied",
        "docs/D.md": "allowed",
        "SRC/Layouts/n.astro": "denied",
    }


@row("nfc-nfd")
def _(repo: Repo, check: Check) -> None:
    names = [unicodedata.normalize(form, "docs/caf\u00e9") for form in ("NFC", "NFD")]
    repo.commit(files=dict(zip(names, ("c", "d"), strict=True)))
    found = check()
    assert (found.code, found.outcome, found.problems) == (1, "refused", ["name_collision"])


@row("hfs-dotgit")
def _(repo: Repo, check: Check) -> None:
    repo.commit(files={"docs/.g\u200cit/x": "x"})
    found = check()
    assert (found.code, list(found.rules.values())) == (1, ["invisible_character"])


@row("homoglyph")
def _(repo: Repo, check: Check) -> None:
    repo.commit(files={".github/w\u043erkflows/x.yml": "x", ".g\u0456thub/workflows/x.yml": "x"})
    found = check(branch="fix", author="ada@example.org")
    assert (found.code, found.outcome) == (1, "waiting")
    assert set(found.paths.values()) == {"needs_approval"}


@row("criss-cross")
def _(repo: Repo, check: Check) -> None:
    theirs = repo.commit(files={"lone.txt": "p1\n"})
    ours = repo.checkout("main").commit(files={"src/layouts/m1.astro": "m1\n"})
    repo.merge(theirs)
    repo.checkout(BRANCH).merge(ours)
    repo.commit(files={DOC: "mine\n"})
    found = check()
    assert (found.code, found.paths) == (0, {DOC: "allowed"})


@row("no-merge-base")
def _(repo: Repo, check: Check) -> None:
    repo.git("checkout", "-q", "--orphan", "alone")
    repo.commit()
    found = check(head="alone")
    assert (found.code, found.answer["allowed"], found.outcome) == (1, False, "refused")
    assert found.problems == ["not_merged"]
    shallow = repo.path.parent / "shallow"
    subprocess.run(["git", "clone", "-q", "--depth=1", f"file://{repo.path}", shallow], check=True)
    cut = check(head="HEAD", directory=shallow)
    assert (cut.code, "--unshallow" in cut.stderr) == (2, True)


@row("two-dot")
def _(repo: Repo, check: Check) -> None:
    repo.commit(files={DOC: "mine\n"})
    repo.checkout("main").commit(files={BASE: "newer\n"})
    found = check()
    assert (found.code, found.paths) == (0, {DOC: "allowed"})


@row("replace-ref")
def _(repo: Repo, check: Check) -> None:
    repo.checkout("main").commit()
    repo.git("branch", "-f", BRANCH)
    repo.checkout(BRANCH).commit(files={BASE: "mine\n"})
    repo.git("replace", "HEAD", "main")
    found = check()
    assert (found.code, found.paths) == (1, {BASE: "denied"})


@row("attr-diff")
def _(repo: Repo, check: Check) -> None:
    repo.commit(files={".gitattributes": "* -diff linguist-generated=true\n", BASE: "mine\n"})
    assert check().paths == {".gitattributes": "outside", BASE: "denied"}
    found = check(branch="fix", author="ada@example.org")
    assert (found.code, found.outcome) == (1, "waiting")
    assert found.paths == {".gitattributes": "needs_approval", BASE: "allowed"}
