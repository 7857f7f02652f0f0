"""The comment on a pull request: what people read of each story, and how it is bounded."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pointsman.core.migrations.heal.model import Front
from pointsman.core.pulls.telling import (
    MARKER,
    BeingTested,
    CheckTold,
    HealedGraph,
    HealTold,
    Held,
    LandedAs,
    Landing,
    MigrationsTold,
    NotQueued,
    Passed,
    PullStory,
    Queued,
    Returned,
    Withdrawn,
    compose_comment,
    compose_status,
    draw_before_after,
    is_ours,
    unpaced,
)
from pointsman.core.queue.model import Reason
from tests.core.pulls.telling_facts import (
    BASE,
    CHECKS,
    CONFLICT,
    HEALED,
    TESTED,
    conflicted,
    judged,
    merged,
    reparented,
    revision,
    story,
)

RED = Reason(
    code="red",
    text="check 'unit' failed (test_login): exit code 1. Mend it on the branch and submit again.",
    details="E   assert 401 == 200",
    reproduce="git worktree add --detach ../pointsman-cafe && make test",
)


def lines(told: PullStory) -> list[str]:
    """What is said before the folds."""
    return compose_comment(told).partition("<details>")[0].splitlines()


def test_a_healed_change_that_is_tested() -> None:
    told = story(
        stage=BeingTested(commit=TESTED, checks=CHECKS, together=("#13",)),
        heal=HEALED,
        priority=10,
        depends_on=("#7",),
    )
    assert compose_comment(told) == (
        """\
<!-- pointsman:comment v1 -->

**Being tested** as cafe567890abcdef1234567890abcdef12345678, for `main`.

- Role `web`; priority 10; depends on `#7`.
- Checks: ✓ [`unit`](https://ci.example.org/1) passed, … [`lint`](https://ci.example.org/2) running, · `e2e` due.
- Tested together with `#13`.
- The migration fork was healed in 1.8 s by hanging its revisions behind the base's: `bb11 now follows aa22`.
- Proof: `proved on scratch SQLite in 1.2 s: from empty; from the base's head`.
- A database that already ran `bb11` (a preview, say) will not run `aa11` and `aa22`: make it anew.

<details><summary>The migrations before and after</summary>

```text
alembic.ini
before  f0f0 ─┬─ aa11 ─── aa22
              └─ bb11
after   f0f0 ─── aa11 ─── aa22 ─── bb11
```

```text
migrations/versions/bb11_step.py: bb11 follows aa22, was f0f0
```

</details>
"""
    )


FORK, BOTH = "The migration fork was healed in 2.0 s", "What both sides changed was settled in 2.0 s"


@pytest.mark.parametrize(
    ("strategy", "said"),
    [
        ("reparent", FORK + " by hanging its revisions behind the base's: `it`."),
        ("merge_revision+additive", FORK + " by a merge revision: `it`."),
        ("healer_command+reparent", FORK + " by hanging its revisions behind the base's: `it`."),
        ("additive", BOTH + " by keeping the lines of both: `it`."),
        ("regenerated", BOTH + " by making files anew: `it`."),
        ("regenerated+additive", BOTH + " by keeping the lines of both and making files anew: `it`."),
        ("healer_command", BOTH + " by the healer command: `it`."),
        ("", FORK + ": `it`."),
    ],
)  # fmt: skip
def test_what_was_mended_is_called_what_it_was(strategy: str, said: str) -> None:
    told = HealTold(strategy=strategy, summary="it", proof="", seconds=2.0)
    assert f"- {said}" in lines(story(stage=LandedAs(commit=TESTED), heal=told))


def test_a_red_check_comes_with_its_log_and_the_command_that_shows_it_again() -> None:
    failed = CheckTold(
        name="unit",
        state="failed",
        url="https://ci.example.org/1",
        why="exit code 1 (test_login)",
        log_tail="test_login\nE   assert 401 == 200\n",
    )
    assert compose_comment(story(stage=Returned(reason=RED, failed=(failed,)))) == (
        """\
<!-- pointsman:comment v1 -->

**Returned: a check failed.**

```text
check 'unit' failed (test_login): exit code 1. Mend it on the branch and submit again.
```

- Role `web`.
- [`unit`](https://ci.example.org/1) failed: `exit code 1 (test_login)`.
- Mend it, push and comment `/queue`; `/retry` queues the same head again.

<details><summary>The command that shows it again</summary>

```sh
git worktree add --detach ../pointsman-cafe && make test
```

</details>

<details><summary>The end of the log</summary>

`unit`

```text
test_login
E   assert 401 == 200
```

</details>
"""
    )


def test_both_sides_of_a_conflict_stand_side_by_side_R11() -> None:
    reason = Reason(code="conflict", text=CONFLICT.message.splitlines()[0], details="the same once more")
    said = compose_comment(story(stage=Returned(reason=reason), judged=judged(migrations=conflicted())))
    row = said[said.index("<table>") : said.index("</table>")]
    assert "migrations/versions/aa11_step.py:14" in row and "migrations/versions/bb11_step.py:21" in row
    assert "nullable=False" in row and "type_=sa.Text()" in row
    assert "both alter column users.email" in said
    assert "the same once more" not in said, "what the table shows is not said twice"


def test_a_clash_is_told_at_once_with_the_next_step_and_its_fork_R11() -> None:
    reason = Reason(code="conflict", text=CONFLICT.message.splitlines()[0])
    fork = replace(reparented(), refused=True)
    told = replace(conflicted(), graphs=(fork,))
    said = compose_comment(story(stage=Returned(reason=reason), judged=judged(migrations=told)))
    first, _, folded = said.partition("<details>")
    assert "both alter column users.email\n```" in first
    assert "- Merge the base into the change, settle which operation is to hold" in first
    assert "Then push and comment `/queue`" in first
    assert "before  f0f0 ─┬─ aa11 ─── aa22" in folded and "after" not in folded
    assert "follows aa22" not in said, "what was not done is not told as done"


@pytest.mark.parametrize(
    ("stage", "said"),
    [
        (NotQueued(), "**Not in the queue.** Comment `/queue` to land it on `main`."),
        (Queued(position=2, of=5), "**In the queue for `main`: number 2 of 5.**"),
        (Queued(position=1, of=5, waits="x"), "**In the queue for `main`: number 1 of 5, and it waits.**"),
        (Queued(position=0, of=5, waits="x"), "**In the queue for `main`, and it waits.**"),
        (Held(why="ada"), "**Held.** It keeps its place and is not tested; `/unhold` lets it go on."),
        (BeingTested(commit=TESTED, checks=()), f"**Being tested** as {TESTED}, for `main`."),
        (
            Passed(commit=TESTED),
            f"**Every check passed** on {TESTED}; it lands on `main` when what is ahead has landed.",
        ),
        (Landing(commit=TESTED), f"**Landing** on `main` as {TESTED}."),
        (LandedAs(commit=TESTED), f"**Landed on `main`** as {TESTED}."),
        (Returned(reason=RED), "**Returned: a check failed.**"),
        (Returned(reason=replace(RED, code="new_word")), "**Returned: `new_word`.**"),
        (Withdrawn(), "**Taken out of the queue.** `/queue` puts it back."),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else "",
)
def test_the_headline_says_where_it_stands(stage: object, said: str) -> None:
    assert lines(story(stage=stage))[2] == said


@pytest.mark.parametrize(
    ("told", "box"),
    [
        (
            story(stage=Queued(position=0, of=1, waits="depends on #7, which is red")),
            "depends on #7, which is red",
        ),
        (story(stage=Held(why="held by ada: after the release")), "held by ada: after the release"),
        (story(paused="3 changes in a row were red."), "3 changes in a row were red."),
    ],
    ids=["waits", "held", "paused"],
)
def test_why_it_does_not_go_on_is_said_in_a_box(told: PullStory, box: str) -> None:
    assert f"```text\n{box}\n```" in compose_comment(told)


def test_what_the_contract_says_and_whose_approval_is_missing_R31() -> None:
    told = story(stage=NotQueued(), judged=judged("web/secrets/key", "migrations/versions/a.py"))
    assert lines(told)[4:7] == [
        "- Role `web`.",
        "- The contract does not allow it: `web/secrets/key`.",
        "- Waits for 1 approval of `schema` by `lead (user: lead)`.",
    ]
    assert "role web cannot touch /web/secrets/**; no approval changes that" in compose_comment(told)


def test_a_fork_that_will_be_healed_is_announced_with_its_graph_R13() -> None:
    healing = MigrationsTold(status="healed", graphs=(reparented(),))
    said = compose_comment(story(judged=judged(migrations=healing)))
    assert "Its migrations fork from those on the base branch; the fork is healed when it lands." in said
    assert "after   f0f0 ─── aa11 ─── aa22 ─── bb11" in said
    assert "@" not in said, "nobody is called for a heal"


def test_an_author_without_a_role_reads_which_roles_were_looked_at() -> None:
    nobody = judged(
        contract=None, role=None, why_no_role="ada has no role on branch 'x':\n  web (line 10): no"
    )
    said = compose_comment(story(stage=NotQueued(), judged=nobody))
    assert "The contract gives `ada` no role on `agent/login`." in said
    assert "web (line 10): no" in said


def test_a_base_whose_contract_cannot_be_read_is_said_so() -> None:
    said = compose_comment(story(judged=judged(contract=None, role=None, problem=".pointsman.yml:3:1 x")))
    assert "Nothing can land: the contract on the base branch can't be read." in said
    assert ".pointsman.yml:3:1 x" in said


def test_two_pull_requests_with_one_head_are_named_rule_17() -> None:
    assert "- #7 and #12 have the very same head commit" in compose_comment(story(same_head=(7,)))


def test_the_comment_is_known_by_its_marker_rule_9() -> None:
    assert compose_comment(story()).splitlines()[0] == MARKER
    assert is_ours(compose_comment(story()))
    assert not is_ours("> <!-- pointsman:comment v1 -->")


def test_status_says_the_same_without_marker_and_folds() -> None:
    told = story(stage=BeingTested(commit=TESTED, checks=CHECKS), heal=HEALED)
    assert compose_status(told) == "\n".join(lines(told)[2:]).strip()


def test_at_most_ten_lines_whatever_there_is_to_tell() -> None:
    told = story(
        stage=Returned(reason=RED, failed=tuple(replace(CHECKS[0], name=f"c{i}") for i in range(9))),
        heal=HEALED,
        priority=3,
        depends_on=("#1",) * 40,
        same_head=(1, 2, 3),
        judged=judged("web/secrets/a", "migrations/a", migrations=conflicted()),
    )
    assert len([line for line in lines(told) if line.startswith("- ")]) <= 10


def test_a_story_of_any_length_fits_and_says_what_was_left_out() -> None:
    failed = tuple(
        replace(CHECKS[0], name=f"check {i}", state="failed", log_tail="ü" * 300_000) for i in range(3)
    )
    refusals = tuple(replace(CONFLICT, message="x\n" + "ß`" * 200_000) for _ in range(6))
    told = story(
        stage=Returned(reason=replace(RED, text="y" * 100_000, reproduce="z" * 100_000), failed=failed),
        judged=judged(
            "web/secrets/a",
            migrations=MigrationsTold(status="refused", refusals=refusals),
            branch="b" * 90_000,
        ),
        lane="m" * 90_000,
        depends_on=("d" * 90_000,) * 90,
    )
    said = compose_comment(told)
    assert len(said.encode()) <= 60_000
    assert said.count("<details>") == said.count("</details>")


def test_details_go_first_where_there_is_no_room() -> None:
    lines_of_log = "\n".join(f"{i:06} {'x' * 100}" for i in range(5000))
    failed = tuple(replace(CHECKS[0], state="failed", log_tail=lines_of_log) for _ in range(3))
    refusals = tuple(replace(CONFLICT, message=f"no quotes\n{lines_of_log}") for _ in range(6))
    told = story(
        stage=Returned(reason=RED, failed=failed),
        judged=judged(migrations=MigrationsTold(status="refused", refusals=refusals)),
    )
    said = compose_comment(told)
    assert len(said.encode()) <= 60_000
    assert "make test" in said, "the command comes before the logs"
    assert "004999" in said and "000001" not in said.partition("The migrations")[0], "of a log its end"
    assert "sections left out here for length" in said


def test_a_story_is_no_news_when_only_its_place_or_a_running_check_changed() -> None:
    first, second = story(stage=Queued(position=2, of=5)), story(stage=Queued(position=1, of=9))
    assert unpaced(first) == unpaced(second)
    testing = story(stage=BeingTested(commit=TESTED, checks=CHECKS))
    later = story(
        stage=BeingTested(commit=BASE, checks=tuple(replace(one, state="passed") for one in CHECKS))
    )
    assert unpaced(testing) == unpaced(later) == unpaced(story(stage=Passed(commit=TESTED)))
    red = story(stage=BeingTested(commit=TESTED, checks=(replace(CHECKS[0], state="failed"),)))
    assert len({repr(unpaced(one)) for one in (first, testing, red, story(heal=HEALED))}) == 4


class TestGraph:
    def test_a_merge_revision_joins_both_sides(self) -> None:
        assert draw_before_after(merged()).splitlines() == [
            "alembic.ini",
            "before  f0f0 ─┬─ aa11",
            "              └─ bb11",
            "after   f0f0 ─┬─ aa11 ─┬─ cc33",
            "              └─ bb11 ─┘",
        ]

    def test_the_middle_of_a_long_chain_is_counted(self) -> None:
        left = tuple(revision(f"r{i}", f"r{i - 1}" if i else "f0f0") for i in range(40))
        front = Front(left=left, right=(revision("bb11", "f0f0"),), fork=("f0f0",))
        move = replace(reparented().plan.moves[0], new_parents=("r39",))
        plan = replace(reparented().plan, fronts=(front,), moves=(move,))
        drawn = draw_before_after(HealedGraph(plan=plan)).splitlines()
        assert drawn[1:3] == ["before  f0f0 ─┬─ r0 ─── (38 more) ─── r39", "              └─ bb11"]

    def test_a_dropped_merge_revision_is_not_drawn_after(self) -> None:
        plan = reparented().plan
        gone = replace(plan, drops=(revision("bb11"),), moves=())
        assert draw_before_after(HealedGraph(plan=gone)).splitlines()[-1] == "after   f0f0 ─── aa11 ─── aa22"

    def test_a_renumbered_revision_has_its_new_name_after(self) -> None:
        plan = reparented().plan
        moved = replace(plan, moves=(replace(plan.moves[0], new_revision="0008"),))
        assert draw_before_after(HealedGraph(plan=moved)).splitlines()[-1].endswith("aa22 ─── 0008")

    def test_what_moves_outside_of_any_fork_is_drawn_with_what_it_follows(self) -> None:
        plan = replace(reparented().plan, fronts=())
        drawn = draw_before_after(HealedGraph(plan=plan))
        assert {"f0f0", "aa22", "bb11"} <= set(drawn.split())
