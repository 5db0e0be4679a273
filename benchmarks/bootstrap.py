"""How long the paired bootstrap takes: 10,000 resamples x 40 models x 20 distributions of 10,000 images.

Prints a Markdown table. The distributions share their images, as the corruptions of one test set do; ``plain`` is the
textbook loop over resamples, timed on a few of them and scaled up.

    python benchmarks/bootstrap.py [--resamples 10000] [--images 10000] [--models 40] [--distributions 20]
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from prunekit.analysis.outcome import wrong
from prunekit.analysis.resample import resampled_errors

PLAIN_RESAMPLES = 20


def main() -> None:
    """Time both versions and print the ratio."""
    sizes = _arguments()
    flags = np.random.default_rng(0).random((sizes.images, sizes.models * sizes.distributions)) < 0.1
    start = time.perf_counter()
    errors = resampled_errors(
        {column: wrong(flags[:, column]) for column in range(flags.shape[1])}, resamples=sizes.resamples
    )
    fast = time.perf_counter() - start
    plain = _plain_seconds(flags) * sizes.resamples
    deviation = np.mean([values[1:].std() for values in errors.values()])
    print("| version | seconds | ratio |\n|---|---|---|")
    print(f"| one matrix product of weights and outcomes | {fast:.1f} | {plain / fast:.0f} |")
    print(f"| plain loop over resamples (scaled from {PLAIN_RESAMPLES}) | {plain:.1f} | 1 |")
    print(f"\nstandard error {deviation:.6f}; binomial theory {np.sqrt(0.09 / sizes.images):.6f}")


def _plain_seconds(flags: np.ndarray) -> float:
    draw = np.random.default_rng(0)
    start = time.perf_counter()
    for _ in range(PLAIN_RESAMPLES):
        flags[draw.integers(len(flags), size=len(flags))].mean(axis=0)
    return (time.perf_counter() - start) / PLAIN_RESAMPLES


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in {"resamples": 10_000, "images": 10_000, "models": 40, "distributions": 20}.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    return parser.parse_args()


if __name__ == "__main__":
    main()
