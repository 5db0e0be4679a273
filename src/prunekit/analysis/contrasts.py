"""What each claim of the paper compares: numbers, computed from a study's rows, that must be above zero."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from prunekit.analysis.curves import grouped
from prunekit.analysis.evidence import (
    FILTER,
    METHODS_OF,
    WEIGHT,
    Part,
    corruption_of,
    draws_of,
    known,
    methods_of,
    name_of,
    noisy_alike,
    percent,
)
from prunekit.analysis.joint import Draws
from prunekit.analysis.outcome import Array
from prunekit.analysis.rows import Row
from prunekit.analysis.shifts import Set

NEAR_ZERO, NEAR_NOMINAL, TEN_POINTS = 0.15, 0.15, 0.1
LARGE_NOISE = 0.5
HARMFUL = ("gaussian_noise", "shot_noise", "impulse_noise")
HARMLESS = ("brightness", "fog", "zoom_blur")
JPEG = ("jpeg_compression",)
FALLS, TO_ZERO = "falls with noise", f"at a noise of {LARGE_NOISE:g} or more"
HARM, NO_HARM = "noise corruptions", "brightness, fog or zoom blur"
NOMINAL, MEAN, MINIMUM = "nominal potential", "mean potential", "smallest potential"
PAIRED = "a weight and a filter method made alike"
TASKS = "two data sets"


def _is_robust(row: Row) -> bool:
    """Whether the row is about robustly trained networks."""
    return row["train_distribution"] is not None


def _made_alike(row: Row) -> str:
    """How a row's networks were made, apart from the method and its options; equal for networks made alike."""
    columns = ("retraining", "retrain_epochs", "cascade", "train_distribution", "arch", "dataset")
    settings = {step: fields for step, fields in row["settings"].items() if step != "prune"}
    return json.dumps([*(row[name] for name in columns), settings], sort_keys=True)


def potential_falls_with_noise(rows: list[Row]) -> list[Part]:
    """Claim 5: noise potential at the smallest level minus that at the largest, and how near zero the latter is."""
    found = []
    for group in _noise_potentials(rows):
        first, last, label = group[0], group[-1], name_of(group[0])
        if last["level"] >= LARGE_NOISE:
            fall = f"{label}: from noise {first['level']:g} to {last['level']:g} the potential falls by"
            found.append(_part(first, FALLS, fall, draws_of(first).less(draws_of(last))))
            near = f"{label}: the potential at noise {last['level']:g} is below {percent(NEAR_ZERO)} by"
            found.append(_part(last, TO_ZERO, near, draws_of(last).below(NEAR_ZERO)))
    return found


def _part(row: Row, aspect: str, what: str, draws: Draws) -> Part:
    return Part(f"{methods_of(row)}, {aspect}", what, draws, row["unit"])


def _noise_potentials(rows: list[Row]) -> list[list[Row]]:
    ordered = sorted(known(rows, "noise-potential"), key=lambda row: row["level"])
    return [group for group in grouped(ordered, noisy_alike).values() if len(group) > 1]


def filters_fall_earlier(rows: list[Row]) -> list[Part]:
    """Claim 6: the noise at which weight methods fall minus that at which filter methods fall."""
    groups = [group for group in _noise_potentials(rows) if not _is_robust(group[0])]
    return [
        Part(
            PAIRED,
            f"{name_of(weight[0])} loses ten points of potential later than {name_of(filters[0])}, by a noise of",
            _fall(weight).less(_fall(filters)),
            "ε",
        )
        for weight in groups
        for filters in groups
        if _weight_and_filter(weight[0], filters[0])
    ]


def _weight_and_filter(one: Row, other: Row) -> bool:
    """Whether the first row is of a weight and the second of a filter method, on networks made alike."""
    return (one["structure"], other["structure"]) == (WEIGHT, FILTER) and _made_alike(one) == _made_alike(
        other
    )


def _fall(group: Sequence[Row]) -> Draws:
    """The noise at which the potential has fallen by ten points; one step beyond the largest level if it never does."""
    levels = np.array([float(row["level"]) for row in group])
    levels = np.append(levels, 2 * levels[-1] - levels[-2])
    drops = [draws_of(group[0]).less(draws_of(row)) for row in group]
    values = np.array([[drop.value] for drop in drops])
    return Draws(
        float(_first(values, levels)[0]),
        _first(np.stack([drop.most for drop in drops]), levels),
        _first(np.stack([drop.least for drop in drops]), levels),
        on_grid=True,
    )


def _first(drops: Array, levels: Array) -> Array:
    """The first level at which drops ``[levels, draws]`` reach ten points."""
    reached = np.concatenate([drops >= TEN_POINTS - 1e-9, np.ones((1, drops.shape[1]), dtype=bool)])
    return np.asarray(levels[reached.argmax(axis=0)])


def _potentials(rows: list[Row]) -> list[Row]:
    """Potentials of networks without robust training; their draws are on the tested grid."""
    return [row for row in known(rows, "potential") if not _is_robust(row)]


def _nominal(rows: list[Row]) -> list[Row]:
    return [row for row in _potentials(rows) if row["nominal"]]


def _losses(
    rows: list[Row], corruptions: tuple[str, ...], structures: Sequence[str]
) -> list[tuple[Row, Draws]]:
    """How far the potential under each of the corruptions is below the nominal one."""
    nominal = {row["variant"]: row for row in _nominal(rows)}
    return [
        (row, draws_of(own).less(draws_of(row)))
        for row in _potentials(rows)
        if row["structure"] in structures
        and corruption_of(row) in corruptions
        and (own := nominal.get(row["variant"]))
    ]


def depends_on_corruption(rows: list[Row]) -> list[Part]:
    """Claim 7: lower under noise, near the nominal potential under brightness, fog and zoom blur."""
    harmful = [
        _part(row, HARM, f"{row['distribution']} costs {name_of(row)}", lost)
        for row, lost in _losses(rows, HARMFUL, list(METHODS_OF))
    ]
    harmless = [
        _part(
            row,
            NO_HARM,
            f"{row['distribution']} costs {name_of(row)} less than 15 points, by",
            lost.below(NEAR_NOMINAL),
        )
        for row, lost in _losses(rows, HARMLESS, list(METHODS_OF))
    ]
    return harmful + harmless


def jpeg_fails_filters(rows: list[Row]) -> list[Part]:
    """Claim 8: ten points lower under JPEG compression for filter methods, not for weight methods."""
    more = [
        Part(
            methods_of(row),
            f"JPEG costs {name_of(row)} more than 10 points, by",
            lost.above(TEN_POINTS),
            row["unit"],
        )
        for row, lost in _losses(rows, JPEG, [FILTER])
    ]
    fewer = [
        Part(
            methods_of(row),
            f"JPEG costs {name_of(row)} less than 10 points, by",
            lost.below(TEN_POINTS),
            row["unit"],
        )
        for row, lost in _losses(rows, JPEG, [WEIGHT])
    ]
    return more + fewer


def excess_rises(rows: list[Row]) -> list[Part]:
    """Claim 9: slopes of the difference in excess error."""
    return [
        Part(
            methods_of(row),
            f"{name_of(row)}: the difference in excess error rises by",
            draws_of(row),
            row["unit"],
        )
        for row in known(rows, "excess-slope")
        if not _is_robust(row)
    ]


def weights_above_filters(rows: list[Row]) -> list[Part]:
    """Claim 10: nominal and mean potential of weight minus filter methods; the minimum near zero for all."""
    means = [row for row in known(rows, "potential-mean", distribution=Set.SHIFTED) if not _is_robust(row)]
    minima = known(rows, "potential-minimum", distribution=Set.SHIFTED)
    near = f"the smallest potential is below {percent(NEAR_ZERO)} by"
    return [
        *_pairs(_nominal(rows), NOMINAL),
        *_pairs(means, MEAN),
        *(
            _part(row, MINIMUM, f"{name_of(row)}: {near}", draws_of(row).below(NEAR_ZERO))
            for row in minima
            if not _is_robust(row)
        ),
    ]


def _pairs(rows: list[Row], what: str) -> list[Part]:
    return [
        Part(
            f"{PAIRED}, {what}",
            f"{name_of(one)} has a higher {what} than {name_of(other)}, by",
            draws_of(one).less(draws_of(other)),
            one["unit"],
        )
        for one in rows
        for other in rows
        if _weight_and_filter(one, other) and one["distribution"] == other["distribution"]
    ]


def harder_is_lower(rows: list[Row]) -> list[Part]:
    """Claim 11: nominal potential of the data set with the lower parent error minus that of the next."""
    errors = {
        (row["variant"], row["distribution"]): float(row["value"])
        for row in rows
        if row["finding"] == "prune-curve" and row["asked"] == 0
    }
    measured = [row for row in _nominal(rows) if (row["variant"], row["distribution"]) in errors]
    found = []
    for group in grouped(measured, _but_for_the_task).values():
        ordered = sorted(group, key=lambda row: errors[row["variant"], row["distribution"]])
        for easier, harder in pairwise(ordered):
            if easier["dataset"] != harder["dataset"]:
                tasks = f"on {easier['dataset']} than on {harder['dataset']}"
                what = f"{name_of(easier)} has a higher potential {tasks}, by"
                found.append(Part(TASKS, what, draws_of(easier).less(draws_of(harder)), easier["unit"]))
    return found


def _but_for_the_task(row: Row) -> tuple[Any, ...]:
    """What networks of several tasks have in common; the schedule may differ between tasks."""
    return tuple(row[name] for name in ("method", "retraining", "cascade", "train_distribution", "arch"))


def robust_regains(rows: list[Row]) -> list[Part]:
    """Claim 12: potential of robustly trained networks minus that of the others, on corruptions unseen in training."""
    unseen = known(rows, "robust-gain", distribution=Set.UNSEEN)
    return [
        Part(
            methods_of(row),
            f"robust training regains {name_of(row)}, on corruptions that it has not seen,",
            draws_of(row),
            row["unit"],
        )
        for row in unseen or known(rows, "robust-gain", distribution=Set.SHIFTED)
    ]


def accuracy_hides_it(rows: list[Row]) -> list[Part]:
    """Claim 13: nominal potential minus the smallest over the shifted distributions."""
    smallest = {row["variant"]: row for row in known(rows, "potential-minimum", distribution=Set.SHIFTED)}
    return [
        Part(
            methods_of(row),
            f"{name_of(row)}: somewhere the potential is below the nominal one, by",
            draws_of(row).less(draws_of(smallest[row["variant"]])),
            row["unit"],
        )
        for row in _nominal(rows)
        if row["variant"] in smallest
    ]
