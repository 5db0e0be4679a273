"""Handwritten digits: real images that come with scikit-learn, so that a study runs without a download. No torch."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from prunekit.data.shares import held_out

# Part of the data set's definition: changing any of these makes another data set.
TEST_FRACTION = 0.2
SPLIT_SEED = 0
TABLE = ("datasets", "data", "digits.csv.gz")
INK_LEVELS = 16
ENLARGED = 4
Array = np.ndarray[Any, Any]


def arrays(split: str) -> tuple[Array, Array]:
    """The 1,438 ``train`` or 359 ``test`` digits, uint8 [N, 3, 32, 32] in three equal channels, and int64 [N].

    Ink 0..16 on 8x8 pixels becomes 0..255 on 32x32 by bilinear enlargement (pixel centres aligned, edges repeated,
    halves rounded up). Source: UCI optdigits as ``sklearn.datasets.load_digits``.
    """
    ink, digits = read()
    tested = held_out(digits, TEST_FRACTION, SPLIT_SEED)
    chosen = {"train": ~tested, "test": tested}[split]
    return np.repeat(enlarge(ink[chosen])[:, None], 3, axis=1), digits[chosen]


def read() -> tuple[Array, Array]:
    """Ink int64 [1797, 8, 8] and digits int64 [1797].

    Read from the table that scikit-learn installs: importing scikit-learn takes a hundred times as long, in every
    process of a study. If the table is not in its place, scikit-learn is imported.
    """
    package = find_spec("sklearn")
    table = Path(str(package and package.origin)).parent.joinpath(*TABLE)
    if table.exists():
        rows = np.loadtxt(table, delimiter=",", dtype=np.int64)
        return rows[:, :-1].reshape(-1, 8, 8), rows[:, -1]
    from sklearn.datasets import load_digits

    source = load_digits()
    return source.images.astype(np.int64), source.target.astype(np.int64)


def enlarge(ink: Array) -> Array:
    """Ink int64 [N, 8, 8] of 0..16 as uint8 [N, 32, 32]; integers throughout, so the same on every machine."""
    eighths = _bilinear_eighths(ink.shape[1])
    scaled = eighths @ ink @ eighths.T
    white = INK_LEVELS * (2 * ENLARGED) ** 2
    return ((2 * 255 * scaled + white) // (2 * white)).astype(np.uint8)


def _bilinear_eighths(pixels: int) -> Array:
    """Weights [4 * pixels, pixels] of bilinear enlargement, in units of 1/8."""
    unit = 2 * ENLARGED
    weights = np.zeros((ENLARGED * pixels, pixels), dtype=np.int64)
    for row in range(len(weights)):
        left, share = divmod(2 * row + 1 - ENLARGED, unit)
        weights[row, max(left, 0)] += unit - share
        weights[row, min(left + 1, pixels - 1)] += share
    return weights
