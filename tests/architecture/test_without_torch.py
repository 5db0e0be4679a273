"""Everything over stored outcomes works where torch is not installed (the release check runs the same in such a place)."""

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / ".ci" / "without_torch.py"


def test_outcomes_are_added_compared_and_reported_without_torch():
    done = subprocess.run([sys.executable, SCRIPT, "--block"], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "this command needs torch" in done.stdout
