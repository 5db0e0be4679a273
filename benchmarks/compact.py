"""What networks that lost filters gain by being trained and measured without them.

Short trainings of the masked network and of its compact form take turns, and so do measurements; the ratio is the
median over all pairs.

    python benchmarks/compact.py [--ratios 0.8 0.95] [--batch 128] [--steps 6] [--rounds 5] [--threads 2]
"""

from __future__ import annotations

import argparse
import copy
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import nn

from measured import Measured, accepts_json, say
from prunekit.data.datasets import Dataset
from prunekit.data.examples import ArrayExamples
from prunekit.measure.outcomes import outcomes
from prunekit.measure.similarity import noise_similarity
from prunekit.models.archs import build
from prunekit.params import NoiseParams, TrainParams
from prunekit.pruning.api import prune
from prunekit.pruning.compact import compacted
from prunekit.pruning.masks import apply_
from prunekit.training.loop import fit

Pruned = tuple[nn.Module, dict[str, torch.Tensor]]


class Steps:
    """A progress bar that times every step."""

    def __init__(self) -> None:
        self.marks: list[float] = []

    def bar(self, label: str, total: int, unit: str = "images") -> Steps:
        """Begin."""
        self.marks = [time.perf_counter()]
        return self

    def __enter__(self) -> Steps:
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def advance(self, amount: int = 1, *, note: str = "") -> None:
        """Note the time."""
        self.marks.append(time.perf_counter())

    @property
    def seconds(self) -> float:
        """Seconds of a step, the median without the first."""
        return statistics.median(
            after - before for before, after in zip(self.marks[1:], self.marks[2:], strict=False)
        )


def random_data(count: int) -> tuple[Dataset, ArrayExamples]:
    """Random images of CIFAR's size."""
    images = torch.randint(0, 256, (count, 3, 32, 32), dtype=torch.uint8)
    examples = ArrayExamples(images, torch.arange(count) % 10)
    half = (0.5,) * 3
    names = tuple("0123456789")
    of = Dataset(
        "random", "classification", names, half, half, (32, 32), "crop-flip", ("train",), lambda _: examples
    )
    return of, examples


def training(model: nn.Module, masks: dict[str, torch.Tensor], given: argparse.Namespace) -> float:
    """Seconds of a training step."""
    (of, examples), watch = random_data(given.batch * given.steps), Steps()
    settings = TrainParams(arch=given.arch, dataset="random", epochs=1, batch_size=given.batch, lr=1e-4)
    fit(copy.deepcopy(model), examples, settings=settings, dataset=of, seed=0, masks=masks, progress=watch)
    return watch.seconds


def measuring(model: nn.Module, given: argparse.Namespace) -> float:
    """Seconds to measure a few batches."""
    of, examples = random_data(256)
    began = time.perf_counter()
    outcomes(model, examples, dataset=of)
    return time.perf_counter() - began


def under_noise(model: nn.Module, given: argparse.Namespace) -> float:
    """Seconds to compare a network with itself under noise."""
    of, examples = random_data(64)
    params = NoiseParams(model="a", to="b", images=64, draws=1, levels=(0.0, 0.1, 0.2))
    began = time.perf_counter()
    noise_similarity({"a": model}, model, examples, params=params, dataset=of)
    return time.perf_counter() - began


def ratio(masked: Callable[[], float], compact: Callable[[], float], rounds: int) -> float:
    """How many times as long the masked network takes: the median over pairs that take turns."""
    pairs = [(masked(), compact()) for _ in range(rounds)]
    return statistics.median(one / other for one, other in pairs)


def main() -> None:
    """Print one table."""
    given = _arguments()
    torch.set_num_threads(given.threads)
    title = f"{given.arch}, batch {given.batch}, {given.threads} threads, torch {torch.__version__}"
    say((each for ratio in given.ratios for each in rows(ratio, given)), title, as_json=given.json)


GOALS = {("retrain", 0.8): "≥ 1.4"}


def rows(prune_ratio: float, given: argparse.Namespace) -> Iterator[Measured]:
    """Retraining, measuring and measuring under noise of one network."""
    model = build(given.arch, classes=10, seed=0)
    masks = prune(model, method="ft", prune_ratio=prune_ratio)
    apply_(model, masks)
    small = compacted(model, masks, training=True)
    if small is None:
        return
    both = (model, masks), (small.network, small.masks)
    whole, left = (sum(parameter.numel() for parameter in network.parameters()) for network, _ in both)
    ways: dict[str, Callable[[Pruned], float]] = {
        "retrain": lambda of: training(*of, given),
        "measure": lambda of: measuring(of[0], given),
        "similarity under noise": lambda of: under_noise(of[0], given),
    }
    for name, way in ways.items():
        gain = ratio(partial(way, both[0]), partial(way, both[1]), given.rounds)
        what = f"{name}: {given.arch}, ft at {100 * prune_ratio:.0f} %, {left:,} of {whole:,} parameters"
        goal = GOALS.get((name, prune_ratio), "")
        yield Measured(what, gain, "× the speed", "the masked network", 1.0, gain, goal)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--arch", default="resnet20")
    parser.add_argument("--ratios", type=float, nargs="+", default=[0.8, 0.95])
    for name, default in {"batch": 128, "steps": 6, "rounds": 5, "threads": 2}.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    accepts_json(parser)
    return parser.parse_args()


if __name__ == "__main__":
    main()
