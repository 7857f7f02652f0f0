"""Previews a merge with `git merge-tree --write-tree`; it makes no commit and decides nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pointsman.adapters.git.history import merge_bases
from pointsman.adapters.git.plumbing import Plumbing
from pointsman.adapters.git.trees import decode_path
from pointsman.core.errors import GitFailed
from pointsman.core.model import Conflicted, ConflictedPath, GitPath, Merged, MergeOutcome, Sha

UNRELATED = "unrelated histories"
_CONFLICT = re.compile(r"(?:CONFLICT|ERROR) ?\((?P<kind>.*)\)")
_SENTENCE = {"directory rename suggested": "file location"}
"""Where git's fixed words (merge-ort.c, type_short_descriptions) differ from those that users see."""
_BASE, _OURS, _THEIRS = 1, 2, 3

Stages = dict[GitPath, dict[int, Sha]]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Message:
    paths: tuple[GitPath, ...]
    kind: str
    text: str


def merge(git: Plumbing, ours: Sha, theirs: Sha) -> MergeOutcome:
    """See ports.Git.merge. Histories without a common commit are a conflict at path '' of the kind
    `unrelated histories`: the change is at fault, not the repository."""
    args = ("merge-tree", "--write-tree", "-z", ours, theirs)
    try:
        done = git.run(*args, ok=(0, 1))
    except GitFailed:
        if merge_bases(git, ours, theirs):
            raise
        return _unrelated(ours, theirs)
    # Exit code 1 also says "not something we can merge": only an answer that starts with a tree is one.
    tree, found, rest = done.stdout.partition(b"\0")
    if not found or len(tree) != len(ours):
        raise git.failed(done, *args)
    if done.code == 0:
        return Merged(tree=Sha(tree.decode("ascii")))
    conflicted = _conflicted(rest)
    if conflicted is None:
        raise git.failed(done, *args)
    return conflicted


def _unrelated(ours: Sha, theirs: Sha) -> Conflicted:
    nowhere = ConflictedPath(path="", kind=UNRELATED, base=None, ours=None, theirs=None)
    return Conflicted(paths=(nowhere,), messages=(f"{ours} and {theirs} have no commit in common",))


def _conflicted(answer: bytes) -> Conflicted | None:
    """git-merge-tree(1), OUTPUT: `MODE SP ID SP STAGE TAB PATH NUL`..., an empty field, then messages, each
    `COUNT NUL PATH NUL ... TYPE NUL TEXT NUL`. None where that names no path."""
    fields = answer.split(b"\0")
    end = fields.index(b"")
    stages = _stages(fields[:end])
    messages = tuple(_messages(fields[end + 1 :]))
    kinds = _kinds(messages)
    paths = tuple(
        _conflict(path, stages.get(path, {}), kinds.get(path)) for path in sorted({*stages, *kinds})
    )
    if not paths:
        return None
    return Conflicted(paths=paths, messages=tuple(message.text for message in messages))


def _stages(fields: list[bytes]) -> Stages:
    stages: Stages = {}
    for field in fields:
        head, _, path = field.partition(b"\t")
        _, oid, stage = head.decode("ascii").split(" ")
        stages.setdefault(decode_path(path), {})[int(stage)] = Sha(oid)
    return stages


def _messages(fields: list[bytes]) -> Iterator[_Message]:
    at = 0
    while at < len(fields) and fields[at].isdigit():
        after = at + 1 + int(fields[at])
        kind, text = (decode_path(field) for field in fields[after : after + 2])
        yield _Message(
            paths=tuple(map(decode_path, fields[at + 1 : after])), kind=kind, text=text.rstrip("\n")
        )
        at = after + 2


def _kinds(messages: tuple[_Message, ...]) -> dict[GitPath, str]:
    """Each path's kind of conflict: git's first message about it tells most (binary, then contents)."""
    kinds: dict[GitPath, str] = {}
    for message in messages:
        found = _CONFLICT.match(message.kind)
        for path in message.paths if found else ():
            kinds.setdefault(path, found["kind"] if found else "")
    return kinds


def _conflict(path: GitPath, stages: dict[int, Sha], kind: str | None) -> ConflictedPath:
    if (
        kind == "contents"
    ):  # git's fixed word for both; its sentence tells them apart, in words that may change
        kind = "content" if _BASE in stages else "add/add"
    return ConflictedPath(
        path=path,
        kind=_SENTENCE.get(kind or "", kind or "unmerged"),
        base=stages.get(_BASE),
        ours=stages.get(_OURS),
        theirs=stages.get(_THEIRS),
    )
