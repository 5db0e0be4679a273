"""A number with its interval and what it rests on."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

SIGNIFICANT_DIGITS = 8
ONE_SEED = "1 seed: the interval covers images only"
UNDEFINED = "undefined: nothing to average over"


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
        flags = self.flags if numbers["value"] is not None else (*self.flags, UNDEFINED)
        return numbers | {
            "n": self.n,
            "seeds": self.seeds,
            "interval": self.interval,
            "flags": list(unique(flags)),
        }


def plain(number: float) -> float | None:
    """A JSON number of eight significant digits, so that equal work writes equal bytes; None if not finite."""
    return float(f"{number:.{SIGNIFICANT_DIGITS}g}") if math.isfinite(number) else None


def unique(flags: Iterable[str]) -> tuple[str, ...]:
    """Each flag once, in the order of its first appearance."""
    return tuple(dict.fromkeys(flags))
