"""A repository of the fake: its state, and what people do with it; no HTTP here.

Methods that act take a login (or an Account) and behave as GitHub does for somebody who may: they skip permission
and branch rules, which hold for the API and for git over HTTP.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tests.github.fake import checking, merging, rules, updates
from tests.github.fake.bare import Bare
from tests.github.fake.shapes import people, pulls, repos
from tests.github.fake.state import (
    LEVELS,
    ZERO,
    Account,
    App,
    Comment,
    Credential,
    Deployment,
    Json,
    Pull,
    Reaction,
    Review,
    Ruleset,
)
from tests.github.fake.workflows import Run, Workflow, WorkflowRun, begin

if TYPE_CHECKING:
    from tests.github.fake.hub import FakeGitHub

Who = str | Account


class FakeRepository(checking.Checks):
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
        self.comments_by_id: dict[int, Comment] = {}
        self.reactions: dict[int, list[Reaction]] = {}
        self.label_ids: dict[str, int] = {}
        self.deployments: dict[int, Deployment] = {}
        self.rulesets: dict[int, Ruleset] = {}
        self.protections: dict[str, Json] = {}
        self.workflows: dict[int, Workflow] = {}
        self.runs: dict[int, WorkflowRun] = {}
        self._numbers = 0
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
            commits = int(self.bare.git("rev-list", "--count", f"{pull.base_sha}..{pull.head}"))
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

    # pull requests

    def new_number(self) -> int:
        self._numbers += 1
        return self._numbers

    def pull(self, number: int) -> Pull:
        """The pull request's record as it stands."""
        return self.pulls[number]

    def open_pull(
        self,
        author: Who,
        branch: str,
        title: str,
        body: str | None = "",
        *,
        base: str = "main",
        fork: str | None = None,
        draft: bool = False,
        maintainer_can_modify: bool = False,
        credential: Credential | None = None,
    ) -> int:
        """Opens a pull request from a branch that is there (of `fork`'s fork); gives its number."""
        with self.hub.lock:
            who, source = self.hub.who(author), self.fork(fork) if fork else self
            head, tip = source.tip(branch), self.tip(base)
            assert head and tip, f"no branch {branch} or {base}"
            now = self.hub.now()
            pull = Pull(
                id=self.hub.new_id(2),
                number=self.new_number(),
                author=who,
                title=title,
                body=body,
                base=base,
                base_sha=tip,
                branch=branch,
                head=head,
                head_repo=source.id,
                head_owner=source.owner,
                draft=draft,
                maintainer_can_modify=maintainer_can_modify and source is not self,
                created=now,
                updated=now,
            )
            self.pulls[pull.number] = pull
            self.keep_head(pull, source)
            self.tell_pull(pull, "opened", who)
            merging.start_pull(self, pull, credential or Credential(kind="user", account=who))
            return pull.number

    def keep_head(self, pull: Pull, source: FakeRepository) -> None:
        """Sets refs/pull/N/head (refs/pull/N/merge goes stale on purpose)."""
        ref = f"refs/pull/{pull.number}/head"
        if source is not self:
            fetch = ("fetch", "-q", "--no-tags", str(source.bare.path), f"+refs/heads/{pull.branch}:{ref}")
            self.bare.git(*fetch)
            return
        self.bare.move(ref, pull.head)

    def tell_pull(self, pull: Pull, action: str, by: Account, **extra: Any) -> None:
        """A `pull_request` webhook."""
        shape = pulls.full(self, pull)
        payload: Json = {"action": action, "number": pull.number, "pull_request": shape, **extra}
        self.hub.webhooks.emit("pull_request", payload, sender=by, repo=self)

    def set_merged(self, pull: Pull, commit: str, who: Credential) -> None:
        """Records a merge that has happened."""
        assert who.account is not None
        now = self.hub.now()
        pull.state, pull.merged, pull.closed, pull.updated = "closed", now, now, now
        pull.merged_by, pull.merge_commit = who.account, commit
        self.tell_pull(pull, "closed", who.account)

    def close(self, number: int, by: Who) -> None:
        """Closes a pull request without merging it."""
        with self.hub.lock:
            pull, now = self.pulls[number], self.hub.now()
            pull.state, pull.closed, pull.updated = "closed", now, now
            self.tell_pull(pull, "closed", self.hub.who(by))

    def reopen(self, number: int, by: Who) -> None:
        with self.hub.lock:
            pull = self.pulls[number]
            pull.state, pull.closed, pull.updated = "open", None, self.hub.now()
            self.tell_pull(pull, "reopened", self.hub.who(by))

    def edit(
        self,
        number: int,
        by: Who,
        *,
        title: str | None = None,
        body: str | None = None,
        base: str | None = None,
        draft: bool | None = None,
    ) -> None:
        """Edits a pull request's title, body, base branch or draft state."""
        with self.hub.lock:
            pull, who, changes = self.pulls[number], self.hub.who(by), {}
            for name, value in (("title", title), ("body", body)):
                if value is not None and value != getattr(pull, name):
                    changes[name] = {"from": getattr(pull, name)}
                    setattr(pull, name, value)
            if base is not None and base != pull.base:
                changes["base"] = {"ref": {"from": pull.base}, "sha": {"from": pull.base_sha}}
                pull.base, pull.base_sha = base, self.tip(base) or ZERO
            pull.updated = self.hub.now()
            if changes:
                self.tell_pull(pull, "edited", who, changes=changes)
            if draft is not None and draft != pull.draft:
                pull.draft = draft
                self.tell_pull(pull, "converted_to_draft" if draft else "ready_for_review", who)

    def label(self, number: int, by: Who, name: str) -> None:
        """Puts a label on a pull request; nothing where it is there."""
        with self.hub.lock:
            pull = self.pulls[number]
            if name not in pull.labels:
                pull.labels.append(name)
                pull.updated = self.hub.now()
                self.tell_pull(pull, "labeled", self.hub.who(by), label=pulls.label(self, name))

    def unlabel(self, number: int, by: Who, name: str) -> None:
        with self.hub.lock:
            pull = self.pulls[number]
            if name in pull.labels:
                pull.labels.remove(name)
                pull.updated = self.hub.now()
                self.tell_pull(pull, "unlabeled", self.hub.who(by), label=pulls.label(self, name))

    def label_id(self, name: str) -> int:
        return self.label_ids.setdefault(name, self.hub.new_id())

    def review(self, number: int, by: Who, state: str, body: str = "", *, commit: str | None = None) -> int:
        """Submits a review (`APPROVED`, `CHANGES_REQUESTED`, `COMMENTED`) of the head, or of `commit`."""
        with self.hub.lock:
            pull, who = self.pulls[number], self.hub.who(by)
            review = Review(
                id=self.hub.new_id(),
                author=who,
                state=state,
                body=body,
                commit=commit or pull.head,
                at=self.hub.now(),
            )
            pull.reviews.append(review)
            self._tell_review(pull, review, "submitted", who)
            return review.id

    def dismiss(self, number: int, review_id: int, by: Who) -> None:
        with self.hub.lock:
            pull = self.pulls[number]
            review = next(review for review in pull.reviews if review.id == review_id)
            review.state = "DISMISSED"
            self._tell_review(pull, review, "dismissed", self.hub.who(by))

    def _tell_review(self, pull: Pull, review: Review, action: str, by: Account) -> None:
        shape = pulls.review(self, pull, review, lower=True)
        payload = {"action": action, "review": shape, "pull_request": pulls.simple(self, pull)}
        self.hub.webhooks.emit("pull_request_review", payload, sender=by, repo=self)

    # conversation

    def comments(self, number: int) -> list[Comment]:
        """The pull request's comments, oldest first."""
        return [comment for comment in self.comments_by_id.values() if comment.number == number]

    def comment(self, number: int, by: Who, body: str, *, app: App | None = None) -> int:
        """Comments on a pull request; gives the comment's id."""
        with self.hub.lock:
            now, who = self.hub.now(), self.hub.who(by)
            comment = Comment(
                id=self.hub.new_id(), number=number, author=who, body=body, created=now, updated=now, app=app
            )
            self.comments_by_id[comment.id] = comment
            self.pulls[number].updated = now
            self._tell_comment(comment, "created", who)
            return comment.id

    def edit_comment(self, comment_id: int, body: str, by: Who | None = None) -> None:
        """Edits a comment (as its author)."""
        with self.hub.lock:
            comment = self.comments_by_id[comment_id]
            before, comment.body = comment.body, body
            comment.updated = self.hub.now()
            who = self.hub.who(by or comment.author)
            self._tell_comment(comment, "edited", who, changes={"body": {"from": before}})

    def delete_comment(self, comment_id: int, by: Who | None = None) -> None:
        with self.hub.lock:
            comment = self.comments_by_id.pop(comment_id)
            self._tell_comment(comment, "deleted", self.hub.who(by or comment.author))

    def _tell_comment(self, comment: Comment, action: str, by: Account, **extra: Any) -> None:
        issue = pulls.issue(self, self.pulls[comment.number])
        payload = {"action": action, "issue": issue, "comment": pulls.comment(self, comment), **extra}
        self.hub.webhooks.emit("issue_comment", payload, sender=by, repo=self)

    def react(self, comment_id: int, by: Who, content: str) -> tuple[Reaction, bool]:
        """Reacts to a comment (tells nobody, as on GitHub); the reaction, and whether it is new."""
        with self.hub.lock:
            who, found = self.hub.who(by), self.reactions.setdefault(comment_id, [])
            for reaction in found:
                if reaction.author is who and reaction.content == content:
                    return reaction, False
            now = self.hub.now()
            found.append(Reaction(id=self.hub.new_id(), author=who, content=content, created=now))
            return found[-1], True

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

    def person(self, account: Account) -> Json:
        return people.user(self.hub, account)
