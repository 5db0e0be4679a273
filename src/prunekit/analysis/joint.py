"""Contrasts on joint draws, and the verdict on a claim that requires all of its contrasts to be above zero.

Both sides of a contrast come from the same resamples of images, and from the same worlds where seeds are drawn: what
they share cancels. It would not cancel if two separate intervals were compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from prunekit.analysis.outcome import Array
from prunekit.analysis.significance import SURE_OF_DRAWS, Share, at_least, at_most, holm, max_t
from prunekit.analysis.special import bdtr
from prunekit.analysis.student import LEVEL

SIDE = (1 - LEVEL) / 2
# Numbers that differ by less are equal: rounding causes such differences, images and ratios of a grid do not.
TIE = 1e-9


class Ruling(StrEnum):
    """A study's verdict on a claim."""

    HOLDS = "holds"
    FAILS = "does not hold"
    UNKNOWN = "cannot tell"


class Draws(NamedTuple):
    """A number and its joint draws ``[draws]``.

    ``least`` and ``most`` differ where the number is only known to lie between two bounds: a potential at the largest
    tested ratio may be higher, and one below every tested ratio may be anything below the smallest. ``on_grid``: the
    number moves in steps of the tested ratios.
    """

    value: float
    least: Array
    most: Array
    on_grid: bool = False

    def less(self, other: Draws) -> Draws:
        """The difference, draw by draw."""
        return Draws(
            self.value - other.value,
            self.least - other.most,
            self.most - other.least,
            self.on_grid or other.on_grid,
        )

    def reported(self) -> Draws:
        """The number as reported, at its least: two potentials below every tested ratio are equal."""
        return self._replace(most=self.least)

    def above(self, limit: float) -> Draws:
        """By how much it is above a limit."""
        return Draws(self.value - limit, self.least - limit, self.most - limit, self.on_grid)

    def below(self, limit: float) -> Draws:
        """By how much it is below a limit."""
        return Draws(limit - self.value, limit - self.most, limit - self.least, self.on_grid)

    def ends(self) -> tuple[float, float]:
        """The percentile interval, each end as far out as more draws might move it (99 %).

        Every interval of a difference on joint draws is computed here: contrasts, methods, gains of robust training.
        """
        place = outer_place(len(self.least))
        low = np.partition(self.least, place)[place]
        return float(low), float(np.partition(self.most, -1 - place)[-1 - place])


@lru_cache(maxsize=16)
def outer_place(draws: int) -> int:
    """The rank of the draw, by rising value, that is not above the true 2.5 % quantile with a chance of 99 %."""
    below = bdtr(np.arange(int(SIDE * draws) + 1, dtype=np.float64), draws, SIDE)
    return max(0, int(np.count_nonzero(below <= 1 - SURE_OF_DRAWS)) - 1)


def drawn_interval(draws: int, seeds: int) -> str:
    """How :meth:`Draws.ends` computed an interval, as text for a row."""
    more = f", {seeds} seeds, moderated" if seeds > 1 else ""
    return f"95 % percentile, {draws} joint draws of images{more}, outer ends"


class Contrast(NamedTuple):
    """A number that a claim requires to be above zero: ``group`` is its group of evidence, ``what`` its description.

    ``p_value`` is one-sided, for not being below zero; ``adjusted`` is the same for all contrasts of the claim
    together. All of it holds with a chance of 99 % however many more are drawn: verdicts do not depend on the
    bootstrap's seed.
    """

    group: str
    what: str
    value: float
    low: float
    high: float
    p_value: float
    adjusted: float

    @property
    def above(self) -> bool:
        """Whether it is above zero by its own interval."""
        return self.low > TIE

    @property
    def below(self) -> bool:
        """Whether it is below zero, also after the correction."""
        return self.adjusted <= SIDE and self.high < -TIE


class Average(NamedTuple):
    """The mean of all contrasts of a claim, with equal weights."""

    value: float
    low: float
    high: float


class Settled(NamedTuple):
    """The verdict on a claim, the contrast that decides it, and the missing groups of evidence."""

    ruling: Ruling
    decided_by: Contrast | None
    lacks: tuple[str, ...]


def known(values: Array) -> Draws:
    """Draws of a number that is known once images and seeds are, from ``[1 + draws]`` with the estimate in front."""
    return Draws(float(values[0]), values[1:], values[1:])


def chance_above(draws: Array) -> float:
    """The share of draws above zero; ties count half."""
    return float((np.count_nonzero(draws > TIE) + np.count_nonzero(np.abs(draws) <= TIE) / 2) / len(draws))


def two_sided(draws: Array) -> float:
    """Two-sided p value that the number is zero, the upper limit over possible draws; ties count for zero.

    From 182 draws on it is at most 5 % exactly where :meth:`Draws.ends` excludes zero.
    """
    beyond = min(np.count_nonzero(draws <= TIE), np.count_nonzero(draws >= -TIE))
    return min(1.0, 2 * float(at_most(int(beyond), len(draws))))


def contrasts_of(parts: Sequence[tuple[str, str, Draws]]) -> list[Contrast]:
    """The contrasts of one claim from (group, name, draws), with p values also for all of them together.

    Step-down max-T takes their correlation into account. Potentials get Holm's correction: they move in steps of the
    grid, so their spread gives no standard error.
    """
    each = [draws for _, _, draws in parts]
    raw, together = _not_below(each, at_most)
    return [
        Contrast(group, what, draws.value, *draws.ends(), float(p), float(adjusted))
        for (group, what, draws), p, adjusted in zip(parts, raw, together, strict=True)
    ]


def _not_below(draws: Sequence[Draws], share: Share) -> tuple[Array, Array]:
    """One-sided p values for not being below zero: uncorrected, and corrected for all of them."""
    raw = np.array([float(share(int(np.count_nonzero(each.most >= -TIE)), len(each.most))) for each in draws])
    if not draws or any(each.on_grid for each in draws):
        return raw, holm(raw)
    values, most = np.array([each.value for each in draws]), np.stack([each.most for each in draws])
    return raw, max_t(values, most, share)


def hinges(draws: Sequence[Draws]) -> bool:
    """Whether more draws of an undecided claim's contrasts might decide it, either way."""
    if not draws:
        return False
    fails = _not_below(draws, at_least)[1].min() <= SIDE
    holds = all(at_least(int(np.count_nonzero(each.least <= TIE)), len(each.least)) <= SIDE for each in draws)
    return bool(fails or holds)


def average(draws: Sequence[Draws]) -> Average | None:
    """The mean of the contrasts with its interval; None if there are none."""
    if not draws:
        return None
    mean = Draws(
        float(np.mean([each.value for each in draws])),
        np.mean([each.least for each in draws], axis=0),
        np.mean([each.most for each in draws], axis=0),
    )
    return Average(mean.value, *mean.ends())


def settle(contrasts: Sequence[Contrast], needs: Sequence[str]) -> Settled:
    """The verdict: ``needs`` names the groups of evidence without which the study cannot tell.

    *Holds*: each contrast is above zero by its own interval (intersection-union: the claim is as sure as its weakest
    contrast, without correction). *Does not hold*: one is below zero also after correction; a tie on the grid is not.
    """
    lacks = tuple(group for group in needs if group not in {each.group for each in contrasts})
    if not contrasts:
        return Settled(Ruling.UNKNOWN, None, lacks)
    weakest = min(contrasts, key=lambda each: each.low)
    surest = min(contrasts, key=lambda each: (each.adjusted, each.high))
    if lacks:
        return Settled(Ruling.UNKNOWN, weakest, lacks)
    if surest.below:
        return Settled(Ruling.FAILS, surest, ())
    return Settled(Ruling.HOLDS if weakest.above else Ruling.UNKNOWN, weakest, ())
