"""The sections that say how the queue works: its policy, ceilings, resources and deployments, as tables."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

from pointsman.core.contract import model
from pointsman.core.contract.overlap import paths_meet
from pointsman.core.contract.reading.calendar import freeze_shape
from pointsman.core.contract.reading.nodes import Node
from pointsman.core.contract.reading.problems import ErrorLog
from pointsman.core.contract.reading.records import Key, ListOf, MapOf, Record
from pointsman.core.contract.reading.references import Known, Reference
from pointsman.core.contract.reading.shapes import (
    INVALID,
    At,
    Choice,
    Duration,
    Flag,
    Json,
    Text,
    Whole,
    wrong,
)
from pointsman.core.contract.reading.words import AREA, COMMAND, PATTERNS, SENTENCE, choice, name_of, words

_WORKFLOW = Text(
    "the name of a workflow's file such as deploy.yml",
    r"[A-Za-z0-9_][A-Za-z0-9_.\-]*\.ya?ml",
    "; it is a file in .github/workflows/, written without the folder",
)


MAX_AREA_PATTERN = 200
MAX_AREA_PATTERNS = 2000
"""Characters of one pattern and of all: whether two can match one path costs the product of their lengths."""


@dataclass(frozen=True, slots=True)
class Areas:
    """Named lists of path patterns, two at least; no path may be in two of them, or neither would be independent."""

    def read(self, node: Node, at: At, log: ErrorLog) -> Any:
        areas = self._map().read(node, at, log)
        if areas is INVALID:
            return INVALID
        lengths = [len(pattern.text) for patterns in areas.values() for pattern in patterns]
        if max(lengths, default=0) > MAX_AREA_PATTERN or sum(lengths) > MAX_AREA_PATTERNS:
            bound = f"{MAX_AREA_PATTERN} characters in a pattern and {MAX_AREA_PATTERNS:,} in all"
            return wrong(node, at, log, f"the patterns of areas are too long; there may be {bound}")
        shared = [
            (pattern, f"{other.text} of {theirs} (line {other.line})")
            for (theirs, others), (_, ours) in combinations(areas.items(), 2)
            for pattern in ours
            for other in others
            if paths_meet(pattern.text, other.text)
        ]
        for pattern, other in shared:
            what = f"{pattern.text} and {other} can match one path; areas that are tested apart share none"
            log.add(pattern.line, pattern.column, pattern.key, what)
        return INVALID if shared else areas

    def schema(self) -> Json:
        return self._map().schema()

    def _map(self) -> MapOf:
        name = name_of("a name for an area")
        what = "areas with their paths, such as {web: [/web/], api: [/api/]}"
        return MapOf(value=PATTERNS, name=name, at_least=2, what=what)


def _retry(**values: Any) -> model.Retry:
    flaky = values.pop("flaky", {})
    return model.Retry(**{**flaky, **values})


def queue_shape() -> Record:
    of = model.QueuePolicy
    rerun = Key(Flag(), "Ask the base whether it fails too.")
    retry = Record(
        build=_retry,
        keys={
            "max": Key(Whole(minimum=1), "Attempts in all, the first included."),
            "same_failure": choice(model.Retry, "same_failure", "The same failure a second time."),
            "rerun_on_base": rerun,
            "flaky": Key(Record(build=dict, keys={"rerun_on_base": rerun})),
        },
    )
    overlap = Record(
        build=model.Overlap,
        keys={
            "destructive": choice(model.Overlap, "destructive", "Two changes of one file."),
            "additive": choice(model.Overlap, "additive", "Two changes that only add files."),
        },
    )
    priority = ListOf(Choice(words(of, "priority")), at_least=1)
    return Record(
        build=model.QueuePolicy,
        keys={
            "mode": choice(
                of, "mode", "Which candidates are tested at once; each strategy lands tested trees only."
            ),
            "max_batch": Key(
                Whole(minimum=1), "Changes that a candidate may add; absent: as the strategy sees fit."
            ),
            "on_red": choice(of, "on_red", "What becomes of a batch that fails."),
            "speculate": Key(
                Whole(), "Candidates on top of the one under test; absent: as the strategy sees fit."
            ),
            "merge_method": choice(of, "merge_method", "How a change lands."),
            "retry": Key(retry, "How often a change is tried again."),
            "priority": Key(priority, "What decides the order, most important first."),
            "overlap": Key(overlap, "What changes may do at once."),
            "pause_after": Key(Whole(), "So many failed lands in a row pause the lane; 0: never."),
            "freeze": Key(freeze_shape(), "When nothing lands but hotfixes."),
            "independent": Key(Areas(), "Areas whose changes land beside each other without a test of both."),
        },
    )


def limits_shape(known: Known) -> Record:
    area = Record(
        build=model.AreaLimit,
        keys={
            "area": Key(AREA, "The paths.", required=True),
            "max": Key(Whole(minimum=1), "Open changes that touch them.", required=True),
            "over": choice(model.AreaLimit, "over", "What happens to the newest."),
        },
    )
    return Record(
        build=model.Limits,
        keys={
            "running_gates": Key(Whole(minimum=1), "Gate runs at once."),
            "writers_per_role": Key(
                MapOf(value=Whole(minimum=1), name=Reference(what="role", known=known.roles)),
                "So many changes of a role may be in the gate, or claimed, at once.",
            ),
            "agents": Key(Whole(minimum=1), "Claims held at once, of all roles."),
            "max_base_age": Key(Duration(), "How old a change's base may be."),
            "max_behind": Key(Whole(), "How many commits behind the base it may be."),
            "open_prs_per_area": Key(ListOf(area, one=True), "Open changes per area."),
            "symlinks": choice(model.Limits, "symlinks", "New and changed symbolic links."),
        },
    )


def writers_shape() -> MapOf:
    return MapOf(
        name=name_of("a name for a resource"),
        value=Record(
            build=model.Writer,
            what="a resource with its holder, such as {holder: queue}",
            named=True,
            placed=True,
            keys={
                "holder": Key(Text("the one who writes to it"), "The single writer.", required=True),
                "kind": choice(model.Writer, "kind", "What it is."),
                "max": Key(Whole(minimum=1, maximum=1), "There is one writer."),
            },
        ),
    )


def deploy_shape() -> Record:
    return Record(
        build=model.Deploy,
        exclusive=("workflow", "environment", "command"),
        keys={
            "workflow": Key(_WORKFLOW, "The workflow that deploys: its file in .github/workflows/."),
            "environment": Key(SENTENCE, "The environment that is deployed to."),
            "command": Key(COMMAND, "What says how the deployment stands: 0 done, 75 not yet, else failed."),
            "post_check": Key(COMMAND, "Run once after each deployment; anything but 0 pauses the lane."),
            "hold_merges": choice(model.Deploy, "hold_merges", "Lands wait for the deploy of the last."),
            "timeout": Key(Duration(), "How long to wait."),
            "on_timeout": choice(model.Deploy, "on_timeout", "What then."),
        },
    )
