"""What tests share: a store with a small trained network, made once, and the command line as a stranger types it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from PIL import Image

os.environ.setdefault("OMP_NUM_THREADS", "1")
# A busy machine is no fault of the code.
settings.register_profile("prunekit", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("prunekit")

pytest_plugins = ["pretend.plugin"]
FEW_FILES, SLOWEST_FILES = 5, 15
TRAIN = ("train", "--arch", "resnet8", "--dataset", "digits", "--epochs", "1", "--batch-size", "64")


class Ran(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def rows(self):
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def row(self):
        (only,) = self.rows
        return only


def run_prunekit(*args, store, data, stdin="", env=None, timeout=200):
    """Run ``prunekit`` in a process of its own, away from any terminal."""
    environment = os.environ | {
        "PRUNEKIT_STORE": str(store),
        "PRUNEKIT_DATA": str(data),
        "OMP_NUM_THREADS": "1",
        "COLUMNS": "120",
    }
    done = subprocess.run(
        [sys.executable, "-m", "prunekit", *map(str, args)],
        input=stdin,
        capture_output=True,
        text=True,
        env=environment | (env or {}),
        timeout=timeout,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="session")
def data_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="session")
def trained(tmp_path_factory, data_folder):
    """A store that holds one network, trained for one epoch: (store folder, key). Tests copy it before they write."""
    store = tmp_path_factory.mktemp("trained") / "store"
    ran = run_prunekit(*TRAIN, "--label", "small", store=store, data=data_folder)
    assert ran.code == 0, ran.err
    return Path(store), ran.row["key"]


@pytest.fixture
def stranger(data_folder):
    """Call the command line in a process of its own, as a stranger's terminal does."""

    def call(*args, store, **how):
        return run_prunekit(*args, store=store, data=data_folder, **how)

    return call


@pytest.fixture
def cli(tmp_path, data_folder):
    """Call the command line in this process: quick, with the same exit codes and streams."""

    def call(*args, store=tmp_path / "store", stdin=None, env=None):
        return call_inline(args, store, data_folder, stdin, env)

    return call


def call_inline(args, store, data, stdin=None, env=None):
    import contextlib
    import io
    from unittest import mock

    from prunekit.cli.app import main

    out, err = io.StringIO(), io.StringIO()
    environment = {"PRUNEKIT_STORE": str(store), "PRUNEKIT_DATA": str(data)} | (env or {})
    with (
        mock.patch.dict(os.environ, environment),
        mock.patch.object(sys, "stdin", io.StringIO(stdin or "")),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        pytest.raises(SystemExit) as stopped,
    ):
        main([str(arg) for arg in args])
    return Ran(int(stopped.value.code or 0), out.getvalue(), err.getvalue())


@contextmanager
def calling_on(place, data, module, source):
    """A caller of commands, which must exit with ``code``, on a store in ``place`` and networks in a module there."""
    (place / f"{module}.py").write_text(source)

    def call(*args, stdin=None, code=0):
        ran = call_inline(args, place / "store", data, stdin)
        assert ran.code == code, ran.err
        return ran

    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(place)
        yield call


def train_whole(call, arch):
    """Train a network of one epoch on the digits, under the label ``whole``."""
    how = ("--dataset", "digits", "--epochs", "1", "--lr", "0.05", "--batch-size", "64", "--label", "whole")
    call("train", "--arch", arch, *how)


@pytest.fixture
def folder(tmp_path):
    """An image folder as a user would have it: two classes, three training and two test images each, as PNG."""
    for split, count in (("train", 3), ("test", 2)):
        for label, name in enumerate(("cat", "dog")):
            place = tmp_path / "images" / split / name
            place.mkdir(parents=True)
            for image in range(count):
                draws = np.random.default_rng(100 * label + 10 * image + (split == "test"))
                pixels = draws.integers(0, 256, (8, 8, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(place / f"{image}.png")
    return tmp_path / "images"


def pytest_terminal_summary(terminalreporter, config):
    """Say which files took longest, so that what makes the suite slow is seen in every run."""
    seconds = Counter()
    for outcome in terminalreporter.stats.values():
        for report in outcome:
            if hasattr(report, "duration") and hasattr(report, "nodeid"):
                seconds[report.nodeid.partition("::")[0]] += report.duration
    if len(seconds) > FEW_FILES:
        shown = ", ".join(f"{name} {took:.0f} s" for name, took in seconds.most_common(SLOWEST_FILES))
        terminalreporter.write_line(
            f"{sum(seconds.values()):.0f} s in {len(seconds)} files, longest: {shown}"
        )
