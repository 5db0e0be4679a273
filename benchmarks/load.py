"""Images per second out of JPEG files, beside torchvision's ImageFolder and DataLoader with as many processes as cores.

The benchmark makes its files itself (500×375 pixels). Both scale the shorter side to 256, crop 224 and give batches of
uint8; the pixels are compared (docs/decisions/093-scale-only-the-crop.md). Rounds alternate, so that other work on the
machine hits both alike.

    python benchmarks/load.py [--files 10000] [--batch 128] [--rounds 3] [--workers 2] [--folder FOLDER]
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import ImageFolder

from measured import Measured, accepts_json, say
from prunekit.data.examples import FileExamples, taken
from prunekit.data.imagenet import in_files
from prunekit.data.images import viewed
from prunekit.data.preprocessing import View

HEIGHT, WIDTH = 375, 500
CLASSES = 10
COMPARED = 200


def make(folder: Path, count: int) -> list[tuple[Path, int]]:
    """``count`` photographs of noise on coarse colours, as JPEG files in class folders; those that are there stay."""
    draws = np.random.default_rng(0)
    items = []
    for number in range(count):
        path = folder / f"{number % CLASSES:02}" / f"{number:05}.jpg"
        items.append((path, number % CLASSES))
        coarse = Image.fromarray(draws.integers(0, 255, (12, 16, 3), dtype=np.uint8))
        if path.exists():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        smooth = np.asarray(coarse.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)).astype(np.int16)
        grain = draws.integers(-12, 12, smooth.shape, dtype=np.int16)
        Image.fromarray((smooth + grain).clip(0, 255).astype(np.uint8)).save(path, quality=90)
    return items


def ours(examples: FileExamples, batch: int) -> int:
    """Read everything; a number that depends on all labels."""
    parts = torch.arange(len(examples)).split(batch)
    return sum(int(labels.sum()) for _, labels in taken(examples, parts))


def theirs(dataset: ImageFolder, batch: int, workers: int) -> int:
    """The same by torchvision and torch."""
    loader = DataLoader(dataset, batch_size=batch, num_workers=workers, prefetch_factor=3)
    return sum(int(labels.sum()) for _, labels in loader)


def main() -> None:
    """Print one table."""
    given = _arguments()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(given.folder or made)
        view = View((224, 224), 256)
        examples = in_files(sorted(make(folder, given.files)), partial(viewed, view=view))
        steps = [transforms.Resize(256), transforms.CenterCrop(224), transforms.PILToTensor()]
        dataset = ImageFolder(str(folder), transforms.Compose(steps))
        alike = likeness(examples, dataset)
        rates: dict[str, list[float]] = {"prunekit": [], "ImageFolder and DataLoader": []}
        for _ in range(given.rounds):
            for name, work in (
                ("prunekit", lambda: ours(examples, given.batch)),
                ("ImageFolder and DataLoader", lambda: theirs(dataset, given.batch, given.workers)),
            ):
                began = time.perf_counter()
                work()
                rates[name].append(given.files / (time.perf_counter() - began))
    title = f"{given.files} files, {given.workers} workers for the DataLoader, {alike}"
    say(rows(rates), title, as_json=given.json)


def likeness(examples: FileExamples, dataset: ImageFolder) -> str:
    """How far the pixels of the first images differ, one image in memory at a time."""
    values = most = differ = 0
    for place in range(min(COMPARED, len(examples))):
        mine, theirs = examples.take(torch.tensor([place]))[0][0], dataset[place][0]
        difference = (mine.int() - theirs.int()).abs()
        values, most = values + mine.numel(), max(most, int(difference.max()))
        differ += int(difference.count_nonzero())
    return f"of {values:,} values {differ} differ, by {most} at most"


def rows(rates: dict[str, list[float]]) -> Iterator[Measured]:
    """The speed, and the memory that it took."""
    mine, other = rates.values()
    ratio = statistics.median(one / two for one, two in zip(mine, other, strict=True))
    what, peer = "read JPEGs of 500×375 px, resize and crop to 224", "torchvision's ImageFolder, DataLoader"
    yield Measured(what, statistics.median(mine), "images/s", peer, statistics.median(other), ratio, "≥ 1.2")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    yield Measured("peak memory of the reading process", peak, "MiB")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, default in {"files": 10_000, "batch": 128, "rounds": 3, "workers": 2}.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--folder", help="where to keep the files; unset: they are removed")
    accepts_json(parser)
    return parser.parse_args()


if __name__ == "__main__":
    main()
