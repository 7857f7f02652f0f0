"""kill -9 at instants that nobody chose: real `pointsman run` processes, killed again and again (I1-I5, R15)."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.outside import EVIDENCE, judge_repository
from tests.faults.test_kill import LONG_STORY, template

KILLS = 6


@pytest.mark.soak
def test_R15_killed_at_random_instants_until_the_work_is_done(tmp_path: Path) -> None:
    evidence = tmp_path / EVIDENCE
    template(tmp_path, evidence, LONG_STORY)
    rng = random.Random(20261121)
    (tmp_path / "tmp").mkdir()
    environment = {**os.environ, "TMPDIR": str(tmp_path / "tmp")}
    command = [sys.executable, "-m", "pointsman", "run", "--once", "-C", str(tmp_path / "repo")]
    for _ in range(KILLS):
        run = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            run.wait(rng.uniform(0.3, 1.8))
        except subprocess.TimeoutExpired:
            run.send_signal(signal.SIGKILL)
        run.communicate()
        assert run.returncode in (0, -signal.SIGKILL)
    last = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert last.returncode == 0, last.stderr
    assert judge_repository(tmp_path, evidence) == []
