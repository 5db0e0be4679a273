"""All benchmarks as one Markdown table: each number, its peer in the same run, the ratio, and the goal.

    python benchmarks/table.py [--quick] [--out docs/benchmarks.md] [NAME ...]

``--quick`` takes about five minutes on two cores: fewer rounds, smaller sizes, the same rows. A benchmark whose peer is
not installed says so in its place.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from measured import COLUMNS, HEADER, Measured, line

HERE = Path(__file__).parent
PACKAGES = ("torch", "torchvision", "numpy", "scipy", "safetensors")


class Benchmark(NamedTuple):
    """A program of this folder: what it is about, its arguments, and those of the quick form."""

    about: str
    whole: Sequence[str]
    quick: Sequence[str]
    program: str = ""


TABLE = {
    "train": Benchmark(
        "Training and evaluation against the bare step", (), ("--steps", "20", "--rounds", "2")
    ),
    "compact": Benchmark(
        "Networks that lost filters, trained and measured without them",
        (),
        ("--steps", "4", "--rounds", "2", "--ratios", "0.8"),
    ),
    "prune": Benchmark(
        "Pruning, in forward passes over its sample", (), ("--archs", "resnet20", "--runs", "2")
    ),
    "pruned_elsewhere": Benchmark(
        "Against Torch-Pruning, at equal physical ratio",
        (),
        ("--archs", "resnet18", "--methods", "ft", "--trained", "--rounds", "9"),
    ),
    "similarity": Benchmark("Similarity under noise", (), ("--images", "64", "--rounds", "2")),
    "features": Benchmark("Informative features", (), ("--arch", "resnet8")),
    "corruptions": Benchmark(
        "Corruptions at 32 px",
        (),
        (
            "--images",
            "256",
            "gaussian_noise",
            "glass_blur",
            "zoom_blur",
            "frost",
            "contrast",
            "jpeg_compression",
        ),
    ),
    "corruptions-224": Benchmark(
        "Corruptions at 224 px",
        ("--images", "32", "--size", "224"),
        ("--images", "16", "--size", "224", "gaussian_noise", "contrast", "jpeg_compression"),
        "corruptions",
    ),
    "load": Benchmark("Images from files", ("--files", "4000"), ("--files", "800", "--rounds", "2")),
    "bootstrap": Benchmark("Statistics", (), ("--resamples", "2000", "--images", "2000")),
    "engine": Benchmark(
        "Planning, and the engine's own cost", (), ("--steps", "10000", "--overhead-steps", "60")
    ),
}


def measured(name: str, *, quick: bool) -> Iterator[Measured]:
    """The rows of one benchmark, run in a process of its own; a failure is a row that says so."""
    row = TABLE[name]
    program = HERE / f"{row.program or name}.py"
    arguments = [sys.executable, str(program), "--json", *(row.quick if quick else row.whole)]
    done = subprocess.run(arguments, capture_output=True, text=True)
    for said in done.stdout.splitlines():
        if said.startswith("{"):
            yield Measured(**json.loads(said))
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"exit {done.returncode}"
        print(f"{name}: {last}", file=sys.stderr)
        yield Measured(f"{name} did not finish: {last}", float("nan"), "")


def machine() -> str:
    """What the numbers were taken on."""
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    load = f"load {os.getloadavg()[0]:.1f} at the start"
    return f"{os.cpu_count()} cores, {processor()}, Python {platform.python_version()}, {versions}; {load}"


def processor() -> str:
    """The processor's name, where the system tells it."""
    try:
        known = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    names = [each.partition(":")[2].strip() for each in known if each.startswith("model name")]
    return names[0] if names else platform.machine()


def page(names: Sequence[str], *, quick: bool) -> str:
    """The Markdown page."""
    began, where, lines = time.perf_counter(), machine(), []
    for name in names:
        print(f"{name} ...", file=sys.stderr, flush=True)
        lines.append(f"| **{TABLE[name].about}** |{' |' * (len(COLUMNS) - 1)}")
        lines += [line(row) for row in measured(name, quick=quick)]
    minutes = (time.perf_counter() - began) / 60
    form = "the quick form" if quick else "the whole"
    return "\n".join(
        [
            "# Benchmarks",
            "",
            f"`make bench` writes this page ({form}, {minutes:.0f} minutes). Each number and its peer come from",
            "the same run, mostly interleaved, so that other work on the machine affects both equally: read the",
            "ratio, not the speed. A ratio above 1 favours prunekit.",
            "",
            f"Machine: {where}.",
            "",
            HEADER,
            *lines,
            "",
        ]
    )


def main() -> None:
    """Write the page, or print it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(TABLE))
    parser.add_argument("--quick", action="store_true", help="about five minutes")
    parser.add_argument("--out", type=Path, help="write the page here; unset: print it")
    given = parser.parse_args()
    if unknown := [name for name in given.names if name not in TABLE]:
        parser.error(f"no benchmark {unknown[0]!r} (one of: {', '.join(TABLE)})")
    text = page(given.names or list(TABLE), quick=given.quick)
    if given.out:
        given.out.write_text(text, encoding="utf-8")
    else:
        print(text)


if __name__ == "__main__":
    main()
