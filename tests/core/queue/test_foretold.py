"""What a person is told of a forecast, word for word."""

from __future__ import annotations

import json
from dataclasses import replace

from pointsman.core.queue.forecast import End, History
from pointsman.core.queue.foretold import Foretold, Neighbour, as_json, phrase, sentences
from pointsman.core.queue.observation import Pace
from pointsman.core.queue.overlap import Overlap
from tests.core.queue.facts import change


def told() -> Foretold:
    history = History()
    for place in range(300):
        history.learn(("role:coder", "area:db"), End.RED if place % 3 == 0 else End.GREEN)
        history.learn(("role:docs",), End.GREEN)
    return Foretold(
        change=change(7, title="Teach \x1b[31mthe parser"),
        place=3,
        role="coder",
        alone=history.alone(("role:coder", "area:db", "size:3")),
        joint=0.042,
        neighbours=(
            Neighbour(change=change(2), how=Overlap.DESTRUCTIVE, where=("a.py", "src/b.py")),
            Neighbour(change=change(3), how=Overlap.MIGRATIONS, where=()),
            *(Neighbour(change=change(n), how=Overlap.ADDITIVE, where=("docs",)) for n in range(20, 27)),
        ),
        pace=Pace(gate=754.0, ended=(True, False, True)),
        ended=600,
        is_read=True,
    )


def test_R67_a_forecast_is_explained_part_by_part() -> None:
    assert list(sentences(told())) == [
        "#7 agent/7, place 3: Teach \\x1b[31mthe parser",
        "  red by itself: 42 % (all changes: 16 %, learnt from 600 that ended)",
        "    touches db/: likelier, the odds times 1.93",
        "    role coder: likelier, the odds times 1.93",
        "  red only together with another: 4.2 %",
        "    changes the same files as #2 agent/2: a.py, src/b.py",
        "    brings a migration, like #3 agent/3",
        "    adds files beside those of #20 agent/20, #21 agent/21, #22 agent/22, #23 agent/23, #24 agent/24"
        " and 2 more",
        "  the lane: a gate takes about 12.6 min; 2 of the last 3 changes landed",
    ]


def test_what_is_not_known_is_said_to_be() -> None:
    bare = replace(told(), ended=0, neighbours=(), pace=Pace(), alone=History().alone(()))
    assert list(sentences(bare))[1:] == [
        "  red by itself: 8.3 % (all changes: 8.3 %, a guess: none has ended yet)",
        "  red only together with another: 4.2 %",
        "    it meets none of those ahead of it",
    ]
    unread = list(sentences(replace(bare, is_read=False)))
    assert unread[-1] == "  red only together with another: not known, its commits could not be read"
    assert list(sentences(replace(bare, place=1)))[-1].endswith("it is the first in line")


def test_the_json_holds_the_same_numbers() -> None:
    value = json.loads(json.dumps(as_json(told())))
    assert value["together"]["meets"][0] == {
        "change": 2,
        "branch": "agent/2",
        "how": "destructive",
        "where": ["a.py", "src/b.py"],
    }
    odds = value["alone"]["base"] / (1 - value["alone"]["base"])
    for part in value["alone"]["parts"]:
        odds *= part["factor"]
    assert round(odds / (1 + odds), 2) == round(value["alone"]["probability"], 2)
    assert as_json(replace(told(), is_read=False))["together"]["probability"] is None


def test_every_word_has_its_phrase() -> None:
    words = ("size:0", "size:9", "area:.", "migration:no", "heals:yes", "retry:yes", "retry:no", "odd")
    assert [phrase(word) for word in words] == [
        "touches nothing",
        "touches 16 files or more",
        "touches files at the root",
        "brings no migration",
        "its migrations had to be healed",
        "this branch came back before",
        "this branch never came back before",
        "odd",
    ]
