"""What each claim of the paper compares: contrasts, made of a study's rows, that it wants above zero."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any

from prunekit.analysis.curves import grouped
from prunekit.analysis.evidence import Contrast, Row, corruption_of, difference, itself, known
from prunekit.analysis.labels import LABEL
from prunekit.analysis.shifts import Set
from prunekit.analysis.variant import Role

BOTH = ("weight", "filter")
COMMENSURATE_RATIO, EXTREME_RATIO = 0.805, 0.935
NEAR_ZERO, NEAR_NOMINAL, TEN_POINTS = 0.15, 0.15, 0.1
LARGE_NOISE = 0.5
HARMFUL = ("gaussian_noise", "shot_noise", "impulse_noise")
HARMLESS = ("brightness", "fog", "zoom_blur")
JPEG = ("jpeg_compression",)
PAIRED_METRICS = ("agreement", "softmax_l2")

# Whose pixels, and who predicts.
Cell = tuple[float | str, float | str]


def _is_robust(row: Row) -> bool:
    """Whether the row is of robustly trained networks."""
    return row["train_distribution"] is not None


def _made_alike(row: Row) -> str:
    """How a row's networks were made, the method and its own options aside, to be compared with that of others."""
    columns = ("retraining", "retrain_epochs", "cascade", "train_distribution", "arch", "dataset")
    settings = {step: fields for step, fields in row["settings"].items() if step != "prune"}
    return json.dumps([*(row[name] for name in columns), settings], sort_keys=True)


def _named(row: Row, *names: str) -> str:
    return ", ".join(str(row[name]) for name in (LABEL, *names))


def closer_than_separate(rows: list[Row]) -> list[Contrast]:
    """Claim 1: the gain over the separate network at commensurate ratios, for every metric and level."""
    return _gains(rows, lambda ratio: ratio <= COMMENSURATE_RATIO, 1.0)


def farther_than_separate(rows: list[Row]) -> list[Contrast]:
    """Claim 2: the loss against the separate network at extreme ratios."""
    return _gains(rows, lambda ratio: ratio >= EXTREME_RATIO, -1.0)


def _gains(rows: list[Row], wanted: Callable[[float], bool], sign: float) -> list[Contrast]:
    return [
        itself(_named(row, "asked", "metric", "level"), row, sign=sign)
        for row in known(rows, "similarity-gain")
        if row["metric"] in PAIRED_METRICS and wanted(row["asked"])
    ]


def falls_with_ratio_and_noise(rows: list[Row]) -> list[Contrast]:
    """Claim 3: agreement at the ends of the ratios and of the levels."""
    agreement = known(rows, "similarity", metric="agreement", role=Role.PRUNED)
    return [*_ends(agreement, "level", "asked"), *_ends(agreement, "asked", "level")]


def _noisy_alike(row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in ("variant", "noise", "space", "clip", "draws"))


def _ends(rows: list[Row], held: str, moving: str) -> list[Contrast]:
    """The value at the smallest less that at the largest of one column, per method, another column held."""
    found = []
    for group in grouped(rows, lambda row: (*_noisy_alike(row), row[held])).values():
        ordered = sorted(group, key=lambda row: float(row[moving]))
        first, last = ordered[0], ordered[-1]
        if len(ordered) > 1:
            what = f"{_named(first, held)}: {moving} {first[moving]:g} less {last[moving]:g}"
            found.append(difference(what, first, last))
    return found


def features_transfer(rows: list[Row]) -> list[Contrast]:
    """Claim 4: confidence between parent and pruned network less that with the separate network."""
    found: list[Contrast] = []
    for group in grouped(known(rows, "features-transfer"), _sought_alike).values():
        by_control = grouped(group, lambda row: row["control"])
        cells = _cells(by_control.pop(None, []))
        for controls in map(_cells, by_control.values()):
            found += [
                difference(
                    f"{group[0][LABEL]}: pixels of {own[0]} seen by {own[1]}, less separate",
                    cells[own],
                    controls[control],
                )
                for own, control in _transfers(cells)
                if control in controls
            ]
    return found


def _sought_alike(row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in ("variant", "distribution", "kept", "block", "candidates"))


def _cells(rows: Sequence[Row]) -> dict[Cell, Row]:
    return {(row["row_model"], row["column_model"]): row for row in rows}


def _transfers(cells: Iterable[Cell]) -> list[tuple[Cell, Cell]]:
    """Each cell between the parent and a pruned network that the claim is about, and the cell of its control."""
    cells = sorted(cells)
    to: list[tuple[Cell, Cell]] = [
        ((0.0, ratio), (0.0, Role.SEPARATE)) for row, ratio in cells if not row and _is_moderate(ratio)
    ]
    to += [
        ((ratio, 0.0), (Role.SEPARATE, 0.0)) for ratio, column in cells if not column and _is_moderate(ratio)
    ]
    return to


def _is_moderate(ratio: float | str) -> bool:
    return isinstance(ratio, float) and 0 < ratio <= COMMENSURATE_RATIO


def potential_falls_with_noise(rows: list[Row]) -> list[Contrast]:
    """Claim 5: noise potential at the smallest less the largest level, and how near zero the latter is."""
    found = []
    for group in _noise_potentials(rows):
        first, last, method = group[0], group[-1], group[0][LABEL]
        if last["level"] >= LARGE_NOISE:
            found.append(difference(f"{method}: ε {first['level']:g} less {last['level']:g}", first, last))
            found.append(
                itself(f"{NEAR_ZERO:g} less {method} at ε {last['level']:g}", last, sign=-1, limit=NEAR_ZERO)
            )
    return found


def _noise_potentials(rows: list[Row]) -> list[list[Row]]:
    ordered = sorted(known(rows, "noise-potential"), key=lambda row: row["level"])
    return [group for group in grouped(ordered, _noisy_alike).values() if len(group) > 1]


def filters_fall_earlier(rows: list[Row]) -> list[Contrast]:
    """Claim 6: the noise at which weight methods fall less that at which filter methods do."""
    groups = [group for group in _noise_potentials(rows) if not _is_robust(group[0])]
    return [
        _apart(_fall(weight), _fall(filters))
        for weight in groups
        for filters in groups
        if _weight_and_filter(weight[0], filters[0])
    ]


def _apart(later: Contrast, sooner: Contrast) -> Contrast:
    what = f"ε of the fall: {later.what} less {sooner.what}"
    seeds = min(later.seeds, sooner.seeds)
    return Contrast(what, later.value - sooner.value, later.low - sooner.high, later.high - sooner.low, seeds)


def _weight_and_filter(one: Row, other: Row) -> bool:
    """Whether one row is of a weight and the other of a filter method on networks made alike."""
    return (one["structure"], other["structure"]) == BOTH and _made_alike(one) == _made_alike(other)


def _fall(group: Sequence[Row]) -> Contrast:
    """The noise at which the potential is ten points down: not before ``low``, surely by ``high``; else one step on."""
    method, beyond = str(group[0][LABEL]), float(2 * group[-1]["level"] - group[-2]["level"])
    drops = [difference(method, group[0], row, limit=TEN_POINTS) for row in group]
    levels = [float(row["level"]) for row in group]

    def first(end: str) -> float:
        reached = (level for level, drop in zip(levels, drops, strict=True) if getattr(drop, end) >= 0)
        return next(reached, beyond)

    return Contrast(method, first("value"), first("high"), first("low"), drops[0].seeds)


def _potentials(rows: list[Row]) -> list[Row]:
    """Potentials on the tested grid, of networks without robust training."""
    return [row for row in known(rows, "potential", interpolated=False) if not _is_robust(row)]


def _nominal(rows: list[Row]) -> list[Row]:
    return [row for row in _potentials(rows) if row["nominal"]]


def _loss_under(
    rows: list[Row], corruptions: tuple[str, ...], kinds: tuple[str, ...], limit: float
) -> list[Contrast]:
    """How far the potential under the corruptions is below the nominal one, less the limit."""
    nominal = {row["variant"]: row for row in _nominal(rows)}
    found = [
        row for row in _potentials(rows) if row["structure"] in kinds and corruption_of(row) in corruptions
    ]
    return [
        difference(f"{_named(row, 'distribution')} below nominal, less {limit:g}", own, row, limit=limit)
        for row in found
        if (own := nominal.get(row["variant"]))
    ]


def _reversed(contrasts: list[Contrast]) -> list[Contrast]:
    return [
        Contrast(f"not: {each.what}", -each.value, -each.high, -each.low, each.seeds) for each in contrasts
    ]


def depends_on_corruption(rows: list[Row]) -> list[Contrast]:
    """Claim 7: lower under noise, near the nominal potential under brightness, fog and zoom blur."""
    harmless = _loss_under(rows, HARMLESS, BOTH, NEAR_NOMINAL)
    return [*_loss_under(rows, HARMFUL, BOTH, 0.0), *_reversed(harmless)]


def jpeg_fails_filters(rows: list[Row]) -> list[Contrast]:
    """Claim 8: ten points lower under JPEG compression for filter methods, not for weight methods."""
    weights = _loss_under(rows, JPEG, ("weight",), TEN_POINTS)
    return [*_loss_under(rows, JPEG, ("filter",), TEN_POINTS), *_reversed(weights)]


def excess_rises(rows: list[Row]) -> list[Contrast]:
    """Claim 9: slopes of the difference in excess error."""
    return [
        itself(_named(row, "distribution"), row) for row in known(rows, "excess-slope") if not _is_robust(row)
    ]


def weights_above_filters(rows: list[Row]) -> list[Contrast]:
    """Claim 10: weight less filter methods, nominal and mean potential; the minimum near zero for all."""
    means = [row for row in known(rows, "potential-mean", distribution=Set.SHIFTED) if not _is_robust(row)]
    minima = [
        row for row in known(rows, "potential-minimum", distribution=Set.SHIFTED) if not _is_robust(row)
    ]
    return [
        *_pairs(_nominal(rows), "nominal potential"),
        *_pairs(means, "mean potential"),
        *(
            itself(f"{NEAR_ZERO:g} less minimum, {_named(row)}", row, sign=-1, limit=NEAR_ZERO)
            for row in minima
        ),
    ]


def _pairs(rows: list[Row], what: str) -> list[Contrast]:
    return [
        difference(f"{what}, {_named(one, 'distribution')} less {other[LABEL]}", one, other)
        for one in rows
        for other in rows
        if _weight_and_filter(one, other) and one["distribution"] == other["distribution"]
    ]


def harder_is_lower(rows: list[Row]) -> list[Contrast]:
    """Claim 11: nominal potential of the data set with the lower parent error less that of the next."""
    errors = {
        (row["variant"], row["distribution"]): float(row["value"])
        for row in known(rows, "prune-curve", asked=0.0)
    }
    measured = [row for row in _nominal(rows) if (row["variant"], row["distribution"]) in errors]
    found = []
    for group in grouped(measured, _but_for_the_task).values():
        ordered = sorted(group, key=lambda row: errors[row["variant"], row["distribution"]])
        for easier, harder in pairwise(ordered):
            if easier["dataset"] == harder["dataset"]:
                continue
            what = f"{_named(easier, 'distribution')} less {harder['distribution']}"
            found.append(difference(what, easier, harder))
    return found


def _but_for_the_task(row: Row) -> tuple[Any, ...]:
    """What networks of several tasks have in common; each task has a schedule of its own."""
    return tuple(row[name] for name in ("method", "retraining", "cascade", "train_distribution", "arch"))


def robust_regains(rows: list[Row]) -> list[Contrast]:
    """Claim 12: mean shifted potential of robustly trained networks less that of the others."""
    means = known(rows, "potential-mean", distribution=Set.SHIFTED)
    return [
        difference(f"mean shifted potential, {robust[LABEL]} less {other[LABEL]}", robust, other)
        for robust in filter(_is_robust, means)
        for other in means
        if not _is_robust(other) and _are_pruned_alike(robust, other)
    ]


def _are_pruned_alike(robust: Row, other: Row) -> bool:
    """Whether two rows differ in robust training alone."""
    ordinary = robust | {"train_distribution": None}
    methods = [(row["method"], row["settings"].get("prune")) for row in (robust, other)]
    return methods[0] == methods[1] and _made_alike(ordinary) == _made_alike(other)


def accuracy_hides_it(rows: list[Row]) -> list[Contrast]:
    """Claim 13: nominal potential less the smallest over the shifted distributions."""
    smallest = {row["variant"]: row for row in known(rows, "potential-minimum", distribution=Set.SHIFTED)}
    return [
        difference(f"nominal less minimum potential, {_named(row)}", row, smallest[row["variant"]])
        for row in _nominal(rows)
        if row["variant"] in smallest
    ]
