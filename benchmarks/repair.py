"""What a repair without labels buys: error and prune potential of every method before any retraining.

``python benchmarks/repair.py`` trains a network on the digits that come with scikit-learn, prunes it with every method
and prints a table: the error as pruned, with batch-norm statistics taken anew (``none``), and after ``least-squares``.
"""

from __future__ import annotations

import argparse
import copy
import time
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from prunekit.data.datasets import open_dataset
from prunekit.data.load import load_distribution, training_split
from prunekit.data.normalise import Normaliser
from prunekit.distribution import parse
from prunekit.errors import UsageError
from prunekit.measure.outcomes import outcomes
from prunekit.models.archs import build
from prunekit.models.state import load_arrays, to_arrays
from prunekit.params import TrainParams
from prunekit.pruning.api import prune
from prunekit.pruning.masks import apply_
from prunekit.pruning.methods import METHODS
from prunekit.tasks import TASKS
from prunekit.training.loop import fit
from prunekit.training.retrain import retrain

RATIOS = (0.3, 0.5, 0.7, 0.8, 0.9, 0.95)
SHOWN = (0.5, 0.8)
MARGIN = 0.01
MODES = ("pruned", "none", "least-squares")
SAMPLE = 183


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--arch", default="resnet8")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--methods", nargs="*", default=list(METHODS))
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")
    with TemporaryDirectory() as folder:
        study(chosen, Path(folder))


def study(chosen: argparse.Namespace, root: Path) -> None:
    settings = TrainParams(arch=chosen.arch, dataset="digits", epochs=chosen.epochs, batch_size=64)
    dataset = open_dataset("digits", root)
    train, _ = training_split(dataset, seed=0, valid_fraction=settings.valid_fraction)
    test = load_distribution(parse("digits"), root)
    model = build(settings.arch, classes=len(dataset.classes), seed=0)
    fit(model, train, settings=settings, dataset=dataset, seed=0)
    dense = to_arrays(model)

    def error(network: torch.nn.Module) -> float:
        return TASKS[dataset.task].error(outcomes(network, test, dataset=dataset))

    images, labels = train.take(torch.arange(SAMPLE))
    batch = (Normaliser(dataset, torch.device("cpu"))(images), labels)
    base, seconds = error(model), []
    print(f"{settings.arch}: dense error {base:.3f}\n")
    print(
        "| method | " + " | ".join(f"{mode} {ratio}" for ratio in SHOWN for mode in MODES) + " | potential |"
    )
    for method in chosen.methods:
        found = {mode: {} for mode in MODES}
        for ratio in RATIOS:
            try:
                masks = prune(model, method=method, prune_ratio=ratio, batches=[batch])
            except UsageError:
                continue
            for mode in MODES:
                network = copy.deepcopy(model)
                apply_(network, masks)
                started = time.perf_counter()
                if mode != "pruned":
                    how = {
                        "settings": settings,
                        "dataset": dataset,
                        "seed": 0,
                        "before": dense,
                        "masks": masks,
                    }
                    retrain(network, train, mode=mode, **how)
                seconds += [time.perf_counter() - started] if mode == "least-squares" else []
                found[mode][ratio] = error(network)
        load_arrays(model, dense)
        cells = [f"{found[mode].get(ratio, float('nan')):.3f}" for ratio in SHOWN for mode in MODES]
        held = [
            max((ratio for ratio, value in found[mode].items() if value <= base + MARGIN), default=0)
            for mode in MODES
        ]
        print(
            f"| `{method}` | "
            + " | ".join(cells)
            + " | "
            + " → ".join(f"{value:.2f}" for value in held)
            + " |",
            flush=True,
        )
    print(f"\nleast squares: {sorted(seconds)[len(seconds) // 2]:.1f} s at the median")


if __name__ == "__main__":
    main()
