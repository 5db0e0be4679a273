"""What a caller asks of pruning, and the errors where it cannot be had."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from prunekit.errors import UsageError

# A filter method may miss the ratio by this much; a larger miss is an error that gives the reachable ratios.
LARGEST_MISS = 0.02
Target = Literal["parameters", "multiplications"]


class Limits(NamedTuple):
    """Limits on a choice besides its ratio.

    ``round_to``: the number of channels left is a multiple of this. ``largest_share``: no layer loses more than this
    share of its filters. ``shares``: by layer, the share that it loses. ``least``: every layer keeps so many groups of
    coupled filters, if it has them.
    """

    round_to: int = 1
    largest_share: float = 1.0
    shares: Mapping[str, float] = {}
    least: int = 1


class Asked(NamedTuple):
    """The request: method, ratio, parameters of the unpruned parent, target and limits."""

    method: str
    ratio: float
    total: int
    target: Target
    limits: Limits


def already_pruned(present: float, asked: float) -> UsageError:
    """The error where the masks in force remove more than is asked for."""
    return UsageError(
        f"the model is already pruned to {_up(present, 4):.4f}, which is more than the requested {asked}"
    )


def out_of_reach(method: str, asked: float, reachable: Sequence[float]) -> UsageError:
    """The error, given the present ratio and the possible ratios nearest to the requested one."""
    present, *nearest = reachable
    if max(nearest) <= asked:
        return UsageError(
            f"{method} cannot reach prune ratio {asked} on this model (reachable: {_range(present, max(nearest))})"
        )
    steps = " and ".join(f"{ratio:.3f}" for ratio in sorted(nearest))
    return UsageError(
        f"{method} cannot reach prune ratio {asked} on this model: the nearest possible ratios are {steps}"
    )


# Digits of the printed bounds: more where a range is too narrow for fewer.
_DIGITS = (3, 4, 6, 9)
# Far below one entry of any network, and above the rounding of a share of its entries.
_SLACK = 1e-12


def _range(least: float, most: float) -> str:
    """The bounds, rounded inwards, so that what is printed can be had."""
    places = next((each for each in _DIGITS if _up(least, each) <= _down(most, each)), None)
    if places is None:
        return f"{least!r} to {most!r}"
    return f"{_up(least, places):.{places}f} to {_down(most, places):.{places}f}"


def _up(value: float, places: int) -> float:
    scale = float(10**places)
    return math.ceil((value - _SLACK) * scale) / scale


def _down(value: float, places: int) -> float:
    scale = float(10**places)
    return math.floor((value + _SLACK) * scale) / scale
