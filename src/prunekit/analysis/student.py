"""Numbers with a standard error and degrees of freedom: their intervals and p values by Student's t."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from prunekit.analysis.outcome import Array
from prunekit.analysis.special import stdtr, stdtrit

LEVEL = 0.95


class Student(NamedTuple):
    """Any number of estimates at once, ``[...]`` each; an undefined error is NaN, and so is what follows from it."""

    centre: Array
    error: Array
    degrees: Array

    def ends(self, level: float = LEVEL) -> Array:
        """The two-sided interval ``[2, ...]``."""
        arm = stdtrit(self.degrees, (1 + level) / 2) * self.error
        return np.stack([self.centre - arm, self.centre + arm])

    def p_not_below(self, limit: float | Array) -> Array:
        """One-sided p value: how likely a number this low is if the truth is ``limit``."""
        return np.asarray(stdtr(self.degrees, self._away(limit)))

    def p_not_above(self, limit: float | Array) -> Array:
        """One-sided p value: how likely a number this high is if the truth is ``limit``."""
        return np.asarray(stdtr(self.degrees, -self._away(limit)))

    def p_value(self, null: float = 0.0) -> Array:
        """Two-sided p value that the truth is ``null``."""
        return np.asarray(2 * stdtr(self.degrees, -np.abs(self._away(null))))

    @staticmethod
    def stacked(several: Sequence[Student]) -> Student:
        """Single estimates as one, ``[len(several)]``."""
        return Student(*(np.array([float(each[place]) for each in several]) for place in range(3)))

    def _away(self, limit: float | Array) -> Array:
        """Distance from a limit in standard errors; if the error is 0, it is infinite, or 0 at the limit itself."""
        off = np.asarray(self.centre - limit, dtype=np.float64)
        certain = np.where(off == 0, 0.0, np.copysign(np.inf, off))
        return np.divide(off, self.error, out=certain, where=np.asarray(self.error) != 0)


def student_quantiles(count: int, degrees: float, name: int) -> Array:
    """``count`` evenly spread quantiles of Student's t, in a shuffled order that depends on ``name``."""
    return np.asarray(np.random.default_rng(name).permutation(_quantiles(count, round(degrees, 2))))


@lru_cache(maxsize=64)
def _quantiles(count: int, degrees: float) -> Array:
    return np.asarray(stdtrit(max(degrees, 1.0), (np.arange(count) + 0.5) / count))
