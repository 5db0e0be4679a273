"""How far the fast orders of informative features agree with the exact one, on networks trained for the occasion.

    python benchmarks/features_agreement.py [--dataset digits] [--arch resnet8] [--epochs 10] [--train-images 1437]
                                            [--side 16] [--images 8] [--threads 1] [--data DIR]

Two networks are trained from two seeds on the first of a seeded permutation of the training images; the orders are the
first network's, on the first of a seeded permutation of the test images. The exact order of a 32 x 32 image takes
minutes on a CPU, so images are shrunk to 16 x 16 by averaging unless told otherwise: 16 times fewer passes. Blocks and
candidates shrink with the number of pixels.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from prunekit.data.datasets import Dataset, open_dataset
from prunekit.data.examples import ArrayExamples, Examples
from prunekit.measure.features import informative_order, order_agreement, transfer
from prunekit.measure.outcomes import outcomes
from prunekit.models.archs import build
from prunekit.params import TrainParams
from prunekit.tasks import TASKS
from prunekit.training.loop import fit

KEPT = 0.1
# For images of 1,024 pixels.
WAYS: dict[str, dict[str, int]] = {
    "exact": {},
    "block": {"block": 8},
    "large block": {"block": 32},
    "candidates": {"candidates": 128},
    "few candidates": {"candidates": 32},
    "block of candidates": {"block": 8, "candidates": 64},
    "gradient alone": {"block": 8, "candidates": 8},
}


def some(examples: Examples, count: int) -> Examples:
    """``count`` examples, the same every time."""
    return examples.subset(torch.randperm(len(examples), generator=torch.Generator().manual_seed(0))[:count])


def shrunk(dataset: Dataset, side: int) -> Dataset:
    """The same images, ``side`` pixels wide and high: every pixel the mean of those that it stands for."""

    def load(split: str) -> Examples:
        images, labels = (full := dataset.load(split)).take(torch.arange(len(full)))
        return ArrayExamples(F.adaptive_avg_pool2d(images.float(), side).round().byte(), labels)

    return dataset._replace(size=(side, side), load=load)


def trained(options: argparse.Namespace, dataset: Dataset, seed: int) -> nn.Module:
    """A network of this seed, and its test error on stdout."""
    settings = TrainParams(arch=options.arch, dataset=options.dataset, epochs=options.epochs, seed=seed)
    model = build(options.arch, classes=len(dataset.classes), seed=seed)
    fit(
        model,
        some(dataset.load("train"), options.train_images),
        settings=settings,
        dataset=dataset,
        seed=seed,
    )
    error = TASKS[dataset.task].error(outcomes(model, some(dataset.load("test"), 1000), dataset=dataset))
    print(f"{options.arch} on {options.dataset}, seed {seed}: test error {error:.3f}", flush=True)
    return model.eval()


def main() -> None:
    """Train, order, compare; one row per way, as soon as it is known."""
    options = _options()
    torch.set_num_threads(options.threads)
    dataset = shrunk(open_dataset(options.dataset, options.data), options.side)
    own, separate = (trained(options, dataset, seed) for seed in (0, 1))
    images = some(dataset.load("test"), options.images)
    said = torch.from_numpy(outcomes(own, images, dataset=dataset)["predicted"]).long()
    shown = ArrayExamples(images.take(torch.arange(len(images)))[0], said)
    exact, exact_took = None, 0.0
    print(f"\n| order | same pixels in the kept {KEPT:.0%} | own confidence | separate network's | speed |")
    print("|---|---|---|---|---|")
    for name, full in WAYS.items():
        way = {field: max(1, value * options.side**2 // 1024) for field, value in full.items()}
        start = time.perf_counter()
        order = informative_order(own, shown, dataset=dataset, **way)
        took = time.perf_counter() - start
        exact, exact_took = (order, took) if exact is None else (exact, exact_took)
        print(
            _row(name, order, exact, (own, separate), shown, dataset) + f" {exact_took / took:.1f} |",
            flush=True,
        )
    random = np.stack(
        [np.random.default_rng(place).permutation(exact.shape[1]) for place in range(len(exact))]
    )
    print(_row("random", random, exact, (own, separate), shown, dataset) + " |")


def _told(name: str, way: dict[str, int]) -> str:
    return ", ".join([name, *(f"{field} {value}" for field, value in way.items())])


def _row(
    name: str,
    order: np.ndarray,
    exact: np.ndarray,
    models: tuple[nn.Module, nn.Module],
    shown: Examples,
    dataset: Dataset,
) -> str:
    """Confidence is in the class that the own network predicts on the whole image."""
    same = order_agreement(exact, order, share=KEPT).mean()
    sure = [transfer(order, model, shown, dataset=dataset, kept=(KEPT,)).mean() for model in models]
    return f"| {name} | {same:.2f} | {sure[0]:.3f} | {sure[1]:.3f} |"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dataset", default="digits")
    parser.add_argument("--arch", default="resnet8")
    for name, default in {"epochs": 10, "train-images": 1437, "side": 16, "images": 8, "threads": 1}.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--data", type=Path, default=Path("data"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
