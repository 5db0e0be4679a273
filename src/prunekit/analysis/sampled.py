"""From values per image to estimates: rows of one kind are pooled to estimate how seeds vary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from prunekit.analysis.estimate import Estimate, unique
from prunekit.analysis.flags import Flag
from prunekit.analysis.joint import Draws, known
from prunekit.analysis.made_up import MEASURED, MadeUp
from prunekit.analysis.outcome import Array
from prunekit.analysis.proportions import Means, Moments, means_of, moments, over_images
from prunekit.analysis.resample import over_repetitions
from prunekit.analysis.seeds import Moderated, Prior, moderated, over_networks, pooled
from prunekit.analysis.student import Student, student_quantiles

UNBOUNDED = (-np.inf, np.inf)
# In units of the variance of an agreement between seeds. With 2, the luck of the two networks only, intervals covered
# the gain of two seeds in 91 to 92 % of studies; with 3, in 92 to 94 (docs/decisions/057-analysis-few-seeds.md).
LUCK_OF_A_PAIR = 3.0


class Sampled(NamedTuple):
    """A mean over images of networks of some seeds: :class:`Moments` by seed, and what else its row needs.

    ``scale`` says how much luck shows in this row, relative to others of its kind
    (:func:`prunekit.analysis.seeds.probit_scale`). ``one_pair``: the row is a difference from a single pair of
    networks, whose luck the spread over seeds does not show. ``how`` is appended to the description of the interval.
    """

    moments: Moments
    seeds: tuple[int, ...]
    repetitions: int = 1
    scale: float = 1.0
    bounds: tuple[float, float] = UNBOUNDED
    flags: tuple[Flag, ...] = ()
    one_pair: bool = False
    how: str = ""


def sampled(
    values: Array,
    seeds: Sequence[int],
    *,
    made_up: MadeUp = MEASURED,
    scale: float = 1.0,
    bounds: tuple[float, float] = UNBOUNDED,
    flags: tuple[Flag, ...] = (),
) -> Sampled:
    """A sample from values ``[networks, n]``; networks of one seed are repetitions and are averaged."""
    counts = Counter(seeds)
    found = moments(over_repetitions(np.asarray(values, dtype=np.float64), seeds), made_up)
    return Sampled(found, tuple(counts), max(counts.values()), scale, bounds, flags)


class Pool(NamedTuple):
    """Rows of one kind together: their means, their prior, and each row's own moderated spread."""

    found: Means
    prior: Prior
    spread: Moderated


def pool(rows: Sequence[Sampled], *, prior: Prior | None = None) -> Pool:
    """Estimate how seeds vary from all rows of one kind together, unless ``prior`` is given."""
    found = _means(rows)
    scale = np.array([row.scale for row in rows])
    prior = prior or pooled(found, scale, _by_seed(rows))
    return Pool(found, prior, _with_pairs(rows, moderated(found, scale, prior), prior.tau2 * scale))


def _with_pairs(rows: Sequence[Sampled], spread: Moderated, networks: Array) -> Moderated:
    """Add the luck of a control that is one pair: that of its two networks and the pair's own, from the rows' prior."""
    seeds = np.array([len(row.seeds) for row in rows])
    extra = np.where([row.one_pair for row in rows], LUCK_OF_A_PAIR * seeds * networks, 0.0)
    return spread._replace(variance=spread.variance + extra, between=spread.between + extra)


def _means(rows: Sequence[Sampled]) -> Means:
    """The means of all rows; rows with equally many seeds are computed at once."""
    counts = [len(row.seeds) for row in rows]
    parts: list[tuple[list[int], Means]] = []
    for count in sorted(set(counts)):
        at = [place for place, each in enumerate(counts) if each == count]
        each = [rows[place].moments for place in at]
        several = Moments(
            np.stack([part.means for part in each]),
            np.stack([part.centre for part in each]),
            np.stack([part.covariance for part in each]),
            n=1,
        )
        found = means_of(several)._replace(n=np.array([part.n for part in each]))
        parts.append((at, found))
    order = np.argsort([place for at, _ in parts for place in at])
    fields = range(len(Means._fields))
    return Means(*(np.concatenate([found[field] for _, found in parts])[order] for field in fields))


def _by_seed(rows: Sequence[Sampled]) -> Array:
    """The values ``[rows, seeds]``, NaN where a row lacks a seed."""
    places = {
        seed: place for place, seed in enumerate(dict.fromkeys(seed for row in rows for seed in row.seeds))
    }
    values = np.full((len(rows), len(places)), np.nan)
    for number, row in enumerate(rows):
        values[number, [places[seed] for seed in row.seeds]] = row.moments.means
    return values


def estimates(rows: Sequence[Sampled], *, learn: Pool | None = None) -> list[Estimate]:
    """Rows of one kind as estimates with both intervals; ``learn`` is their pool, if already computed."""
    if not rows:
        return []
    found, prior, spread = learn or pool(rows)
    these, new = over_images(found), over_networks(found, spread)
    several = found.seeds > 1
    main = Student(*(np.where(several, *parts) for parts in zip(new, these, strict=True)))
    ends, image_ends = main.ends().T, these.ends().T
    errors = np.sqrt(spread.between / np.maximum(found.seeds, 1))
    return [
        Estimate(
            value=float(found.mean[place]),
            low=_within(ends[place, 0], row.bounds),
            high=_within(ends[place, 1], row.bounds),
            n=row.moments.n,
            seeds=len(row.seeds),
            interval=interval_name(len(row.seeds)) + row.how,
            flags=_flags(row, bool(prior.outlying[place])),
            these=(_within(image_ends[place, 0], row.bounds), _within(image_ends[place, 1], row.bounds)),
            seed_error=float(errors[place]) if len(row.seeds) > 1 else 0.0,
            degrees=float(spread.degrees[place]),
            student=Student(main.centre[place], main.error[place], main.degrees[place]),
        ).averaging(row.repetitions)
        for place, row in enumerate(rows)
    ]


def _within(end: float, bounds: tuple[float, float]) -> float:
    return float(min(max(end, bounds[0]), bounds[1])) if np.isfinite(end) else float(end)


def _flags(row: Sampled, outlying: bool) -> tuple[Flag, ...]:
    more = (Flag.OUTLYING,) if outlying else (Flag.ONE_SEED,) if len(row.seeds) == 1 else ()
    return unique([*row.flags, *more])


def interval_name(seeds: int) -> str:
    """How the interval of a mean over images was computed, as text for a row."""
    return f"95 %, Student's t over images{f'; {seeds} seeds, moderated' if seeds > 1 else ''}"


def joint_draws(found: Estimate, images: Array, name: int) -> Draws:
    """Joint draws of an estimate: ``images`` ``[1 + draws]``, of the mean over seeds, plus the error from seeds.

    ``name`` is a different number for each row: the luck of networks is drawn separately for each.
    """
    noise = (
        found.seed_error * student_quantiles(len(images) - 1, found.degrees, name)
        if found.seed_error
        else 0.0
    )
    return known(np.append(images[0], images[1:] + noise))
