"""What the claims on functional similarity and informative features compare: numbers that must be above zero."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from prunekit.analysis.curves import grouped
from prunekit.analysis.evidence import (
    COMMENSURATE_RATIO,
    Part,
    draws_of,
    known,
    methods_of,
    name_of,
    noisy_alike,
    percent,
)
from prunekit.analysis.features import Member, member_of
from prunekit.analysis.rows import Row
from prunekit.analysis.variant import Role

EXTREME_RATIO = 0.935
METRICS = {"agreement": "matching predictions", "softmax_l2": "softmax distance"}
RATIOS, NOISE = "over prune ratios", "over noise"
TO_PRUNED = "pixels of the parent, seen by pruned networks"
TO_PARENT = "pixels of pruned networks, seen by the parent"
CHANCE = "confidence in the true class"

# The network whose pixels are kept, and the network that predicts.
Cell = tuple[Member, Member]


def closer_than_separate(rows: list[Row]) -> list[Part]:
    """Claim 1: the gain over the separate network at commensurate ratios, for every metric and level."""
    return _gains(rows, lambda ratio: ratio <= COMMENSURATE_RATIO, closer=True)


def farther_than_separate(rows: list[Row]) -> list[Part]:
    """Claim 2: how far a network falls behind the separate network at extreme ratios."""
    return _gains(rows, lambda ratio: ratio >= EXTREME_RATIO, closer=False)


def _gains(rows: list[Row], wanted: Callable[[float], bool], *, closer: bool) -> list[Part]:
    return [
        Part(
            f"{methods_of(row)}, {METRICS[row['metric']]}",
            f"{name_of(row)} at {percent(row['asked'])}, noise {row['level']:g}, is "
            f"{'closer to' if closer else 'farther from'} its parent than a separate network is "
            f"({METRICS[row['metric']]}) by",
            draws_of(row).above(0.0) if closer else draws_of(row).below(0.0),
            row["unit"],
        )
        for row in known(rows, "similarity-gain")
        if row["metric"] in METRICS and wanted(row["asked"])
    ]


def falls_with_ratio_and_noise(rows: list[Row]) -> list[Part]:
    """Claim 3: agreement at the smallest minus that at the largest ratio, and the same over noise levels."""
    agreement = known(rows, "similarity", metric="agreement", role=Role.PRUNED)
    return [*_ends(agreement, "asked", "level", NOISE), *_ends(agreement, "level", "asked", RATIOS)]


def _ends(rows: list[Row], held: str, moving: str, group: str) -> list[Part]:
    """The value at the smallest entry of one column minus that at the largest, per method, with another column held."""
    found = []
    for members in grouped(rows, lambda row: (*noisy_alike(row), row[held])).values():
        ordered = sorted(members, key=lambda row: float(row[moving]))
        first, last = ordered[0], ordered[-1]
        if len(ordered) > 1:
            at = f"noise {first[held]:g}" if held == "level" else percent(first[held])
            ends = [
                percent(row[moving]) if moving == "asked" else f"{row[moving]:g}" for row in (first, last)
            ]
            moved = "pruning" if moving == "asked" else "noise"
            what = f"{name_of(first)} at {at}: from {moved} {ends[0]} to {ends[1]} the agreement falls by"
            draws = draws_of(first).less(draws_of(last))
            found.append(Part(f"{methods_of(first)}, {group}", what, draws, first["unit"]))
    return found


def features_transfer(rows: list[Row]) -> list[Part]:
    """Claim 4: confidence between parent and pruned network minus that with the separate network."""
    found: list[Part] = []
    for group in grouped(known(rows, "features-transfer"), _sought_alike).values():
        by_control = grouped(group, lambda row: row["control"])
        cells = _cells(by_control.pop(None, []))
        for controls in map(_cells, by_control.values()):
            for own, control in _transfers(cells):
                if control in controls:
                    draws = draws_of(cells[own]).less(draws_of(controls[control]))
                    found.append(Part(*_transfer(name_of(group[0]), own), draws, CHANCE))
    return found


def _transfer(label: str, cell: Cell) -> tuple[str, str]:
    to_pruned = cell[0] == 0
    ratio = percent(float(cell[1] if to_pruned else cell[0]))
    sees = (
        f"{label} at {ratio} sees its parent's pixels"
        if to_pruned
        else f"the parent sees {label}'s at {ratio}"
    )
    return (
        TO_PRUNED if to_pruned else TO_PARENT
    ), f"{sees} with more confidence than with a separate network, by"


def _sought_alike(row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in ("variant", "distribution", "kept", "block", "candidates"))


def _cells(rows: Sequence[Row]) -> dict[Cell, Row]:
    return {(member_of(row, "row"), member_of(row, "column")): row for row in rows}


def _transfers(cells: Iterable[Cell]) -> list[tuple[Cell, Cell]]:
    """Each cell of the parent and a pruned network that the claim covers, and the cell of its control."""
    cells = sorted(cells)
    to: list[tuple[Cell, Cell]] = [
        ((0.0, ratio), (0.0, Role.SEPARATE)) for row, ratio in cells if not row and _is_moderate(ratio)
    ]
    to += [
        ((ratio, 0.0), (Role.SEPARATE, 0.0)) for ratio, column in cells if not column and _is_moderate(ratio)
    ]
    return to


def _is_moderate(ratio: Member) -> bool:
    return isinstance(ratio, float) and 0 < ratio <= COMMENSURATE_RATIO
