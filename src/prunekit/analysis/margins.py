"""The prune potential as a function of the margin: a step function whose steps are at the rises in error."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from prunekit.analysis.outcome import Array


class Step(NamedTuple):
    """From ``margin`` up to the next step the potential is ``ratio``; ``place`` is the index of that ratio."""

    margin: float
    ratio: float
    place: int


def potential_steps(ratios: Array, rises: Array) -> list[Step]:
    """All steps by rising margin, from rises in error over the parent ``[ratios]``; the potential is 0 below the first.

    A ratio has no step if a larger one has no larger rise. At a negative margin a network must be better than its
    parent by that much.
    """
    steps: list[Step] = []
    for place in sorted(range(len(ratios)), key=lambda place: (rises[place], -ratios[place])):
        if not steps or ratios[place] > steps[-1].ratio:
            steps.append(Step(float(rises[place]), float(ratios[place]), place))
    return steps


def potential_at(steps: list[Step], margin: float) -> float:
    """The value of the step function at one margin."""
    return max((step.ratio for step in steps if step.margin <= margin), default=0.0)


def needed_margins(ratios: Array, rises: Array) -> Array:
    """The smallest margin at which the potential is at least each ratio, ``[..., ratios]`` by rising ratio.

    From rises ``[..., ratios]``: the smallest rise at that ratio or above.
    """
    order = np.argsort(ratios)
    return np.asarray(np.minimum.accumulate(rises[..., order][..., ::-1], axis=-1)[..., ::-1])
