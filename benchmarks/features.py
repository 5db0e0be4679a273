"""Informative features: images per minute, exact and fast, against the bare forward passes that the exact order needs.

    python benchmarks/features.py [--arch resnet20] [--threads 1] [--device cpu]

A whole exact order of a 32 x 32 image is 524,800 forward passes, so each way is timed on single steps with 1,024, 768,
512, 256, 128 and 32 pixels left, several images together, and the time of a whole order is the trapezoid between them.
The fast orders are other orders: docs/features.md says how far they agree with the exact one.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import nn

from measured import Measured, accepts_json, say
from prunekit.measure.batches import Guard, default_batch_size, frozen_copy
from prunekit.measure.features import TOGETHER, TOGETHER_ELSEWHERE, Search, as_images, as_pixels, next_masked
from prunekit.models.archs import build

SIDE = 32
PIXELS = SIDE * SIDE
LEFT = (1024, 768, 512, 256, 128, 32)
WAYS: dict[str, dict[str, int | None]] = {
    "exact": {"block": 1, "candidates": None},
    "block 8": {"block": 8, "candidates": None},
    "128 candidates": {"block": 1, "candidates": 128},
    "32 candidates": {"block": 1, "candidates": 32},
    "block 8 of 64 candidates": {"block": 8, "candidates": 64},
}


def seconds(work: Callable[[], object], device: str) -> float:
    """How long one call takes."""
    start = time.perf_counter()
    work()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


@torch.inference_mode()
def bare_seconds(model: nn.Module, size: int, device: str, repeats: int = 16) -> float:
    """Seconds per image of the model alone, on a batch that is there already."""
    images = torch.randn(size, 3, SIDE, SIDE, device=device).to(memory_format=torch.channels_last)
    model(images)
    return seconds(lambda: [model(images) for _ in range(repeats)], device) / (repeats * size)


def order_seconds(search: Search, device: str) -> float:
    """Seconds per image for a whole order, from single steps."""
    together = TOGETHER.get(device, TOGETHER_ELSEWHERE)
    pixels = as_pixels(torch.randn(together, 3, SIDE, SIDE, device=device))
    predicted = search.model(as_images(pixels, (SIDE, SIDE))).argmax(dim=1)
    steps = []
    for count in LEFT:
        left = torch.arange(count, device=device).repeat(together, 1)
        step = seconds(lambda left=left: next_masked(search, pixels, left, predicted), device)
        steps.append(step / together)
    every = np.interp(np.arange(PIXELS, 0, -(search.block or 1)), LEFT[::-1], steps[::-1])
    return float(every.sum())


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--arch", default="resnet20")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    accepts_json(parser)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    title = f"{options.arch}, {options.device}, {options.threads} threads"
    say(rows(options.arch, options.device), title, as_json=options.json)


def rows(arch: str, device: str) -> Iterator[Measured]:
    """One row per way, next to the bare forward passes of the exact order."""
    size = default_batch_size((SIDE, SIDE), device)
    model = frozen_copy(build(arch, seed=0), device)
    bare = bare_seconds(model, size, device) * PIXELS * (PIXELS + 1) / 2
    peer = f"the exact order's bare forward passes, batch {size}"
    for name, way in WAYS.items():
        search = Search(model, 10, (SIDE, SIDE), batch_size=size, guard=Guard(), **way)
        took = order_seconds(search, device)
        what = f"order of a 32×32 image's pixels, {name}, {arch}"
        yield Measured(what, 60 / took, "images/min", peer, 60 / bare, bare / took)


if __name__ == "__main__":
    main()
