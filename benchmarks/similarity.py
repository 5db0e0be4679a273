"""Noise similarity against the bare forward pass at its best batch size, in forward passes per second and model.

python benchmarks/similarity.py [--images 256] [--draws 2] [--models 2] [--rounds 3] [--threads 1] [--device cpu]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from statistics import median

import torch
from torch import nn

from measured import Measured, accepts_json, say
from prunekit.data.datasets import Dataset
from prunekit.data.examples import ArrayExamples
from prunekit.data.normalise import Normaliser
from prunekit.measure.batches import default_batch_size, frozen_copy
from prunekit.measure.similarity import draws_at, noise_similarity
from prunekit.models.archs import build
from prunekit.params import NoiseParams

SIZES = {"cpu": (32, 64, 128, 256), "cuda": (1024, 4096, 8192)}
AUTHORS_SIZE = 2048


def cifar_like(images: int) -> tuple[ArrayExamples, Dataset]:
    """Random images of CIFAR's shape: speed does not depend on what they show."""
    pixels = torch.randint(0, 256, (images, 3, 32, 32), dtype=torch.uint8)
    examples = ArrayExamples(pixels, torch.arange(images) % 10)
    names, mean, std = tuple("0123456789"), (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)
    return examples, Dataset(
        "random", "classification", names, mean, std, (32, 32), "none", ("test",), lambda split: examples
    )


def seconds(work: Callable[[], object], device: str) -> float:
    """How long one call takes."""
    start = time.perf_counter()
    work()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


@torch.inference_mode()
def forward_rate(model: nn.Module, images: torch.Tensor, size: int, device: str) -> float:
    """Images per second of the model alone, on batches that are there already."""
    parts = images.repeat(-(-size // len(images)), 1, 1, 1).split(size)
    model(parts[0])
    return sum(map(len, parts)) / seconds(lambda: [model(part) for part in parts], device)


def main() -> None:
    """Time both in turns, and print the medians as a Markdown table."""
    options = _options()
    torch.set_num_threads(options.threads)
    device, (examples, dataset) = options.device, cifar_like(options.images)
    params = NoiseParams(model="m", to="reference", images=options.images, draws=options.draws)
    networks = {str(seed): build("resnet20", seed=seed) for seed in range(options.models)}
    reference, bare = build("resnet20", seed=100), frozen_copy(build("resnet20", seed=100), device)
    images = Normaliser(dataset, device)(examples.images)
    passes = options.images * sum(draws_at(params)) * (options.models + 1)

    def ours() -> object:
        return noise_similarity(networks, reference, examples, params=params, dataset=dataset, device=device)

    rates: dict[object, list[float]] = {size: [] for size in (*SIZES[device], AUTHORS_SIZE, "ours")}
    for _ in range(options.rounds):
        for size in (*SIZES[device], AUTHORS_SIZE):
            rates[size].append(forward_rate(bare, images, size, device))
        rates["ours"].append(passes / seconds(ours, device))
    found = {name: median(values) for name, values in rates.items()}
    say(rows(found, device), f"{device}, {options.threads} threads", as_json=options.json)


def rows(rates: dict[object, float], device: str) -> Iterator[Measured]:
    """Ours and the authors' batch size against the fastest bare forward pass."""
    best = max(SIZES[device], key=lambda size: rates[size])
    peer = f"bare forward, batch {best}"
    ways = {
        "ours": (
            f"similarity under noise, resnet20, batch {default_batch_size((32, 32), device)}, per model",
            "≥ 0.9",
        ),
        AUTHORS_SIZE: (f"bare forward at the authors' batch size, {AUTHORS_SIZE}", ""),
    }
    for key, (what, goal) in ways.items():
        yield Measured(what, rates[key], "images/s", peer, rates[best], rates[key] / rates[best], goal)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, default in {"images": 256, "draws": 2, "models": 2, "rounds": 3, "threads": 1}.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--device", default="cpu", choices=list(SIZES))
    accepts_json(parser)
    return parser.parse_args()


if __name__ == "__main__":
    main()
