"""A heal with its fix commit, the same in every job that makes it; it moves no ref."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pointsman.adapters.git.repository import GitRepository
    from pointsman.core.model import Sha
    from pointsman.core.proof import Prover
    from pointsman.service.heal.verdict import Verdict

NAME, EMAIL = "Pointsman", "pointsman@localhost"


@dataclass(frozen=True, kw_only=True, slots=True)
class Fix:
    """The verdict on the merge; `commit` is None unless it was healed."""

    verdict: Verdict
    commit: Sha | None


def fix(git: GitRepository, base: Sha, head: Sha, *, prover: Prover | None) -> Fix:
    """Heal the merge of `head` into `base` under the contract on `base`. Author, committer and date follow from the
    two commits, so that whoever heals them gets the very same commit."""
    from pointsman.core.model import Signature
    from pointsman.service.contracts import find_contract
    from pointsman.service.heal.commit import commit
    from pointsman.service.heal.verdict import heal
    from pointsman.wiring import open_reader

    verdict = heal(git, base, head, find_contract(git, base), prover=prover, reader=open_reader(git))
    if verdict.healing.status != "healed":
        return Fix(verdict=verdict, commit=None)
    when = max(git.commit_facts(each).committer.when for each in {base, head})
    who = Signature(name=NAME, email=EMAIL, when=when)
    return Fix(verdict=verdict, commit=commit(git, verdict.healing, author=who, committer=who))
