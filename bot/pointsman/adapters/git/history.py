"""Reads and writes commits and asks for ancestry; it moves no ref."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pointsman.adapters.git.plumbing import Plumbing
from pointsman.adapters.git.process import Completed
from pointsman.core.model import CommitFacts, Sha, Signature

_IDENT = re.compile(r"^(?P<name>.*?) ?<(?P<email>[^<>]*)>(?: (?P<when>-?\d+))?")


def commit_facts(git: Plumbing, commit: Sha) -> CommitFacts:
    """What the commit object says; a broken or empty identity gives empty strings and time 0."""
    head, _, message = git.objects.one(commit, "commit").partition(b"\n\n")
    fields: dict[str, list[str]] = {}
    for line in head.decode("utf-8", "replace").split("\n"):
        key, _, value = line.partition(" ")  # a continued line (a signature's) starts with a space: key ''
        fields.setdefault(key, []).append(value)
    return CommitFacts(
        sha=commit,
        tree=Sha(fields["tree"][0]),
        parents=tuple(Sha(parent) for parent in fields.get("parent", ())),
        author=_signature(fields.get("author", [""])[0]),
        committer=_signature(fields.get("committer", [""])[0]),
        message=message.decode("utf-8", "replace"),
    )


def _signature(line: str) -> Signature:
    found = _IDENT.match(line)
    if found is None:
        return Signature(name=line, email="", when=0)
    return Signature(name=found["name"], email=found["email"], when=int(found["when"] or 0))


def merge_bases(git: Plumbing, a: Sha, b: Sha) -> tuple[Sha, ...]:
    """See ports.Git.merge_bases."""
    return _ids(_merge_base(git, "--all", a, b).stdout)


def is_ancestor(git: Plumbing, ancestor: Sha, descendant: Sha) -> bool:
    """A commit is its own ancestor."""
    return _merge_base(git, "--is-ancestor", ancestor, descendant).code == 0


def _merge_base(git: Plumbing, *args: str) -> Completed:
    done = git.run("merge-base", *args, ok=(0, 1))
    if done.stderr:  # a parent that cannot be read also ends in exit code 1, as "no" does (seen with 2.39)
        raise git.failed(done, "merge-base", *args)
    return done


def commits(
    git: Plumbing, include: Sha, *, exclude: Sequence[Sha], first_parent: bool, limit: int | None
) -> tuple[Sha, ...]:
    """Children always before their parents, whatever their clocks said."""
    options = ["--first-parent"] if first_parent else ["--topo-order"]
    if limit is not None:
        options.append(f"--max-count={limit}")
    revs = "\n".join([include, *(f"^{sha}" for sha in exclude)]) + "\n"
    return _ids(git.run("rev-list", *options, "--stdin", input=revs.encode()).stdout)


def write_commit(
    git: Plumbing, *, tree: Sha, parents: Sequence[Sha], message: str, author: Signature, committer: Signature
) -> Sha:
    """The same arguments always give the same id, so that writing again after a crash changes nothing."""
    args = ["commit-tree", tree]
    for parent in dict.fromkeys(parents):
        args += ["-p", parent]
    env = _identity("AUTHOR", author) | _identity("COMMITTER", committer)
    text = message.replace("\0", "").encode("utf-8", "replace")
    return _ids(git.run(*args, "-F", "-", input=text, env=env).stdout)[0]


def _identity(role: str, who: Signature) -> dict[str, str]:
    # git refuses to write an empty name, and commits of this kind exist.
    name, email = _plain(who.name) or _plain(who.email) or "unknown", _plain(who.email)
    return {
        f"GIT_{role}_NAME": name,
        f"GIT_{role}_EMAIL": email,
        f"GIT_{role}_DATE": f"@{max(who.when, 0)} +0000",
    }


def _plain(text: str) -> str:
    return re.sub(r"[\0-\x1f<>]", "", text).strip(" .,:;\"'\\")


def _ids(output: bytes) -> tuple[Sha, ...]:
    return tuple(Sha(line) for line in output.decode("ascii").split())
