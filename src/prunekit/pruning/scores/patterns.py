"""N:M sparsity: n of every m consecutive inputs of a filter are kept, so that GPUs can skip the others."""

from __future__ import annotations

import torch
from torch import Tensor

from prunekit.errors import UsageError
from prunekit.pruning.layers import Layer
from prunekit.pruning.methods import METHODS, chosen
from prunekit.pruning.scores.magnitude import check_finite
from prunekit.pruning.subject import Scores, Subject


def nm(subject: Subject) -> Scores:
    """Infinity for the n best of every m consecutive channels at a kernel position; finite scores for the rest.

    Layers are pruned whole, one after the other, starting with the one that loses the smallest share of its scores.
    Layers that do not fit lose nothing.
    """
    n, m = int(subject.options["n"]), int(subject.options["m"])
    base = chosen(str(subject.options["score"]), {})
    scores = METHODS[base.name].sensitivity(subject._replace(options=base.options))
    check_finite(scores, "activations, gradients or norms")
    fitting = [layer for name, layer in subject.layers.items() if name not in unfit(subject)]
    best = {layer.name: kept_of(layer, scores[layer.name], n, m) for layer in fitting}
    lost = {name: _lost(scores[name], kept) for name, kept in best.items()}
    places = {name: place for place, name in enumerate(sorted(lost, key=lambda name: lost[name]))}
    staged = {name: _staged(scores[name], best[name], place) for name, place in places.items()}
    return {name: staged.get(name, torch.full_like(values, torch.inf)) for name, values in scores.items()}


def unfit(subject: Subject) -> dict[str, str]:
    """The layers whose filters read a number of channels that is not a multiple of m, with that number."""
    n, m = int(subject.options["n"]), int(subject.options["m"])
    if n >= m:
        raise UsageError(f"option n of method nm must be below m (given: n={n}, m={m})")
    return {
        name: f"its filters read {layer.shape[1]} channels"
        for name, layer in subject.layers.items()
        if layer.shape[1] % m
    }


def kept_of(layer: Layer, scores: Tensor, n: int, m: int) -> Tensor:
    """Bool mask of the n best of every m consecutive channels; the first of equal scores win."""
    blocks = layer.blocks(scores)
    filters, channels, positions = blocks.shape
    groups = blocks.reshape(filters, channels // m, m, positions)
    order = groups.argsort(dim=2, descending=True, stable=True)
    kept = torch.zeros_like(groups, dtype=torch.bool).scatter_(2, order[:, :, :n], True)
    return layer.unblocks(kept.reshape(blocks.shape))


def _lost(scores: Tensor, kept: Tensor) -> float:
    sizes = scores.double()
    return float(sizes[~kept].sum() / sizes.sum().clamp(min=torch.finfo(torch.float64).tiny))


def _staged(scores: Tensor, kept: Tensor, place: int) -> Tensor:
    """Infinity where kept; else the layer's place plus the rank within it, so that layers are pruned in turn."""
    flat = scores.flatten().argsort(stable=True)
    share = torch.empty(scores.numel(), dtype=torch.float32, device=scores.device)
    share[flat] = torch.arange(scores.numel(), device=scores.device, dtype=torch.float32) / scores.numel()
    return (place + share.reshape(scores.shape)).masked_fill(kept, torch.inf)
