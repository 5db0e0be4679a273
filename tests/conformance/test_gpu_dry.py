"""``make gpu`` without a GPU: every part of it runs, small, so that the eight minutes on one are not its first try."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "gpu.py"


def dry(out, *more):
    command = [sys.executable, str(SCRIPT), "--dry", "--out", str(out), *more]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=280, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )


def test_every_part_answers_and_a_second_run_goes_on(tmp_path):
    done = dry(tmp_path)
    assert done.returncode == 0, done.stderr
    answers = json.loads((tmp_path / "gpu.json").read_text())
    parts = re.findall(r'^    "(\w+)": (\w+),$', SCRIPT.read_text(), flags=re.MULTILINE)
    assert list(answers) == [name for name, function in parts if name == function]
    assert all("error" not in answer for answer in answers.values()), answers
    assert all(way["same_bytes"] for way in answers["training"].values() if isinstance(way, dict))
    assert answers["tests"]["exit"] == answers["study"]["exit"] == 0
    assert answers["determinism"]["training"]
    assert answers["determinism"]["snip"]
    page = (tmp_path / "gpu.md").read_text()
    assert "nothing here is a measurement of a GPU" in page
    assert all(f"## {name}" in page for name in answers)
    again = dry(tmp_path, "--only", "training", "evaluation")
    assert again.returncode == 0, again.stderr
    assert json.loads((tmp_path / "gpu.json").read_text()) == answers  # nothing is measured twice
