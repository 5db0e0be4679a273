"""Monotone searches over counts of filters: from a level in [0, 1] to the counts that leave a number of entries."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
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
    first, last, same = 0, sum(high.values()) - sum(low.values()), 0
    below, above = trial.reached(low), trial.most(high)
    while last - first > 1:
        guess = first + round(_guess(below, above, target, same) * (last - first))
        middle = min(last - 1, max(first + 1, guess))
        reached = trial.reached(_between(low, high, middle))
        if reached > target:
            last, above = middle, reached
        else:
            first, below = middle, reached
        same = _in_a_row(same, reached > target)
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
    above, same = trial.most(most), 0
    for _ in range(_STEPS):
        if sum(most.values()) - sum(least.values()) <= 1:
            break
        middle = low + _guess(below, above, target, same) * (high - low)
        amounts = allocate(middle)
        reached = trial.reached(amounts)
        if reached > target:
            high, most, above = middle, amounts, reached
        else:
            low, least, below = middle, amounts, reached
        same = _in_a_row(same, reached > target)
    return least, most


def _in_a_row(same: int, above: bool) -> int:
    """How many steps have moved the same end of an interval: 1, 2, ... the upper one, -1, -2, ... the lower one."""
    side = 1 if above else -1
    return same + side if same * side > 0 else side


def _guess(below: int, above: int, target: int, same: int) -> float:
    """Where in an interval ``target`` is expected, as a share of its length.

    Entries grow about as the square of the level. If the last steps moved the same end, the guess is that much further
    from it, so that the other end comes near, too; after several, the interval is halved.
    """
    first, last, wanted = (math.sqrt(max(0, value)) for value in (below, above, target))
    if last <= first or abs(same) > _PATIENCE:
        return 0.5
    share = (wanted - first) / (last - first)
    further = math.ldexp(1.0, max(0, abs(same) - 1))
    found = 1 - further * (1 - share) if same > 0 else further * share
    return min(1 - _LEAST_STEP, max(_LEAST_STEP, found))
