"""A study of a few seconds, its bytes when nothing disturbs it, and a way to start it and to kill it."""

import itertools
import json
import os
import queue
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from prunekit.errors import PrunekitError
from prunekit.store.store import Store

RECIPE = """
[[stage]]
label = "parents"
run = ["train"]
arch = "resnet8"
dataset = "folder:{images}"
epochs = 2
batch_size = 8
valid_fraction = 0.25

[[stage]]
label = "pruned"
run = ["prune", "retrain"]
parent = "parents"
sweep = {{ method = ["wt", "ft"], prune_ratio = [0.5] }}

[[stage]]
label = "errors"
run = ["error"]
model = ["parents", "pruned"]
sweep = {{ distribution = ["folder:{images}", "folder:{images}+uniform@0.2"] }}

[[stage]]
label = "similarity"
run = ["noise"]
model = "pruned"
images = 8
draws = 2
levels = [0.0, 0.2]
"""
RESULTS = 15  # 13 steps, and the nominal outcomes of the two networks that are pruned and not yet retrained


class Ended(NamedTuple):
    """How a run ended: exit code (negative: the signal), seconds, and what it said."""

    code: int
    seconds: float
    text: str


class Started:
    """A run that goes on; ``ended`` waits for it."""

    def __init__(self, pid, out, inbox):
        self.pid, self._out, self._inbox = pid, out, inbox

    def ended(self, timeout=200):
        found = self._inbox.get(timeout=timeout)
        return Ended(found["code"], found["seconds"], self._out.read_text())


class Forker:
    """Starts runs of the command line by fork (see ``forker.py``)."""

    def __init__(self, folder):
        self._folder = folder
        self._numbers = itertools.count()
        self._inboxes = {}
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("forker.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ
            | {"OMP_NUM_THREADS": "1", "PRUNEKIT_DATA": str(folder / "data"), "COLUMNS": "200"},
        )
        assert json.loads(self.process.stdout.readline()) == {"ready": True}
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        for line in self.process.stdout:
            message = json.loads(line)
            self._inboxes[message["id"]].put(message)

    def start(self, *args, kill=None, how=(), cwd=None):
        number = next(self._numbers)
        inbox = self._inboxes[number] = queue.Queue()
        out = self._folder / f"{number}.txt"
        order = {"id": number, "args": [str(arg) for arg in args], "kill": kill, "how": list(how)}
        order |= {"out": str(out), "cwd": str(cwd or self._folder)}
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return Started(inbox.get(timeout=60)["pid"], out, inbox)

    def __call__(self, *args, **how):
        return self.start(*args, **how).ended()


@pytest.fixture(scope="session")
def forker(tmp_path_factory):
    forker = Forker(tmp_path_factory.mktemp("forker"))
    yield forker
    forker.process.stdin.close()
    forker.process.wait(timeout=30)


@pytest.fixture(scope="session")
def recipe(tmp_path_factory):
    """A recipe of 13 steps on 48 images of noise."""
    folder = tmp_path_factory.mktemp("study")
    draws = np.random.default_rng(0)
    for split, name, number in itertools.product(("train", "test"), ("cats", "dogs"), range(12)):
        place = folder / "images" / split / name
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(draws.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(place / f"{number}.png")
    path = folder / "study.toml"
    path.write_text(RECIPE.format(images=folder / "images"))
    return path


def results(store):
    """The bytes of every result in a store."""
    return {
        f"{folder}/{path.name}": path.read_bytes()
        for folder in ("models", "measurements")
        for path in (store / folder).glob("*.safetensors")
    }


def arguments(recipe, store):
    return ("run", recipe, "--store", store, "--threads", "1")


@pytest.fixture(scope="session")
def straight(forker, recipe, tmp_path_factory):
    """An undisturbed run: (bytes of its results, seconds that it took)."""
    store = tmp_path_factory.mktemp("straight") / "store"
    ended = forker(*arguments(recipe, store))
    assert ended.code == 0, ended.text
    found = results(store)
    assert len(found) == RESULTS
    return found, ended.seconds


@pytest.fixture
def study(recipe, straight):
    """What the tests of this folder do with the recipe."""
    return Study(recipe, *straight)


class Study:
    """The recipe's arguments, and checks of a store that it was run in."""

    def __init__(self, recipe, expected, seconds):
        self.recipe, self.expected, self.seconds = recipe, expected, seconds

    def args(self, store, *more):
        return (*arguments(self.recipe, store), *more)

    def check_partial(self, store):
        """Whatever is in the store is whole, and is what an undisturbed run makes."""
        opened = Store(store)
        for key in opened.present():
            opened.verify(key)
        found = results(store)
        assert found.items() <= self.expected.items()
        return len(found)

    def check_whole(self, store):
        assert self.check_partial(store) == RESULTS

    def check_clean(self, store, forker):
        """After ``gc`` nothing is left of what was interrupted."""
        assert forker("gc", "--store", store).code == 0
        left = [path for path in store.rglob("*") if path.is_file()]
        assert [
            path for path in left if path.suffix == ".part" or path.parent.name in ("locks", "checkpoints")
        ] == []


@pytest.fixture(scope="module")
def place(trained, tmp_path_factory):
    """A store with one network, in a folder of its own that nothing else writes to."""
    folder = tmp_path_factory.mktemp("hostile")
    shutil.copytree(trained[0], folder / "store")
    return folder


@pytest.fixture
def refused(place, cli, monkeypatch):
    """Call a command whose steps, should it get that far, are not made: it ends in one line, and writes nothing."""

    def would_run(*args):
        raise PrunekitError("it would run")

    for module in ("now", "inline"):
        monkeypatch.setattr(f"prunekit.engine.{module}.OPEN_CONTEXT", would_run)
    monkeypatch.chdir(place)
    monkeypatch.setenv("PRUNEKIT_OFFLINE", "1")

    def call(*args, stdin=""):
        before = tree(place)
        ran = cli(*args, store=place / "store", stdin=stdin)
        assert ran.code in (0, 1, 2, 3), (args, ran)
        assert "Traceback" not in ran.err, (args, ran.err)
        assert "PRUNEKIT_DEBUG" not in ran.err, (args, ran.err)  # an error that nobody foresaw
        if ran.code:
            assert tree(place) == before, args
        return ran

    return call


def tree(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
