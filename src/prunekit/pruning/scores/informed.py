"""Sensitivities from what every weight contributes to its output on the sample.

Baykal et al. 2019 (arXiv:1910.05422), Liebenwein et al. 2020 (arXiv:1911.07412), with the constants of their code.

A weight's share of a positive (negative) pre-activation is ``g = |W_fj| a_jp / |Z_fp|``, where Z sums only the positive
(negative) products at output position p, without bias. SiPP takes the mean over positions, then the maximum over
images; PFP takes the maximum over everything that a channel feeds. An input with negative entries counts as two images:
its positive and its negative half.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from prunekit.pruning.layers import Layer
from prunekit.pruning.scores.patches import Plain, convolves, from_rows, outer, patches, plain, rows, sums
from prunekit.pruning.subject import Scores, Subject, observe

# Sums up to this size (float32's epsilon, as in the authors' code) give no shares.
SMALLEST_SUM = float(torch.finfo(torch.float32).eps)
# Images are processed together while patches, sums and shares fit in about 8 MB.
CHUNK_ELEMENTS = 2_000_000
# Products are computed in blocks of about 1 MB.
PRODUCT_ELEMENTS = 250_000
# Slack of a bound for rounding, and for underflow: the eighth root of float32's smallest (1.8e-5) times that of 10^5.
_SLACK = 1.001
_UNDERFLOW = 8e-5
_TINY = torch.finfo(torch.float32).tiny
# With more candidate shares than this, the most promising ones are computed first.
_MANY = 2_000
# With up to so many filters per group (of both signs), every share costs less than the bounds.
_FEW = 4


def sipp(subject: Subject) -> Scores:
    """Per weight: the maximum over images of its mean share over positions (SiPP, Baykal et al. 2019)."""
    signed = {name: _signed(layer) for name, layer in subject.layers.items()}
    found = {name: torch.zeros_like(both) for name, both in signed.items()}

    def visit(layer: Layer, module: nn.Module, inputs: Tensor) -> None:
        best, weights = found[layer.name], signed[layer.name]
        for half in _halves(inputs):
            one = patches(layer, module, half[:1])
            fast = convolves(module, half)
            for images in _chunks(half, one.numel() + 2 * layer.outputs * one.shape[-1]):
                same = plain(layer, module, images) if fast else None
                if same is not None and best.numel() <= PRODUCT_ELEMENTS // 2:
                    _raise_by_gradients(best, layer, weights, same)
                    continue
                seen = patches(layer, module, images)
                totals = weights @ seen if same is None else sums(layer, weights, same)
                _raise_by_products(best, _inverse(totals), seen)

    observe(subject, visit)
    return {
        name: _weight_scores(layer, signed.pop(name), found.pop(name))
        for name, layer in subject.layers.items()
    }


def _raise_by_gradients(found: Tensor, layer: Layer, signed: Tensor, same: Plain) -> None:
    """Raise ``found`` (``[groups, F, J]``), in place, to the largest mean over positions of a / Z of these images."""
    inverse = _inverse(sums(layer, signed, same))
    together = 2 * PRODUCT_ELEMENTS // found.numel()
    for start in range(0, len(inverse), together):
        some = slice(start, start + together)
        means = outer(layer, inverse[some], same.part(some)).amax(0).div_(inverse.shape[-1])
        torch.maximum(found, means, out=found)


def _raise_by_products(found: Tensor, inverse: Tensor, seen: Tensor) -> None:
    """The same from patches (``[images, groups, J, positions]``), in blocks that stay in the cache.

    ``inverse``: 1 / Z, ``[images, groups, F, positions]``.
    """
    block = max(1, PRODUCT_ELEMENTS // found[:, 0].numel())
    together = max(1, PRODUCT_ELEMENTS // found[:, :block].numel())
    for best, factors in zip(torch.split(found, block, 1), torch.split(inverse, block, 2), strict=True):
        for some, inputs in zip(torch.split(factors, together), torch.split(seen, together), strict=True):
            totals = some @ inputs.transpose(-1, -2)
            largest = totals[0] if len(totals) == 1 else totals.amax(0)
            torch.maximum(best, largest.div_(seen.shape[-1]), out=best)


def _weight_scores(layer: Layer, signed: Tensor, means: Tensor) -> Tensor:
    """The shares of both signs as one tensor in the weight's shape; each weight has only one sign."""
    positive, negative = signed.mul_(means).chunk(2, dim=1)
    return from_rows(layer, positive + negative)


def pfp(subject: Subject) -> Scores:
    """Per input channel: the largest share that any of its weights ever has (PFP, Liebenwein et al. 2020)."""
    signed = {name: _signed(layer) for name, layer in subject.asked.items()}
    found = {name: both.new_zeros(subject.layers[name].inputs) for name, both in signed.items()}

    def visit(layer: Layer, module: nn.Module, inputs: Tensor) -> None:
        for half in _halves(inputs) if layer.name in found else ():
            one = patches(layer, module, half[:1])
            for images in _chunks(half, 3 * one.numel() + 4 * layer.outputs * one.shape[-1]):
                seen = _side_by_side(patches(layer, module, images))
                found[layer.name] = raise_largest(layer, signed[layer.name], seen, found[layer.name])

    observe(subject, visit)
    return found


def _side_by_side(seen: Tensor) -> Tensor:
    """The patches of all images as columns: ``[groups, J, images · positions]``."""
    _, groups, weights, _ = seen.shape
    return seen.permute(1, 2, 0, 3).reshape(groups, weights, -1)


def raise_largest(layer: Layer, signed: Tensor, seen: Tensor, found: Tensor) -> Tensor:
    """The largest share per input channel so far, given ``found`` (``[channels]``) from earlier images.

    ``seen``: ``[groups, J, columns]``. A weight's largest share over all columns is at most the eighth root of the sum
    of eighth powers, which is a matrix product. Only shares whose bound exceeds the largest found so far are computed.
    Filters are processed in blocks that fit in the cache.
    """
    inverse = _inverse(signed @ seen)
    if signed.shape[1] <= _FEW:
        return _raised_by_all(layer, signed, seen, inverse, found)
    # Columns are scaled to the same maximum first, so that none leaves the range of float32.
    top = seen.amax(1, keepdim=True).clamp_(min=_TINY)
    scaled = inverse * top
    steepest = scaled.amax(2, keepdim=True).clamp_(min=_TINY)
    powers, factors = _eighth_power(seen / top), _eighth_power(scaled.div_(steepest))
    size = max(1, PRODUCT_ELEMENTS // seen[..., 0].numel())
    blocks = (torch.split(values, size, 1) for values in (signed, inverse, factors, steepest * _SLACK))
    for weights, own, high, scale in zip(*blocks, strict=True):
        root = (powers @ high.transpose(1, 2)).sqrt_().sqrt_().sqrt_()
        # The added term makes up for eighth powers too small for float32.
        bound = root.add_(_UNDERFLOW).mul_((scale * weights).transpose(1, 2))
        found = _raised(layer, Sight(weights, seen, own, bound), found)
    return found


def _raised_by_all(layer: Layer, signed: Tensor, seen: Tensor, inverse: Tensor, found: Tensor) -> Tensor:
    """The same by computing every share, for layers with few filters per group."""
    for weights, scale in zip(signed.unbind(1), torch.split(inverse, 1, 1), strict=True):
        shares = (seen * scale).amax(-1) * weights
        found = found.maximum(shares.view(layer.inputs, -1).amax(1))
    return found


class Sight(NamedTuple):
    """The inputs of some of a layer's filters on a few images, and bounds on the largest share of every weight.

    ``signed``: ``[groups, F, J]``, with F twice the number of filters; ``seen``: ``[groups, J, columns]``;
    ``inverse``: 1 / Z, ``[groups, F, columns]``; ``bound``: ``[groups, J, F]``.
    """

    signed: Tensor
    seen: Tensor
    inverse: Tensor
    bound: Tensor


def _eighth_power(values: Tensor) -> Tensor:
    return values.square_().square_().square_()


def _raised(layer: Layer, sight: Sight, found: Tensor) -> Tensor:
    """Raise ``found`` to the shares that exceed it; if many may, each channel's most promising one goes first."""
    promising = _promising(layer, sight, found)
    if len(promising) > _MANY:
        found = _improved(layer, sight, found, _most_promising(layer, sight.bound))
        promising = _promising(layer, sight, found)
    for places in torch.split(promising, max(1, PRODUCT_ELEMENTS // sight.seen.shape[-1])):
        found = _improved(layer, sight, found, places)
    return found


def _promising(layer: Layer, sight: Sight, found: Tensor) -> Tensor:
    """The flat places where a share may exceed ``found``."""
    kernel = sight.signed.shape[-1] // layer.shape[1]
    above = sight.bound > found.view(layer.groups, -1, 1).repeat_interleave(kernel, 1)
    # Flattened, since nonzero is many times slower on three axes.
    return above.flatten().nonzero().flatten()


def _most_promising(layer: Layer, bound: Tensor) -> Tensor:
    """The flat place of every channel's largest bound."""
    each = bound.view(layer.inputs, -1)
    return torch.arange(layer.inputs, device=bound.device) * each.shape[1] + each.argmax(1)


def _improved(layer: Layer, sight: Sight, found: Tensor, places: Tensor) -> Tensor:
    """Compute the shares at these places of the bound and raise ``found`` to their maxima."""
    _, weights, width = sight.bound.shape
    # By hand, since torch.unravel_index takes longer than the shares.
    group, column, filters = places // (weights * width), places // width % weights, places % width
    shares = (sight.inverse[group, filters] * sight.seen[group, column]).amax(-1)
    channel = places // (sight.bound.numel() // layer.inputs)
    return found.scatter_reduce(0, channel, shares * sight.signed[group, filters, column], "amax")


def _signed(layer: Layer) -> Tensor:
    """Weight magnitudes ``[groups, 2 · filters per group, J]``: the positive weights, then the negative ones."""
    weight = rows(layer, layer.tensor().float())
    return torch.cat([weight.clamp(min=0), weight.clamp(max=0).neg()], dim=1)


def _inverse(totals: Tensor) -> Tensor:
    """1 / Z in place of Z, 0 where Z is too small to give shares."""
    return F.threshold(totals, SMALLEST_SUM, torch.inf, inplace=True).reciprocal_()


def _halves(inputs: Tensor) -> list[Tensor]:
    """The positive and the negative half of the inputs, or only the inputs if none is negative."""
    if inputs.numel() and bool(inputs.amin() < 0):
        return [inputs.clamp(min=0), inputs.neg().clamp(min=0)]
    return [inputs]


def _chunks(images: Tensor, elements: int) -> tuple[Tensor, ...]:
    """The images in chunks that fit in memory with ``elements`` numbers per image."""
    return torch.split(images, max(1, CHUNK_ELEMENTS // elements)) if len(images) else ()
