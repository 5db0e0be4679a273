"""Layers as matrix products: weights ``[groups, filters, J]`` × patches ``[images, groups, J, positions]``."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from prunekit.pruning.layers import Layer

# Windows are copied element by element, not row by row, if their rows have at most so many outputs.
_SHORT = 8


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
    seen = _slide(plain(layer, module, inputs).padded())
    return seen.reshape(len(seen), layer.groups, layer.inputs // layer.groups * seen.shape[2], -1)


def convolves(module: nn.Module, inputs: Tensor) -> bool:
    """Whether :func:`sums` and :func:`outer` may be used: oneDNN computes them in half the time of matrix products.

    Others convolve by transforms (Winograd, FFT), which lose the digits of small sums.
    """
    return (
        not isinstance(module, nn.Linear)
        and inputs.device.type == "cpu"
        and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    )


def sums(layer: Layer, weights: Tensor, same: Plain) -> Tensor:
    """``weights @ patches`` for any weights ``[groups, filters, J]``, without making the patches."""
    filters = weights.reshape(-1, layer.shape[1], *same.kernel)
    made = torch.mkldnn_convolution(
        same.inputs, filters, None, same.padding, same.stride, same.dilation, layer.groups
    )
    return made.reshape(len(made), *weights.shape[:2], -1)


def outer(layer: Layer, factors: Tensor, same: Plain) -> Tensor:
    """``factors @ patches.T`` for ``[images, groups, filters, positions]``: ``[images, groups, filters, J]``.

    These are the gradients of the weights if the factors are those of the outputs; every image is a group of its own.
    """
    images, groups, filters, _ = factors.shape
    found: Tensor = torch.ops.aten.convolution_backward(
        factors.reshape(1, -1, *same.outputs),
        same.inputs.reshape(1, -1, *same.inputs.shape[2:]),
        factors.new_empty(images * groups * filters, layer.shape[1], *same.kernel),  # only its shape is used
        None,
        same.stride,
        same.padding,
        same.dilation,
        False,
        [0] * len(same.kernel),
        images * groups,
        (False, True, False),
    )[1]
    return found.reshape(images, groups, filters, -1)


class Plain(NamedTuple):
    """A plain convolution that is equal to a layer, and its inputs; ``padding``: zeros on either side of every axis."""

    inputs: Tensor
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: tuple[int, ...]

    def part(self, images: slice) -> Plain:
        """The same for some of the images."""
        return self._replace(inputs=self.inputs[images])

    def padded(self) -> Plain:
        """The same with the zeros among the inputs."""
        if not any(self.padding):
            return self
        widths = [width for width in reversed(self.padding) for _ in range(2)]
        return self._replace(inputs=F.pad(self.inputs, widths), padding=(0,) * len(self.padding))

    @property
    def outputs(self) -> list[int]:
        """The output positions along every axis."""
        axes = zip(self.inputs.shape[2:], self.kernel, self.stride, self.dilation, self.padding, strict=True)
        return [
            (size + 2 * zeros - step * (window - 1) - 1) // stride + 1
            for size, window, stride, step, zeros in axes
        ]


def plain(layer: Layer, module: nn.Module, inputs: Tensor) -> Plain:
    """The plain convolution equal to a convolution or transposed convolution on these inputs."""
    return (_stuffed if layer.transposed else _framed)(module, inputs)


def _framed(module: nn.Module, inputs: Tensor) -> Plain:
    """The convolution itself; padding other than the same number of zeros on both sides becomes part of the inputs."""
    shape = module.kernel_size, module.stride, module.dilation
    widths: list[int] = module._reversed_padding_repeated_twice  # type: ignore[assignment]
    padding = tuple(reversed(widths[::2]))
    if module.padding_mode == "zeros" and widths[::2] == widths[1::2]:
        return Plain(inputs, *shape, padding)  # type: ignore[arg-type]
    mode = "constant" if module.padding_mode == "zeros" else str(module.padding_mode)
    return Plain(F.pad(inputs, widths, mode=mode), *shape, (0,) * len(padding))  # type: ignore[arg-type]


def _stuffed(module: nn.Module, inputs: Tensor) -> Plain:
    """The equal convolution of stride 1 over an input stuffed with zeros."""
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
    return Plain(F.pad(stuffed, widths), kernel, (1,) * len(kernel), dilation, (0,) * len(kernel))


def _slide(same: Plain) -> Tensor:
    """The windows ``[images, channels, kernel positions, output positions]``, copied once."""
    shape = *same.inputs.shape[:2], math.prod(same.kernel), math.prod(same.outputs)
    if same.outputs[-1] > _SHORT or shape[2] == 1:
        return _windows(same).reshape(shape)
    rows = same.inputs.reshape(shape[0] * shape[1], -1)
    places = torch.arange(rows.shape[1], device=rows.device).reshape(1, 1, *same.inputs.shape[2:])
    index = _windows(same._replace(inputs=places)).reshape(1, -1)
    return rows.gather(1, index.expand(len(rows), -1)).reshape(shape)


def _windows(same: Plain) -> Tensor:
    """The windows as a view: ``[images, channels, *kernel positions, *output positions]``."""
    inputs, strides = same.inputs, same.inputs.stride()
    within = [step * own for step, own in zip(same.dilation, strides[2:], strict=True)]
    across = [step * own for step, own in zip(same.stride, strides[2:], strict=True)]
    return torch.as_strided(
        inputs,
        (*inputs.shape[:2], *same.kernel, *same.outputs),
        (*strides[:2], *within, *across),
        inputs.storage_offset(),
    )
