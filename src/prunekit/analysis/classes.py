"""What pruning does to the recall and loss of single classes, even where the average does not change.

Recall shift and its tests: Hooker et al. 2019 (arXiv 1911.05248); excessive loss: Tran et al., NeurIPS 2022.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from prunekit.analysis.estimate import Estimate, plain, unique
from prunekit.analysis.flags import Flag
from prunekit.analysis.made_up import MEASURED, PAIRED
from prunekit.analysis.outcome import Array
from prunekit.analysis.paired import Paired, across_seeds, names_of, seeds_of, values_of
from prunekit.analysis.parts import Part, classes_in
from prunekit.analysis.potential import MARGIN
from prunekit.analysis.proportions import Moments
from prunekit.analysis.resample import RESAMPLES, estimate, over_repetitions
from prunekit.analysis.rises import number_of
from prunekit.analysis.rows import Row, margin_columns, row
from prunekit.analysis.sampled import Sampled, estimates, sampled
from prunekit.analysis.seeds import probit_scale
from prunekit.analysis.significance import false_discovery, holm, mcnemar, paired_t
from prunekit.analysis.student import Student
from prunekit.analysis.verdict import Margin, as_margin, judge_rises

MOST_CELLS, MOST_DRAWS = 3_000_000, 2000


class ByPart(NamedTuple):
    """The networks of one variant, ratio and distribution, and parts of their images.

    ``said`` holds the columns that name each part. ``order`` lists the images, part by part; ``ends`` are the places in
    it where all parts but the first begin.
    """

    group: list[Paired]
    said: list[dict[str, Any]]
    order: Array
    ends: Array

    @classmethod
    def of(cls, group: list[Paired], parts: Sequence[Part]) -> ByPart:
        """Networks with any parts of their images; images in no part are left out."""
        places = [np.flatnonzero(part.images) for part in parts]
        ends = np.cumsum([len(each) for each in places])[:-1]
        return cls(group, [part.columns for part in parts], np.concatenate(places), ends)

    def split(self, values: Array) -> list[Array]:
        """Values ``[..., n]``, split by part."""
        return np.split(values[..., self.order], self.ends, axis=-1)

    def columns(self, place: int) -> dict[str, Any]:
        """The columns that identify the row of a part."""
        return {**names_of(self.group), **self.said[place]}


def _by_class(group: list[Paired], classes: Sequence[str]) -> ByPart:
    labels = np.asarray(group[0].own["label"])
    found = classes_in(group[0], classes)
    order = np.argsort(labels, kind="stable")
    ends = np.searchsorted(labels[order], list(found))[1:]
    return ByPart(group, [{"class": name} for name in found.values()], order, ends)


def recall_shifts(
    pairs: Sequence[Paired],
    *,
    classes: Sequence[str] = (),
    margin: Margin | float = MARGIN,
    top_k: int = 1,
) -> list[Row]:
    """Change in recall of every class from the unpruned parent, with its verdict and tests.

    With one seed the test is McNemar's, on the images of the class. With several it is a paired t test over seeds, of
    recall minus accuracy: whether the class changed differently from the accuracy. Holm corrects over the classes of
    one network, the false discovery rate over the whole table. ``classes`` names them in order of label.
    """
    groups = [_by_class(group, classes) for group in across_seeds(pairs)]
    return shifts(groups, Shift("recall-shift", "recall", as_margin(margin), top_k))


class Shift(NamedTuple):
    """How a change in the share of right answers is named, measured and judged."""

    finding: str
    unit: str
    margin: Margin
    top_k: int


def shifts(groups: Sequence[ByPart], asked: Shift) -> list[Row]:
    """A row for every part: the change in its share of right answers; Holm over the parts of one group."""
    recalls = [_recalls(group, asked.top_k) for group in groups]
    found = iter(estimates([row for each in recalls for row in each.rows]))
    rows = [
        row
        for group, each in zip(groups, recalls, strict=True)
        for row in _recall_rows(group, each, [next(found) for _ in each.rows], asked)
    ]
    raw = [np.nan if own["p_value"] is None else own["p_value"] for own in rows]
    for own, q_value in zip(rows, false_discovery(raw), strict=True):
        own["q_value"] = plain(float(q_value))
    return rows


class Recalls(NamedTuple):
    """By part: the gain in recall over the parent, the parent's error, and the p value of the change."""

    rows: list[Sampled]
    parent_errors: Array
    tests: Array


def _recalls(each: ByPart, top_k: int) -> Recalls:
    own, reference = (
        values_of(each.group, lambda pair, side=side: getattr(pair, side)["rank"] >= top_k)  # type: ignore[misc]
        for side in ("own", "reference")
    )
    gained, seeds = each.split(reference - own), seeds_of(each.group)
    means = [np.stack([part.mean(axis=1) for part in each.split(side)]) for side in (own, reference)]
    scales = 2 * probit_scale(np.stack(means, axis=2)).mean(axis=(1, 2))
    rows = [
        sampled(values, seeds, made_up=PAIRED, scale=scale, bounds=(-1.0, 1.0))
        for values, scale in zip(gained, scales.tolist(), strict=True)
    ]
    return Recalls(rows, means[1].mean(axis=1), _tests(gained, (reference - own).mean(axis=1), seeds))


def _recall_rows(group: ByPart, recalls: Recalls, found: Sequence[Estimate], asked: Shift) -> list[Row]:
    margin = asked.margin
    rises = Student.stacked([_turned(each) for each in found])
    limits = np.broadcast_to(margin.of(recalls.parent_errors), recalls.parent_errors.shape)
    alone, together = (judge_rises(rises, limits, together=each) for each in (False, True))
    return [
        row(
            asked.finding,
            each,
            unit=asked.unit,
            **group.columns(place),
            **margin_columns(margin),
            verdict=alone.verdicts[place].value,
            verdict_holm=together.verdicts[place].value,
            p_value=plain(float(recalls.tests[place])),
            p_holm=plain(float(adjusted)),
            q_value=None,
        )
        for place, (each, adjusted) in enumerate(zip(found, holm(recalls.tests), strict=True))
    ]


def _turned(found: Estimate) -> Student:
    """The change in recall with its sign reversed: the rise in error of the class."""
    student = found.student or Student(*(np.array(np.nan) for _ in range(3)))
    return student._replace(centre=-student.centre)


def _tests(gained: Sequence[Array], overall: Array, seeds: Sequence[int]) -> Array:
    """The p value of each class, from gains ``[networks, n]`` on its images and the mean gains on all images."""
    if len(set(seeds)) == 1:
        return np.array([_mcnemar(values) for values in gained])
    relative = np.stack([values.mean(axis=1) - overall for values in gained], axis=1)
    return paired_t(over_repetitions(relative, seeds))


def _mcnemar(values: Array) -> float:
    """The p value of one network; of several repetitions under one parent, the largest."""
    return max(float(mcnemar(int((each < 0).sum()), int((each > 0).sum()))) for each in values)


def excessive_losses(
    pairs: Sequence[Paired], *, classes: Sequence[str] = (), resamples: int = RESAMPLES, seed: int = 0
) -> list[Row]:
    """Rise in mean loss of every class over the unpruned parent, and the largest gap between two classes.

    Images on which any network's loss is not finite are left out, and flagged.
    """
    groups = [_by_class(group, classes) for group in across_seeds(pairs)]
    samples = [_losses(group) for group in groups]
    found = iter(estimates([each for group in samples for each in group]))
    rows: list[Row] = []
    for group, own in zip(groups, samples, strict=True):
        rows += [
            row("excessive-loss", next(found), unit="nats", **group.columns(place))
            for place in range(len(own))
        ]
        rows.append(_gap_row(group.group, own, resamples, seed))
    return rows


def _losses(each: ByPart) -> list[Sampled]:
    losses, seeds = each.split(values_of(each.group, _finite_rise)), seeds_of(each.group)
    return [_loss(values, seeds) for values in losses]


def _loss(losses: Array, seeds: Sequence[int]) -> Sampled:
    known = np.isfinite(losses).all(axis=0)
    flags = () if known.all() else (Flag.NOT_FINITE,)
    values = losses[:, known] if known.any() else np.full((len(losses), 1), np.nan)
    return sampled(values, seeds, made_up=MEASURED, flags=flags)


def _finite_rise(pair: Paired) -> Array:
    with np.errstate(invalid="ignore"):
        return np.asarray(pair.own["loss"], dtype=np.float64) - pair.reference["loss"]


def _gap_row(group: Sequence[Paired], samples: Sequence[Sampled], resamples: int, seed: int) -> Row:
    """The largest gap between class means, which are drawn independently: classes share no images."""
    known = [each.moments for each in samples if np.isfinite(each.moments.means).all()]
    flags = unique([*(flag for each in samples for flag in each.flags), Flag.LARGEST])
    seeds = tuple(dict.fromkeys(seeds_of(group)))
    draws = np.full((len(seeds), 2), np.nan)
    if known:
        count = max(100, min(resamples, MOST_DRAWS, MOST_CELLS // (len(known) * len(seeds))))
        name = number_of(group[0].variant.id, group[0].distribution, group[0].rung)
        drawn = np.stack([_drawn(each, count, [seed, name, place]) for place, each in enumerate(known)])
        draws = drawn.max(axis=0) - drawn.min(axis=0)
    found = estimate(draws, n=group[0].n, bounds=(0.0, np.inf), flags=flags)
    repetitions = max(seeds_of(group).count(each) for each in seeds)
    return row("excessive-loss-gap", found.averaging(repetitions), unit="nats", **names_of(group))


def _drawn(found: Moments, count: int, seed: Sequence[int]) -> Array:
    """Normal draws of the means by seed, ``[seeds, 1 + count]``, the means themselves in column 0."""
    values, vectors = np.linalg.eigh(found.covariance)
    root = vectors * np.sqrt(np.maximum(values, 0))
    noise = root @ np.random.default_rng(seed).standard_normal((len(values), count))
    return np.concatenate([found.means[:, None], found.means[:, None] + noise], axis=1)
