"""How near the training loop comes to the bare step, and evaluation to the bare forward pass.

The loop is `fit` as it is used: data in memory, crop and flip, two thirds of the weights masked, checkpoints on. The
bare step is forward, loss, backward and optimizer on one random tensor: same network, batch, precision and memory
format. Steps of the two alternate, so that other work on the machine hits both alike; medians are compared.

Checkpoints are written in the background, so they are timed over epochs of ``--steps`` steps that alternate with epochs
without any: as often as the policy allows (no pause but the 2 % rule), which is far more often than by default.

    python benchmarks/train.py [--arch resnet20] [--batch 128] [--steps 60] [--rounds 5] [--threads 2] [--device cpu]
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch.nn import functional as F

from measured import Measured, accepts_json, say
from prunekit.data.datasets import Dataset
from prunekit.data.examples import ArrayExamples
from prunekit.measure.batches import default_batch_size
from prunekit.measure.outcomes import outcomes
from prunekit.models.archs import build
from prunekit.params import TrainParams
from prunekit.training.checkpoint import Checkpoint
from prunekit.training.loop import autocast, fit

WARMUP_STEPS = 5
CLASSES = 10


class Alternating:
    """A progress bar that times a step of the loop, then one of the other, and so on."""

    def __init__(self, other: Callable[[], None], device: str) -> None:
        self.other, self.device = other, device
        self.loop_times: list[float] = []
        self.other_times: list[float] = []

    def bar(self, label: str, total: int, unit: str = "images") -> Alternating:
        """Begin to count."""
        self.mark = now(self.device)
        return self

    def __enter__(self) -> Alternating:
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def advance(self, amount: int = 1, *, note: str = "") -> None:
        """Note the time of the loop's step; do and time the other's."""
        stepped = now(self.device)
        self.loop_times.append(stepped - self.mark)
        self.other()
        self.mark = now(self.device)
        self.other_times.append(self.mark - stepped)


def now(device: str) -> float:
    """Seconds, once the device is done."""
    if device != "cpu":
        torch.cuda.synchronize()
    return time.perf_counter()


def random_data(count: int) -> tuple[Dataset, ArrayExamples]:
    """Random images of CIFAR's size."""
    images = torch.randint(0, 256, (count, 3, 32, 32), dtype=torch.uint8)
    examples = ArrayExamples(images, torch.randint(0, CLASSES, (count,)))
    half = (0.5, 0.5, 0.5)
    names = tuple(str(number) for number in range(CLASSES))
    dataset = Dataset(
        "random",
        "classification",
        names,
        half,
        half,
        (32, 32),
        "crop-flip",
        ("train",),
        lambda split: examples,
    )
    return dataset, examples


def bare_step(settings: TrainParams, device: str) -> Callable[[], None]:
    """Forward, loss, backward and optimizer on one random tensor."""
    model = (
        build(settings.arch, classes=CLASSES, seed=0).to(device, memory_format=torch.channels_last).train()
    )
    images = torch.randn(settings.batch_size, 3, 32, 32, device=device).to(memory_format=torch.channels_last)
    labels = torch.randint(0, CLASSES, (settings.batch_size,), device=device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)

    def step() -> None:
        optimizer.zero_grad()
        with autocast(settings, torch.device(device)):
            loss = F.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()

    return step


def training(settings: TrainParams, steps: int, device: str) -> tuple[float, float]:
    """Median seconds of a step of the loop and of the bare step."""
    dataset, examples = random_data(settings.batch_size * steps)
    model = build(settings.arch, classes=CLASSES, seed=0)
    masks = {name: torch.rand_like(parameter) > 2 / 3 for name, parameter in model.named_parameters()}
    watch = Alternating(bare_step(settings, device), device)
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Checkpoint(Path(folder) / "checkpoint.safetensors")
        fit(
            model,
            examples,
            settings=settings,
            dataset=dataset,
            seed=0,
            device=device,
            masks=masks,
            checkpoint=checkpoint,
            progress=watch,
        )
    return _median(watch.loop_times), _median(watch.other_times)


class Epoch:
    """A progress bar that times one epoch, and counts the checkpoints that appear meanwhile."""

    def __init__(self, path: Path, device: str) -> None:
        self.path, self.device = path, device
        self.seconds, self.writes, self._seen = 0.0, 0, 0

    def bar(self, label: str, total: int, unit: str = "images") -> Epoch:
        """Begin."""
        self._began = now(self.device)
        return self

    def __enter__(self) -> Epoch:
        return self

    def __exit__(self, *error: object) -> None:
        self.seconds = now(self.device) - self._began

    def advance(self, amount: int = 1, *, note: str = "") -> None:
        """Look whether there is another checkpoint."""
        written = self.path.stat().st_mtime_ns if self.path.exists() else 0
        self.writes += written != self._seen
        self._seen = written


def checkpointing(settings: TrainParams, steps: int, rounds: int, device: str) -> tuple[float, float, float]:
    """Median seconds of a step without checkpoints, the speed with them relative to the epoch beside (the median
    of all pairs), and seconds between two checkpoints."""
    dataset, examples = random_data(settings.batch_size * steps)
    epochs: dict[bool, list[Epoch]] = {True: [], False: []}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(2 * rounds + 2):
            written = number % 2 == 0
            path = Path(folder) / f"{number}.safetensors"
            watch = Epoch(path, device)
            fit(
                build(settings.arch, classes=CLASSES, seed=0),
                examples,
                settings=settings,
                dataset=dataset,
                seed=0,
                device=device,
                checkpoint=Checkpoint(path, every_seconds=0.0) if written else None,
                progress=watch,
            )
            epochs[written].append(watch)
    with_them, without = (epochs[written][1:] for written in (True, False))
    apart = sum(each.seconds for each in with_them) / max(1, sum(each.writes for each in with_them))
    ratios = [bare.seconds / own.seconds for own, bare in zip(with_them, without, strict=True)]
    return statistics.median(each.seconds for each in without) / steps, statistics.median(ratios), apart


@torch.no_grad()
def evaluation(settings: TrainParams, rounds: int, device: str) -> tuple[float, float, int]:
    """Median seconds of a measured batch, outcomes included, and of a bare forward pass; and the batch size."""
    size = default_batch_size((32, 32), device)
    dataset, examples = random_data(size * rounds)
    model = build(settings.arch, classes=CLASSES, seed=0).to(device, memory_format=torch.channels_last).eval()
    images = torch.randn(size, 3, 32, 32, device=device).to(memory_format=torch.channels_last)
    watch = Alternating(lambda: model(images), device)
    outcomes(model, examples.to(device), dataset=dataset, device=device, progress=watch)
    return _median(watch.loop_times), _median(watch.other_times), size


def _median(times: list[float]) -> float:
    return statistics.median(times[WARMUP_STEPS:])


def main() -> None:
    """Print one table."""
    given = _arguments()
    torch.set_num_threads(given.threads)
    warnings.simplefilter("error")
    title = f"{given.arch}, {given.device}, {given.threads} threads, torch {torch.__version__}"
    say(rows(given), title, as_json=given.json)


def rows(given: argparse.Namespace) -> Iterator[Measured]:
    """The loop, evaluation, checkpoints and memory."""
    settings = TrainParams(arch=given.arch, dataset="random", epochs=1, batch_size=given.batch, lr=0.01)
    loop, bare = training(settings, given.steps, given.device)
    yield _speed(f"train {given.arch}, masks held, batch {given.batch}", given.batch, loop, bare, "≥ 0.95")
    measured, forward, size = evaluation(settings, 3 * given.steps, given.device)
    yield _speed(f"evaluate {given.arch}, batch {size}", size, measured, forward, "≥ 0.97")
    plain, ratio, apart = checkpointing(settings, given.steps, given.rounds, given.device)
    bare_rate = given.batch / plain
    what = f"train with a checkpoint every {apart:.1f} s"
    yield Measured(what, bare_rate * ratio, "images/s", "the same without", bare_rate, ratio)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    yield Measured("peak memory of the process, both networks in it", peak, "MiB")
    if given.device != "cpu":
        on_device = torch.cuda.max_memory_allocated() / 2**20
        yield Measured("peak memory of the device", on_device, "MiB")


def _speed(what: str, batch: int, seconds: float, bare: float, goal: str) -> Measured:
    return Measured(what, batch / seconds, "images/s", "bare torch", batch / bare, bare / seconds, goal)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--arch", default="resnet20")
    parser.add_argument("--device", default="cpu")
    for name, default in {"batch": 128, "steps": 60, "rounds": 5, "threads": 2}.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    accepts_json(parser)
    return parser.parse_args()


if __name__ == "__main__":
    main()
