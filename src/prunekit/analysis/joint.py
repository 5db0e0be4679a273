"""Contrasts on joint draws, and what several of them say of a claim that wants them all above zero.

Both sides of a contrast come from the same resamples of images, and from the same worlds where seeds are drawn: what
they share cancels. Two intervals set end against end would not let it.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.special import bdtr

from prunekit.analysis.outcome import Array
from prunekit.analysis.significance import SURE_OF_DRAWS, Share, at_least, at_most, holm, max_t
from prunekit.analysis.student import LEVEL

SIDE = (1 - LEVEL) / 2
# Numbers that differ by less are equal: rounding makes such differences, images and ratios of a grid do not.
TIE = 1e-9


class Ruling(StrEnum):
    """What a study says of a claim."""

    HOLDS = "holds"
    FAILS = "does not hold"
    UNKNOWN = "cannot tell"


class Draws(NamedTuple):
    """A number and its joint draws ``[draws]``.

    ``least`` and ``most`` differ where the number is only known to lie between two: a potential at the largest tested
    ratio may be higher, and one that no tested ratio reaches is anything below the smallest. ``on_grid``: it moves in
    steps, those of the tested ratios.
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
        """The number as it is reported, at its least: two potentials that no tested ratio reaches are equal."""
        return self._replace(most=self.least)

    def above(self, limit: float) -> Draws:
        """By how much it is above a limit."""
        return Draws(self.value - limit, self.least - limit, self.most - limit, self.on_grid)

    def below(self, limit: float) -> Draws:
        """By how much it is below a limit."""
        return Draws(limit - self.value, limit - self.most, limit - self.least, self.on_grid)

    def ends(self) -> tuple[float, float]:
        """The percentile interval, each end as far out as it may be with more draws (99 %).

        Every interval of a difference on joint draws is made here: contrasts, methods, gains of robust training.
        """
        place = outer_place(len(self.least))
        low = np.partition(self.least, place)[place]
        return float(low), float(np.partition(self.most, -1 - place)[-1 - place])


@lru_cache(maxsize=16)
def outer_place(draws: int) -> int:
    """The place of the draw, by rising value, that is not above the true 2.5 % quantile with a chance of 99 %."""
    below = bdtr(np.arange(int(SIDE * draws) + 1, dtype=np.float64), draws, SIDE)
    return max(0, int(np.count_nonzero(below <= 1 - SURE_OF_DRAWS)) - 1)


def drawn_interval(draws: int, seeds: int) -> str:
    """How :meth:`Draws.ends` made an interval, for a row."""
    more = f", {seeds} seeds, moderated" if seeds > 1 else ""
    return f"95 % percentile, {draws} joint draws of images{more}, outer ends"


class Contrast(NamedTuple):
    """A number that a claim wants above zero. ``group`` says which part of the evidence it is, ``what`` names it.

    ``p_value`` is one-sided, that it is not below zero; ``adjusted`` the same for all contrasts of the claim together.
    All of it holds with a chance of 99 % however many more are drawn: verdicts are no luck of the bootstrap's seed.
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
        """Whether it is below zero, even as one of so many."""
        return self.adjusted <= SIDE and self.high < -TIE


class Average(NamedTuple):
    """The mean of all contrasts of a claim, each weighing alike."""

    value: float
    low: float
    high: float


class Settled(NamedTuple):
    """The verdict on a claim, the contrast that decides it, and what is lacking where the study cannot tell."""

    ruling: Ruling
    decided_by: Contrast | None
    lacks: tuple[str, ...]


def known(values: Array) -> Draws:
    """Draws ``[1 + draws]``, the estimate in front, of a number that is known once images and seeds are."""
    return Draws(float(values[0]), values[1:], values[1:])


def chance_above(draws: Array) -> float:
    """The share of draws above zero; ties count half."""
    return float((np.count_nonzero(draws > TIE) + np.count_nonzero(np.abs(draws) <= TIE) / 2) / len(draws))


def two_sided(draws: Array) -> float:
    """The p value that the number is zero, of what the draws may stand for the upper end; ties speak for it.

    At most 5 % exactly where :meth:`Draws.ends` leave zero out, from 182 draws on.
    """
    beyond = min(np.count_nonzero(draws <= TIE), np.count_nonzero(draws >= -TIE))
    return min(1.0, 2 * float(at_most(int(beyond), len(draws))))


def contrasts_of(parts: Sequence[tuple[str, str, Draws]]) -> list[Contrast]:
    """The contrasts of one claim from (group, name, draws), with p values for all of them together.

    Max-T with steps down knows how they hang together. Potentials get Holm's correction: they move in steps of the
    grid, and have no spread that a standard error could be made of.
    """
    each = [draws for _, _, draws in parts]
    raw, together = _not_below(each, at_most)
    return [
        Contrast(group, what, draws.value, *draws.ends(), float(p), float(adjusted))
        for (group, what, draws), p, adjusted in zip(parts, raw, together, strict=True)
    ]


def _not_below(draws: Sequence[Draws], share: Share) -> tuple[Array, Array]:
    """One-sided p values that each is not below zero: by itself, and as one of all."""
    raw = np.array([float(share(int(np.count_nonzero(each.most >= -TIE)), len(each.most))) for each in draws])
    if not draws or any(each.on_grid for each in draws):
        return raw, holm(raw)
    values, most = np.array([each.value for each in draws]), np.stack([each.most for each in draws])
    return raw, max_t(values, most, share)


def hinges(draws: Sequence[Draws]) -> bool:
    """Whether more draws of the contrasts of a claim that cannot be told might decide it, one way or the other."""
    if not draws:
        return False
    fails = _not_below(draws, at_least)[1].min() <= SIDE
    holds = all(at_least(int(np.count_nonzero(each.least <= TIE)), len(each.least)) <= SIDE for each in draws)
    return bool(fails or holds)


def average(draws: Sequence[Draws]) -> Average | None:
    """The mean of the contrasts with its interval; None of none."""
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
    contrast, without correction). *Does not hold*: one is below zero even as one of so many; a tie on the grid is not.
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
