"""The repository on GitHub, over git's own protocol: lists, fetches and pushes by compare-and-swap; it judges nothing
and never moves a branch by force."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from urllib.parse import urlsplit, urlunsplit

from pointsman.adapters.git.repository import GitRepository
from pointsman.adapters.github import ls_refs
from pointsman.adapters.github.git_process import Answer, GitProcess, GitTokens, without_secrets
from pointsman.adapters.github.push_answers import absent, gone, http_status, refusal, said, unfit
from pointsman.core.errors import ForgeRefused, ForgeUnavailable
from pointsman.core.model import Sha
from pointsman.core.pulls.model import CANDIDATES
from pointsman.ports import Clock, PushRefused

HEADS = "refs/heads/"
OURS = (f"{HEADS}{CANDIDATES}", "refs/pointsman/")
"""The bot's own refs: only these are ever deleted, or moved to something else than a descendant."""
KEPT = "refs/pointsman/remote/"

LISTING, PUSHING, FETCHING = 120.0, 300.0, 1800.0
"""Seconds that one command may take as a whole; a connection on which nothing moves is given up long before."""
_TRIES = 3
_REF = re.compile(r"refs/(?:[^\x00-\x20\x7f~^:?*\[\\/]+/)*[^\x00-\x20\x7f~^:?*\[\\/]+")
_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+")
_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def kept_ref(ref: str) -> str:
    """Where the mirror keeps a ref of the remote: `refs/heads/main` under `refs/pointsman/remote/heads/main`."""
    return KEPT + ref.removeprefix("refs/")


class GitRemote:
    """Implements ports.Remote in `git`, a repository of our own (see mirror). Safe to use from several threads.

    `url` is that of the repository there, without a password, or what to ask for it each time: repositories are
    renamed. `tokens` None asks as nobody."""

    def __init__(
        self,
        git: GitRepository,
        url: str | Callable[[], str],
        tokens: GitTokens | None,
        *,
        clock: Clock,
        local: bool = False,
        limits: tuple[float, float, float] = (LISTING, PUSHING, FETCHING),
        pause: float = 1.0,
    ) -> None:
        """`local` allows paths of this machine, for tests. `limits` in seconds as LISTING, PUSHING and FETCHING;
        `pause` before a read is repeated, growing."""
        self._git = git
        self._url = url
        self._tokens = tokens
        self._clock = clock
        self._local = local
        self._listing, self._pushing, self._fetching = limits
        self._pause = pause

    def listed(self, refs: Collection[str]) -> Mapping[str, Sha]:
        """See ports.Remote.listed; what can't be a ref's name is not there. Errors also: `ForgeRefused` where the
        repository can't be read."""
        refs = {ref for ref in refs if _REF.fullmatch(ref.removesuffix("/"))}
        if not refs:
            return {}
        return self._listed_at(self.url, refs)

    def fetch(self, commits: Mapping[str, Sha]) -> None:
        """See ports.Remote.fetch. Errors: `ForgeUnavailable` also where a commit was replaced and is not served any
        more: list again."""
        there = self.bring(commits)
        for ref, sha in commits.items():
            if there.get(ref) != sha:
                self._fetch_by_id(ref, sha)

    def bring(self, commits: Mapping[str, Sha]) -> dict[str, Sha]:
        """Fetch by name what is not here yet, and say where each ref was then: one that moved since it was listed is
        there with its new commit. One that is gone is left out, and one of broken or hostile objects, too. All that is
        returned is here, with all it needs."""
        if odd := [ref for ref in commits if not _REF.fullmatch(ref)]:
            raise ValueError(f"{odd[0]!r} is no full ref name")
        wanted = dict(commits)
        for _ in range(_TRIES):
            missing = self._adopt_known(wanted)
            answer = self._fetch_by_name(missing)
            if answer is None or answer.code == 0:
                kept = self._git.refs(KEPT)
                return {ref: kept[kept_ref(ref)] for ref in wanted if kept_ref(ref) in kept}
            if unfit(answer):
                bad = self._unfit_of(missing)
                wanted = {ref: sha for ref, sha in wanted.items() if ref not in bad}
            else:
                wanted = {ref: sha for ref, sha in self.listed(wanted).items() if ref in wanted}
        raise ForgeUnavailable("the refs on GitHub change faster than they can be fetched")

    def push(self, ref: str, *, new: Sha | None, expected: Sha | None, url: str = "") -> PushRefused | None:
        """See ports.Remote.push. ValueError for a move that could lose commits: a branch that is not our own to a
        commit that does not descend from `expected`, its deletion, or a ref that is neither."""
        self._require_safe(ref, new=new, expected=expected)
        address = self._sibling(url) if url else self.url
        lease = f"--force-with-lease={ref}:{expected or ''}"
        options = ("--porcelain", "--no-verify", "--no-follow-tags", "--recurse-submodules=no", lease)
        answer = self._run(
            address, "push", *options, "--", address, f"{new or ''}:{ref}", seconds=self._pushing
        )
        if answer.code == 0:
            return None
        refused = refusal(answer)
        if refused is not None and refused.code not in ("moved", "other"):
            return refused
        # Whether a push that broke off was worked is written in one place only (rule 2).
        actual = self._listed_at(address, [ref]).get(ref)
        if actual == new:
            return None
        if actual != expected:
            return PushRefused(
                code="moved", why=refused.why if refused else f"{ref} is at {actual or 'nothing'}"
            )
        if refused is not None:
            return PushRefused(code="other", why=refused.why)
        raise _failure("push", address, answer)

    @property
    def url(self) -> str:
        """Where the repository is now."""
        return self._url if isinstance(self._url, str) else self._url()

    def _require_safe(self, ref: str, *, new: Sha | None, expected: Sha | None) -> None:
        if not _REF.fullmatch(ref) or not ref.startswith((HEADS, *OURS)):
            raise ValueError(f"{ref!r} is no branch and no ref of ours: nothing is pushed there")
        if any(sha is not None and not _SHA.fullmatch(sha) for sha in (new, expected)):
            raise ValueError("a push takes full commit ids")
        if ref.startswith(OURS):
            return
        if new is None:
            raise ValueError(f"{ref} is not ours to delete")
        if expected is not None and not self._git.is_ancestor(expected, new):
            raise ValueError(f"{new} does not descend from {expected}: {ref} is never forced")

    def _sibling(self, repository: str) -> str:
        if not _REPOSITORY.fullmatch(repository) or repository.endswith(("/.", "/..")):
            raise ValueError(f"{repository!r} is no owner/name")
        parts = urlsplit(self.url)
        folder = parts.path.rstrip("/").rsplit("/", 2)[0]
        suffix = ".git" if parts.path.endswith(".git") else ""
        return urlunsplit(parts._replace(path=f"{folder}/{repository}{suffix}"))

    def _listed_at(self, address: str, refs: Collection[str]) -> dict[str, Sha]:
        exact = {ref for ref in refs if not ref.endswith("/")}
        folders = tuple(ref for ref in refs if ref.endswith("/"))
        there = self._all_like(address, refs)
        return {
            ref: sha
            for ref, sha in there.items()
            if (ref in exact or ref.startswith(folders)) and _REF.fullmatch(ref) and _SHA.fullmatch(sha)
        }

    def _all_like(self, address: str, refs: Collection[str]) -> Mapping[str, Sha]:
        """The refs whose names start as those do, and perhaps others."""
        scheme, request = urlsplit(address).scheme, ls_refs.request(refs)
        if scheme in ("http", "https") and len(request) <= ls_refs.LONGEST_REQUEST:
            asked = (f"remote-{scheme}", "origin", address)
            answer = self._read(address, *asked, seconds=self._listing, input=ls_refs.CONNECT, then=request)
            found = ls_refs.answered(answer.stdout)
            if found is not None:
                return found
        answer = self._read(address, "ls-remote", "--refs", "--quiet", "--", address, seconds=self._listing)
        lines = answer.stdout.decode("utf-8", "surrogateescape").splitlines()
        return {ref: Sha(sha) for sha, _, ref in (line.partition("\t") for line in lines)}

    def _adopt_known(self, commits: Mapping[str, Sha]) -> dict[str, Sha]:
        """Keep the commits that some ref of the mirror proves to be here whole; those that have to be fetched."""
        local = self._git.refs("refs/")
        whole = set(local.values())
        missing: dict[str, Sha] = {}
        for ref, sha in commits.items():
            if sha not in whole:
                missing[ref] = sha
            elif local.get(kept_ref(ref)) != sha:
                self._make_room(ref, local)
                self._git.move_ref(kept_ref(ref), new=sha, expected=local.get(kept_ref(ref)))
        for ref in missing:
            self._make_room(ref, local)
        return missing

    def _make_room(self, ref: str, local: Mapping[str, Sha]) -> None:
        """Drop what is kept of a branch `a` where there is a branch `a/b` now, and the other way about."""
        kept = kept_ref(ref)
        parents = {kept[:end] for end in range(len(KEPT), len(kept)) if kept[end] == "/"}
        for other in [name for name in local if name in parents or name.startswith(kept + "/")]:
            self._git.move_ref(other, new=None, expected=local[other])

    def _unfit_of(self, commits: Mapping[str, Sha]) -> Collection[str]:
        """Those whose objects git does not take: one of them must not keep the others away."""
        if len(commits) == 1:
            return set(commits)
        asked = {ref: self._fetch_by_name({ref: sha}) for ref, sha in commits.items()}
        return {ref for ref, answer in asked.items() if answer is not None and unfit(answer)}

    def _fetch_by_name(self, commits: Mapping[str, Sha]) -> Answer | None:
        return self._fetch([f"+{ref}:{kept_ref(ref)}" for ref in commits]) if commits else None

    def _fetch_by_id(self, ref: str, sha: Sha) -> None:
        answer = self._fetch([f"+{sha}:{kept_ref(ref)}"])
        if answer.code:
            raise ForgeUnavailable(f"{ref} was at {sha}, which can't be fetched (any more): {said(answer)}")

    def _fetch(self, refspecs: list[str]) -> Answer:
        options = (
            "--quiet",
            "--no-tags",
            "--no-write-fetch-head",
            "--no-auto-maintenance",
            "--recurse-submodules=no",
        )
        lines = "".join(f"{refspec}\n" for refspec in refspecs).encode("utf-8", "surrogateescape")
        address = self.url
        asked = ("fetch", *options, "--refmap=", "--stdin", "--", address)
        return self._read(address, *asked, seconds=self._fetching, input=lines)

    def _read(
        self, address: str, *args: str, seconds: float, input: bytes = b"", then: bytes = b""
    ) -> Answer:
        """A command that changes nothing there, repeated while the network or the server fails. An answer that says
        no more than that a ref or a commit is gone is returned."""
        for attempt in range(1, _TRIES + 1):
            answer = self._run(address, *args, seconds=seconds, input=input, then=then)
            is_old = bool(then) and answer.stdout.startswith(ls_refs.REFUSED)
            if answer.code == 0 or is_old or absent(answer) or gone(answer) or unfit(answer):
                return answer
            failure = _failure(args[0], address, answer)
            if attempt == _TRIES or answer.code is None or isinstance(failure, ForgeRefused):
                raise failure
            self._clock.sleep(self._pause * attempt)
        raise AssertionError("unreachable")

    def _run(self, address: str, *args: str, seconds: float, input: bytes = b"", then: bytes = b"") -> Answer:
        """Once more where the token was not taken and there is another by now: nothing was worked then. Whoever asks
        the API finds out, too, and has it replaced."""
        token = self._tokens.token() if self._tokens else None
        process = GitProcess(git_dir=self._git.git_common_dir, address=address, local=self._local)
        answer = process.run(*args, token=token, seconds=seconds, input=input, then=then)
        if self._tokens is None or answer.code in (0, None) or http_status(answer) != 401:
            return answer
        other = self._tokens.token()
        if other == token:
            return answer
        return process.run(*args, token=other, seconds=seconds, input=input, then=then)


def _failure(command: str, address: str, answer: Answer) -> ForgeUnavailable | ForgeRefused:
    what = f"`git {command}` at {without_secrets(address, None)}"
    status = http_status(answer)
    if answer.code is None:
        return ForgeUnavailable(f"{what} did not end in time: {said(answer) or 'no answer'}")
    if status in (401, 403, 404):
        return ForgeRefused(f"{what} is refused: {said(answer)}", status=status)
    return ForgeUnavailable(f"{what} failed: {said(answer) or f'exit code {answer.code}'}")
