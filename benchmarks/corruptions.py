"""Images per second of every corruption at 32 x 32, against the reference's published rates, or at another size.

Run `python benchmarks/corruptions.py [--threads 2] [--images 1000] [--size 224] [NAME ...]`; prints a Markdown table.
The reference cannot be run here (its rates were taken on another machine, one thread, one image at a time, and are
quoted). For the corruptions that one or two library calls make, that plain per-image version is timed in the same run.
"""

from __future__ import annotations

import argparse
import os
import time
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file
from scipy.ndimage import gaussian_filter
from torch.nn.functional import interpolate

from measured import Measured, accepts_json, say
from prunekit.data.corruptions import CORRUPTION_ROWS, corrupt
from prunekit.distribution import SEVERITIES

PHOTOGRAPHS = Path(__file__).resolve().parents[1] / "tests" / "data" / "corruptions" / "clean.safetensors"
SIDE = 32
# Images per second, one thread of an AMD EPYC, harmonic mean over severities (hendrycks/robustness, commit 8190fe3).
REFERENCE = {
    "gaussian_noise": 18624,
    "shot_noise": 6747,
    "impulse_noise": 16769,
    "speckle_noise": 18605,
    "gaussian_blur": 19512,
    "defocus_blur": 10659,
    "glass_blur": 159,
    "motion_blur": 934,
    "zoom_blur": 594,
    "snow": 969,
    "frost": 228,
    "fog": 3767,
    "spatter": 5725,
    "brightness": 3252,
    "contrast": 26220,
    "saturate": 3115,
    "pixelate": 29161,
    "jpeg_compression": 10925,
    "elastic_transform": 2714,
}
IMAGES_PER_CORRUPTION = 50_000


def as_bytes(unit):
    return np.uint8(np.clip(unit, 0, 1) * 255)


def glass(image, c):
    image = np.uint8(gaussian_filter(image / 255, (c["sigma"], c["sigma"], 0), mode="nearest") * 255)
    height, width, _ = image.shape
    for _ in range(c["rounds"]):
        for row in range(height - c["reach"], c["reach"], -1):
            for column in range(width - c["reach"], c["reach"], -1):
                right, down = np.random.randint(-c["reach"], c["reach"], size=2)
                image[row, column] = image[row + down, column + right]
    return as_bytes(gaussian_filter(image / 255, (c["sigma"], c["sigma"], 0), mode="nearest"))


def contrast(image, c):
    unit = image / 255
    mean = unit.mean(axis=(0, 1), keepdims=True)
    return as_bytes((unit - mean) * c["scale"] + mean)


def impulse(image, c):
    hit = np.random.uniform(size=image.shape) <= c["amount"]
    white = np.random.uniform(size=image.shape) <= 0.5
    return np.where(hit, np.uint8(255) * white, image)


def pixelate(image, c):
    height, width, _ = image.shape
    picture = Image.fromarray(image)
    small = picture.resize((int(width * c["scale"]), int(height * c["scale"])), Image.Resampling.BOX)
    return np.asarray(small.resize((width, height), Image.Resampling.BOX))


def jpeg(image, c):
    written = BytesIO()
    Image.fromarray(image).save(written, "JPEG", quality=c["quality"])
    return np.asarray(Image.open(written))


PLAIN = {
    "gaussian_noise": lambda x, c: as_bytes(x / 255 + np.random.normal(size=x.shape, scale=c["sigma"])),
    "shot_noise": lambda x, c: as_bytes(np.random.poisson(x / 255 * c["photons"]) / c["photons"]),
    "impulse_noise": impulse,
    "speckle_noise": lambda x, c: as_bytes(x / 255 * (1 + np.random.normal(size=x.shape, scale=c["sigma"]))),
    "gaussian_blur": lambda x, c: as_bytes(
        gaussian_filter(x / 255, (c["sigma"], c["sigma"], 0), mode="nearest")
    ),
    "glass_blur": glass,
    "contrast": contrast,
    "pixelate": pixelate,
    "jpeg_compression": jpeg,
}


def seconds_per_image(function, images, clock):
    """The best of the runs that fit into half a second, three at least, after one to warm up."""
    function()
    taken, end = [], time.perf_counter() + 0.5
    while len(taken) < 3 or time.perf_counter() < end:
        start = clock()
        function()
        taken.append(clock() - start)
    return min(taken) / images


def constants(photographs):
    """The table of constants for images of this size."""
    return "cifar" if photographs.shape[-1] == SIDE else "imagenet"


def ours(name, photographs, clock):
    """Mean seconds per image over the severities."""
    each = [
        seconds_per_image(
            lambda s=s: corrupt(photographs, corruption=name, severity=s, table=constants(photographs)),
            len(photographs),
            clock,
        )
        for s in SEVERITIES
    ]
    return sum(each) / len(each)


def plain(name, photographs, clock):
    """The same for one image after the other: fewer of them, but too many for the cache."""
    few = photographs[: 4 if name == "glass_blur" else 100].permute(0, 2, 3, 1).contiguous().numpy()
    settings = [CORRUPTION_ROWS[name].settings(constants(photographs), s) for s in SEVERITIES]
    each = [
        seconds_per_image(lambda c=c: [PLAIN[name](x, c) for x in few], len(few), clock) for c in settings
    ]
    return sum(each) / len(each)


def rows(chosen, photographs, clock):
    """The speed of each corruption against its peer, then of a whole test set of all of them."""
    total = 0.0
    for name in chosen.names:
        each = ours(name, photographs, clock)
        total += each
        if name in PLAIN and not (name == "glass_blur" and photographs.shape[-1] > SIDE):
            peer, theirs = "the formula image by image, same run", 1 / plain(name, photographs, clock)
        elif photographs.shape[-1] == SIDE:
            peer, theirs = "the reference's rate, quoted", REFERENCE[name]
        else:
            yield Measured(f"corrupt at {photographs.shape[-1]} px: {name}", 1 / each, "images/s")
            continue
        what = f"corrupt at {photographs.shape[-1]} px: {name}"
        yield Measured(what, 1 / each, "images/s", peer, theirs, 1 / each / theirs, "≥ 1")
    if photographs.shape[-1] != SIDE:
        return
    quoted = IMAGES_PER_CORRUPTION * sum(1 / REFERENCE[name] for name in chosen.names)
    mine = IMAGES_PER_CORRUPTION * total
    what = f"{IMAGES_PER_CORRUPTION:,} images of each of {len(chosen.names)} corruptions"
    yield Measured(what, mine, "s", "the reference's rates, quoted", quoted, quoted / mine)


def options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=list(CORRUPTION_ROWS))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument(
        "--size", type=int, default=SIDE, help="side in pixels; other than 32: enlarged copies"
    )
    parser.add_argument(
        "--clock", choices=["wall", "cpu"], default="wall", help="cpu: for a busy machine, 1 thread"
    )
    accepts_json(parser)
    return parser.parse_args()


def main():
    chosen = options()
    torch.set_num_threads(chosen.threads)
    clock = time.perf_counter if chosen.clock == "wall" else time.process_time
    photographs = load_file(PHOTOGRAPHS)["clean"].permute(0, 3, 1, 2)
    if chosen.size != SIDE:
        photographs = interpolate(photographs.float(), (chosen.size, chosen.size), mode="bicubic")
        photographs = photographs.clamp(0, 255).to(torch.uint8)
    photographs = photographs.repeat(-(-chosen.images // len(photographs)), 1, 1, 1)[
        : chosen.images
    ].contiguous()
    load = f"{os.getloadavg()[0]:.1f} processes for {os.cpu_count()} cores"
    title = f"{chosen.threads} threads, {chosen.images} images, {chosen.clock} time, torch {torch.__version__}, {load}"
    say(rows(chosen, photographs, clock), title, as_json=chosen.json)


if __name__ == "__main__":
    main()
