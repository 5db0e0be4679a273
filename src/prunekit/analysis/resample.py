"""The bootstrap: sums over resampled images for many models at once, and intervals from them.

Everywhere in this package an array of draws has the sample itself in row 0 and the resamples after it, so that
each statistic is written once and computed for all of them together.
"""

from __future__ import annotations

import math
import zlib
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TypeVar

import numpy as np
from numpy.typing import DTypeLike

from prunekit.analysis.estimate import Estimate, unique
from prunekit.analysis.flags import Flag
from prunekit.analysis.outcome import Array, Outcome, mean_over_groups
from prunekit.analysis.special import stdtrit
from prunekit.errors import UsageError
from prunekit.params import RESAMPLES as RESAMPLES

LEVEL = 0.95
CHUNK_CELLS = 4_000_000
# Weights of up to so many cells are kept for repeated calls; rows are counted so many cells at a time.
KEPT_CELLS, COUNTED_CELLS = 12_000_000, 16_384
EXACT_FLOAT32 = 2**24
COLUMNS_AT_ONCE = 512
# Share of a network's own luck that is subtracted from the variance between seeds:
# docs/decisions/050-analysis-intervals.md.
OWN_LUCK_COUNTED_ONCE = 0.5

Key = TypeVar("Key", bound=Hashable)
Item = TypeVar("Item")


def resampled_errors(
    outcomes: Mapping[Key, Outcome], *, resamples: int = RESAMPLES, seed: int = 0, images: str = ""
) -> dict[Key, Array]:
    """Draws ``[1 + resamples]`` of the error of every outcome; all have one order of images and are resampled together.

    ``images`` names the test images: it is mixed into the seed, so that a distribution has the same draws whatever else
    is requested. Raises UsageError if outcomes are of different test sets.
    """
    if not outcomes:
        return {}
    _check_same_images(outcomes, images)
    counts = [outcome.wrong for outcome in outcomes.values()]
    counts += [outcome.total for outcome in outcomes.values() if outcome.total is not None]
    sums = weighted_sums(np.concatenate(counts, axis=1), resamples=resamples, seed=seed, images=images)
    return dict(zip(outcomes, _errors(list(outcomes.values()), sums), strict=True))


def _check_same_images(outcomes: Mapping[Key, Outcome], images: str) -> None:
    sizes = sorted({outcome.n for outcome in outcomes.values()})
    if len(sizes) > 1:
        raise UsageError(f"outcomes of different test sets are mixed: {images or 'they'} have {sizes} images")


def _errors(outcomes: list[Outcome], sums: Array) -> Iterator[Array]:
    groups = [outcome.wrong.shape[1] for outcome in outcomes]
    with_total = [size for size, outcome in zip(groups, outcomes, strict=True) if outcome.total is not None]
    parts = iter(np.split(sums, np.cumsum(groups + with_total)[:-1]))
    wrongs = [next(parts) for _ in outcomes]
    for outcome, summed in zip(outcomes, wrongs, strict=True):
        yield summed[0] / outcome.n if outcome.total is None else mean_over_groups(summed.T, next(parts).T)


def weighted_sums(
    columns: Array, *, resamples: int, seed: int, images: str = "", exact: bool = True
) -> Array:
    """Sums of every column over each resample of the rows, ``[columns, 1 + resamples]``.

    One matrix product of multinomial weights and columns; whole numbers stay exact, in float32 while they fit. If not
    ``exact``, fractions are in float32 as well.
    """
    n, width = columns.shape
    dtype = _dtype(columns) if exact else np.float32
    operand = np.ascontiguousarray(columns, dtype=dtype)
    sums = np.empty((width, 1 + resamples))
    sums[:, 0] = columns.sum(axis=0, dtype=np.float64)
    done = 1
    for weights in weight_chunks(n, resamples=resamples, seed=seed, images=images, dtype=dtype):
        sums[:, done : done + len(weights)] = (weights @ operand).T
        done += len(weights)
    return sums


def resampled_sums(
    items: Iterable[tuple[Item, str, Array]], *, resamples: int, seed: int, exact: bool = True
) -> Iterator[tuple[Item, Array]]:
    """Each item with :func:`weighted_sums` of its columns; items are (item, name of its images, columns ``[n, k]``).

    Consecutive items on the same images are computed together, up to ``COLUMNS_AT_ONCE``: drawing the weights costs as
    much as about a hundred columns, and the sums of all items would not fit into memory.
    """
    for images, batch in _batches(items):
        sums = weighted_sums(
            np.concatenate([columns for _, columns in batch], axis=1),
            resamples=resamples,
            seed=seed,
            images=images,
            exact=exact,
        )
        ends = np.cumsum([columns.shape[1] for _, columns in batch])[:-1]
        yield from zip((item for item, _ in batch), np.split(sums, ends), strict=True)


def _batches(items: Iterable[tuple[Item, str, Array]]) -> Iterator[tuple[str, list[tuple[Item, Array]]]]:
    batch: list[tuple[Item, Array]] = []
    held = ""
    for item, images, columns in items:
        width = sum(each.shape[1] for _, each in batch)
        if batch and (images != held or len(columns) != len(batch[0][1]) or width >= COLUMNS_AT_ONCE):
            yield held, batch
            batch = []
        held = images
        batch.append((item, columns))
    if batch:
        yield held, batch


def _dtype(columns: Array) -> type[np.floating]:
    whole = columns.dtype.kind in "bui"
    fits = whole and len(columns) * int(columns.max(initial=0)) < EXACT_FLOAT32
    return np.float32 if fits else np.float64


def weight_chunks(
    n: int, *, resamples: int, seed: int, images: str = "", dtype: type[np.floating] = np.float64
) -> Iterator[Array]:
    """How often each of ``n`` images occurs in each resample, ``[rows, n]`` at a time; callers must not modify them."""
    if resamples * n <= KEPT_CELLS:
        yield from _kept(n, resamples, seed, images, np.dtype(dtype).str)
    else:
        yield from _drawn(n, resamples, seed, images, dtype)


@lru_cache(maxsize=1)
def _kept(n: int, resamples: int, seed: int, images: str, dtype: str) -> list[Array]:
    return list(_drawn(n, resamples, seed, images, dtype))


def _drawn(n: int, resamples: int, seed: int, images: str, dtype: DTypeLike) -> Iterator[Array]:
    draw = np.random.default_rng([seed, zlib.crc32(images.encode())])
    step, at_once = max(1, CHUNK_CELLS // n), max(1, COUNTED_CELLS // n)
    offsets = np.arange(0, at_once * n, n)[:, None]
    for start in range(0, resamples, step):
        weights = np.empty((min(step, resamples - start), n), dtype)
        for row in range(0, len(weights), at_once):
            rows = min(at_once, len(weights) - row)
            picks = draw.integers(n, size=(rows, n), dtype=np.uint32) + offsets[:rows]
            weights[row : row + rows] = np.bincount(picks.ravel(), minlength=rows * n).reshape(rows, n)
        yield weights


def over_repetitions(draws: Array, seeds: Sequence[int]) -> Array:
    """Draws ``[seeds, ...]`` from those of networks ``[networks, ...]``: networks of one seed are averaged."""
    if len(set(seeds)) == len(seeds):
        return draws
    places = np.array(seeds)
    return np.stack([draws[places == seed].mean(axis=0) for seed in dict.fromkeys(seeds)])


def estimate(
    draws: Array,
    *,
    n: int,
    seeds: Sequence[int] = (),
    bounds: tuple[float, float] = (-np.inf, np.inf),
    flags: tuple[Flag, ...] = (),
) -> Estimate:
    """The mean over seeds of a statistic with its 95 % interval, from draws ``[networks, 1 + resamples]``.

    ``seeds`` are those of the networks' unpruned parents; networks of one seed are repetitions and are averaged.
    Without ``seeds``, every network has its own seed.
    """
    draws = np.atleast_2d(draws)
    draws = over_repetitions(draws, seeds or range(len(draws)))
    count = len(draws)
    low, high = interval(draws) if np.isfinite(draws[:, 0]).all() else (np.nan, np.nan)
    found = Estimate(
        value=float(draws[:, 0].mean()),
        low=float(np.clip(low, *bounds)),
        high=float(np.clip(high, *bounds)),
        n=n,
        seeds=count,
        interval=interval_name(count, draws.shape[1] - 1),
        flags=unique(flags if count > 1 else (*flags, Flag.ONE_SEED)),
        these=_these(draws, bounds) if count > 1 else None,
    )
    return found.averaging(max(Counter(seeds).values(), default=1))


def _these(draws: Array, bounds: tuple[float, float]) -> tuple[float, float]:
    """The percentile ends of the mean over the measured seeds."""
    if not np.isfinite(draws[:, 0]).all():
        return np.nan, np.nan
    low, high = quantiles_of(draws[:, 1:].mean(axis=0))
    return float(np.clip(low, *bounds)), float(np.clip(high, *bounds))


def interval(draws: Array, *, level: float = LEVEL) -> tuple[float, float]:
    """Percentile interval of :func:`spread_draws`; the outer draw where a quantile falls between two."""
    return quantiles_of(spread_draws(draws), level=level)


def quantiles_of(values: Array, *, level: float = LEVEL) -> tuple[float, float]:
    """The ends that enclose ``level`` of the finite draws ``[resamples]``."""
    values = values[np.isfinite(values)]
    tail, last = (1 - level) / 2, len(values) - 1
    places = math.floor(last * tail), math.ceil(last * (1 - tail))
    low, high = np.partition(values, places)[list(places)]
    return float(low), float(high)


def interval_name(seeds: int, resamples: int) -> str:
    """How :func:`interval` computed an interval, as text for a row."""
    images = f"95 % percentile, {resamples} paired resamples of images"
    return images if seeds == 1 else f"{images}, {seeds} seeds by Student's t"


def spread_draws(draws: Array) -> Array:
    """Draws of the mean over seeds, ``[resamples]``, from draws ``[seeds, 1 + resamples]``.

    One seed: the resamples unchanged. Several: the mean over seeds of each resample (all seeds share the test images),
    plus the variation between seeds, by Student's t with seeds - 1 degrees of freedom. Drawing three seeds with
    replacement would cover three quarters at best. A network's own luck with the images is in the resamples and in the
    variation between seeds: half of it is subtracted there, which covers best in simulation
    (docs/decisions/050-analysis-intervals.md).
    """
    values, resampled = draws[:, 0], draws[:, 1:]
    seeds, resamples = resampled.shape
    means = resampled.mean(axis=0)
    if seeds == 1:
        return np.asarray(means)
    own_luck = (resampled - means).var(axis=1).sum() / (seeds - 1)
    between = max(0.0, values.var(ddof=1) - OWN_LUCK_COUNTED_ONCE * own_luck)
    return np.asarray(means + np.sqrt(between / seeds) * student_draws(resamples, seeds - 1))


@lru_cache(maxsize=16)
def student_draws(count: int, degrees: int) -> Array:
    """``count`` evenly spread quantiles of Student's t, in a fixed shuffled order."""
    shares = (np.arange(count) + 0.5) / count
    return np.random.default_rng(count).permutation(np.asarray(stdtrit(degrees, shares)))


def p_value(draws: Array, null: float = 0.0) -> float:
    """Two-sided p value that the mean over seeds is ``null``: the level at which the interval just excludes it."""
    values = spread_draws(np.atleast_2d(draws))
    beyond = min(np.count_nonzero(values <= null), np.count_nonzero(values >= null))
    return min(1.0, 2 * (beyond + 1) / (len(values) + 1))
