"""What a contract says of healing, in the healer's words; the defaults where it says nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pointsman.core.migrations.apart import Placed
from pointsman.core.migrations.heal.model import HealPolicy
from pointsman.core.migrations.model import Layout

if TYPE_CHECKING:
    from pointsman.core.contract import Contract, MigrationPolicy
    from pointsman.core.contract.model import Sandbox
    from pointsman.core.proof import ProofPolicy


@dataclass(frozen=True, kw_only=True, slots=True)
class HealRule:
    """How one environment is healed and proved. Without a contract a proof counts where it can run.

    `seed`: a file of SQL whose rows both orders start from; `models`: hold the schema against the models; `sandbox`:
    what the contract demands of a place where the change's code runs."""

    policy: HealPolicy = field(default_factory=HealPolicy)
    proof: ProofPolicy = "when_possible"
    python: str | None = None
    url_env: tuple[str, ...] = ()
    database: str = "auto"
    seed: str | None = None
    models: bool = False
    sandbox: Sandbox | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class HealRules:
    """The rule of every environment. `tools` are those of whole backends, by name. `only`: configs that the contract
    names, () is all that are found. `by_folder`: those of entries that name version folders."""

    default: HealRule = field(default_factory=HealRule)
    named: Mapping[str, HealRule] = field(default_factory=dict)
    tools: Mapping[str, HealRule] = field(default_factory=dict)
    only: tuple[str, ...] = ()
    by_folder: Mapping[Placed, HealRule] = field(default_factory=dict)

    @property
    def placed(self) -> tuple[Placed, ...]:
        """The entries that name version folders, in the contract's order."""
        return tuple(self.by_folder)

    def of(self, layout: Layout) -> HealRule:
        """The contract's own entry for those version folders, else for that config or folder, else the one for all of
        its backend, else the first for all of any."""
        by_folder = (
            rule
            for entry, rule in self.by_folder.items()
            if entry.folders == layout.versions and entry.means(layout)
        )
        own = next(by_folder, None) or self.named.get(layout.config) or self.named.get(layout.home)
        return own or self.tools.get(layout.backend) or self.default


def rules_of(contract: Contract | None) -> HealRules:
    """The rules that a contract sets; None is no contract."""
    if contract is None:
        return HealRules()
    if not contract.migrations:
        return HealRules(default=HealRule(sandbox=contract.sandbox))
    rules = [(m, _rule(m, contract.sandbox)) for m in contract.migrations]
    named = {m.config.strip("/"): rule for m, rule in rules if m.config is not None}
    general = {m.backend: rule for m, rule in reversed(rules) if m.config is None}
    default = next((rule for m, rule in rules if m.config is None), HealRule(sandbox=contract.sandbox))
    by_folder = {
        Placed(m.backend, m.config and m.config.strip("/"), tuple(f.strip("/") for f in m.versions)): rule
        for m, rule in rules
        if m.versions
    }
    only = () if general else tuple(named)
    return HealRules(default=default, named=named, tools=general, only=only, by_folder=by_folder)


def _rule(one: MigrationPolicy, sandbox: Sandbox) -> HealRule:
    policy = HealPolicy(
        on_fork=one.on_fork,
        published=one.published,
        one_head=one.one_head,
        two_heads=one.two_heads,
        same_table=one.same_table,
        # Without rows to start from a proof by both orders shows nothing of data.
        same_data=one.same_data if one.seed is not None and one.proof != "off" else "stop",
        stop_if=frozenset(one.stop_if),
    )
    return HealRule(
        policy=policy,
        proof=one.proof,
        python=one.python,
        url_env=one.url_env,
        database=one.database,
        seed=one.seed,
        models=one.models == "check",
        sandbox=sandbox,
    )
