"""What a heal changes beyond the merge, as a patch that `git apply` takes on the merged tree; it writes nothing."""

from __future__ import annotations

from pointsman.core.patch import patch
from pointsman.ports import Git
from pointsman.service.heal.model import Healing


def patch_of(git: Git, healing: Healing) -> bytes:
    """Empty where there is nothing to heal, or no merge to apply it on."""
    if healing.merged is None or healing.status != "healed":
        return b""
    changes = []
    for path, new in sorted(healing.files.items()):
        entry = git.entry(healing.merged, path)
        old = next(iter(git.read([entry.oid])))[1] if entry else None
        changes.append((path, old, new))
    return patch(changes)
