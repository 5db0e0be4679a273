"""Sensitivities from a layer's inputs on the sample: their magnitudes, and how they correlate."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from prunekit.pruning.layers import Layer
from prunekit.pruning.moments import Moments, moments_of_inputs
from prunekit.pruning.scores.patches import from_rows, rows
from prunekit.pruning.subject import Scores, Subject, observe

# The damping added to the diagonal of a layer's Hessian, as a share of the diagonal's mean.
DAMPING = 1e-2
# A filter's weights are removed in this many rounds (one at a time if it has fewer weights).
ROUNDS = 16
# Entries of inverse Hessians that are held at the same time: 120 MB in float32.
HELD_ELEMENTS = 30_000_000


def wanda(subject: Subject) -> Scores:
    """``|W|`` times the Euclidean norm of its input over the sample, as a rank within its filter, in (0, 1]."""
    found = {}
    for name, moments in _moments(subject).items():
        layer = subject.layers[name]
        norms = moments.gram.diagonal(dim1=-2, dim2=-1).sqrt()[:, None]
        found[name] = from_rows(layer, rank_shares(rows(layer, layer.tensor()).abs() * norms)).float()
    return _with_unseen(subject, found)


def rank_shares(values: Tensor) -> Tensor:
    """The rank of every entry along the last axis, divided by the axis length; the largest has 1."""
    order = values.argsort(dim=-1, stable=True)
    places = torch.arange(1, values.shape[-1] + 1, device=values.device, dtype=torch.float32)
    return torch.zeros_like(values, dtype=torch.float32).scatter(
        -1, order, places.expand(order.shape).contiguous()
    ) / len(places)


def obc(subject: Subject) -> Scores:
    """What each weight's greedy removal adds to the layer's squared error, as a share of its output's energy.

    After each round the remaining weights compensate for the removed ones (optimal brain surgeon).
    """
    found = {}
    for name, moments in _moments(subject).items():
        layer = subject.layers[name]
        weight, grams = rows(layer, layer.tensor()).double(), moments.about_means().gram
        parts = [removal_costs(gram, filters) for gram, filters in zip(grams, weight, strict=True)]
        energy = torch.einsum("gfj,gjk,gfk->", weight, grams, weight).clamp(
            min=torch.finfo(torch.float64).tiny
        )
        found[name] = from_rows(layer, torch.stack(parts).double() / energy).float()
    return _with_unseen(subject, found)


def removal_costs(gram: Tensor, weight: Tensor, *, damping: float = DAMPING, rounds: int = ROUNDS) -> Tensor:
    """By how much each weight's removal raises the squared error of its filter's output, ``[filters, J]``.

    ``gram``: ``[J, J]``. A cost is at least that of every earlier removal, so that costs give the order of removal.
    """
    least = torch.finfo(torch.float64).tiny
    pull = (damping * gram.diagonal().mean()).clamp(min=least)
    inverse = torch.linalg.inv(gram + pull * torch.eye(len(gram), dtype=gram.dtype, device=gram.device))
    # The damped inverse does not need float64, in which blocks take twice as long.
    inverse, weight = inverse.float(), weight.float()
    step = max(1, HELD_ELEMENTS // inverse.numel())
    return torch.cat(
        [_removed(inverse.expand(len(some), -1, -1), some, rounds) for some in torch.split(weight, step)]
    )


def _removed(inverse: Tensor, weight: Tensor, rounds: int) -> Tensor:
    """Remove the weights of a few filters in ``rounds``; ``inverse``: ``[filters, J, J]``."""
    costs, level = torch.zeros_like(weight), weight.new_zeros(len(weight), 1)
    size = max(1, weight.shape[1] // rounds)
    columns = torch.arange(weight.shape[1], device=weight.device).expand(weight.shape)
    while columns.shape[1]:
        saliency, order = (weight.square() / inverse.diagonal(dim1=-2, dim2=-1)).sort(dim=1, stable=True)
        gone, kept = order[:, :size], order[:, size:]
        raised = torch.maximum(saliency[:, :size], level).cummax(1).values
        costs.scatter_(1, columns.gather(1, gone), raised)
        across, level = _part(inverse, kept, gone), raised[:, -1:]
        passed = torch.linalg.solve(_part(inverse, gone, gone), across.mT)
        weight = weight.gather(1, kept) - (weight.gather(1, gone)[:, None] @ passed)[:, 0]
        inverse, columns = _part(inverse, kept, kept) - across @ passed, columns.gather(1, kept)
    return costs


def _part(matrices: Tensor, rows_kept: Tensor, columns_kept: Tensor) -> Tensor:
    """These rows and columns of every matrix, ``[matrices, rows, columns]``."""
    some = matrices.gather(1, rows_kept[..., None].expand(-1, -1, matrices.shape[2]))
    return some.gather(2, columns_kept[:, None].expand(-1, rows_kept.shape[1], -1))


def _moments(subject: Subject) -> dict[str, Moments]:
    """The moments of every layer's inputs over the sample."""
    found: dict[str, Moments] = {}

    def visit(layer: Layer, module: nn.Module, inputs: Tensor) -> None:
        seen = moments_of_inputs(layer, module, inputs)
        found[layer.name] = found[layer.name].added(seen) if layer.name in found else seen

    observe(subject, visit)
    return found


def _with_unseen(subject: Subject, found: Scores) -> Scores:
    """The scores, with zeros for the layers that the sample does not reach; those layers are not pruned."""
    zeros = {
        name: torch.zeros_like(layer.tensor()) for name, layer in subject.layers.items() if name not in found
    }
    return {name: (found | zeros)[name] for name in subject.layers}
