"""A number with its interval and what it rests on."""

from __future__ import annotations

import math
from collections.abc import Iterable
from enum import StrEnum
from typing import Any, NamedTuple, TypeVar

import numpy as np

from prunekit.analysis.flags import Flag
from prunekit.analysis.made_up import FEW_IMAGES
from prunekit.analysis.student import Student

SIGNIFICANT_DIGITS = 8

Item = TypeVar("Item", bound=str)


class Covers(StrEnum):
    """What an interval covers: the measured networks on other images, or also networks of other seeds."""

    THESE = "these networks"
    NEW = "new networks"


class Estimate(NamedTuple):
    """A value with its 95 % interval; ``interval`` says how that was computed.

    ``n`` counts images, ``seeds`` unpruned parents with different seeds. ``repetitions`` counts the networks under one
    parent (the one with the most) that differ in seeds of pruning or retraining and are averaged under it.

    With several seeds ``low`` and ``high`` cover new networks; ``these`` are the ends that cover the measured networks,
    on other images. ``seed_error`` is what seeds add to the standard error beyond the images, ``degrees`` its degrees
    of freedom, ``student`` the number that verdicts and tests use.
    """

    value: float
    low: float
    high: float
    n: int
    seeds: int
    interval: str
    flags: tuple[Flag, ...] = ()
    repetitions: int = 1
    these: tuple[float, float] | None = None
    seed_error: float = 0.0
    degrees: float = np.inf
    student: Student | None = None

    def averaging(self, repetitions: int) -> Estimate:
        """The same estimate with up to so many networks averaged per parent; the row says so, and never "1 seed"."""
        if repetitions == 1:
            return self
        flags = (Flag.ONE_PARENT if flag == Flag.ONE_SEED else flag for flag in self.flags)
        made = f"{self.interval}, up to {repetitions} repetitions per parent, averaged under it"
        return self._replace(repetitions=repetitions, interval=made, flags=unique(flags))

    def as_row(self) -> dict[str, Any]:
        """The columns of a long row, as JSON values: a number that is not finite becomes None and is flagged."""
        numbers = {name: plain(getattr(self, name)) for name in ("value", "low", "high")}
        these = self.these or (self.low, self.high)
        found = {
            Flag.UNDEFINED: numbers["value"] is None,
            Flag.OUTSIDE: self.value < self.low or self.value > self.high,
            Flag.FEW_IMAGES: self.n < FEW_IMAGES,
        }
        return numbers | {
            "covers": str(Covers.NEW if self.seeds > 1 else Covers.THESE),
            "these_low": plain(these[0]),
            "these_high": plain(these[1]),
            "n": self.n,
            "seeds": self.seeds,
            "repetitions": self.repetitions,
            "interval": self.interval,
            "flags": [str(flag) for flag in unique([*self.flags, *(flag for flag in found if found[flag])])],
        }


def plain(number: float) -> float | None:
    """A JSON number of eight significant digits, so that equal work writes equal bytes; None if not finite."""
    return float(f"{number:.{SIGNIFICANT_DIGITS}g}") if math.isfinite(number) else None


def unique(items: Iterable[Item]) -> tuple[Item, ...]:
    """Each flag or key once, in the order of its first appearance."""
    return tuple(dict.fromkeys(items))
