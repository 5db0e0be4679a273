"""Sensitivities from what every weight contributes to its output on the sample.

Baykal et al. 2019 (arXiv:1910.05422), Liebenwein et al. 2020 (arXiv:1911.07412), as METHODS 2.4 and 2.6 have them.

A weight's share of a positive (negative) pre-activation is ``g = |W_fj| a_jp / |Z_fp|``, where Z sums the positive
(negative) products at output position p alone, without bias. SiPP takes the mean over positions and the largest
over images; PFP the largest over everything a channel feeds. An input with negative entries counts as two images, its
positive and its negative half.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from prunekit.pruning.layers import Layer
from prunekit.pruning.patches import from_rows, patches, rows
from prunekit.pruning.subject import Scores, Subject, observe

# Sums this small give no shares: float32's epsilon, as in the authors' code.
SMALLEST_SUM = float(torch.finfo(torch.float32).eps)
# Images are taken together while patches, sums and shares fit in about 32 MB.
CHUNK_ELEMENTS = 8_000_000


def sipp(subject: Subject) -> Scores:
    """Per weight: the largest over images of the mean over positions of its share (SiPP, METHODS 2.4)."""
    signed = {name: _signed(layer) for name, layer in subject.layers.items()}
    found = {name: torch.zeros_like(both) for name, both in signed.items()}

    def visit(layer: Layer, module: nn.Module, inputs: Tensor) -> None:
        for seen in _sights(layer, module, inputs):
            means = _inverse_sums(signed[layer.name], seen) @ seen.transpose(-1, -2)
            best = means.amax(0).div_(seen.shape[-1])
            torch.maximum(found[layer.name], best, out=found[layer.name])

    observe(subject, visit)
    return {name: _weight_scores(layer, signed[name] * found[name]) for name, layer in subject.layers.items()}


def _weight_scores(layer: Layer, shares: Tensor) -> Tensor:
    """Shares of both signs as one tensor in the weight's shape: each weight has one sign only."""
    positive, negative = shares.chunk(2, dim=1)
    return from_rows(layer, positive + negative)


def pfp(subject: Subject) -> Scores:
    """Per input channel: the largest share that any of its weights ever has (PFP, METHODS 2.6)."""
    signed = {name: _signed(layer) for name, layer in subject.layers.items()}
    found = {name: layer.tensor().new_zeros(layer.inputs) for name, layer in subject.layers.items()}

    def visit(layer: Layer, module: nn.Module, inputs: Tensor) -> None:
        for seen in _sights(layer, module, inputs):
            for image in seen:
                best = _largest_shares(layer, signed[layer.name], image)
                torch.maximum(found[layer.name], best, out=found[layer.name])

    observe(subject, visit)
    return found


def _largest_shares(layer: Layer, signed: Tensor, image: Tensor) -> Tensor:
    """The largest share of every input channel on one image; ``image`` is ``[groups, J, positions]``."""
    inverse = _inverse_sums(signed, image[None])[0]
    best = torch.zeros_like(signed[:, 0])
    for row in range(signed.shape[1]):
        shares = (inverse[:, row, None] * image).amax(-1) * signed[:, row]
        torch.maximum(best, shares, out=best)
    return best.reshape(layer.inputs, -1).amax(-1)


def _signed(layer: Layer) -> Tensor:
    """``[groups, 2 · filters per group, J]``: the positive weights' sizes, below them the negative weights' sizes."""
    weight = rows(layer, layer.tensor().float())
    return torch.cat([weight.clamp(min=0), weight.clamp(max=0).neg()], dim=1)


def _inverse_sums(signed: Tensor, seen: Tensor) -> Tensor:
    """1 / Z of every filter and position, 0 where Z is too small to give shares."""
    sums = signed @ seen
    return sums.reciprocal().masked_fill_(sums <= SMALLEST_SUM, 0)


def _sights(layer: Layer, module: nn.Module, inputs: Tensor) -> Iterator[Tensor]:
    """Patches of both sign halves, a few images at a time."""
    halves = [inputs.clamp(min=0), inputs.neg().clamp(min=0)] if bool((inputs < 0).any()) else [inputs]
    for half in halves:
        one = patches(layer, module, half[:1])
        elements = one.numel() + 4 * layer.outputs * one.shape[-1] + 2 * layer.outputs * one.shape[-2]
        for chunk in torch.split(half, max(1, CHUNK_ELEMENTS // elements)):
            yield patches(layer, module, chunk)
