"""Layers as matrix products: weights ``[groups, filters, J]`` × patches ``[images, groups, J, positions]``."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from prunekit.pruning.layers import Layer


def rows(layer: Layer, weight: Tensor) -> Tensor:
    """The weight as ``[groups, filters per group, J]`` with J = channels per group × kernel positions."""
    return layer.blocks(weight).reshape(layer.groups, layer.outputs // layer.groups, -1)


def from_rows(layer: Layer, values: Tensor) -> Tensor:
    """The inverse of :func:`rows`."""
    return layer.unblocks(values.reshape(*layer.shape, -1))


def patches(layer: Layer, module: nn.Module, inputs: Tensor) -> Tensor:
    """The input patch of every output position: ``[images, groups, J, positions]``, J ordered as in :func:`rows`.

    A linear layer's positions are all axes between the first and the last (tokens; plain vectors have one position).
    """
    if isinstance(module, nn.Linear):
        return inputs.reshape(len(inputs), -1, layer.inputs).transpose(1, 2).unsqueeze(1)
    window = _transposed_window if layer.transposed else _window
    seen = window(module, inputs)
    return seen.reshape(len(seen), layer.groups, layer.inputs // layer.groups * seen.shape[2], -1)


def _window(module: nn.Module, inputs: Tensor) -> Tensor:
    widths: list[int] = module._reversed_padding_repeated_twice  # type: ignore[assignment]
    mode = "constant" if module.padding_mode == "zeros" else str(module.padding_mode)
    padded = F.pad(inputs, widths, mode=mode) if any(widths) else inputs
    return _slide(padded, module.kernel_size, module.stride, module.dilation)  # type: ignore[arg-type]


def _transposed_window(module: nn.Module, inputs: Tensor) -> Tensor:
    """The patches of the equivalent plain convolution, of stride 1 over an input stuffed with zeros."""
    stride: tuple[int, ...] = module.stride  # type: ignore[assignment]
    kernel: tuple[int, ...] = module.kernel_size  # type: ignore[assignment]
    dilation: tuple[int, ...] = module.dilation  # type: ignore[assignment]
    sizes = [(size - 1) * step + 1 for size, step in zip(inputs.shape[2:], stride, strict=True)]
    stuffed = inputs.new_zeros(*inputs.shape[:2], *sizes)
    everywhere = (slice(None), slice(None))
    stuffed[everywhere + tuple(slice(None, None, step) for step in stride)] = inputs
    widths: list[int] = []
    axes = zip(kernel, dilation, module.padding, module.output_padding, strict=True)  # type: ignore[arg-type]
    for size, step, cut, extra in reversed(list(axes)):
        reach = step * (size - 1) - cut
        widths += [reach, reach + extra]
    return _slide(F.pad(stuffed, widths), kernel, (1,) * len(kernel), dilation)


def _slide(
    inputs: Tensor, kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]
) -> Tensor:
    """The windows ``[images, channels, kernel positions, output positions]``, as a strided view copied once."""
    reach = [step * (size - 1) for size, step in zip(kernel, dilation, strict=True)]
    outputs = [(n - r - 1) // s + 1 for n, r, s in zip(inputs.shape[2:], reach, stride, strict=True)]
    strides = inputs.stride()
    within = [step * own for step, own in zip(dilation, strides[2:], strict=True)]
    across = [step * own for step, own in zip(stride, strides[2:], strict=True)]
    view = torch.as_strided(
        inputs,
        (*inputs.shape[:2], *kernel, *outputs),
        (*strides[:2], *within, *across),
        inputs.storage_offset(),
    )
    return view.reshape(*inputs.shape[:2], math.prod(kernel), math.prod(outputs))
