"""Moments of a layer's inputs and outputs over a sample, as a least-squares fit of its weights needs them."""

from __future__ import annotations

from functools import reduce
from typing import NamedTuple, Self

import torch
from torch import Tensor, nn

from prunekit.pruning.layers import Layer
from prunekit.pruning.scores.patches import patches, rows

# Numbers in the patches that are processed together: 32 MB in float32.
CHUNK_ELEMENTS = 8_000_000
# How far rounding may move a layer's output from weight × patches + bias, as a share of its largest entry.
ROUNDING = {torch.float16: 2e-2, torch.bfloat16: 5e-2}
FINE = 1e-3
# Outputs below this size are pure rounding.
SMALLEST = 1e-3


class Moments(NamedTuple):
    """Sums over all images and positions, in float64, per group of a layer; J: channels times kernel positions.

    ``gram`` ``[groups, J, J]``: products of inputs with inputs; ``cross`` ``[groups, J, filters]``: with outputs;
    ``inputs`` ``[groups, J]`` and ``outputs`` ``[groups, filters]``: plain sums; ``positions``: their number.
    """

    gram: Tensor
    cross: Tensor
    inputs: Tensor
    outputs: Tensor
    positions: int

    def added(self, other: Moments) -> Self:
        """The moments of both samples together."""
        return self._replace(
            gram=self.gram + other.gram,
            cross=self.cross + other.cross,
            inputs=self.inputs + other.inputs,
            outputs=self.outputs + other.outputs,
            positions=self.positions + other.positions,
        )

    def about_means(self) -> Self:
        """The same moments with ``gram`` and ``cross`` about the means, for a fit with an intercept."""
        seen, made = self.inputs / self.positions, self.outputs / self.positions
        gram = self.gram - self.inputs[..., :, None] * seen[..., None, :]
        return self._replace(gram=gram, cross=self.cross - self.inputs[..., :, None] * made[..., None, :])


def moments_of(layer: Layer, module: nn.Module, inputs: Tensor, outputs: Tensor) -> Moments:
    """The moments of one call's inputs with ``outputs``, which have the shape of the call's own."""
    elements = patches(layer, module, inputs[:1]).numel()
    step = max(1, CHUNK_ELEMENTS // max(1, elements))
    parts = [
        _moments(patches(layer, module, some), by_group(layer, module, made))
        for some, made in zip(torch.split(inputs, step), torch.split(outputs, step), strict=True)
    ]
    return reduce(Moments.added, parts)


def moments_of_inputs(layer: Layer, module: nn.Module, inputs: Tensor) -> Moments:
    """The moments of one call's inputs; the output moments have zero filters."""
    elements = patches(layer, module, inputs[:1]).numel()
    parts = [
        patches(layer, module, some)
        for some in torch.split(inputs, max(1, CHUNK_ELEMENTS // max(1, elements)))
    ]
    return reduce(Moments.added, [_moments(seen, seen[:, :, :0]) for seen in parts])


def _moments(seen: Tensor, made: Tensor) -> Moments:
    """Moments of patches ``[images, groups, J, positions]`` and outputs ``[images, groups, filters, positions]``.

    Products are summed in float32 about means: those of the values themselves lose small variations about a large mean.
    """
    seen, made = (part.permute(1, 2, 0, 3).flatten(2) for part in (seen, made))
    positions = seen.shape[-1]
    before, after = (part.mean(-1, keepdim=True) for part in (seen, made))
    seen, made = seen - before, made - after
    # The float32 means are not quite those of the values, so the differences have small sums of their own.
    rests = [part.sum(-1, keepdim=True).double() for part in (seen, made)]
    means = [part.double() for part in (before, after)]
    inputs, outputs = (rest + positions * mean for rest, mean in zip(rests, means, strict=True))
    gram, cross = (
        (seen @ other.mT).double() + means[0] @ total.mT + rests[0] @ mean.mT
        for other, total, mean in ((seen, inputs, means[0]), (made, outputs, means[1]))
    )
    return Moments(gram, cross, inputs[..., 0], outputs[..., 0], positions)


def by_group(layer: Layer, module: nn.Module, outputs: Tensor) -> Tensor:
    """A call's output as ``[images, groups, filters per group, positions]``."""
    if isinstance(module, nn.Linear):
        return outputs.reshape(len(outputs), -1, layer.outputs).transpose(1, 2).unsqueeze(1)
    return outputs.reshape(len(outputs), layer.groups, layer.outputs // layer.groups, -1)


def is_product(layer: Layer, module: nn.Module, inputs: Tensor, outputs: Tensor) -> bool:
    """Whether a call's output is the layer's weight × patches + bias, to within rounding of the output's type."""
    product = rows(layer, layer.tensor().float()) @ patches(layer, module, inputs.float())
    if outputs.numel() != product.numel():
        return False
    made = by_group(layer, module, outputs.float())
    if product.shape != made.shape:
        return False
    bias = module.bias
    if isinstance(bias, Tensor):
        product = product + bias.detach().float().reshape(1, *product.shape[1:3], 1)
    size = max(SMALLEST, float(product.abs().max()))
    return not bool((product - made).abs().max() > ROUNDING.get(outputs.dtype, FINE) * size)
