"""From bytes to a contract, or to every mistake in them; no file is opened here."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from pointsman.core.contract.identity import Identity
from pointsman.core.contract.model import ALL_ROW, ALWAYS, CONTRACT_PATH, NO_ROLE, Contract, MatrixRow
from pointsman.core.contract.reading.nodes import Node, Scalar, Table, read_nodes
from pointsman.core.contract.reading.problems import ContractError, ContractErrors, ErrorLog
from pointsman.core.contract.reading.references import Known, identities_shape
from pointsman.core.contract.reading.schema import contract_shape
from pointsman.core.contract.reading.shapes import INVALID, At, frozen


def load(data: bytes, *, source: str = CONTRACT_PATH) -> Contract | ContractErrors:
    """The contract in `data`, or all that is wrong with it, each with its place in `source`."""
    root = read_nodes(data, source=source)
    if isinstance(root, ContractError):
        return ContractErrors(errors=(root,))
    log = ErrorLog(source)
    values = contract_shape(_known(root, source)).read(root, At(), log)
    errors = log.errors()
    if errors is not None:
        return errors
    assert values is not INVALID, "an unreadable contract has to say why"  # noqa: S101
    return _contract(values, source, hashlib.sha256(data).hexdigest())


def _contract(values: dict[str, Any], source: str, digest: str) -> Contract:
    checks = values.get("checks", {})
    rows: Mapping[str, MatrixRow] = values.get("matrix", {ALL_ROW: MatrixRow(add=tuple(checks))})
    # A row may name what is always required without declaring it; it is required all the same.
    values["matrix"] = frozen(
        {
            role: replace(row, add=tuple(name for name in row.add if name in checks))
            for role, row in rows.items()
        }
    )
    return Contract(**values, source=source, digest=digest)


def _known(root: Node, source: str) -> Known:
    """The names that the contract defines, readable or not; what is wrong with them is logged later."""
    identities = _section(root, "identities")
    read: Mapping[str, Identity] = {}
    if isinstance(identities, Table):
        found = identities_shape().read(identities, At(key="identities"), ErrorLog(source))
        read = {} if found is INVALID else found
    checks = dict(_named(_section(root, "checks")))
    default = _section(root, "default_role")
    return Known(
        identities=read,
        identity_names=dict(_named(identities)),
        roles=dict(_named(_section(root, "roles"))),
        checks=dict.fromkeys([*checks, *ALWAYS]),
        fixed_checks={name for name in ALWAYS if name not in checks}
        | {name for name, check in checks.items() if _is_fixed(check)},
        default_role=default.text if isinstance(default, Scalar) else NO_ROLE,
    )


def _is_fixed(check: Node) -> bool:
    builtin = _section(check, "builtin")
    return isinstance(builtin, Scalar) and builtin.text in ALWAYS


def _section(node: Node | None, name: str) -> Node | None:
    return next((value for key, value in _named(node) if key == name), None)


def _named(node: Node | None) -> Iterator[tuple[str, Node]]:
    pairs = node.pairs if isinstance(node, Table) else ()
    return ((key.text, value) for key, value in pairs if isinstance(key, Scalar))
