"""Monotone searches over counts of filters: from a level in [0, 1] to the counts that leave a number of entries."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

_STEPS = 48
_PATIENCE, _LEAST_STEP = 3, 0.01  # of a guess; then the interval is halved
_CHANGES = 8

Allocate = Callable[[float], Mapping[str, int]]


class UnreachableError(Exception):
    """The target cannot be reached; ``nearest``: the possible numbers of entries nearest to it."""

    def __init__(self, *nearest: int) -> None:
        super().__init__(*nearest)
        self.nearest = nearest


class Trial(Protocol):
    """What the search over counts needs: the entries that a choice of counts leaves, below zero if it is invalid."""

    def reached(self, amounts: Mapping[str, int]) -> int: ...

    def most(self, amounts: Mapping[str, int]) -> int: ...


def nearest_amounts(trial: Trial, allocate: Allocate, target: int, largest_miss: float) -> Mapping[str, int]:
    """The counts nearest to ``target``: between two neighbouring levels, filters are added one by one.

    If one filter more or less is too much, as in narrow layers, other layers keep one more or less, too.
    """
    low, high = _bracket(trial, allocate, target)
    first, last = 0, sum(high.values()) - sum(low.values())
    ends = _Ends(target, trial.reached(low), trial.most(high))
    while last - first > 1:
        middle = min(last - 1, max(first + 1, first + round(ends.guess() * (last - first))))
        if ends.lowered(trial.reached(_between(low, high, middle))):
            last = middle
        else:
            first = middle
    nearest = {
        trial.reached(choice): choice for choice in (_between(low, high, more) for more in (first, last))
    }
    nearest.pop(-1, None)
    kept = min(nearest, key=lambda kept: abs(kept - target), default=-1)
    if kept >= 0 and abs(kept - target) <= largest_miss:
        return nearest[kept]
    for amounts in nearest.values() if len(nearest) > 1 else ():
        found = _balanced(trial, amounts, allocate(1.0), target)
        if abs(trial.reached(found) - target) <= largest_miss:
            return found
    raise UnreachableError(*nearest or [trial.most(high)])


def _balanced(
    trial: Trial, amounts: Mapping[str, int], most: Mapping[str, int], target: int
) -> Mapping[str, int]:
    """The counts after up to ``_CHANGES`` changes of one layer by one, each of which comes nearest to ``target``."""

    def miss(choice: Mapping[str, int]) -> float:
        reached = trial.reached(choice)
        return abs(reached - target) if reached >= 0 else float("inf")

    for _ in range(_CHANGES):
        tried = [
            {**amounts, name: amount + step}
            for name, amount in amounts.items()
            for step in (-1, 1)
            if 1 <= amount + step <= most[name]
        ]
        best = min(tried, key=miss, default=amounts)
        if miss(best) >= miss(amounts):
            break
        amounts = best
    return amounts


def _between(low: Mapping[str, int], high: Mapping[str, int], more: int) -> dict[str, int]:
    """The amounts of ``low`` plus ``more`` filters, which fill the first layers up to ``high`` first."""
    found = {}
    for name, least in low.items():
        found[name] = least + min(more, high[name] - least)
        more -= found[name] - least
    return found


def _bracket(trial: Trial, allocate: Allocate, target: int) -> tuple[Mapping[str, int], Mapping[str, int]]:
    """The counts of two neighbouring levels: one leaves at most ``target`` entries, the other more."""
    low, high = 0.0, 1.0
    least, most = allocate(low), allocate(high)
    below = trial.reached(least)
    if below > target:
        return least, least
    ends = _Ends(target, below, trial.most(most))
    for _ in range(_STEPS):
        if sum(most.values()) - sum(least.values()) <= 1:
            break
        middle = low + ends.guess() * (high - low)
        amounts = allocate(middle)
        if ends.lowered(trial.reached(amounts)):
            high, most = middle, amounts
        else:
            low, least = middle, amounts
    return least, most


@dataclass
class _Ends:
    """What the ends of an interval leave around ``target``, and how many steps have moved the same end in a row.

    ``same``: 1, 2, ... for the upper end, -1, -2, ... for the lower one.
    """

    target: int
    below: int
    above: int
    same: int = 0

    def lowered(self, reached: int) -> bool:
        """Move the end that a step replaces; whether it is the upper one."""
        upper = reached > self.target
        self.below, self.above = (self.below, reached) if upper else (reached, self.above)
        side = 1 if upper else -1
        self.same = self.same + side if self.same * side > 0 else side
        return upper

    def guess(self) -> float:
        """Where in the interval the target is expected, as a share of its length.

        Entries grow about as the square of the level. If the last steps moved the same end, the guess is that much
        further from it, so that the other end comes near, too; after several, the interval is halved.
        """
        ends = (self.below, self.above, self.target)
        first, last, wanted = (math.sqrt(max(0, value)) for value in ends)
        if last <= first or abs(self.same) > _PATIENCE:
            return 0.5
        share = (wanted - first) / (last - first)
        further = math.ldexp(1.0, max(0, abs(self.same) - 1))
        found = 1 - further * (1 - share) if self.same > 0 else further * share
        return min(1 - _LEAST_STEP, max(_LEAST_STEP, found))
