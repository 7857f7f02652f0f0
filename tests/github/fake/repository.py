"""A repository of the fake: its state, and what people do with it; no HTTP here.

Methods that act take a login (or an Account) and behave as GitHub does for somebody who may: they skip permission
and branch rules, which hold for the API and for git over HTTP.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tests.github.fake import merging, rules, updates
from tests.github.fake.bare import Bare
from tests.github.fake.checking import Checks
from tests.github.fake.conversation import Conversation
from tests.github.fake.deploying import Deployments
from tests.github.fake.part import Who
from tests.github.fake.pulling import PullRequests
from tests.github.fake.shapes import repos
from tests.github.fake.state import (
    LEVELS,
    ZERO,
    Account,
    App,
    Credential,
    Json,
    Pull,
    Ruleset,
)
from tests.github.fake.workflows import Run, Workflow, WorkflowRun, begin

if TYPE_CHECKING:
    from tests.github.fake.hub import FakeGitHub


class FakeRepository(Checks, Conversation, PullRequests, Deployments):
    """One repository. `bare` is the real thing on disk; facts are attributes, see state.py for the records."""

    def __init__(
        self,
        hub: FakeGitHub,
        owner: Account,
        name: str,
        *,
        private: bool,
        default_branch: str,
        parent: FakeRepository | None = None,
    ) -> None:
        super().__init__(hub, hub.new_id())
        self.owner, self.name, self.private = owner, name, private
        self.parent, self.default_branch = parent, default_branch
        self.bare = Bare(hub.folder / "repos" / f"{self.id}.git").create(default_branch)
        if parent:
            self.bare.share(parent.bare)
        self.created = self.pushed = hub.now()
        self.old_names: list[str] = []
        self.levels: dict[int, str] = {}
        self.rulesets: dict[int, Ruleset] = {}
        self.protections: dict[str, Json] = {}
        self.workflows: dict[int, Workflow] = {}
        self.runs: dict[int, WorkflowRun] = {}
        self._records: dict[str, list[str]] = {}
        self._sizes: dict[tuple[str, str], tuple[int, int, int, int]] = {}

    # names and people

    @property
    def full_name(self) -> str:
        return f"{self.owner.login}/{self.name}"

    @property
    def api_url(self) -> str:
        return f"{self.hub.api_url}/repos/{self.full_name}"

    @property
    def clone_url(self) -> str:
        return f"{self.hub.url}/{self.full_name}.git"

    def rename(self, new: str, by: Who | None = None) -> None:
        """Gives it a new name; the old one answers 301 from now on, and the id stays."""
        with self.hub.lock:
            old, self.name = self.name, new
            self.old_names.append(f"{self.owner.login}/{old}".lower())
            payload = {"action": "renamed", "changes": {"repository": {"name": {"from": old}}}}
            self.hub.webhooks.emit("repository", payload, sender=self.hub.who(by or self.owner), repo=self)

    def permission(self, login: str, level: str) -> None:
        """Makes somebody a collaborator (`none`, `read`, `triage`, `write`, `maintain` or `admin`)."""
        assert level in LEVELS, level
        self.levels[self.hub.user(login).id] = level

    def level(self, account: Account) -> str:
        """What that account may do here."""
        if account.id == self.owner.id:
            return "admin"
        return self.levels.get(account.id, "none" if self.private else "read")

    def association(self, account: Account) -> str:
        """GitHub's `author_association`."""
        if account.id == self.owner.id:
            return "OWNER"
        return "COLLABORATOR" if self.level(account) not in ("none", "read") else "NONE"

    # git

    def tip(self, branch: str) -> str | None:
        """Where the branch stands; None where there is none."""
        return self.bare.resolve(f"refs/heads/{branch}")

    def read(self, revision: str, path: str) -> str:
        """A file's text on a branch or commit; FileNotFoundError where there is none."""
        found = self.bare.read(revision, path)
        if found is None:
            raise FileNotFoundError(f"{path} at {revision}")
        return found.decode()

    def record(self, sha: str) -> list[str]:
        """What Bare.log says of one commit."""
        if sha not in self._records:
            self._records[sha] = self.bare.log(sha, limit=1)[0]
        return self._records[sha]

    def size_of(self, pull: Pull) -> tuple[int, int, int, int]:
        """Lines added, lines deleted, files, commits."""
        key = (pull.base_sha, pull.head)
        if key not in self._sizes:
            lines = self.bare.git("diff", "--numstat", f"{pull.base_sha}...{pull.head}").splitlines()
            counts = [[int(n) if n.isdigit() else 0 for n in line.split("\t")[:2]] for line in lines]
            alone = self.record(pull.head)[2] == pull.base_sha
            span = f"{pull.base_sha}..{pull.head}"
            commits = 1 if alone else int(self.bare.git("rev-list", "--count", span))
            self._sizes[key] = (sum(c[0] for c in counts), sum(c[1] for c in counts), len(lines), commits)
        return self._sizes[key]

    def push(
        self,
        author_login: Who,
        branch: str,
        files: Mapping[str, str | bytes | None],
        message: str = "Change",
        *,
        base: str | None = "main",
        fork: str | None = None,
        force: bool = False,
    ) -> str:
        """Commits the files (None removes one) on the branch and pushes it, as somebody who may; gives the commit.

        A new branch starts at `base` of this repository (None: without history), an old one goes on from its tip; with
        `force` it starts at `base` anew. `fork` is the login whose fork is pushed to (made where it is missing).
        """
        with self.hub.lock:
            where = self.fork(fork) if fork else self
            who = self.hub.who(author_login)
            ref = f"refs/heads/{branch}"
            old = where.tip(branch)
            parent = old if old and not force else (self.bare.commit(base) if base else None)
            new = where.bare.commit_files(
                ref=ref, parent=parent, files=files, message=message, who=who.login, when=self.hub.tick()
            )
            updates.moved(where, ref, old or ZERO, new, Credential(kind="user", account=who), "git")
            return new

    def move(self, by: Who, branch: str, new: str) -> None:
        """Sets a branch to a commit that is there already (ZERO removes it), by force if need be."""
        with self.hub.lock:
            who = Credential(kind="user", account=self.hub.who(by))
            old = self.tip(branch) or ZERO
            self.bare.move(f"refs/heads/{branch}", new)
            updates.moved(self, f"refs/heads/{branch}", old, new, who, "git")

    def fork(self, login: Who) -> FakeRepository:
        """That account's fork, made at the first call; shares this repository's objects."""
        owner = self.hub.who(login)
        for repo in self.hub.repositories.values():
            if repo.parent is self and repo.owner is owner:
                return repo
        made = self.hub.add_repository(
            FakeRepository(
                self.hub,
                owner,
                self.name,
                private=self.private,
                default_branch=self.default_branch,
                parent=self,
            )
        )
        if tip := self.tip(self.default_branch):
            made.bare.move(f"refs/heads/{self.default_branch}", tip)
        return made

    # rules and workflows

    def ruleset(
        self,
        name: str = "main",
        *,
        branches: Sequence[str] = ("~DEFAULT_BRANCH",),
        bypass_apps: Sequence[App] = (),
        bypass_mode: str = "always",
        enforcement: str = "active",
        **wanted: Any,
    ) -> Ruleset:
        """Protects branches; `wanted` is what rules.make_rules takes."""
        bypass = [
            {"actor_id": app.id, "actor_type": "Integration", "bypass_mode": bypass_mode}
            for app in bypass_apps
        ]
        made = Ruleset(
            id=self.hub.new_id(),
            name=name,
            branches=list(branches),
            rules=rules.make_rules(**wanted),
            bypass=bypass,
            enforcement=enforcement,
            created=self.hub.now(),
        )
        self.rulesets[made.id] = made
        return made

    def protect(
        self, branch: str, contexts: Sequence[tuple[str, int | None]] = (), *, strict: bool = False
    ) -> None:
        """Classic branch protection as data only: it is told by the API, and enforces nothing."""
        url = f"{self.api_url}/branches/{branch}/protection"
        checks = {
            "url": f"{url}/required_status_checks",
            "strict": strict,
            "contexts": [name for name, _ in contexts],
            "contexts_url": f"{url}/required_status_checks/contexts",
            "checks": [{"context": name, "app_id": app} for name, app in contexts],
        }
        off: Json = {name: {"enabled": False} for name in ("allow_force_pushes", "allow_deletions")}
        admins = {"enforce_admins": {"url": f"{url}/enforce_admins", "enabled": True}}
        self.protections[branch] = {"url": url, "required_status_checks": checks} | admins | off

    def workflow(
        self,
        name: str,
        jobs: Sequence[str],
        *,
        on_push: Sequence[str] = (),
        on_pull_request: bool = False,
        on_dispatch: bool = False,
        on_merge_group: bool = False,
        run: Run | None = None,
        commands: Mapping[str, str] | None = None,
    ) -> Workflow:
        """Says which jobs start on a push to a matching branch, on a pull request, or when dispatched.

        Without `run` and `commands` they stay queued until `hub.finish_check`; `commands` maps a job to shell text."""
        made = Workflow(
            id=self.hub.new_id(),
            name=name,
            jobs=list(jobs),
            on_push=list(on_push),
            on_pull_request=on_pull_request,
            on_dispatch=on_dispatch,
            on_merge_group=on_merge_group,
            run=run,
            commands=dict(commands or {}),
            created=self.hub.now(),
        )
        self.workflows[made.id] = made
        return made

    def merge_group(self, by: Who, numbers: Sequence[int], *, base: str = "main") -> str:
        """GitHub's own queue builds those pull requests on a read-only branch and asks for checks; the commit."""
        with self.hub.lock:
            who = self.hub.who(by)
            tip = self.tip(base)
            assert tip
            built = merging.build_group(self, tip, [self.pulls[n] for n in numbers])
            ref = f"refs/heads/gh-readonly-queue/{base}/pr-{numbers[-1]}-{tip}"
            self.bare.move(ref, built)
            group = {
                "head_sha": built,
                "head_ref": ref,
                "base_sha": tip,
                "base_ref": f"refs/heads/{base}",
                "head_commit": repos.simple_commit(self.record(built)),
            }
            payload = {"action": "checks_requested", "merge_group": group}
            updates.open_suites(
                self, ref.removeprefix("refs/heads/"), ZERO, built, Credential(kind="user", account=who)
            )
            self.hub.webhooks.emit("merge_group", payload, sender=who, repo=self)
            for workflow in self.workflows.values():
                if workflow.on_merge_group:
                    short = ref.removeprefix("refs/heads/")
                    begin(self, workflow, event="merge_group", sha=built, branch=short, actor=who)
            return built
