"""GitRemote against a real git server: what is listed, fetched and pushed, and what becomes of it when things fail."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pointsman.adapters.git.repository import GitRepository
from pointsman.adapters.github.mirror import open_mirror
from pointsman.adapters.github.remote import GitRemote, kept_ref
from pointsman.core.errors import ForgeRefused, ForgeUnavailable
from pointsman.core.model import Sha
from pointsman.ports import PushRefused
from tests.github.git_server import GitServer, Reply, Seen, Spoiler, Work, refused_push
from tests.support.repo import Repo

NAME = "acme/widgets.git"
MAIN = "refs/heads/main"
TOKEN = "ghs_0123456789abcdefTOKEN"


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.time = 1_700_000_000.0

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


class Tokens:
    """Hands out its tokens one after the other, and the last one from then on."""

    def __init__(self, *tokens: str) -> None:
        self.tokens = list(tokens)

    def token(self) -> str:
        return self.tokens.pop(0) if len(self.tokens) > 1 else self.tokens[0]


@dataclass
class World:
    server: GitServer
    hub: Repo
    work: Repo
    mirror: GitRepository
    remote: GitRemote

    def commit(self, message: str = "change", *, ref: str | None = None, **files: str) -> Sha:
        """A commit in the work repository, sent to the ref on the hub."""
        sha = self.work.commit(message, files=files or {"file": message})
        if ref is not None:
            self.give(ref, sha)
        return sha

    def give(self, ref: str, sha: Sha) -> None:
        self.work.git("push", "-q", "--force", str(self.hub.path), f"{sha}:{ref}")

    def here(self, ref: str, sha: Sha) -> None:
        """Put a commit of the work repository into the mirror, as if it had been made there."""
        self.mirror_repo.git("fetch", "-q", str(self.work.path), f"+{sha}:{ref}")

    @property
    def mirror_repo(self) -> Repo:
        return Repo(self.mirror.git_common_dir)

    def on_hub(self, ref: str) -> str:
        return self.hub.git("rev-parse", "-q", "--verify", ref, check=False)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with GitServer(tmp_path / "hub", TOKEN) as server:
        hub = server.add(NAME)
        work = Repo(tmp_path / "work").init()
        work.git("config", "uploadpack.allowAnySHA1InWant", "true")
        with open_mirror(tmp_path / "state" / "mirror.git") as mirror:
            yield World(server, hub, work, mirror, a_remote(mirror, server))


def a_remote(mirror: GitRepository, server: GitServer, *tokens: str, seconds: float = 30.0) -> GitRemote:
    limits = (seconds, seconds, seconds)
    source = Tokens(*(tokens or (TOKEN,)))
    return GitRemote(mirror, server.url(NAME), source, clock=Clock(), limits=limits)


def test_lists_exactly_the_named_refs_in_one_round_trip(world: World) -> None:
    main = world.commit("main", ref=MAIN)
    world.give("refs/heads/x/refs/heads/main", main)
    world.give("refs/heads/pointsman/1-abc", main)
    world.give("refs/pull/12/head", main)
    world.give("refs/pull/121/head", main)
    asked = [MAIN, "refs/pull/12/head", "refs/heads/pointsman/", "refs/heads/none", "refs/heads/mai"]
    assert world.remote.listed(asked) == {
        MAIN: main,
        "refs/pull/12/head": main,
        "refs/heads/pointsman/1-abc": main,
    }
    assert [seen.what for seen in world.server.seen if seen.token] == ["info/refs", "git-upload-pack"]
    assert b"ref-prefix refs/pull/12/head" in world.server.seen[-1].body
    assert world.remote.listed([]) == {}


def test_a_server_that_only_speaks_the_older_protocol_is_understood(world: World) -> None:
    main = world.commit("main", ref=MAIN)
    world.give("refs/heads/x/refs/heads/main", main)
    world.server.newest_protocol = False
    assert world.remote.listed([MAIN, "refs/heads/none"]) == {MAIN: main}
    world.remote.fetch({MAIN: main})
    assert world.mirror.read_ref(kept_ref(MAIN)) == main


def test_more_refs_than_one_request_holds_are_listed_all_the_same(world: World) -> None:
    main = world.commit("main", ref=MAIN)
    many = [f"refs/heads/agent/{number}-a-branch-with-a-name" for number in range(1000)]
    assert world.remote.listed([MAIN, *many]) == {MAIN: main}


def test_listing_an_empty_repository_gives_nothing(world: World) -> None:
    assert world.remote.listed(["refs/heads/"]) == {}


def test_fetches_commits_once_and_keeps_them(world: World) -> None:
    main = world.commit("main", ref=MAIN)
    pull = world.commit("pull", ref="refs/pull/12/head")
    commits = {MAIN: main, "refs/pull/12/head": pull}
    world.remote.fetch(commits)
    assert world.mirror.refs("refs/") == {kept_ref(ref): sha for ref, sha in commits.items()}
    assert world.mirror.commit_facts(pull).parents == (main,)
    world.server.seen.clear()
    world.remote.fetch(commits)
    assert world.server.seen == []


def test_a_commit_that_is_here_under_another_name_costs_nothing(world: World) -> None:
    main = world.commit("main", ref=MAIN)
    world.here("refs/pointsman/candidates/7", main)
    world.server.seen.clear()
    world.remote.fetch({MAIN: main})
    assert world.server.seen == []
    assert world.mirror.read_ref(kept_ref(MAIN)) == main


def test_an_object_without_its_history_is_fetched_all_the_same(world: World) -> None:
    world.commit("first")
    main = world.commit("main", ref=MAIN)
    lone = world.work.git_bytes("cat-file", "commit", main)
    world.mirror_repo.git("hash-object", "-t", "commit", "-w", "--literally", "--stdin", input=lone)
    world.remote.fetch({MAIN: main})
    assert len(world.mirror.commits(main)) == 2


def test_rule_3_a_ref_that_moved_since_it_was_listed_never_ends_with_a_wrong_commit(world: World) -> None:
    old = world.commit("old", ref=MAIN)
    new = world.commit("new", ref=MAIN)
    assert world.remote.bring({MAIN: old}) == {MAIN: new}
    world.remote.fetch({MAIN: old})
    assert world.mirror.read_ref(kept_ref(MAIN)) == old


def test_rule_3_a_commit_that_is_gone_for_good_is_a_failure_not_another_commit(world: World) -> None:
    main = world.commit("main", ref=MAIN)
    with pytest.raises(ForgeUnavailable, match="can't be fetched"):
        world.remote.fetch({MAIN: Sha("1" * 40)})
    assert world.mirror.read_ref(kept_ref(MAIN)) == main


def test_a_ref_that_vanishes_between_listing_and_fetching_is_left_out(world: World) -> None:
    main = world.commit("main", ref=MAIN)
    gone = world.commit("gone")
    assert world.remote.bring({MAIN: main, "refs/heads/gone": gone}) == {MAIN: main}


def test_a_branch_makes_room_for_branches_below_it_and_back(world: World) -> None:
    first = world.commit("first", ref="refs/heads/a")
    world.remote.fetch({"refs/heads/a": first})
    world.hub.git("update-ref", "-d", "refs/heads/a")
    second = world.commit("second", ref="refs/heads/a/b")
    world.remote.fetch({"refs/heads/a/b": second})
    assert world.mirror.refs("refs/pointsman/remote/") == {kept_ref("refs/heads/a/b"): second}
    world.hub.git("update-ref", "-d", "refs/heads/a/b")
    third = world.commit("third", ref="refs/heads/a")
    world.remote.fetch({"refs/heads/a": third})
    assert world.mirror.refs("refs/pointsman/remote/") == {kept_ref("refs/heads/a"): third}


def test_many_refs_are_fetched_at_once(world: World) -> None:
    main = world.commit("main", ref=MAIN)
    refs = {f"refs/pull/{number}/head": world.commit(str(number)) for number in range(1, 40)}
    world.work.git("push", "-q", str(world.hub.path), *(f"{sha}:{ref}" for ref, sha in refs.items()))
    world.server.seen.clear()
    world.remote.fetch(refs | {MAIN: main})
    assert set(refs.values()) <= set(world.mirror.refs("refs/").values())
    assert len([seen for seen in world.server.seen if seen.what == "info/refs" and seen.token]) == 1


def test_rule_1_pushes_the_exact_commit_by_compare_and_swap(world: World) -> None:
    old = world.commit("old", ref=MAIN)
    world.here("refs/pointsman/remote/heads/main", old)
    new = world.commit("new")
    world.here("refs/pointsman/candidates/1", new)
    assert world.remote.push(MAIN, new=new, expected=old) is None
    assert world.on_hub(MAIN) == new


def test_rule_1_a_push_to_a_branch_that_moved_changes_nothing(world: World) -> None:
    old = world.commit("old", ref=MAIN)
    new = world.commit("new")
    world.here("refs/pointsman/candidates/1", new)
    world.work.checkout(old)
    other = world.commit("other", ref=MAIN)
    refused = world.remote.push(MAIN, new=new, expected=old)
    assert refused is not None
    assert refused.code == "moved"
    assert world.on_hub(MAIN) == other


def test_rule_1_pushing_again_what_is_there_already_is_done(world: World) -> None:
    old = world.commit("old")
    new = world.commit("new", ref=MAIN)
    world.here("refs/pointsman/candidates/1", new)
    assert world.remote.push(MAIN, new=new, expected=old) is None
    world.remote.push("refs/heads/pointsman/1-a", new=new, expected=None)
    assert world.remote.push("refs/heads/pointsman/1-a", new=new, expected=None) is None


def test_a_lease_also_holds_for_a_ref_that_must_not_exist(world: World) -> None:
    old = world.commit("old", ref="refs/heads/pointsman/1-a")
    new = world.commit("new")
    world.here("refs/pointsman/candidates/1", new)
    refused = world.remote.push("refs/heads/pointsman/1-a", new=new, expected=None)
    assert refused is not None
    assert refused.code == "moved"
    assert world.on_hub("refs/heads/pointsman/1-a") == old
    assert world.remote.push("refs/pointsman/state/main", new=new, expected=None) is None


def test_own_refs_may_be_replaced_and_deleted(world: World) -> None:
    old = world.commit("old")
    world.work.git("checkout", "-q", "--orphan", "alone")
    new = world.commit("new")
    for number, sha in enumerate((old, new)):
        world.here(f"refs/pointsman/candidates/{number}", sha)
    state = "refs/pointsman/state/main"
    assert world.remote.push(state, new=old, expected=None) is None
    assert world.remote.push(state, new=new, expected=old) is None
    assert world.on_hub(state) == new
    refused = world.remote.push(state, new=None, expected=old)
    assert refused is not None
    assert refused.code == "moved"
    assert world.remote.push(state, new=None, expected=new) is None
    assert world.on_hub(state) == ""
    assert world.remote.push(state, new=None, expected=new) is None


@pytest.mark.parametrize(
    ("ref", "deletes"),
    [
        (MAIN, True),
        ("refs/heads/agent/a", True),
        (MAIN, False),
        ("refs/tags/v1", False),
        ("refs/pull/1/head", False),
        ("main", False),
        ("refs/heads/../tags/v1", False),
        ("refs/heads/a:refs/heads/b", False),
        ("--receive-pack=touch /tmp/x", False),
    ],
)
def test_rule_1_nothing_is_ever_forced_or_deleted_that_is_not_ours(
    world: World, ref: str, deletes: bool
) -> None:
    old = world.commit("old")
    world.work.git("checkout", "-q", "--orphan", "alone")
    new = world.commit("new")
    for number, sha in enumerate((old, new)):
        world.here(f"refs/pointsman/candidates/{number}", sha)
    world.give(MAIN, old)
    with pytest.raises(ValueError, match=r"ours|forced|branch"):
        world.remote.push(ref, new=None if deletes else new, expected=old)
    assert world.on_hub(MAIN) == old
    assert world.server.seen == []


def test_pushes_to_a_fork_of_the_same_forge(world: World) -> None:
    fork = world.server.add("someone/widgets.git")
    old = world.commit("old")
    new = world.commit("new")
    world.here("refs/pointsman/candidates/1", new)
    world.work.git("push", "-q", str(fork.path), f"{old}:refs/heads/fix")
    assert world.remote.push("refs/heads/fix", new=new, expected=old, url="someone/widgets") is None
    assert fork.rev("refs/heads/fix") == new
    with pytest.raises(ValueError, match="owner/name"):
        world.remote.push("refs/heads/fix", new=new, expected=old, url="../../etc/x")


def a_push(world: World) -> tuple[Sha, Sha]:
    old = world.commit("old", ref=MAIN)
    new = world.commit("new")
    world.here("refs/pointsman/candidates/1", new)
    return old, new


def test_rule_2_a_push_that_was_worked_though_the_answer_broke_is_done(world: World) -> None:
    old, new = a_push(world)
    world.server.spoil = spoil_push(lambda work: (work(), Reply(status=502))[1])
    assert world.remote.push(MAIN, new=new, expected=old) is None
    assert world.on_hub(MAIN) == new


def test_rule_2_a_push_that_was_worked_though_the_connection_broke_is_done(world: World) -> None:
    old, new = a_push(world)
    world.server.spoil = spoil_push(lambda work: (work(), None)[1])
    assert world.remote.push(MAIN, new=new, expected=old) is None


def test_rule_2_a_push_that_was_worked_after_the_time_was_up_is_found_done(world: World) -> None:
    old, new = a_push(world)

    def slowly(work: Work) -> Reply:
        work()
        world.server.done.wait(20)
        return Reply(status=504)

    world.server.spoil = spoil_push(slowly)
    hasty = GitRemote(
        world.mirror, world.server.url(NAME), Tokens(TOKEN), clock=Clock(), limits=(30.0, 1.5, 30.0)
    )
    assert hasty.push(MAIN, new=new, expected=old) is None


def test_rule_2_a_push_that_nobody_worked_is_unavailable_and_sent_once(world: World) -> None:
    old, new = a_push(world)
    world.server.spoil = spoil_push(lambda _: Reply(status=503))
    with pytest.raises(ForgeUnavailable, match="503"):
        world.remote.push(MAIN, new=new, expected=old)
    assert world.on_hub(MAIN) == old
    assert len([seen for seen in world.server.seen if seen.what == "git-receive-pack" and seen.token]) == 1


def test_rule_2_somebody_else_who_was_faster_is_told_as_moved(world: World) -> None:
    old, new = a_push(world)
    world.work.checkout(old)
    other = world.commit("other")

    def overtaken(work: Work) -> Reply:
        world.give(MAIN, other)
        return work()

    world.server.spoil = spoil_push(overtaken)
    refused = world.remote.push(MAIN, new=new, expected=old)
    assert refused is not None
    assert refused.code == "moved"
    assert world.on_hub(MAIN) == other


def spoil_asking(reply: Reply) -> Spoiler:
    """As GitHub answers before anything is sent, where somebody may not push at all."""

    def spoil(seen: Seen, work: Work) -> Reply | None:
        asks = seen.what == "info/refs" and seen.service == "git-receive-pack"
        return reply if asks and seen.token else work()

    return spoil


def spoil_push(what: Callable[[Work], Reply | None]) -> Spoiler:
    def spoil(seen: Seen, work: Work) -> Reply | None:
        return what(work) if seen.what == "git-receive-pack" else work()

    return spoil


REFUSALS: dict[str, tuple[Reply, str, str]] = {
    "branch protection (GH006)": (
        refused_push(
            MAIN,
            "protected branch hook declined",
            "error: GH006: Protected branch update failed for refs/heads/main.",
            'error: Required status check "tests" is expected.',
        ),
        "rules",
        'Required status check "tests" is expected',
    ),
    "ruleset (GH013)": (
        refused_push(
            MAIN,
            "push declined due to repository rule violations",
            "error: GH013: Repository rule violations found for refs/heads/main.",
            "",
            "- Changes must be made through a pull request.",
        ),
        "rules",
        "Changes must be made through a pull request",
    ),
    "a workflow file": (
        refused_push(
            MAIN,
            "refusing to allow a GitHub App to create or update workflow `.github/workflows/ci.yml`"
            " without `workflows` permission",
        ),
        "workflow",
        "`.github/workflows/ci.yml`",
    ),
    "a workflow file, with GITHUB_TOKEN": (
        refused_push(
            MAIN,
            "refusing to allow an integration to create or update workflow `.github/workflows/ci.yml`"
            " without `workflows` permission",
        ),
        "workflow",
        "workflows",
    ),
    "no write permission": (
        Reply(
            status=403,
            headers={"Content-Type": "text/plain"},
            body=b"Permission to acme/widgets.git denied to pointsman[bot].\n",
        ),
        "forbidden",
        "denied to pointsman[bot]",
    ),
    "an archive": (
        Reply(
            status=403,
            headers={"Content-Type": "text/plain"},
            body=b"This repository was archived so it is read-only.\n",
        ),
        "forbidden",
        "archived",
    ),
    "a lock that somebody holds": (refused_push(MAIN, "cannot lock ref"), "other", "cannot lock ref"),
    "a file too large": (
        refused_push(MAIN, "pre-receive hook declined", "error: GH001: Large files detected."),
        "other",
        "GH001",
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_rules_1_and_10_a_refused_push_says_what_kind_it_is_in_githubs_words(world: World, name: str) -> None:
    reply, code, words = REFUSALS[name]
    old, new = a_push(world)
    world.server.spoil = spoil_push(lambda _: reply) if reply.status == 200 else spoil_asking(reply)
    refused = world.remote.push(MAIN, new=new, expected=old)
    assert isinstance(refused, PushRefused)
    assert refused.code == code
    assert words in refused.why
    assert world.on_hub(MAIN) == old


def test_a_repository_that_is_not_there_is_refused_at_once(world: World) -> None:
    remote = GitRemote(world.mirror, world.server.url("acme/none.git"), Tokens(TOKEN), clock=Clock())
    with pytest.raises(ForgeRefused) as caught:
        remote.listed([MAIN])
    assert caught.value.status == 404


def test_reads_are_repeated_while_the_server_fails_and_then_given_up(world: World) -> None:
    main = world.commit("main", ref=MAIN)
    failures = [503, 502]
    world.server.spoil = lambda _, work: Reply(status=failures.pop()) if failures else work()
    assert world.remote.listed([MAIN]) == {MAIN: main}
    world.server.spoil = lambda *_: Reply(status=500)
    with pytest.raises(ForgeUnavailable, match="500"):
        world.remote.listed([MAIN])


def test_nobody_there_is_unavailable(world: World) -> None:
    remote = GitRemote(world.mirror, "http://127.0.0.1:1/acme/widgets.git", Tokens(TOKEN), clock=Clock())
    with pytest.raises(ForgeUnavailable, match="connect to"):
        remote.listed([MAIN])


def test_a_server_that_never_answers_is_given_up_and_no_process_stays(world: World) -> None:
    world.server.spoil = lambda *_: (world.server.done.wait(60), Reply(status=504))[1]
    before = time.monotonic()
    with pytest.raises(ForgeUnavailable, match="did not end in time"):
        a_remote(world.mirror, world.server, seconds=0.5).listed([MAIN])
    assert time.monotonic() - before < 30
    until = time.monotonic() + 30  # a killed process of a process is another's to bury
    while (
        left := [line for line in command_lines() if world.server.host in line]
    ) and time.monotonic() < until:
        time.sleep(0.02)
    assert left == []


def command_lines() -> list[str]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return found


def environments() -> str:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            found.append((folder / "environ").read_bytes().decode(errors="replace"))
        except OSError:
            continue
    return "\n".join(found)


def test_the_token_is_in_no_command_line_environment_file_or_text(world: World) -> None:
    old, new = a_push(world)
    exposed: list[str] = []

    def look_around(seen: Seen, work: Work) -> Reply:
        exposed.extend(line for line in command_lines() if TOKEN in line)
        exposed.extend(["environment"] * (TOKEN in environments()))
        return Reply(status=500, body=TOKEN.encode()) if seen.what == "git-receive-pack" else work()

    world.server.spoil = look_around
    world.remote.fetch(world.remote.listed([MAIN]))
    with pytest.raises(ForgeUnavailable) as caught:
        world.remote.push(MAIN, new=new, expected=old)
    assert {seen.token for seen in world.server.seen} == {None, TOKEN}
    assert exposed == []
    assert TOKEN not in f"{caught.value!r} {caught.value} {world.remote!r}"
    folder = world.mirror.git_common_dir
    kept = [path for path in folder.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]
    assert kept == []


def test_the_token_is_given_to_no_other_host(world: World, tmp_path: Path) -> None:
    with GitServer(tmp_path / "elsewhere", TOKEN) as other:
        other.add(NAME)

        def lead_away(seen: Seen, work: Work) -> Reply:
            where = f"{other.url(NAME)}/info/refs?service={seen.service}"
            return Reply(status=301, headers={"Location": where})

        world.server.spoil = lead_away
        with pytest.raises((ForgeRefused, ForgeUnavailable)):
            world.remote.listed([MAIN])
        assert {seen.token for seen in other.seen} == {None}


def test_a_renamed_repository_is_followed(world: World) -> None:
    main = world.commit("main", ref=MAIN)
    world.hub.path.rename(world.hub.path.with_name("gadgets.git"))
    real = world.server.url("acme/gadgets.git")

    def moved(seen: Seen, work: Work) -> Reply:
        if seen.name != NAME:
            return work()
        return Reply(status=301, headers={"Location": f"{real}/info/refs?service={seen.service}"})

    world.server.spoil = moved
    assert world.remote.listed([MAIN]) == {MAIN: main}
    world.remote.fetch({MAIN: main})
    new = world.commit("new")
    world.here("refs/pointsman/candidates/1", new)
    assert world.remote.push(MAIN, new=new, expected=main) is None


def test_the_address_is_asked_for_each_time(world: World) -> None:
    main = world.commit("main", ref=MAIN)
    names = iter(["acme/none.git", NAME])
    remote = GitRemote(world.mirror, lambda: world.server.url(next(names)), Tokens(TOKEN), clock=Clock())
    with pytest.raises(ForgeRefused):
        remote.listed([MAIN])
    assert remote.listed([MAIN]) == {MAIN: main}


def test_rule_9_a_token_that_ended_meanwhile_is_replaced_once(world: World) -> None:
    main = world.commit("main", ref=MAIN)
    assert a_remote(world.mirror, world.server, "stale", TOKEN).listed([MAIN]) == {MAIN: main}
    with pytest.raises(ForgeRefused) as caught:
        a_remote(world.mirror, world.server, "stale").listed([MAIN])
    assert caught.value.status == 401
    assert "stale" not in str(caught.value)


def test_nothing_of_the_machines_configuration_reaches_git(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    main = world.commit("main", ref=MAIN)
    home = world.work.path.parent / "home"
    home.mkdir()
    (home / ".gitconfig").write_text('[url "http://127.0.0.1:1/"]\n\tinsteadOf = http://\n')
    (home / ".netrc").write_text("machine 127.0.0.1 login x password wrong\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(home / ".gitconfig"))
    monkeypatch.setenv("GIT_TRACE_CURL", str(home / "trace"))
    assert world.remote.listed([MAIN]) == {MAIN: main}
    assert not (home / "trace").exists()


def test_hooks_of_the_mirror_do_not_run(world: World) -> None:
    old, new = a_push(world)
    hooks = world.mirror.git_common_dir / "hooks"
    hooks.mkdir()
    for name in ("pre-push", "reference-transaction"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {hooks}/ran\n")
        (hooks / name).chmod(0o755)
    world.remote.fetch({MAIN: old})
    assert world.remote.push(MAIN, new=new, expected=old) is None
    assert not (hooks / "ran").exists()


def test_what_the_server_prints_cannot_steer_a_terminal(world: World) -> None:
    old, new = a_push(world)
    world.server.spoil = spoil_push(
        lambda _: refused_push(MAIN, "declined", "\x1b[2J\x1b]0;owned\x07 no \u202eesrever", "x" * 9000)
    )
    refused = world.remote.push(MAIN, new=new, expected=old)
    assert refused is not None
    assert not re.search(r"[\x00-\x1f\x7f\u202e]", refused.why)
    assert len(refused.why) <= 2000


def test_objects_that_git_would_not_take_are_not_taken(world: World) -> None:
    main = world.commit("main", ref=MAIN)
    blob = world.work.git("hash-object", "-w", "--stdin", input="evil")
    inner = world.work.git("mktree", input=f"100644 blob {blob}\tconfig\n")
    raw = b"40000 .git\0" + bytes.fromhex(inner)
    tree = world.work.git("hash-object", "-t", "tree", "-w", "--literally", "--stdin", input=raw)
    bad = Sha(world.work.git("commit-tree", "-p", main, "-m", "bad", tree))
    world.give("refs/pull/1/head", bad)
    with pytest.raises(ForgeUnavailable, match="hasDotgit"):
        world.remote.fetch({"refs/pull/1/head": bad})
    assert world.mirror.refs("refs/pointsman/") == {}
    good = world.commit("good", ref="refs/pull/2/head")
    both = {"refs/pull/1/head": bad, "refs/pull/2/head": good, MAIN: main}
    assert world.remote.bring(both) == {"refs/pull/2/head": good, MAIN: main}


def test_faults_that_old_tools_left_in_honest_histories_are_taken(world: World) -> None:
    main = world.commit("main", ref=MAIN)
    tree = world.work.git("rev-parse", f"{main}^{{tree}}")
    text = f"tree {tree}\nparent {main}\nauthor a <a@b> 1 +051800\ncommitter a <a@b> 1 +051800\n\nold\n"
    options = ("hash-object", "-t", "commit", "-w", "--literally", "--stdin")
    old = Sha(world.work.git(*options, input=text))
    world.give("refs/pull/1/head", old)
    world.remote.fetch({"refs/pull/1/head": old})
    assert world.mirror.commit_facts(old).parents == (main,)


@pytest.mark.parametrize(
    "name", ["refs/heads/a b", "refs/heads/a\nref-prefix refs/", "main", "refs/heads/a..", ""]
)
def test_names_that_no_ref_can_have_are_not_there(world: World, name: str) -> None:
    world.commit("main", ref=MAIN)
    assert world.remote.listed([name]) == {}
    if name != "refs/heads/a..":
        with pytest.raises(ValueError, match="no full ref name"):
            world.remote.fetch({name: Sha("1" * 40)})


def test_two_threads_may_use_it(world: World) -> None:
    commits = {f"refs/heads/b{number}": world.commit(str(number)) for number in range(4)}
    for ref, sha in commits.items():
        world.give(ref, sha)
    threads = [
        threading.Thread(target=lambda ref=ref, sha=sha: world.remote.fetch({ref: sha}))
        for ref, sha in commits.items()
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert world.mirror.refs("refs/") == {kept_ref(ref): sha for ref, sha in commits.items()}
