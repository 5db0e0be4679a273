"""From sensitivities to how much each layer keeps: rankings of weights and counts of filters, all pure functions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from prunekit.pruning.subject import Scores

# Constants of the error bound (Liebenwein et al. 2020) and of the sample size (docs/methods.md).
BOUND_CONSTANT = 3
FAILURE_PROBABILITY = 1e-16


def largest(scores: Tensor, count: int) -> Tensor:
    """Bool mask of the ``count`` largest entries of a tensor; the first of equal entries win."""
    flat = scores.flatten()
    mask = torch.zeros_like(flat, dtype=torch.bool)
    if count <= 0:
        return mask.reshape(scores.shape)
    if count >= flat.numel():
        return torch.ones_like(mask).reshape(scores.shape)
    least = _ordered_at(flat, flat.numel() - count)
    mask = flat > least
    ties = (flat == least).nonzero().flatten()
    mask[ties[: count - int(mask.count_nonzero())]] = True
    return mask.reshape(scores.shape)


def _ordered_at(values: Tensor, place: int) -> Tensor | float:
    """The value at a place of the ascending order."""
    # On the CPU numpy needs one copy of the values; torch's kthvalue needs three times their size besides.
    if values.device.type == "cpu" and values.dtype in (torch.float32, torch.float64):
        return float(np.partition(values.numpy(), place)[place])
    return values.kthvalue(place + 1).values


def standings(scores: Tensor) -> Tensor:
    """Every entry's place in the order from largest to smallest, from 0; the first of equal entries comes first."""
    order = scores.flatten().argsort(stable=True, descending=True)
    found = torch.empty_like(order)
    found[order] = torch.arange(len(order), device=order.device)
    return found.reshape(scores.shape)


def global_top(scores: Scores, count: int) -> dict[str, Tensor]:
    """Masks that keep the ``count`` largest scores over all layers; ties go to the earlier layer and position."""
    mask = largest(torch.cat([values.flatten() for values in scores.values()]), count)
    parts = torch.split(mask, [values.numel() for values in scores.values()])
    return {name: part.reshape(scores[name].shape) for name, part in zip(scores, parts, strict=True)}


def across_layers(scores: Scores) -> Scores:
    """Rank the weights of all layers together, by their scores."""
    return scores


def within_layers(scores: Scores) -> Scores:
    """Rank weights within their layer, so that every layer loses the same share."""
    return {name: _rank_share(values) for name, values in scores.items()}


def _rank_share(values: Tensor) -> Tensor:
    """The rank of every entry in its tensor, in (0, 1]; the largest has 1, and the first of equals the higher rank."""
    order = values.flatten().neg().argsort(stable=True)
    share = torch.empty(values.numel(), dtype=torch.float32, device=values.device)
    share[order] = 1 - torch.arange(values.numel(), device=values.device) / values.numel()
    return share.reshape(values.shape)


class Choice(NamedTuple):
    """What a filter allocation may use, per layer to prune.

    ``scores``: sensitivities of the remaining filters (or channels); ``keys``: their ranking keys, which are the scores
    or a draw. ``kernel`` · ``positions``: kernel positions and output positions of the layer (positions only for
    methods that use data).
    """

    scores: Scores
    keys: Scores
    kernel: Mapping[str, int]
    positions: Mapping[str, int]


def uniform_share(choice: Choice, level: float) -> dict[str, int]:
    """Keep the same share ``level`` of every layer's filters, at least one (FT, Li et al. 2017)."""
    return {name: uniform_count(values.numel(), level) for name, values in choice.scores.items()}


def global_share(choice: Choice, level: float) -> dict[str, int]:
    """Keep the best share ``level`` of all filters, ranked over all layers, at least one of each layer."""
    mask = global_top(choice.keys, round(level * sum(values.numel() for values in choice.keys.values())))
    return {name: max(1, int(kept.sum())) for name, kept in mask.items()}


def uniform_count(filters: int, share: float) -> int:
    """``filters · share``, in float32 as in the authors' code, rounded half to even, at least 1."""
    return max(1, round(float(np.float32(filters) * np.float32(share))))


def error_bound(choice: Choice, level: float) -> dict[str, int]:
    """Counts that bound every layer's relative error by the same epsilon (PFP); ``level`` 1 keeps all.

    Epsilon falls from 1e20 at level 0 to 1e-3 at level 1, on a logarithmic scale.
    """
    if level >= 1:
        return {name: values.numel() for name, values in choice.scores.items()}
    epsilon = 10.0 ** (20 - 23 * level)
    return {
        name: bound_count(values, choice.kernel[name], choice.positions[name], epsilon)
        for name, values in choice.scores.items()
    }


def bound_count(scores: Tensor, kernel: int, positions: int, epsilon: float) -> int:
    """Channels to keep for relative error ``epsilon`` (Liebenwein et al. 2020, Thm 3), in float32 as their code does.

    ``scores``: ``[channels]``; ``kernel`` · ``positions``: kernel and output positions of the layer.
    """
    # The ceilings depend on the authors' float32 and order of operations; float64 sometimes differs by a channel.
    values = scores.detach().to("cpu", torch.float32)
    total = values.sum()
    likely = torch.tensor(8.0 * (positions + 1) * kernel) / FAILURE_PROBABILITY
    coefficient = total * (2 * (BOUND_CONSTANT * likely.log()))
    samples = (3 * (6 + 2 * epsilon) * coefficient / epsilon**2).ceil()
    samples = torch.where(samples == 0, torch.ones_like(samples), samples)
    unique = (1 - (1 - values / total) ** samples).sum().ceil()
    return max(1, min(values.numel(), int(torch.nan_to_num(unique, nan=1.0, posinf=1.0))))


def sample_bound(outputs: list[int], failure: float = FAILURE_PROBABILITY) -> int:
    """How many images the data-informed methods need; ``outputs``: activations per image of each layer."""
    return math.ceil(BOUND_CONSTANT * math.log(8 * max(outputs) * sum(outputs) / failure))
