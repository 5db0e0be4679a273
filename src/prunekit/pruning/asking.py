"""What a caller asks of pruning, and the errors where it cannot be had."""

from __future__ import annotations

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
        f"the model is already pruned to {present:.4f}, which is more than the requested {asked}"
    )


def out_of_reach(method: str, asked: float, reachable: Sequence[float]) -> UsageError:
    """The error, given the present ratio and the possible ratios nearest to the requested one."""
    present, *nearest = reachable
    if max(nearest) <= asked:
        return UsageError(
            f"{method} cannot reach prune ratio {asked} on this model (reachable: {present:.3f} to {max(nearest):.3f})"
        )
    steps = " and ".join(f"{ratio:.3f}" for ratio in sorted(nearest))
    return UsageError(
        f"{method} cannot reach prune ratio {asked} on this model: the nearest possible ratios are {steps}"
    )
