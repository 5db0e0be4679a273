"""Networks pruned by prunekit (coupled) and by Torch-Pruning to one physical ratio: latency, and error once retrained.

    python benchmarks/pruned_elsewhere.py [--archs resnet18 vgg11_bn] [--ratio 0.5] [--trained 0.5 0.8] [--epochs 6]
        [--data digits folder:IMAGES]

Latency: torchvision networks at 224 pixels; passes of the two networks alternate, medians are compared. Error: for
each seed, a resnet8 is trained on each data set, pruned by both, and retrained by the same loop with the same
settings; the difference of the errors, prunekit's less the other, comes with the 95 % interval of its mean over
networks. Torch-Pruning (``pip install torch-pruning``) gets its magnitude importance (p = 1 for ft, 2 for l2) or its
Taylor importance with the gradients of the same images, and lets layers compete where the method does. It removes
channels in one step, as prunekit does and as it does by default; ``--steps 80``: in steps, each with new scores.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
import torch_pruning as tp
from scipy.stats import t
from torch import nn
from torch.nn.functional import cross_entropy

from measured import Measured, accepts_json, say
from prunekit.data.datasets import open_dataset
from prunekit.data.load import load_distribution, training_split
from prunekit.data.normalise import Normaliser
from prunekit.distribution import parse
from prunekit.measure.outcomes import outcomes
from prunekit.models.archs import build
from prunekit.models.cost import forward_flops
from prunekit.params import TrainParams
from prunekit.pruning.api import prune
from prunekit.pruning.masks import total_parameters
from prunekit.pruning.methods import METHODS
from prunekit.pruning.shrink import shrink
from prunekit.training.loop import fit

Batches = list[tuple[torch.Tensor, torch.Tensor]]
PEER = "Torch-Pruning"
# The largest share of channels that Torch-Pruning is asked to remove, and how often the share is halved in search.
LARGEST, TRIES = 0.98, 9


def ours(model: nn.Module, method: str, ratio: float, batches: Batches) -> nn.Module:
    """The network without the filters that go, coupled ones together."""
    masks = prune(model, method=method, prune_ratio=ratio, batches=batches, coupled=True)
    return shrink(model, masks)


def theirs(model: nn.Module, method: str, ratio: float, batches: Batches, steps: int) -> nn.Module:
    """The same by Torch-Pruning: in one step, with the share that just reaches the ratio, or in several up to it."""
    if steps > 1:
        return by_peer(model, method, LARGEST, batches, steps, ratio)
    low, high = 0.0, LARGEST
    for _ in range(TRIES):
        asked = (low + high) / 2
        reached = removed(model, by_peer(model, method, asked, batches, 1, ratio)) >= ratio
        low, high = (low, asked) if reached else (asked, high)
    return by_peer(model, method, high, batches, 1, ratio)


def by_peer(
    model: nn.Module, method: str, asked: float, batches: Batches, steps: int, enough: float
) -> nn.Module:
    """A copy from which Torch-Pruning removes the share of channels in steps, until enough parameters are gone."""
    kinds = {
        "ft": lambda: tp.importance.GroupMagnitudeImportance(p=1),
        "l2": lambda: tp.importance.GroupMagnitudeImportance(p=2),
        "taylor-filter": lambda: tp.importance.GroupTaylorImportance(),
    }
    small, example = copy.deepcopy(model), batches[0][0][:1]
    heads = [layer for layer in small.modules() if isinstance(layer, nn.Linear)][-1:]
    pruner = tp.pruner.BasePruner(
        small,
        example,
        importance=kinds[method](),
        global_pruning=METHODS[method].scope == "global",
        pruning_ratio=asked,
        iterative_steps=steps,
        ignored_layers=heads,
    )
    for _ in range(steps):
        if method == "taylor-filter":
            small.zero_grad()
            for images, labels in batches:
                cross_entropy(small(images), labels).backward()
        pruner.step()
        if removed(model, small) >= enough:
            break
    small.zero_grad(set_to_none=True)
    return small


def removed(model: nn.Module, small: nn.Module) -> float:
    """The share of the parameters that the smaller network lacks."""
    return 1 - total_parameters(small) / total_parameters(model)


def both(model: nn.Module, method: str, ratio: float, batches: Batches, steps: int) -> Iterator[nn.Module]:
    """prunekit's network, then Torch-Pruning's."""
    yield ours(model, method, ratio, batches)
    yield theirs(model, method, ratio, batches, steps)


@torch.inference_mode()
def seconds(model: nn.Module, images: torch.Tensor) -> float:
    """One pass."""
    began = time.perf_counter()
    model(images)
    return time.perf_counter() - began


def latency(arch: str, method: str, given: argparse.Namespace) -> Iterator[Measured]:
    """Milliseconds of one image, in alternating passes, and the operations of a pass."""
    import torchvision

    torch.manual_seed(0)
    model = getattr(torchvision.models, arch)(weights=None).eval()
    images = torch.randn(8, 3, 224, 224)
    batches: Batches = [(images, torch.arange(8))]
    pair = [each.eval() for each in both(model, method, given.ratio, batches, given.steps)]
    left = [removed(model, each) for each in pair]
    times = [[seconds(each, images[:1]) for each in pair] for _ in range(given.rounds + 2)][2:]
    mine, other = (1000 * statistics.median(column) for column in zip(*times, strict=True))
    ratio = statistics.median(two / one for one, two in times)
    what = (
        f"{arch}, {method}, {100 * left[0]:.1f} % of the parameters removed ({100 * left[1]:.1f} % by {PEER})"
    )
    yield Measured(f"latency of {what}", mine, "ms", PEER, other, ratio, "≥ 0.9")
    work = [forward_flops(each, (224, 224)) / 1e9 for each in pair]
    yield Measured("its floating-point operations", work[0], "G", PEER, work[1], work[1] / work[0])


class Study:
    """A data set, and a network trained on it for each seed."""

    def __init__(self, name: str, epochs: int, most: int, seeds: range) -> None:
        root = Path(tempfile.gettempdir())
        self.name = name.partition(":")[0]
        self.dataset = open_dataset(name, root)
        images, _ = training_split(self.dataset, seed=0, valid_fraction=0.1)
        self.images = images.subset(torch.arange(0, len(images), max(1, len(images) // most)))
        self.test = load_distribution(parse(name), root, dataset=self.dataset)
        classes = len(self.dataset.classes)
        self.dense = {seed: build("resnet8", classes=classes, seed=seed) for seed in seeds}
        for seed, model in self.dense.items():
            self.train(model, seed, epochs)
        images, labels = self.images.take(torch.arange(0, len(self.images), len(self.images) // 256)[:256])
        self.batches: Batches = [(Normaliser(self.dataset, "cpu")(images), labels)]

    def train(self, model: nn.Module, seed: int, epochs: int) -> None:
        """The loop of `prunekit train`."""
        settings = TrainParams(
            arch="resnet8", dataset=self.dataset.name, epochs=epochs, batch_size=64, lr=0.1
        )
        fit(model, self.images, settings=settings, dataset=self.dataset, seed=seed)

    def error(self, model: nn.Module) -> float:
        """The test error, in percent."""
        return 100 * float((outcomes(model.eval(), self.test, dataset=self.dataset)["rank"] > 0).mean())

    def retrained(self, pruned: nn.Module, seed: int, epochs: int) -> float:
        """The test error after retraining a copy."""
        model = copy.deepcopy(pruned)
        self.train(model, seed, epochs)
        return self.error(model)


def error(study: Study, method: str, ratio: float, given: argparse.Namespace) -> Measured:
    """The test error after the same retraining, the mean over networks, and the difference."""
    pairs = [
        [
            study.retrained(pruned, seed, given.epochs)
            for pruned in both(dense, method, ratio, study.batches, given.steps)
        ]
        for seed, dense in study.dense.items()
    ]
    found = [list(errors) for errors in zip(*pairs, strict=True)]
    mine, other = map(statistics.mean, found)
    what = (
        f"test error of resnet8 on {study.name}, {method}, {100 * ratio:.0f} % removed and retrained, "
        f"{len(study.dense)} networks; {difference(*found)}"
    )
    return Measured(what, mine, "%", PEER, other, other / mine if mine else None)


def difference(mine: Sequence[float], other: Sequence[float]) -> str:
    """The mean difference with its 95 % interval (Student), paired by network."""
    apart = [one - two for one, two in zip(mine, other, strict=True)]
    if len(apart) < 2:
        return f"difference {apart[0]:+.2f} points"
    half = t.ppf(0.975, len(apart) - 1) * statistics.stdev(apart) / len(apart) ** 0.5
    return f"difference {statistics.mean(apart):+.2f} ± {half:.2f} points"


def rows(given: argparse.Namespace) -> Iterator[Measured]:
    """Latencies, then errors."""
    for arch in given.archs:
        for method in given.methods:
            yield from latency(arch, method, given)
    for name in given.data if given.trained else ():
        seeds = range(given.first_seed, given.first_seed + given.seeds)
        study = Study(name, 2 * given.epochs, given.images, seeds)
        unpruned = statistics.mean(map(study.error, study.dense.values()))
        yield Measured(f"test error of the unpruned resnet8 on {study.name}", unpruned, "%")
        for ratio in given.trained:
            for method in given.methods:
                yield error(study, method, ratio, given)


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--archs", nargs="*", default=["resnet18", "vgg11_bn", "mobilenet_v3_large"])
    parser.add_argument("--methods", nargs="+", default=["ft", "l2", "taylor-filter"])
    parser.add_argument("--trained", nargs="*", type=float, default=[0.5, 0.8])
    parser.add_argument("--data", nargs="+", default=["digits"])
    parser.add_argument("--ratio", type=float, default=0.5)
    whole = {
        "epochs": 6,
        "images": 10_000,
        "seeds": 5,
        "first-seed": 0,
        "rounds": 15,
        "threads": 2,
        "steps": 1,
    }
    for name, default in whole.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    accepts_json(parser)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    warnings.simplefilter("ignore")
    say(rows(given), f"{given.threads} threads, torch {torch.__version__}", as_json=given.json)


if __name__ == "__main__":
    main()
