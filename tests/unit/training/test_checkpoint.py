"""A run that is stopped anywhere ends with the bytes of one that was not."""

import errno
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from prunekit.base.interruption import INTERRUPTION
from prunekit.errors import PrunekitWarning, StoreError, UsageError
from prunekit.store import archive
from prunekit.training.checkpoint import Checkpoint, Saved, Writer, fingerprint, load

# A process that imports everything once, and then trains in a child of its own for every folder it is told.
NURSERY = """
import os, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from conftest import tiny_network, tiny_settings, train
from prunekit.store import archive
from prunekit.training.checkpoint import Checkpoint
import torch
import torch._dynamo  # what the first optimizer imports

def work(place):
    masks = {{"layer1.0.conv1.weight": torch.arange(16 * 16 * 9).reshape(16, 16, 3, 3) % 3 > 0}}
    checkpoint = Checkpoint(place / "checkpoint.safetensors", every_seconds=0.0, share=1.0)
    trained = train(tiny_network(), tiny_settings(epochs=12, keep_epoch=2), masks=masks, checkpoint=checkpoint)
    kept = {{f"kept:{{name}}": array for name, array in trained.result.kept.items()}}
    archive.write(place / "result.safetensors", trained.arrays | kept, {{"losses": trained.result.losses}})

torch.set_num_threads(1)
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        work(Path(line.strip()))
        os._exit(0)
    print(child, flush=True)
    print(os.waitpid(child, 0)[1], flush=True)
"""


class StoppedError(Exception):
    """Raised by the progress bar of a run that is to stop."""


class StopAfter:
    """A progress that stops a run after some steps."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def bar(self, label: str, total: int, unit: str = "images"):
        return self

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None

    def advance(self, amount: int = 1, *, note: str = "") -> None:
        self.left -= 1
        if self.left < 0:
            raise StoppedError


@pytest.fixture
def checkpoint(tmp_path: Path) -> Checkpoint:
    return Checkpoint(tmp_path / "checkpoint.safetensors", every_seconds=0.0, share=1.0)


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 7])
def test_a_stopped_run_ends_with_the_same_bytes(tiny, same, checkpoint: Checkpoint, steps: int) -> None:
    settings = tiny.settings(nesterov=True, keep_epoch=1)
    masks = {"conv1.weight": torch.arange(16 * 27).reshape(16, 3, 3, 3) % 2 > 0}
    whole = tiny.train(settings=settings, masks=masks)
    with pytest.raises(StoppedError):
        tiny.train(settings=settings, masks=masks, checkpoint=checkpoint, progress=StopAfter(steps))
    assert archive.read_header(checkpoint.path).record["step"] > 0
    rest = tiny.train(settings=settings, masks=masks, checkpoint=checkpoint)
    assert same(whole.arrays, rest.arrays)
    assert same(whole.result.kept, rest.result.kept)
    assert whole.result.losses == rest.result.losses


class Asked(StopAfter):
    """A progress during which somebody presses Ctrl-C, once, after some steps."""

    def advance(self, amount: int = 1, *, note: str = "") -> None:
        self.left -= 1
        if self.left == 0:
            INTERRUPTION()


@pytest.mark.parametrize("steps", [1, 3, 5])
def test_who_asks_a_run_to_stop_finds_it_put_away_at_that_very_step(
    tiny, same, tmp_path: Path, steps: int
) -> None:
    seldom = Checkpoint(tmp_path / "checkpoint.safetensors")
    whole = tiny.train()
    with pytest.raises(KeyboardInterrupt):
        tiny.train(checkpoint=seldom, progress=Asked(steps))
    assert archive.read_header(seldom.path).record["step"] == steps
    rest = tiny.train(checkpoint=seldom)
    assert same(whole.arrays, rest.arrays)
    assert whole.result.losses == rest.result.losses


def test_without_a_checkpoint_it_only_stops(tiny) -> None:
    with pytest.raises(KeyboardInterrupt):
        tiny.train(progress=Asked(2))


def _written(place: Path) -> int:
    """What changes with every checkpoint that is written."""
    checkpoint = place / "checkpoint.safetensors"
    return checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0


class Nursery:
    """Runs trainings in processes that can be killed."""

    def __init__(self) -> None:
        code = NURSERY.format(tests=str(Path(__file__).parent))
        pipe = subprocess.PIPE
        self._process = subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *error: object) -> None:
        self._process.stdin.close()
        assert self._process.wait() == 0
        self._process.stdout.close()

    def train(self, place: Path, kill_after: float | None = None) -> int:
        """Train in ``place``; kill the process so many seconds after its first own checkpoint. The exit status."""
        place.mkdir(exist_ok=True)
        before = _written(place)
        self._process.stdin.write(f"{place}\n")
        self._process.stdin.flush()
        child = int(self._process.stdout.readline())
        if kill_after is not None:
            while _written(place) == before:
                time.sleep(0.002)
            time.sleep(kill_after)
            os.kill(child, signal.SIGKILL)
        return int(self._process.stdout.readline())


def test_a_killed_run_ends_with_the_same_bytes(tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    steps = []
    with Nursery() as nursery:
        for seconds in (0.0, 0.011, 0.037):
            assert nursery.train(killed, kill_after=seconds) == signal.SIGKILL
            steps.append(archive.read_header(killed / "checkpoint.safetensors").record["step"])
        assert nursery.train(killed) == 0
        assert nursery.train(whole) == 0
    assert steps == sorted(steps)
    assert 0 < steps[0] < steps[-1] < 36
    first, second = ((place / "result.safetensors").read_bytes() for place in (whole, killed))
    assert first == second


def test_a_checkpoint_of_another_run_is_refused(tiny, checkpoint: Checkpoint) -> None:
    with pytest.raises(StoppedError):
        tiny.train(checkpoint=checkpoint, progress=StopAfter(2))
    masks = {"conv1.weight": torch.ones(16, 3, 3, 3, dtype=torch.bool)}
    others = (
        {"settings": tiny.settings(lr=0.06)},
        {"seed": 1},
        {"masks": masks},
        {"examples": tiny.examples(39)},
        {"model": tiny.network(seed=1)},
        {"start_epoch": 1},
    )
    for other in others:
        with pytest.raises(UsageError, match="has different settings"):
            tiny.train(checkpoint=checkpoint, **other)
    tiny.train(checkpoint=checkpoint)


def test_a_checkpoint_of_other_images_or_code_is_refused_or_begun_anew(
    tiny, same, checkpoint: Checkpoint
) -> None:
    of_these, of_others = replace(checkpoint, made_of="these"), replace(checkpoint, made_of="others")
    with pytest.raises(StoppedError):
        tiny.train(checkpoint=of_these, progress=StopAfter(2))
    with pytest.raises(UsageError, match="start from the beginning with --force"):
        tiny.train(checkpoint=of_others)
    assert checkpoint.path.exists()
    anew = tiny.train(checkpoint=replace(of_others, anew=True))
    assert anew.result.steps == 9
    assert same(anew.arrays, tiny.train().arrays)


def test_a_checkpoint_of_version_0_1_is_gone_on_with(tiny, checkpoint: Checkpoint) -> None:
    with pytest.raises(StoppedError):
        tiny.train(checkpoint=checkpoint, progress=StopAfter(2))
    arrays, record = archive.read(checkpoint.path)
    del record["made_of"]
    archive.write(checkpoint.path, arrays, record)
    tiny.train(checkpoint=replace(checkpoint, made_of="these"))


def test_a_damaged_checkpoint_is_named(tiny, checkpoint: Checkpoint) -> None:
    with pytest.raises(StoppedError):
        tiny.train(checkpoint=checkpoint, progress=StopAfter(2))
    content = bytearray(checkpoint.path.read_bytes())
    content[-100] ^= 1
    checkpoint.path.write_bytes(content)
    with pytest.raises(StoreError, match=str(checkpoint.path)):
        tiny.train(checkpoint=checkpoint)


def test_a_full_disk_leaves_the_last_good_checkpoint_and_training_goes_on(
    tiny, same, checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StoppedError):
        tiny.train(checkpoint=checkpoint, progress=StopAfter(2))
    good = checkpoint.path.read_bytes()

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.warns(PrunekitWarning, match="No space left on device; training continues") as caught:
        trained = tiny.train(checkpoint=checkpoint)
    assert len(caught) == 1
    assert checkpoint.path.read_bytes() == good
    assert same(trained.arrays, tiny.train().arrays)
    assert [path.name for path in checkpoint.path.parent.iterdir()] == [checkpoint.path.name]


def test_checkpoints_are_written_at_intervals(tmp_path: Path) -> None:
    with Writer(Checkpoint(tmp_path / "file.safetensors", every_seconds=3600.0), "x") as writer:
        assert not writer.due
    with Writer(None, "x") as writer:
        assert not writer.due
    with Writer(Checkpoint(tmp_path / "file.safetensors", every_seconds=0.0), "x") as writer:
        assert writer.due


def test_slow_writes_are_made_rarer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 10.0, 10.0, 13.0, 159.0, 161.0])  # made; due; write begins; and ends; due; due
    monkeypatch.setattr("prunekit.training.checkpoint.monotonic", lambda: next(clock))
    with Writer(Checkpoint(tmp_path / "file.safetensors", every_seconds=5.0, share=0.02), "x") as writer:
        assert writer.due
        writer.write(Saved(1, (), 0.0, {}))
        writer._writing.result()
        assert [writer.due, writer.due] == [False, True]


def test_what_was_written_is_what_is_loaded(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "file.safetensors", every_seconds=0.0)
    saved = Saved(7, (0.1, 1 / 3), 2 / 3, {"model:w": torch.randn(3, 2).numpy()})
    assert load(checkpoint, "mine") is None
    with Writer(checkpoint, "mine") as writer:
        writer.write(saved)
    found = load(checkpoint, "mine")
    assert found is not None
    assert found[:3] == saved[:3]
    assert (found.arrays["model:w"] == saved.arrays["model:w"]).all()
    checkpoint.discard()
    assert load(checkpoint, "mine") is None
    checkpoint.discard()


def test_a_fingerprint_sees_values_shapes_names_and_facts() -> None:
    array = torch.arange(6.0).numpy()
    prints = [
        fingerprint({"seed": 0}, {"w": array}),
        fingerprint({"seed": 1}, {"w": array}),
        fingerprint({"seed": 0}, {"v": array}),
        fingerprint({"seed": 0}, {"w": array.reshape(2, 3)}),
        fingerprint({"seed": 0}, {"w": array + 1}),
    ]
    assert len(set(prints)) == len(prints)
    assert prints[0] == fingerprint({"seed": 0}, {"w": array.copy()})
