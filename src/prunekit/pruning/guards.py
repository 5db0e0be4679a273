"""What is checked before masks are believed: which layers have scores, and that what follows moves no output."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from prunekit.base.copying import copied_network
from prunekit.errors import PrunekitWarning
from prunekit.pruning.graph.graph import Graph
from prunekit.pruning.graph.tracing import evaluation, layer_by_layer
from prunekit.pruning.layers import REMEDY, Layer, computed_weights
from prunekit.pruning.masks import Masks, apply_
from prunekit.pruning.methods import Method
from prunekit.pruning.subject import Subject, output_positions, unlike_products

# Removing what does nothing changes the order of sums, and nothing else: shares of the largest output.
_ROUNDING = {torch.float16: 2e-2, torch.bfloat16: 5e-2, torch.float64: 1e-6}
_FINE = 1e-3
_NAMED = 6


def unscored(subject: Subject, row: Method) -> frozenset[str]:
    """The layers that no score is right for, each named in a warning.

    Those whose weights the network computes from what is stored, and those that the sample does not pass through as
    a weight times what it sees.
    """
    hidden = computed_weights(subject.model)
    _warn(hidden, f"their weights are computed from other parameters ({REMEDY})")
    computed = set(subject.graph.computed)
    unseen: set[str] = set()
    if row.data_informed:
        computed |= unlike_products(subject)
        if not row.needs_labels:
            unseen = set(subject.layers) - set(output_positions(subject)) - computed
    _warn(sorted(computed), "the network does not multiply by their stored weights directly")
    _warn(sorted(unseen), "the sample does not pass through them as separate layers")
    return frozenset(computed | unseen)


def _warn(names: Iterable[str], reason: str) -> None:
    found = list(names)
    if found:
        some = ", ".join(found[:_NAMED]) + (f" and {len(found) - _NAMED} more" if len(found) > _NAMED else "")
        warnings.warn(f"not pruned, because {reason}: {some}", PrunekitWarning, 5)


def moves_nothing(model: nn.Module, graph: Graph, kept: Mapping[str, Tensor], masks: Masks) -> bool:
    """Whether the dead weights among the chosen ones (in blocks) are dead in a real forward pass, too."""
    if graph.example is None:
        return True
    loose = masks | {layer.weight: layer.unblocks(kept[name]) for name, layer in graph.layers.items()}
    if all(torch.equal(loose[name], mask) for name, mask in masks.items()):
        return True
    masked = copied_network(model)
    apply_(masked, loose)
    expected = outputs(masked, graph.example)
    apply_(masked, masks)
    return alike(expected, outputs(masked, graph.example))


def outputs(model: nn.Module, example: Any) -> list[Tensor]:
    """The tensors that a model returns for an example, in evaluation mode, with the same draws each time."""
    with evaluation(model), torch.no_grad(), torch.random.fork_rng([]):
        torch.manual_seed(0)
        return [leaf for leaf in tree_leaves(model(*example)) if isinstance(leaf, Tensor)]


def alike(expected: list[Tensor], found: list[Tensor], allowed: float | None = None) -> bool:
    """Whether outputs agree to rounding."""
    if [each.shape for each in expected] != [each.shape for each in found]:
        return False
    return all(_close(one, other, allowed) for one, other in zip(expected, found, strict=True))


def _close(one: Tensor, other: Tensor, allowed: float | None) -> bool:
    if not one.is_floating_point():
        return bool(torch.equal(one, other)) or allowed is None
    share = allowed if allowed is not None else _ROUNDING.get(one.dtype, _FINE)
    scale = one[one.isfinite()].abs().max() if bool(one.isfinite().any()) else one.new_tensor(0.0)
    return torch.allclose(one, other, rtol=0, atol=share * max(1e-3, float(scale)), equal_nan=True)


def disagreeing(model: nn.Module, layers: Mapping[str, Layer]) -> Graph:
    """The graph of a model that does something else than what was seen of it: every layer alone, with a warning."""
    warnings.warn(
        f"a forward pass of {type(model).__name__} disagrees with its graph: masks are made layer by layer",
        PrunekitWarning,
        5,
    )
    return layer_by_layer(dict(layers))
