"""A number with its interval and what it rests on."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

SIGNIFICANT_DIGITS = 8
ONE_SEED = "1 seed: the interval covers images only"
UNDEFINED = "undefined: nothing to average over"
OUTSIDE = "the value lies outside its interval: resampling is biased here"


class Estimate(NamedTuple):
    """A value with its 95 % interval; ``n`` images, ``seeds`` repetitions; ``interval`` says how it was made."""

    value: float
    low: float
    high: float
    n: int
    seeds: int
    interval: str
    flags: tuple[str, ...] = ()

    def as_row(self) -> dict[str, Any]:
        """The columns of a long row, in JSON values: a number that is not finite becomes None and is flagged."""
        numbers = {name: plain(getattr(self, name)) for name in ("value", "low", "high")}
        found = {
            UNDEFINED: numbers["value"] is None,
            OUTSIDE: self.value < self.low or self.value > self.high,
        }
        return numbers | {
            "n": self.n,
            "seeds": self.seeds,
            "interval": self.interval,
            "flags": list(unique([*self.flags, *(flag for flag, applies in found.items() if applies)])),
        }


def plain(number: float) -> float | None:
    """A JSON number of eight significant digits, so that equal work writes equal bytes; None if not finite."""
    return float(f"{number:.{SIGNIFICANT_DIGITS}g}") if math.isfinite(number) else None


def unique(flags: Iterable[str]) -> tuple[str, ...]:
    """Each flag once, in the order of its first appearance."""
    return tuple(dict.fromkeys(flags))
