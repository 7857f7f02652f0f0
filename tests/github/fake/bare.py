"""One bare repository on disk, through git's plumbing; it knows nothing of pull requests or rules."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.github.fake.state import ZERO

PLAIN = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
    "GIT_AUTHOR_NAME": "GitHub",
    "GIT_AUTHOR_EMAIL": "noreply@github.com",
    "GIT_COMMITTER_NAME": "GitHub",
    "GIT_COMMITTER_EMAIL": "noreply@github.com",
}
"""An identity, and none of the configuration of whoever runs this."""

CONFIG = {
    "http.receivepack": "true",
    "uploadpack.allowAnySHA1InWant": "true",
    "uploadpack.allowFilter": "true",
    "receive.hideRefs": "refs/pull",
    "receive.denyDeleteCurrent": "refuse",
    "receive.autogc": "false",
    "gc.auto": "0",
    "core.logAllRefUpdates": "false",
}


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment for a git process of the fake's own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return kept | PLAIN | dict(extra or {})


class GitFailed(Exception):
    """git said no."""


class Bare:
    """A bare repository; methods that take a commit want something git can resolve."""

    def __init__(self, path: Path) -> None:
        self.path = path
        # Objects are never removed here, so what was once found out of them stays true.
        self._commits: set[str] = set()
        self._ancestry: dict[tuple[str, str], bool] = {}
        self._merges: dict[tuple[str, str], str | None] = {}

    def create(self, branch: str) -> Bare:
        """An empty repository with that default branch."""
        command = ["git", "init", "-q", "--bare", "--template=", f"--initial-branch={branch}", str(self.path)]
        subprocess.run(command, check=True, env=environment())
        section = ""
        with (self.path / "config").open("a") as config:
            for key, value in CONFIG.items():
                first, name = key.split(".", 1)
                config.write((f"[{first}]\n" if first != section else "") + f"\t{name} = {value}\n")
                section = first
        return self

    def share(self, other: Bare) -> None:
        """Lets this repository read the other's objects, as forks on GitHub do."""
        (self.path / "objects" / "info").mkdir(parents=True, exist_ok=True)
        (self.path / "objects" / "info" / "alternates").write_text(f"{other.path}/objects\n")

    def run(
        self,
        *args: str,
        stdin: bytes | None = None,
        env: Mapping[str, str] | None = None,
        ok: Iterable[int] = (0,),
    ) -> tuple[int, bytes]:
        """Exit code and output of `git ARGS`; GitFailed for a code that is not in `ok`."""
        done = subprocess.run(
            ["git", "--git-dir", str(self.path), *args],
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            env=environment(env),
            capture_output=True,
            check=False,
        )
        if done.returncode not in ok:
            raise GitFailed(f"git {' '.join(args)}: {done.stderr.decode(errors='replace').strip()}")
        return done.returncode, done.stdout

    def git(self, *args: str, stdin: bytes | None = None, env: Mapping[str, str] | None = None) -> str:
        """What git printed, without the last line end."""
        return self.run(*args, stdin=stdin, env=env)[1].decode(errors="surrogateescape").rstrip("\n")

    def resolve(self, name: str) -> str | None:
        """The id of that ref or object; None where there is none."""
        if re.fullmatch(r"refs/[\w./-]+", name) and ".." not in name and (self.path / name).is_file():
            return (self.path / name).read_text().strip()
        code, out = self.run("rev-parse", "-q", "--verify", "--end-of-options", name, ok=(0, 1, 128))
        return out.decode().strip() if code == 0 else None

    def commit(self, name: str) -> str | None:
        """The commit that a branch, tag, ref or (short) id stands for; None where there is none."""
        if name in self._commits:
            return name
        full = re.fullmatch("[0-9a-f]{40}", name)
        tried = [name] if full else [f"refs/heads/{name}", f"refs/tags/{name}", f"refs/{name}", name]
        for candidate in tried:
            sha = self.resolve(candidate)
            found = sha if sha in self._commits else sha and self.resolve(f"{sha}^{{commit}}")
            if found:
                self._commits.add(found)
                return found
        return None

    def refs(self, *prefixes: str) -> dict[str, str]:
        """Refs below the prefixes (all without one) and what they point at, sorted by name."""
        lines = self.git("for-each-ref", "--format=%(refname) %(objectname)", *prefixes).splitlines()
        return dict(line.split(" ") for line in lines)

    def is_ancestor(self, old: str, new: str) -> bool:
        if (old, new) not in self._ancestry:
            code, _ = self.run("merge-base", "--is-ancestor", old, new, ok=(0, 1, 128))
            if code == 128:
                return False
            self._ancestry[old, new] = code == 0
        return self._ancestry[old, new]

    def move(self, ref: str, new: str, old: str | None = None) -> None:
        """Sets or (with ZERO) removes a ref; with `old` only where it stands there. GitFailed otherwise."""
        if new == ZERO:
            self.git("update-ref", "-d", ref, *([old] if old else []))
        else:
            self.git("update-ref", ref, new, *([old] if old is not None else []))

    def commit_files(
        self,
        *,
        ref: str,
        parent: str | None,
        files: Mapping[str, str | bytes | None],
        message: str,
        who: str,
        when: int,
        second_parent: str | None = None,
    ) -> str:
        """A commit on top of `parent` with those files written (None: removed), and `ref` set to it."""
        person = f"{who} <{who}@users.noreply.github.com> {when} +0000".encode()
        text = message.encode()
        lines = [b"reset " + ref.encode(), b"", b"commit " + ref.encode(), b"mark :1"]
        lines += [b"author " + person, b"committer " + person, b"data %d" % len(text), text]
        lines += [b"from " + parent.encode()] if parent else []
        lines += [b"merge " + second_parent.encode()] if second_parent else []
        for name, content in files.items():
            path = b'"' + name.encode().replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
            if content is None:
                lines += [b"D " + path]
                continue
            data = content.encode() if isinstance(content, str) else content
            lines += [b"M 100644 inline " + path, b"data %d" % len(data), data]
        lines += [b"", b"get-mark :1", b"done", b""]
        options = ["--force", "--quiet", "--done", "--cat-blob-fd=1"]
        return self.git("fast-import", *options, stdin=b"\n".join(lines))

    def merge_tree(self, ours: str, theirs: str) -> str | None:
        """The tree of the merge; None where it conflicts."""
        if (ours, theirs) not in self._merges:
            code, out = self.run("merge-tree", "--write-tree", ours, theirs, ok=(0, 1))
            self._merges[ours, theirs] = out.decode().split("\n")[0] if code == 0 else None
        return self._merges[ours, theirs]

    def commit_tree(self, tree: str, parents: Iterable[str], message: str, *, who: str, when: int) -> str:
        person = {"NAME": who, "EMAIL": f"{who}@users.noreply.github.com", "DATE": f"{when} +0000"}
        env = {
            f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in person.items()
        }
        options = [part for parent in parents for part in ("-p", parent)]
        return self.git("commit-tree", tree, *options, stdin=message.encode(), env=env)

    def read(self, revision: str, path: str) -> bytes | None:
        """The bytes of a file; None where there is none."""
        code, out = self.run("cat-file", "blob", f"{revision}:{path}", ok=(0, 128))
        return out if code == 0 else None

    def log(self, *selection: str, limit: int = 250) -> list[list[str]]:
        """Commits as [id, tree, parents, author, author date, committer, committer date, message], newest first."""
        form = "%H%x00%T%x00%P%x00%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%B%x01"
        out = self.git("log", f"-n{limit}", f"--format={form}", *selection, "--")
        return [record.lstrip("\n").split("\0") for record in out.split("\x01") if record.strip()]
