"""R12: what comes of a healer command's patch: the same rules, a proof always, and the refusal wherever it falls short.

The command is played by a function of its request; git, the rules and (where it says so) the proof are real.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pointsman.adapters.git.repository import GitRepository
from pointsman.adapters.proof import SandboxProver
from pointsman.adapters.sandbox import Sandbox
from pointsman.core.contract import Contract, load
from pointsman.core.healer.model import Answer, Outcome, Question, in_words
from pointsman.core.model import Sha
from pointsman.core.patch import patch
from pointsman.core.proof import Proof, ProofRequest, Prover, Route
from pointsman.service.heal.asking_memory import Helper, Recalled
from pointsman.service.heal.commit import message
from pointsman.service.heal.stack import HealingStacker
from pointsman.service.heal.verdict import Verdict, heal
from pointsman.service.migrations import Reader
from pointsman.service.stacking import Unstackable
from tests.support.project import ROLES, VERSIONS, Project, revision
from tests.support.repo import Repo

Files = Mapping[str, str | None]
Reply = Callable[[dict[str, Any]], Files | bytes]
"""What the command makes of a request: new texts of files (None: deleted), or raw output."""

COLUMN = 'op.add_column("t_a", sa.Column("%s", sa.Integer()))'
A, B, C = (f"{VERSIONS}/{id}_step.py" for id in "abc")
HEALER = "healer: {run: x, attempts: %d}\n"
ALEMBIC = "migrations: [{backend: alembic, proof: off%s}]\n"


@dataclass
class Played:
    """A healer command whose attempts are played by `replies`, the last one again and again."""

    git: GitRepository
    replies: list[Reply]
    asked: list[dict[str, Any]] = field(default_factory=list)

    def ask(self, question: Question) -> Answer:
        request = json.loads(question.request)
        self.asked.append(request)
        reply = self.replies[min(len(self.asked), len(self.replies)) - 1](request)
        return Answer(
            patch=reply if isinstance(reply, bytes) else self._diff(question, reply), seconds=0.5, exit_code=0
        )

    def _diff(self, question: Question, files: Files) -> bytes:
        changes = []
        for path, text in files.items():
            entry = self.git.entry(question.merged, path)
            old = next(iter(self.git.read([entry.oid])))[1] if entry else None
            changes.append((path, old, text.encode() if text is not None else None))
        return patch(changes)


@dataclass
class Judge:
    """A prover that says what it is told to, and keeps what it was asked."""

    passes: bool = True
    ran: bool = True
    asked: list[ProofRequest] = field(default_factory=list)

    def prove(self, request: ProofRequest) -> Proof:
        self.asked.append(request)
        route = Route(name="base, then the change", ok=self.passes, detail=None, seconds=0.0)
        why = None if self.passes else "the table t_a differs"
        return Proof(ran=self.ran, passed=self.passes, routes=(route,), reason=why)


@dataclass
class Remembered:
    """A memory in a dictionary."""

    kept: dict[Sha, dict[Sha, Recalled]] = field(default_factory=dict)

    def recall(self, head: Sha) -> Mapping[Sha, Recalled]:
        return self.kept.get(head, {})

    def keep(self, head: Sha, onto: Sha, what: Recalled) -> None:
        recalled = Recalled.of(what.to_text())
        assert recalled == what
        self.kept.setdefault(head, {})[onto] = recalled


@dataclass
class Stage:
    """A repository in which `main` has a and b, and other branches fork from a."""

    project: Project
    git: GitRepository

    def heal(
        self,
        *replies: Reply,
        prover: Prover | None = None,
        head: str = "column",
        base: str = "main",
        more: str = ALEMBIC % "",
        memory: Remembered | None = None,
        attempts: int = 1,
    ) -> tuple[Verdict, Played]:
        contract = rules(more, attempts)
        command = Played(self.git, list(replies) or [lambda _: b""])
        rev = self.project.repo.rev
        verdict = heal(
            self.git,
            Sha(rev(base)),
            Sha(rev(head)),
            contract,
            prover=prover or Judge(),
            helper=Helper(command=command, memory=memory),
        )
        return verdict, command


def rules(more: str = ALEMBIC % "", attempts: int = 1) -> Contract:
    contract = load((ROLES + HEALER % attempts + more).encode(), source=".pointsman.yml")
    assert isinstance(contract, Contract), contract
    return contract


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    project = Project(tmp_path_factory.mktemp("healer") / "repo")
    project.repo.write({"app.py": "one\n", "seed.sql": "INSERT INTO t_a (id) VALUES (1), (2);\n"})
    project.add("a")
    project.on("column").add("c", "'a'", up=COLUMN % "n")
    project.on("rows", at="main").add("c", "'a'", up='op.execute("UPDATE t_a SET id = id * 10")')
    project.on("two", at="main").add("c", "'a'")
    project.add("d", "'a'")
    project.on("clash", at="main").add("c", "'a'", up=COLUMN % "n")
    project.repo.commit("app", files={"app.py": "two\n"})
    project.on("data", at="main").add("b", "'a'", up='op.execute("UPDATE t_a SET id = id + 1")')
    project.on("main").add("b", "'a'", up=COLUMN % "n")
    project.repo.commit("app", files={"app.py": "three\n"})
    project.repo.git("branch", "forked", "main")
    project.on("forked").add("c", "'a'", up=COLUMN % "n")
    with GitRepository.open(project.repo.path) as git:
        yield Stage(project, git)


def column(name: str, down: str = "'a'", extra: str = "") -> Files:
    return {C: revision("c", down, up=COLUMN % name, extra=extra)}


def outcomes(verdict: Verdict) -> list[str]:
    assert verdict.healer is not None
    return [attempt.outcome.value for attempt in verdict.healer.attempts]


def test_R12_the_request_says_what_was_refused_and_shows_both_sides(stage: Stage) -> None:
    _, command = stage.heal()
    request = command.asked[0]
    assert {
        "version": 1,
        "attempt": 1,
        "attempts": 1,
        "proof": None,
        "previous": [],
    }.items() <= request.items()
    assert [one["code"] for one in request["refusals"]] == ["conflict"]
    assert request["may_edit"] == [C] and request["new_files_in"] == [VERSIONS]
    (environment,) = request["environments"]
    assert (environment["backend"], environment["heads"], environment["fork"]) == (
        "alembic",
        ["b", "c"],
        ["a"],
    )
    theirs, ours = request["sides"]
    assert [(side["side"], [one["id"] for one in side["revisions"]]) for side in (theirs, ours)] == [
        ("base", ["b"]),
        ("change", ["c"]),
    ]
    assert ours["revisions"][0]["content"] == column("n")[C]
    (operation,) = ours["operations"]
    assert (operation["kind"], operation["table"], operation["path"]) == ("add_column", "t_a", C)


def test_R12_a_patch_is_healed_by_the_same_rules_and_always_proved(stage: Stage) -> None:
    judge = Judge()
    verdict, command = stage.heal(lambda _: column("m"), prover=judge)
    healing = verdict.healing
    assert (healing.status, outcomes(verdict), len(command.asked)) == ("healed", ["accepted"], 1)
    assert healing.head == stage.project.repo.rev("column")
    assert stage.project.parents(str(healing.tree))["c"] == ("b",)
    assert healing.tree is not None and healing.merged is not None
    assert {one.path for one in stage.git.changed(healing.merged, healing.tree)} == {C}
    (asked,) = judge.asked
    assert asked.both_orders and [move.old_parents for move in asked.moves] == [("a",)]
    assert message(healing).splitlines()[-2:] == [
        "Pointsman-Healed-By: healer command",
        f"Pointsman-Healed-Head: {healing.head}",
    ]
    answer = verdict.to_json()
    assert answer["healer"]["used"] is True and answer["healer"]["wrote"] == [C]


def test_R12_a_patch_that_hangs_itself_behind_the_base_is_held_to_the_same_proof(stage: Stage) -> None:
    judge = Judge()
    verdict, _ = stage.heal(lambda _: column("m", "'b'"), prover=judge)
    assert verdict.healing.status == "healed"
    (asked,) = judge.asked
    assert asked.both_orders, "the fork is gone, the two sides are not"
    assert [(move.old_parents, move.new_parents) for move in asked.moves] == [(("a",), ("b",))]
    assert asked.change_heads == ("c",) and asked.base_heads == ("b",)


def test_R12_a_conflict_that_a_patch_leaves_is_for_both_orders_to_decide(stage: Stage) -> None:
    judge = Judge(passes=False)
    verdict, command = stage.heal(lambda _: column("n", extra="# as it is"), prover=judge, attempts=2)
    assert outcomes(verdict) == ["proof_failed"] * 2
    assert verdict.healing.refusals[0].code == "conflict", "the refusal of the rules stands"
    assert all(asked.both_orders for asked in judge.asked)
    assert [one["proof"] and one["proof"]["passed"] for one in command.asked] == [None, False]
    assert verdict.healer is not None
    assert "the proof of its patch failed: the table t_a differs" in in_words(verdict.healer)


def test_R12_without_a_proof_no_patch_counts(stage: Stage) -> None:
    verdict, _ = stage.heal(lambda _: column("m"), prover=Judge(passes=False, ran=False))
    assert (verdict.healing.status, outcomes(verdict)) == ("refused", ["not_proved"])


def test_R12_a_later_attempt_is_told_of_those_before(stage: Stage) -> None:
    replies: list[Reply] = [lambda _: b"no idea", lambda _: {"app.py": "x\n"}, lambda _: column("m")]
    verdict, command = stage.heal(*replies, attempts=3)
    assert outcomes(verdict) == ["malformed", "not_allowed", "accepted"]
    assert [one["outcome"] for one in command.asked[2]["previous"]] == ["malformed", "not_allowed"]
    assert "app.py is no unpublished migration" in command.asked[2]["previous"][1]["detail"]


@pytest.mark.parametrize(
    ("files", "outcome", "said"),
    [
        pytest.param({"app.py": "x\n", **column("m")}, Outcome.NOT_ALLOWED, "app.py", id="app code"),
        pytest.param({B: revision("b", "'a'")}, Outcome.NOT_ALLOWED, B, id="a published one"),
        pytest.param({A: None}, Outcome.NOT_ALLOWED, A, id="a published one, deleted"),
        pytest.param({"migrations/env.py": "x\n"}, Outcome.NOT_ALLOWED, "env.py", id="env.py"),
        pytest.param({".pointsman.yml": "x\n"}, Outcome.NOT_ALLOWED, ".pointsman.yml", id="the contract"),
        pytest.param(
            {f"{VERSIONS}/b2.py": revision("b")}, Outcome.REFUSED, "duplicate_revision", id="b once more"
        ),
        pytest.param({C: revision("c", "None")}, Outcome.REFUSED, "second_base", id="a second base"),
        pytest.param({C: "not python ("}, Outcome.REFUSED, "unparsable", id="no Python"),
        pytest.param({C: revision("b", "'a'")}, Outcome.REFUSED, "duplicate_revision", id="takes b's id"),
    ],
)
def test_R12_what_falls_short_leaves_the_refusal(
    stage: Stage, files: Files, outcome: Outcome, said: str
) -> None:
    judge = Judge()
    verdict, _ = stage.heal(lambda _: files, prover=judge)
    assert verdict.healing.status == "refused" and verdict.healing.tree is None
    assert verdict.healer is not None
    last = verdict.healer.attempts[-1]
    assert last.outcome is outcome
    assert said in last.detail
    assert judge.asked == [], "nothing of it was run"


def test_R12_two_heads_may_be_joined_by_a_new_revision(stage: Stage) -> None:
    judge = Judge()
    joined = {f"{VERSIONS}/m_step.py": revision("m", "('c', 'd')", up="pass")}
    verdict, _ = stage.heal(lambda _: joined, head="two", prover=judge)
    assert verdict.healing.status == "healed", verdict.healer
    assert stage.project.heads(str(verdict.healing.tree)) == ["m"]
    assert judge.asked[0].expected_heads == ("m",)


def test_R12_a_revision_may_be_taken_back_or_called_otherwise(stage: Stage) -> None:
    gone, _ = stage.heal(lambda _: {C: None})
    assert gone.healing.status == "healed" and stage.project.heads(str(gone.healing.tree)) == ["b"]
    assert [each["dropped"] for each in gone.to_json()["environments"]] == [[{"revision": "c", "path": C}]]
    other = f"{VERSIONS}/later_step.py"
    renamed, _ = stage.heal(lambda _: {C: None, other: column("m")[C]})
    assert renamed.healing.by_command == (other,)
    (move,) = renamed.to_json()["environments"][0]["moves"]
    assert (move["path"], move["new_path"], move["new_parents"]) == (C, other, ["b"])


def test_R12_a_forked_base_may_be_joined_by_a_revision_with_a_body(stage: Stage) -> None:
    joined = {f"{VERSIONS}/m_step.py": revision("m", "('b', 'c')", up="pass")}
    verdict, command = stage.heal(lambda _: joined, base="forked", head="forked")
    assert command.asked[0]["may_edit"] == []
    assert verdict.healing.status == "healed", verdict.healer
    assert stage.project.heads(str(verdict.healing.tree)) == ["m"]
    touching, _ = stage.heal(lambda _: column("m"), base="forked", head="forked")
    assert outcomes(touching) == ["not_allowed"], "c is on the base too"


def test_R12_rows_that_meet_need_seed_rows(stage: Stage) -> None:
    verdict, _ = stage.heal(
        lambda _: {C: revision("c", "'a'", up='op.execute("UPDATE t_a SET id = id")')},
        base="data",
        head="rows",
    )
    assert outcomes(verdict) == ["refused"]
    assert verdict.healer is not None and "migrations.seed" in in_words(verdict.healer)


@pytest.mark.parametrize(
    ("head", "more", "said"),
    [
        pytest.param("clash", ALEMBIC % "", "merge_conflict", id="git's own conflict"),
        pytest.param(
            "column", ALEMBIC % ", on_fork: stop", "stopped_by_policy", id="the contract stops there"
        ),
    ],
)
def test_R12_what_no_migration_can_mend_is_not_asked(stage: Stage, head: str, more: str, said: str) -> None:
    verdict, command = stage.heal(head=head, more=more)
    assert command.asked == []
    assert verdict.healer is not None and said in in_words(verdict.healer)


def test_R12_nobody_is_asked_twice_about_one_head_on_one_base(stage: Stage) -> None:
    memory = Remembered()
    first, command = stage.heal(lambda _: b"", memory=memory, attempts=2)
    again, silent = stage.heal(lambda _: column("m"), memory=memory, attempts=2)
    assert (len(command.asked), len(silent.asked)) == (2, 0)
    assert outcomes(first) == outcomes(again) == ["empty"] * 2
    assert again.healer is not None and again.healer.remembered


def test_R12_a_patch_that_was_taken_is_tried_again_before_anybody_is_asked(stage: Stage) -> None:
    memory = Remembered()
    stage.heal(lambda _: column("m"), memory=memory)
    judge = Judge()
    elsewhere, silent = stage.heal(lambda _: b"", memory=memory, base="main~1", prover=judge)
    assert elsewhere.healing.status == "healed" and silent.asked == []
    assert len(judge.asked) == 1, "and proved again"


def test_R12_a_change_that_no_command_mends_is_returned_with_what_was_tried(stage: Stage) -> None:
    rev, prover = stage.project.repo.rev, Judge()
    helper = Helper(command=Played(stage.git, [lambda _: b""]))
    stacker = HealingStacker(git=stage.git, prover=prover, reader=Reader(stage.git), helper=helper)
    onto, head = Sha(rev("main")), Sha(rev("column"))
    returned = stacker.stack(onto, head, rules())
    assert isinstance(returned, Unstackable)
    assert returned.code == "conflict"
    assert returned.details.endswith(
        "The healer command was asked (1 attempt, 0.5 s): it had no patch to give."
    )
    probed = stacker.stack(onto, head, rules(), prove=False)
    assert isinstance(probed, Unstackable) and "It was not asked" in probed.details


@pytest.mark.soak
def test_R12_two_data_migrations_are_healed_once_their_order_shows_no_difference(stage: Stage) -> None:
    def rewritten(statement: str) -> Reply:
        return lambda _: {C: revision("c", "'a'", up=f'op.execute("{statement}")')}

    verdict, _ = stage.heal(
        rewritten("UPDATE t_a SET id = id * 20"),
        rewritten("UPDATE t_a SET id = id + 7"),
        attempts=2,
        base="data",
        head="rows",
        more=ALEMBIC % ", seed: seed.sql",
        prover=SandboxProver(stage.git, Sandbox()),
    )
    assert outcomes(verdict) == ["proof_failed", "accepted"], verdict.healer
    assert verdict.proof is not None and "seed rows, the change, then the base" in str(verdict.proof.routes)


@pytest.mark.soak
def test_R12_a_change_that_needs_the_base_first_is_proved_in_that_order(stage: Stage) -> None:
    verdict, _ = stage.heal(
        lambda _: {C: revision("c", "'a'", up='op.create_index("ix_n", "t_a", ["n"])')},
        prover=SandboxProver(stage.git, Sandbox()),
    )
    assert verdict.healing.status == "healed", verdict.healer
    assert verdict.proof is not None
    assert verdict.proof.routes[-1].name == "the change, then the base: not possible"


SQL = "ALTER TABLE t ADD COLUMN {} INTEGER;\n"


def test_R12_numbered_files_are_patched_with_what_goes_with_them(tmp_path: Path) -> None:
    repo = Repo(tmp_path / "repo").init()
    folder = "migrations"
    repo.commit(
        "base",
        files={
            f"{folder}/000001_t.up.sql": "CREATE TABLE t (id INTEGER);\n",
            f"{folder}/000001_t.down.sql": "DROP TABLE t;\n",
        },
    )
    repo.branch("change")
    up, down = (f"{folder}/000002_c.{way}.sql" for way in ("up", "down"))
    repo.commit("change", files={up: SQL.format("n"), down: "ALTER TABLE t DROP COLUMN n;\n"})
    repo.checkout("main")
    repo.commit(
        "main",
        files={f"{folder}/000002_b.up.sql": SQL.format("n"), f"{folder}/000002_b.down.sql": "SELECT 1;\n"},
    )
    more = {f"{folder}/000004_d.{way}.sql": "SELECT 1;\n" for way in ("up", "down")}
    contract = rules("migrations: [{backend: numbered, config: migrations, proof: off}]\n")
    judge = Judge()
    with GitRepository.open(repo.path) as git:
        command = Played(
            git, [lambda _: {up: SQL.format("m"), down: "ALTER TABLE t DROP COLUMN m;\n", **more}]
        )
        base, head = Sha(repo.rev("main")), Sha(repo.rev("change"))
        verdict = heal(git, base, head, contract, prover=judge, helper=Helper(command=command))
        assert verdict.healing.status == "healed", verdict
        assert command.asked[0]["may_edit"] == [down, up]
        tree = verdict.healing.tree
        assert tree is not None
        names = [entry.path for entry in git.entries(tree)]
    assert f"{folder}/000003_c.up.sql" in names and f"{folder}/000003_c.down.sql" in names and up not in names
    assert set(more) <= set(names)
    (asked,) = judge.asked
    assert asked.both_orders and [(move.path, move.new_path) for move in asked.moves] == [
        (up, f"{folder}/000003_c.up.sql")
    ]
