"""The only place that picks concrete classes: for a plain git repository here, for GitHub in `wiring.github`."""

from pointsman.wiring.local import (
    STATE_FOLDER,
    LocalQueue,
    base_contract,
    examine,
    local_queue,
    open_git,
    open_healer,
    open_prover,
    open_reader,
    open_regenerator,
    open_store,
    state_folder,
)

__all__ = [
    "STATE_FOLDER",
    "LocalQueue",
    "base_contract",
    "examine",
    "local_queue",
    "open_git",
    "open_healer",
    "open_prover",
    "open_reader",
    "open_regenerator",
    "open_store",
    "state_folder",
]
