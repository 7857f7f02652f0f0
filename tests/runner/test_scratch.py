"""Folders for one use: what a killed owner left is removed by whoever comes next, what is held is not."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

from pointsman.adapters.scratch import Scratch, sweep

BOT = Path(__file__).parents[2] / "bot"


def test_i5_the_folder_of_a_killed_owner_is_removed_and_no_other(tmp_path: Path) -> None:
    mine = Scratch("try", tmp_path)
    elsewhere = tmp_path / "outside"
    elsewhere.mkdir()
    (tmp_path / "pointsman-held-link").symlink_to(elsewhere)
    (tmp_path / "pointsman-other").mkdir()
    hold = f"""
        import os, sys
        sys.path.insert(0, {str(BOT)!r})
        from pathlib import Path
        from pointsman.adapters.scratch import Scratch
        made = Scratch("proof", Path({str(tmp_path)!r}))
        (made.path / "deep").mkdir()
        (made.path / "deep" / "file").touch()
        print(made.path, flush=True)
        os.kill(os.getpid(), 9)
        """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(hold)], capture_output=True, text=True, check=False
    )
    left = Path(done.stdout.strip())
    assert (left / "deep" / "file").exists(), done.stderr

    assert sweep(tmp_path) == 1
    assert not left.exists()
    assert mine.path.is_dir()
    assert elsewhere.is_dir()
    assert (tmp_path / "pointsman-other").is_dir()
    mine.close()
    assert not mine.path.exists()


def test_a_folder_that_is_closed_is_gone_with_what_was_made_unreadable_in_it(tmp_path: Path) -> None:
    made = Scratch("proof", tmp_path)
    (made.path / "shut").mkdir()
    (made.path / "shut" / "file").touch()
    (made.path / "shut").chmod(0)

    made.close()

    assert list(tmp_path.iterdir()) == []
