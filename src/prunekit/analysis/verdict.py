"""Within the margin, beyond it, or undecided: the verdict on a rise in error (two one-sided tests).

A rise that is not significant is no proof of harmlessness: with few images no rise is. *Within* requires the upper
limit of the rise to be at or below the margin, *beyond* the lower limit to be above it; otherwise the images do not
decide. At the margin itself a verdict is wrong in one of forty cases on either side, in one of twenty where few images
differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from prunekit.analysis.outcome import Array
from prunekit.analysis.significance import holm
from prunekit.analysis.student import LEVEL, Student
from prunekit.errors import UsageError

# "At most" is decided as if by counts of images: the tolerance is far below the 1 / n by which errors differ.
TOLERANCE = 1e-9
SIDE = (1 - LEVEL) / 2


class Verdict(StrEnum):
    """What is known about a rise in error relative to a margin."""

    WITHIN = "within"
    BEYOND = "beyond"
    UNDECIDED = "undecided"


class Margin(NamedTuple):
    """The rise in error that is allowed: in points of error, or ``relative`` to the parent's error.

    If negative, the network must be better than its parent.
    """

    size: float
    relative: bool = False

    def of(self, parent_error: float | Array) -> float | Array:
        """The rise that is allowed over a parent of this error."""
        return self.size * parent_error if self.relative else self.size


def as_margin(margin: Margin | float) -> Margin:
    """A margin from what a caller gives: a number is a rise in points of error."""
    return checked(margin if isinstance(margin, Margin) else Margin(margin))


def checked(margin: Margin) -> Margin:
    """The margin itself; a :class:`UsageError` unless it is a possible rise (or fall) in error."""
    if not np.isfinite(margin.size) or not (margin.size >= -1 and (margin.relative or margin.size <= 1)):
        allowed = "a share of the parent's error, -1 or more" if margin.relative else "from -1 to 1"
        raise UsageError(
            f"the margin is {margin.size:g}; it must be {allowed} (0.005 is half a percent of the images; "
            "below zero the network must be better than its parent)"
        )
    return margin


def decide(low: float, high: float, limit: float) -> Verdict:
    """The verdict from a rise's interval and the allowed rise; an undefined interval decides nothing."""
    if high <= limit + TOLERANCE:
        return Verdict.WITHIN
    return Verdict.BEYOND if low > limit + TOLERANCE else Verdict.UNDECIDED


class Judged(NamedTuple):
    """Several rises against their limits: the verdicts, and the smaller one-sided p value of each, ``[rises]``."""

    verdicts: tuple[Verdict, ...]
    p_values: Array


def judge_rises(rises: Student, limits: Array | float, *, together: bool = False) -> Judged:
    """The verdict on each rise ``[rises]``; ``together`` corrects for their number (Holm, on either side).

    The correction is for a reader who looks for *some* distribution within (or beyond) the margin. That a network is
    within it on *all* of them needs no correction: it is as sure as the least sure of them.
    """
    limit = np.asarray(limits, dtype=np.float64) + TOLERANCE
    within, beyond = rises.p_not_below(limit), rises.p_not_above(limit)
    if together:
        within, beyond = holm(within), holm(beyond)
    verdicts = [
        Verdict.WITHIN if low <= SIDE else Verdict.BEYOND if high <= SIDE else Verdict.UNDECIDED
        for low, high in zip(within, beyond, strict=True)
    ]
    return Judged(tuple(verdicts), np.fmin(within, beyond))


def overall(verdicts: Sequence[Verdict]) -> Verdict:
    """One verdict on all distributions: within on every one, beyond on some, else undecided (as with none)."""
    if verdicts and all(each is Verdict.WITHIN for each in verdicts):
        return Verdict.WITHIN
    return Verdict.BEYOND if Verdict.BEYOND in verdicts else Verdict.UNDECIDED
