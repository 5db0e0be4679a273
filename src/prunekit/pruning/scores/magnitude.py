"""Sensitivities from the weights only; the sources are in ``methods``."""

from __future__ import annotations

import torch
from torch import Tensor

from prunekit.errors import UsageError
from prunekit.pruning.layers import Layer
from prunekit.pruning.subject import Scores, Subject, finite


def magnitude(subject: Subject) -> Scores:
    """``|W|`` per weight."""
    return {name: layer.tensor().abs() for name, layer in subject.layers.items()}


def filter_l1(subject: Subject) -> Scores:
    """The sum of absolute weights of every filter."""
    return {name: _filters(layer).abs().sum(1) for name, layer in subject.layers.items()}


def filter_l2(subject: Subject) -> Scores:
    """The Euclidean norm of every filter."""
    return {name: _filters(layer).norm(dim=1) for name, layer in subject.layers.items()}


def alike(subject: Subject) -> Scores:
    """1 for every weight: a draw in proportion to it is uniform."""
    return {name: torch.ones_like(layer.tensor()) for name, layer in subject.layers.items()}


def filters_alike(subject: Subject) -> Scores:
    """1 for every filter: a draw in proportion to it is uniform."""
    return {name: layer.tensor().new_ones(layer.outputs) for name, layer in subject.layers.items()}


def lamp(subject: Subject) -> Scores:
    """``W^2`` divided by the sum of all squares in its layer that are not smaller."""
    return {name: _lamp(layer.tensor()) for name, layer in subject.layers.items()}


def _lamp(weight: Tensor) -> Tensor:
    # On the CPU, because a GPU computes cumulative sums in no fixed order.
    squares, order = weight.flatten().cpu().double().square().sort(stable=True)
    not_smaller = squares.flip(0).cumsum(0).flip(0).clamp(min=torch.finfo(torch.float64).tiny)
    scores = torch.empty_like(squares)
    scores[order] = squares / not_smaller
    return scores.reshape(weight.shape).float().to(weight.device)


def lamp_filter(subject: Subject) -> Scores:
    """A filter's sum of ``W^2`` divided by the total of all such sums in its layer that are not smaller."""
    return {name: _lamp(_filters(layer).norm(dim=1)) for name, layer in subject.layers.items()}


def geometric_median(subject: Subject) -> Scores:
    """The sum of a filter's distances to all others in its layer; the filter with the smallest is most replaceable."""
    return {name: _distances(_filters(layer)) for name, layer in subject.layers.items()}


def _distances(filters: Tensor) -> Tensor:
    # Distances come from a matrix product, in which centred filters lose the fewest digits.
    centred = filters - filters.mean(0)
    distances = torch.cdist(centred, centred, compute_mode="use_mm_for_euclid_dist")
    return distances.sum(1) - distances.diagonal()


def norm_scale(subject: Subject) -> Scores:
    """The absolute scale of the batch norm directly after each filter; 1 if there is none."""
    norms = {op.inputs[0]: op.name for op in subject.graph.ops if op.kind == "norm"}
    if not norms:
        raise UsageError(
            "slim ranks filters by the batch norm that follows them, but this model has none: use ft or l2"
        )
    found = filters_alike(subject)
    parameters = dict(subject.model.named_parameters())
    for op in subject.graph.ops:
        if op.kind == "layer" and op.output in norms:
            scale = subject.graph.norms[norms[op.output]].scale
            found[op.name] = parameters[scale].detach().abs() if scale else found[op.name]
    return found


def _filters(layer: Layer) -> Tensor:
    """Every filter as one row."""
    return layer.blocks(layer.tensor()).flatten(1)


def check_finite(values: Scores, what: str) -> Scores:
    """The same values; a :class:`UsageError` names the first layer whose values are not all finite."""
    for name, found in values.items():
        if not finite(found):
            raise UsageError(f"layer {name!r} has {what} that are not finite")
    return values
