"""How fast this machine trains and forwards a network: the training loop and the measurement, on random images.

Runs as a separate process, so that the planning process loads no torch: JSON request on stdin, JSON answer on stdout.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from contextlib import redirect_stdout
from typing import Any, NamedTuple

import torch
from torch import nn

from prunekit.base.interruption import tie_to_parent
from prunekit.data.datasets import Dataset
from prunekit.data.examples import ArrayExamples
from prunekit.data.glance import Glance, glance
from prunekit.errors import PrunekitError
from prunekit.measure.batches import default_batch_size
from prunekit.measure.outcomes import outcomes
from prunekit.models.archs import build
from prunekit.models.cost import forward_flops
from prunekit.models.pretrained import timm_preprocessing
from prunekit.params import TrainParams
from prunekit.progress import SILENT
from prunekit.steps.make import open_context
from prunekit.steps.settings import Settings
from prunekit.steps.work import TRAINING_PASSES
from prunekit.training.loop import fit

# Operations per timed batch and in total: about a second each on two cores; a GPU takes real batches.
BATCH_FLOPS = {"cpu": 1e11}
BATCH_FLOPS_ELSEWHERE = 2e12
BATCHES_FLOPS = 2.0
FEWEST, MOST = 4, 30
SMALLEST_BATCH = 2  # batch norm needs two
SMALLEST_SIDE = 32
LEARNING_RATE = 1e-6  # random labels must not make the loss diverge
TROUBLES = (RuntimeError, ValueError, AssertionError, PrunekitError)


class Timed(NamedTuple):
    """A network of ``arch`` with the classes of a data set, on random images of ``size``, the largest it can time."""

    arch: str
    glance: Glance
    size: tuple[int, int]
    flops: float
    limit: float
    device: str

    def model(self) -> nn.Module:
        """A new network."""
        return build(self.arch, classes=self.glance.classes, seed=0)

    @property
    def slow(self) -> bool:
        """Whether even a training step of the smallest batch takes too long."""
        return SMALLEST_BATCH * TRAINING_PASSES * self.flops > self.limit

    def batch(self, wanted: int, passes: int) -> tuple[int, int]:
        """Images per batch (``wanted`` if they can be computed in time) and the number of batches to time."""
        each = passes * self.flops
        images = max(SMALLEST_BATCH, min(wanted, int(self.limit / each)))
        return images, max(FEWEST, min(MOST, int(BATCHES_FLOPS * self.limit / (each * images))))

    def dataset(self, count: int) -> tuple[Dataset, ArrayExamples]:
        """``count`` random images and their data set."""
        labels = (count, *self.size) if self.glance.task == "segmentation" else (count,)
        examples = ArrayExamples(
            torch.randint(0, 256, (count, 3, *self.size), dtype=torch.uint8),
            torch.randint(0, self.glance.classes, labels),
        )
        names, half = tuple(map(str, range(self.glance.classes))), (0.5, 0.5, 0.5)
        task, augment = self.glance.task, self.glance.augment
        found = Dataset(
            "random", task, names, half, half, self.size, augment, ("train",), lambda split: examples
        )
        return found, examples


class Stopwatch:
    """A progress bar that notes when each batch is done."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._marks: list[float] = []

    def bar(self, label: str, total: int, unit: str = "images") -> Stopwatch:
        """Begin."""
        self._marks = [time.perf_counter()]
        return self

    def __enter__(self) -> Stopwatch:
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def advance(self, amount: int = 1, *, note: str = "") -> None:
        """Record the time once the device is done."""
        if self._device.startswith("cuda"):
            torch.cuda.synchronize(self._device)
        self._marks.append(time.perf_counter())

    @property
    def seconds(self) -> float:
        """Mean seconds per batch without the first, which warms up; other work on the machine counts."""
        return (self._marks[-1] - self._marks[1]) / (len(self._marks) - 2)


def calibrated(wanted: Mapping[str, Any], device: str) -> dict[str, Any]:
    """The ``forecast.Speed`` fields of one network (``costs.Network`` fields, ``batch_size``, ``precision``)."""
    timed = whole = _whole(wanted["arch"], _seen(wanted), device)
    while timed.slow and (smaller := _smaller(timed)) is not None:
        timed = smaller
    scale = whole.flops / timed.flops
    return {
        "flops": whole.flops,
        "train_seconds": scale * _train_seconds(timed, wanted["batch_size"], wanted["precision"]),
        "forward_seconds": scale * _forward_seconds(timed),
        "pixels": whole.size[0] * whole.size[1],
    }


def _seen(wanted: Mapping[str, Any]) -> Glance:
    """The data set at the network's input size: the network's own, else timm's if it comes from there."""
    found = glance(wanted["dataset"])
    size = wanted["size"] or (timm_preprocessing(wanted["arch"]).get("size") if wanted["imported"] else None)
    return found if size is None else found._replace(size=(size[0], size[1]))


def _whole(arch: str, found: Glance, device: str) -> Timed:
    limit = BATCH_FLOPS.get(torch.device(device).type, BATCH_FLOPS_ELSEWHERE)
    flops = forward_flops(build(arch, classes=found.classes), found.size)
    return Timed(arch, found, found.size, flops, limit, device)


def _smaller(timed: Timed) -> Timed | None:
    """The same on images of half the side; None if they are too small or the network takes only one size."""
    size = (timed.size[0] // 2, timed.size[1] // 2)
    if min(size) < SMALLEST_SIDE:
        return None
    try:
        return timed._replace(size=size, flops=forward_flops(timed.model(), size))
    except TROUBLES:
        return None


def _train_seconds(timed: Timed, batch_size: int, precision: str) -> float:
    images, batches = timed.batch(batch_size, TRAINING_PASSES)
    dataset, examples = timed.dataset(images * batches)
    fields = {"arch": timed.arch, "dataset": dataset.name, "precision": precision, "batch_size": images}
    settings = TrainParams.read(fields | {"epochs": 1, "lr": LEARNING_RATE})
    watch = Stopwatch(timed.device)
    fit(
        timed.model(),
        examples,
        settings=settings,
        dataset=dataset,
        seed=0,
        device=timed.device,
        progress=watch,
    )
    return watch.seconds / images


def _forward_seconds(timed: Timed) -> float:
    images, batches = timed.batch(default_batch_size(timed.size, timed.device), 1)
    dataset, examples = timed.dataset(images * batches)
    watch = Stopwatch(timed.device)
    outcomes(
        timed.model(),
        examples.to(timed.device),
        dataset=dataset,
        batch_size=images,
        device=timed.device,
        progress=watch,
    )
    return watch.seconds / images


def answer(request: Mapping[str, Any]) -> dict[str, Any]:
    """Speeds of a request's ``networks``, image counts of its ``datasets``, and what could not be determined."""
    device = open_context(Settings(**request["settings"]), SILENT).device
    networks: list[dict[str, Any]] = []
    images: dict[str, Mapping[str, int]] = {}
    troubles: list[str] = []
    for wanted in request["networks"]:
        try:
            networks.append({**wanted, "speed": calibrated(wanted, device)})
        except TROUBLES as error:
            reason = str(error).partition("\n")[0]
            troubles.append(f"{wanted['arch']} on {wanted['dataset']} cannot be calibrated: {reason}")
    for name in request["datasets"]:
        try:
            images[name] = glance(name).images
        except PrunekitError as error:
            troubles.append(str(error))
    return {"networks": networks, "images": images, "troubles": troubles}


def main() -> None:
    """Answer one request."""
    tie_to_parent()
    try:
        with redirect_stdout(sys.stderr):  # what a library prints must not look like the answer
            reply = answer(json.load(sys.stdin))
    except PrunekitError as error:
        reply = {"networks": [], "images": {}, "troubles": [f"nothing can be calibrated: {error}"]}
    sys.stdout.write(json.dumps(reply))


if __name__ == "__main__":
    main()
