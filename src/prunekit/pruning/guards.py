"""Checks before masks are trusted: which layers have valid scores, and that propagation changes no output."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from prunekit.errors import PrunekitWarning
from prunekit.pruning.graph.graph import Graph
from prunekit.pruning.graph.leaves import tensors_in
from prunekit.pruning.graph.tracing import layer_by_layer, untouched
from prunekit.pruning.layers import REMEDY, Layer, computed_weights
from prunekit.pruning.masks import Masks, masked
from prunekit.pruning.methods import Method
from prunekit.pruning.subject import Subject, output_positions, unlike_products

# Removing dead weights changes only the order of sums: tolerances as shares of the largest output.
_ROUNDING = {torch.float16: 2e-2, torch.bfloat16: 5e-2, torch.float64: 1e-6}
_FINE = 1e-3
CONSTANT = "an output of the pruned network is the same for all inputs: ask for a smaller ratio"
# Rows that differ by no more are the same: equal inputs may be summed in different orders.
LAST_DIGITS = 1e-6
_NAMED = 6


def unscored(subject: Subject, row: Method, *, coupled: bool = False) -> frozenset[str]:
    """The layers that cannot be scored correctly, each named in a warning.

    The network computes their weights from stored ones, or, for data-informed methods, the sample does not reach them
    or their output is not weight times input. ``coupled``: the output projections of torch's attention, which the
    sample never reaches, are pruned with what they are coupled with, and are not among these.
    """
    hidden = computed_weights(subject.model)
    warn_of(hidden, f"their weights are computed from other parameters ({REMEDY})")
    computed = set(subject.graph.computed)
    unseen: set[str] = set()
    if row.data_informed:
        computed |= unlike_products(subject)
        if not row.needs_labels:
            unseen = set(subject.layers) - set(output_positions(subject)) - computed
            unseen -= _projections(subject.model) if coupled else set()
    what = "not ranked themselves, though their channels may go with others," if coupled else "not pruned,"
    warn_of(sorted(computed), "the network does not multiply by their stored weights directly", what)
    warn_of(sorted(unseen), "the sample does not pass through them as separate layers")
    return frozenset(computed | unseen)


def _projections(model: nn.Module) -> set[str]:
    """The output projections of torch's attention, which multiplies by their weights itself."""
    found = [name for name, module in model.named_modules() if isinstance(module, nn.MultiheadAttention)]
    return {f"{name}.out_proj".removeprefix(".") for name in found}


def warn_of(names: Iterable[str], reason: str, what: str = "not pruned,") -> None:
    """Warn that these modules, if any, are not pruned (or what else is said of them), and why."""
    found = [name or "the network itself" for name in names]
    if found:
        some = ", ".join(found[:_NAMED]) + (f" and {len(found) - _NAMED} more" if len(found) > _NAMED else "")
        warnings.warn(f"{what} because {reason}: {some}", PrunekitWarning, 5)


def constant(dense: list[Tensor], pruned: list[Tensor]) -> bool:
    """Whether an output has become the same for all inputs of the batch."""
    both = zip(dense, pruned, strict=True)
    return any(_spread(after) == 0 and _spread(before) > LAST_DIGITS for before, after in both)


def _spread(output: Tensor) -> float:
    """How far the rows of an output differ from its first, as a share of its largest entry."""
    if not output.dim() or not output.numel():
        return 0.0
    values = output.detach().to(torch.complex128 if output.is_complex() else torch.float64)
    largest = values.abs().max().clamp(min=torch.finfo(torch.float64).tiny)
    return float((values - values[:1]).abs().max() / largest)


def masked_outputs(
    model: nn.Module, graph: Graph, kept: Mapping[str, Tensor], masks: Masks
) -> list[Tensor] | None:
    """The outputs of a real forward pass under the masks; None if the dead weights among the chosen ones (in blocks)
    are not dead in it."""
    if graph.example is None:
        return []
    with masked(model, masks):
        found = outputs(model, graph.example)
    loose = masks | {layer.weight: layer.unblocks(kept[name]) for name, layer in graph.layers.items()}
    if all(torch.equal(loose[name], mask) for name, mask in masks.items()):
        return found
    with masked(model, loose):
        return found if alike(outputs(model, graph.example), found) else None


def outputs(model: nn.Module, example: Any) -> list[Tensor]:
    """The tensors that a model returns for an example, in evaluation mode and with a fixed seed; it is unchanged."""
    with untouched(model), torch.no_grad():
        return tensors_in(model(*example))


def alike(expected: list[Tensor], found: list[Tensor], allowed: float | None = None) -> bool:
    """Whether the outputs agree to within rounding (or ``allowed``, a share of the largest)."""
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
    """The graph to use if a forward pass contradicts the traced one: every layer separate, with a warning."""
    warnings.warn(
        f"a forward pass of {type(model).__name__} disagrees with its graph: masks are made layer by layer",
        PrunekitWarning,
        5,
    )
    return layer_by_layer(dict(layers), "a forward pass disagrees with its graph")
