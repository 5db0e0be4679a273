import os
import subprocess
import sys

import pytest

from prunekit.store import Store


def offered(line, tmp_path):
    """What bash would offer for the last word of a command line."""
    words = line.split(" ")
    done = subprocess.run(
        [sys.executable, "-m", "prunekit"],
        env=os.environ
        | {
            "_PRUNEKIT_COMPLETE": "complete_bash",
            "_PYTHON_M_PRUNEKIT_COMPLETE": "complete_bash",
            "COMP_WORDS": line,
            "COMP_CWORD": str(len(words) - 1),
            "PRUNEKIT_STORE": str(tmp_path / "store"),
        },
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("prunekit prune x --method si", ["sipp", "sipp-rand"]),
        ("prunekit train --arch resnet11", ["resnet110"]),
        ("prunekit run quickst", ["quickstart"]),
        ("prunekit run quickstart --only si", ["similarity"]),
        ("prunekit potential x --distribution digits+fog@", [f"digits+fog@{level}" for level in range(1, 6)]),
        ("prunekit run none.toml --only s", []),
    ],
)
def test_values_are_offered(line, expected, tmp_path):
    found = offered(line, tmp_path)
    assert set(expected) <= set(found)
    assert bool(found) == bool(expected)


def test_labels_of_the_store_are_offered(tmp_path):
    store = Store(tmp_path / "store")
    (tmp_path / "store" / "labels").mkdir(parents=True)
    (tmp_path / "store" / "labels" / "dense").write_text("train-0123456789abcdef")
    assert "dense" in store.labels()
    assert offered("prunekit show de", tmp_path) == ["dense"]
