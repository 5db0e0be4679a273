"""Two networks, one verdict: how far the error of one rises above the other's, and what else changed.

The interval covers the choice of images for *these networks*, as a decision to ship one of them requires.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from prunekit.analysis.calibration import gap_by_bin
from prunekit.analysis.chance import guessing, is_at_chance
from prunekit.analysis.churn import flips
from prunekit.analysis.curves import images_of
from prunekit.analysis.estimate import Estimate, plain
from prunekit.analysis.flags import Flag
from prunekit.analysis.made_up import FEW_IMAGES, PAIRED, SHARE
from prunekit.analysis.outcome import Array, outcome_of
from prunekit.analysis.paired import Arrays, Paired
from prunekit.analysis.parts import Slices, class_parts, group_parts, mean_recall
from prunekit.analysis.proportions import means_of, moments, over_images
from prunekit.analysis.resample import RESAMPLES, resampled_errors
from prunekit.analysis.rows import Row, row
from prunekit.analysis.significance import mcnemar
from prunekit.analysis.student import Student
from prunekit.analysis.verdict import Margin, Verdict, decide, judge_rises
from prunekit.tasks import TASKS

IMAGES = "95 % over images, these networks"
TWO_POINTS = (2.5, 97.5)


class Asked(NamedTuple):
    """How a comparison is judged: the margin, ``top_k``, and whether to correct for the number of distributions.

    ``groups``: by distribution and grouping, each image's group ``[n]``; "" for none. ``names``: network names by key.
    ``kl``: by network and distribution, the mean divergence of the two outputs in nats, where both are known.
    ``among``: by distribution, the classes that it holds if it lacks some.
    """

    margin: Margin
    top_k: int = 1
    together: bool = False
    resamples: int = RESAMPLES
    seed: int = 0
    groups: Mapping[str, Mapping[str, Array]] = {}
    names: Mapping[str, str] = {}
    kl: Mapping[tuple[str, str], float] = {}
    among: Mapping[str, Sequence[str]] = {}


class Rise(NamedTuple):
    """The rise in error over the other network, with its interval; ``student`` is set for a difference of shares."""

    value: float
    low: float
    high: float
    parent_error: float
    n: int
    student: Student | None


def comparisons(pairs: Sequence[Paired], asked: Asked, *, classes: Sequence[str] = ()) -> list[Row]:
    """A row for each network and distribution with its verdict, and one for each of its classes and groups."""
    rises = [rise_of(pair, asked) for pair in pairs]
    verdicts = _verdicts(rises, asked)
    rows = []
    for pair, rise, verdict in zip(pairs, rises, verdicts, strict=True):
        slices = list(_slices(pair, asked, classes))
        whole = _row("comparison", pair, rise, verdict, asked, _changes(pair, asked) | _worst(slices))
        rows += _flagged([whole, *slices], _at_chance(pair, rise, asked, classes))
    return rows


def _at_chance(pair: Paired, rise: Rise, asked: Asked, classes: Sequence[str]) -> bool:
    """Whether the parent is at chance level on these images: then it has nothing to lose on any part of them."""
    among = asked.among.get(pair.distribution, classes)
    chance = guessing(len(among), asked.top_k) if TASKS[pair.task].breaks else None
    return is_at_chance(rise.parent_error, chance, rise.n)


def _flagged(rows: list[Row], at_chance: bool) -> list[Row]:
    """The rows, flagged if the parent is at chance level."""
    if at_chance:
        for each in rows:
            each["flags"] = [*each["flags"], str(Flag.CHANCE)]
    return rows


def rise_of(pair: Paired, asked: Asked) -> Rise:
    """The rise in the task's error on all images of a pair."""
    own, reference = (
        outcome_of(arrays, task=pair.task, top_k=asked.top_k) for arrays in (pair.own, pair.reference)
    )
    if own.total is None:
        return _rise(own.wrong[:, 0], reference.wrong[:, 0])
    named = {("", "own"): own, ("", "reference"): reference}
    draws = resampled_errors(
        named, resamples=asked.resamples, seed=asked.seed, images=images_of(pair.distribution)
    )
    rises = draws["", "own"] - draws["", "reference"]
    low, high = np.nanpercentile(rises[1:], TWO_POINTS)
    return Rise(float(rises[0]), float(low), float(high), reference.error, own.n, None)


def _rise(wrong: Array, was_wrong: Array) -> Rise:
    """The rise of a share, from two flags for each image, ``[n]`` each."""
    wrong, was_wrong = (np.asarray(each, dtype=np.float64) for each in (wrong, was_wrong))
    student = over_images(means_of(moments(wrong - was_wrong, PAIRED)))
    low, high = np.clip(student.ends(), -1.0, 1.0)
    return Rise(
        float((wrong - was_wrong).mean()),
        float(low),
        float(high),
        float(was_wrong.mean()),
        len(wrong),
        student,
    )


def _verdicts(rises: Sequence[Rise], asked: Asked) -> list[Verdict]:
    """The verdict on every rise; the correction applies only if every rise is a difference of shares."""
    limits = [float(asked.margin.of(rise.parent_error)) for rise in rises]
    students = [rise.student for rise in rises if rise.student is not None]
    if asked.together and students and len(students) == len(rises):
        stacked = Student(*(np.array([float(each[place]) for each in students]) for place in range(3)))
        return list(judge_rises(stacked, np.array(limits), together=True).verdicts)
    return [decide(rise.low, rise.high, limit) for rise, limit in zip(rises, limits, strict=True)]


def _row(
    finding: str, pair: Paired, rise: Rise, verdict: Verdict, asked: Asked, more: Mapping[str, Any]
) -> Row:
    flags = (Flag.FEW_IMAGES,) if rise.n < FEW_IMAGES else ()
    return row(
        finding,
        Estimate(rise.value, rise.low, rise.high, rise.n, 1, IMAGES, flags),
        unit="error",
        variant=pair.variant,
        prune_ratio=pair.prune_ratio,
        distribution=pair.distribution,
        models=[pair.key],
        seed_set=[pair.seed],
        network=asked.names.get(pair.key, pair.key),
        parent=pair.parent,
        error=plain(rise.parent_error + rise.value),
        parent_error=plain(rise.parent_error),
        margin=asked.margin.size,
        relative=asked.margin.relative,
        limit=plain(float(asked.margin.of(rise.parent_error))),
        verdict=str(verdict),
        among=list(asked.among[pair.distribution]) if pair.distribution in asked.among else None,
        **more,
    )


def _changes(pair: Paired, asked: Asked) -> dict[str, Any]:
    """What changed besides the error: predictions, confidence, losses; all None for segmentation."""
    found: dict[str, Any] = dict.fromkeys(_CHANGES)
    if not TASKS[pair.task].breaks:
        return found
    same = pair.own["predicted"] == pair.reference["predicted"]
    low, high = np.clip(over_images(means_of(moments(same, SHARE))).ends(), 0.0, 1.0)
    broken, fixed = (int(each.sum()) for each in flips(pair))
    found |= {
        "agreement": plain(float(same.mean())),
        "agreement_low": plain(float(low)),
        "agreement_high": plain(float(high)),
        "broken": broken,
        "fixed": fixed,
        "mcnemar": plain(float(mcnemar(broken, fixed))),
        "kl": plain(asked.kl.get((pair.key, pair.distribution), np.nan)),
    }
    for name, score in SCORES.items():
        found |= {
            f"{side}{name}": _score(arrays, score)
            for side, arrays in (("", pair.own), ("parent_", pair.reference))
        }
    return found


class Score(NamedTuple):
    """A score of one network: the array that it needs, and how to compute it."""

    needs: str
    value: Callable[[Arrays], float]


SCORES = {
    "ece": Score("confidence", lambda arrays: float(np.abs(gap_by_bin(arrays).mean(axis=0)).sum())),
    "nll": Score("loss", lambda arrays: float(np.mean(arrays["loss"]))),
}
_CHANGES = (
    *("agreement", "agreement_low", "agreement_high", "broken", "fixed", "mcnemar", "kl"),
    *(f"{side}{name}" for name in SCORES for side in ("", "parent_")),
)


def _score(arrays: Arrays, score: Score) -> float | None:
    return plain(score.value(arrays)) if score.needs in arrays else None


def _slices(pair: Paired, asked: Asked, classes: Sequence[str]) -> Iterator[Row]:
    """A row for each class, and for each group of every grouping; each is judged separately."""
    if not TASKS[pair.task].breaks:
        return
    wrong, was_wrong = (arrays["rank"] >= asked.top_k for arrays in (pair.own, pair.reference))
    for part in (*class_parts(pair, classes), *group_parts(pair, asked.groups)):
        chosen = part.images
        rise = _rise(wrong[chosen], was_wrong[chosen])
        verdict = decide(rise.low, rise.high, float(asked.margin.of(rise.parent_error)))
        said = {"slice": str(part.kind), "grouping": part.grouping, "member": part.member}
        said |= _changes_within(pair, chosen, wrong, was_wrong)
        yield _row("comparison-slice", pair, rise, verdict, asked, said)


def _changes_within(pair: Paired, chosen: Array, wrong: Array, was_wrong: Array) -> dict[str, Any]:
    """What else changed on the chosen images: predictions, and recall averaged over their classes."""
    labels = np.asarray(pair.own["label"])[chosen]
    same = pair.own["predicted"][chosen] == pair.reference["predicted"][chosen]
    return {
        "agreement": plain(float(same.mean())),
        "broken": int((wrong & ~was_wrong)[chosen].sum()),
        "fixed": int((was_wrong & ~wrong)[chosen].sum()),
        "recall": plain(mean_recall(wrong[chosen], labels)),
        "parent_recall": plain(mean_recall(was_wrong[chosen], labels)),
    }


def _worst(slices: Sequence[Row]) -> dict[str, Any]:
    """The class and the group whose error rises most, with their verdicts."""
    found: dict[str, Any] = {}
    for kind in Slices:
        own = [each for each in slices if each["slice"] == kind]
        worst = max(own, key=lambda each: float(each["value"]), default=None)
        if kind is Slices.GROUP:
            found["worst_grouping"] = worst["grouping"] if worst else None
        columns = {"": "member", "_rise": "value", "_low": "low", "_high": "high", "_verdict": "verdict"}
        found |= {f"worst_{kind}{end}": worst[name] if worst else None for end, name in columns.items()}
    return found
