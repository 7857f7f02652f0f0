"""The nouns of migrations: what one file says, one environment holds and what is wrong with it; no rules.

The smallest are named tuples: making a frozen dataclass costs every start of `pointsman heads` a millisecond.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from pointsman.core.model import GitPath, Sha


class Code:
    """Why something is a problem; stable words that scripts compare."""

    DUPLICATE_REVISION: Final = "duplicate_revision"
    MISSING_PARENT: Final = "missing_parent"
    MISSING_DEPENDENCY: Final = "missing_dependency"
    ABBREVIATED_ID: Final = "abbreviated_id"
    CYCLE: Final = "cycle"
    DEPENDENCY_CYCLE: Final = "dependency_cycle"
    COMPUTED_DEPENDENCY: Final = "computed_depends_on"
    DUPLICATE_LABEL: Final = "duplicate_label"
    EMPTY_ID: Final = "empty_id"
    RESERVED_ID: Final = "reserved_id"
    ILLEGAL_ID: Final = "illegal_id"
    NO_DOWN_REVISION: Final = "no_down_revision"
    NO_REVISION: Final = "no_revision"
    COMPUTED: Final = "computed"
    INVALID_VALUE: Final = "invalid_value"
    UNPARSABLE: Final = "unparsable"
    CONFLICT_MARKERS: Final = "conflict_markers"
    TOO_LARGE: Final = "too_large"
    NOT_A_FILE: Final = "not_a_file"
    NO_SCRIPT_LOCATION: Final = "no_script_location"
    BAD_CONFIG: Final = "bad_config"
    VERSION_FOLDERS: Final = "version_folders"


class Issue(NamedTuple):
    """Something wrong that one file's text shows by itself; `message` is a clause without the path."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Parsed:
    """What one revision file says, whatever its path; the same for equal bytes, so it is keyed by blob id.

    `revision` is None where the file has none that can be read, `parents` None where they can't be; () is a
    base. `ordered_elsewhere` is a tool that computes the parent at run time in a way that can't fork, or a revision
    that another one stands for. `replaces` are the revisions that this one stands for (a squash).
    `issues` are the reasons for whatever is missing, and faults that the text shows alone.
    """

    revision: str | None
    parents: tuple[str, ...] | None
    labels: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    issues: tuple[Issue, ...] = ()
    ordered_elsewhere: bool = False
    replaces: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision of one environment; `id` is as written, no `parents` is a base.

    With `parents_known` False its parents can't be read (a `Problem` says so, or another tool orders it)."""

    id: str
    path: GitPath
    oid: Sha
    parents: tuple[str, ...]
    labels: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    parents_known: bool = True
    ordered_elsewhere: bool = False
    replaces: tuple[str, ...] = ()


class Problem(NamedTuple):
    """Something the migration tool would stumble over; `message` is a whole sentence, `paths` may be empty."""

    code: str
    paths: tuple[GitPath, ...]
    message: str


@dataclass(frozen=True, slots=True)
class Layout:
    """Where one environment keeps its revisions, before any of them is read.

    `config` is the file that names it, or the script folder where no file does. `name` tells apart the
    environments of one config (an ini section, a folder); '' for the usual one. `versions` are folders of the tree,
    existing or not; with `recursive` their subfolders count. `home` is the script folder ('' is the root).
    `file_template` is the configured pattern of file names, None for the tool's own. `beside` are the version folders
    of other environments that no setting tells apart: sound only while no revision names one across them.
    `section` is the ini section where that is not the name.
    """

    backend: str
    config: GitPath
    name: str
    home: GitPath
    versions: tuple[GitPath, ...]
    recursive: bool = False
    file_template: str | None = None
    problems: tuple[Problem, ...] = ()
    beside: tuple[GitPath, ...] = ()
    section: str | None = None

    @property
    def key(self) -> tuple[str, str]:
        """Tells the environments of one tree apart, and finds the same one in another tree."""
        return self.config, self.name
