"""Batch norm of few channels on a CPU: the same function, computed on several pixels at a time.

torch's kernel adds up one pixel after another. If the channels of a pixel do not fill whole vectors of the processor,
it uses a part of each vector, and its threads write to the same cache line. Here 16 neighbouring pixels count as one
with 16 times the channels; the statistics of each channel's 16 parts are then joined.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

# Float32 numbers in a cache line, and in the widest vector.
PIXELS = 16
# Measured: with as many channels, or fewer numbers, torch's kernel is as fast.
MANY_CHANNELS = 64
FEWEST_NUMBERS = 2**16


@contextmanager
def packed(model: nn.Module, *, asked: bool = True) -> Iterator[None]:
    """In the block, batch norms on the CPU with a number of channels that is small and no multiple of 16 are packed."""
    norms = [module for module in model.modules() if asked and _is_narrow(module)]
    for norm in norms:
        norm.__class__ = PackedBatchNorm
    try:
        yield
    finally:
        for norm in norms:
            norm.__class__ = nn.BatchNorm2d


def _is_narrow(module: nn.Module) -> bool:
    return (
        type(module) is nn.BatchNorm2d
        and module.affine
        and module.num_features < MANY_CHANNELS
        and module.num_features % PIXELS != 0
        and module.weight.device.type == "cpu"
    )


class PackedBatchNorm(nn.BatchNorm2d):
    """Batch norm in training that packs float32 channels-last images of enough pixels; else as its parent."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise ``[N, C, H, W]``; the shape is unchanged."""
        if not (self.training and _can_be_packed(x)):
            return super().forward(x)
        out, mean, variance = _Packed.apply(x, self.weight, self.bias, self.eps)
        count = x.numel() // x.shape[1]
        remember(self, mean, variance * (count / (count - 1)))
        normalised: Tensor = out
        return normalised


@torch.no_grad()
def remember(norm: nn.BatchNorm2d, mean: Tensor, variance: Tensor) -> None:
    """Move the layer's running statistics, if it has any, towards those of a batch (the unbiased variance)."""
    if norm.running_mean is None or norm.running_var is None or norm.num_batches_tracked is None:
        return
    norm.num_batches_tracked += 1
    share = 1 / norm.num_batches_tracked if norm.momentum is None else norm.momentum
    norm.running_mean.lerp_(mean, share)
    norm.running_var.lerp_(variance, share)


def _can_be_packed(x: Tensor) -> bool:
    """Only the shape, the layout and the type decide, so that equal training gives equal bytes."""
    return (
        x.dim() == 4
        and x.dtype == torch.float32
        and x.numel() >= FEWEST_NUMBERS
        and x.numel() // x.shape[1] % PIXELS == 0
        and x.is_contiguous(memory_format=torch.channels_last)
    )


def _rows(images: Tensor) -> Tensor:
    """Channels-last images as a matrix (a view) with the channels of 16 neighbouring pixels in every row."""
    return images.permute(0, 2, 3, 1).view(-1, PIXELS * images.shape[1])


def _repeated(*channels: Tensor) -> tuple[Tensor, ...]:
    """Numbers of every channel, once for each of the 16 pixels of a row."""
    return torch.stack(channels).repeat(1, PIXELS).unbind()


def _joined(parts: Tensor) -> Tensor:
    return parts.view(PIXELS, -1)


class _Packed(torch.autograd.Function):
    """The normalised images, and each channel's mean and (biased) variance, which carry no gradient."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, eps: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        means, variances = map(_joined, torch.batch_norm_update_stats(_rows(x), None, None, 0.0))
        mean = means.mean(0)
        variance = (variances + (means - mean).square()).mean(0)
        inverse = (variance + eps).rsqrt()
        scale = weight * inverse
        out = torch.empty_like(x, memory_format=torch.channels_last)
        shift, factor = _repeated(bias - mean * scale, scale)
        torch.addcmul(shift, _rows(x), factor, out=_rows(out))
        ctx.save_for_backward(x, weight, mean, inverse)
        ctx.mark_non_differentiable(mean, variance)
        return out, mean, variance

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor, *_: Tensor) -> tuple[Tensor | None, Tensor, Tensor, None]:
        x, weight, mean, inverse = ctx.saved_tensors
        rows, gradients = _rows(x), _rows(gradient.contiguous(memory_format=torch.channels_last))
        every = _repeated(weight, mean, inverse)
        # Of the kernel's results only the two sums; its gradient of x would be that of 16 times the channels.
        _, by_weight, by_bias = torch.ops.aten.native_batch_norm_backward(
            gradients, rows, every[0], None, None, every[1], every[2], True, 0.0, [False, True, True]
        )
        by_weight, by_bias = _joined(by_weight).sum(0), _joined(by_bias).sum(0)
        if not ctx.needs_input_grad[0]:
            return None, by_weight, by_bias, None
        scale = weight * inverse
        slope = -scale * inverse * by_weight * (x.shape[1] / x.numel())
        shift = -scale * by_bias * (x.shape[1] / x.numel()) - slope * mean
        shift, factor, slope = _repeated(shift, scale, slope)
        by_x = torch.empty_like(x, memory_format=torch.channels_last)
        torch.addcmul(shift, gradients, factor, out=_rows(by_x))
        _rows(by_x).addcmul_(rows, slope)
        return by_x, by_weight, by_bias, None
