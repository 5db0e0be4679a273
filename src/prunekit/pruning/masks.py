"""Masks: ``{parameter name: bool tensor}``, True = kept; a parameter without a mask is kept whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from prunekit.errors import UsageError
from prunekit.pruning.given import check_masks, check_module

Masks = dict[str, Tensor]


def parameters(model: nn.Module) -> dict[str, Tensor]:
    """Every parameter once, under its first name."""
    return dict(model.named_parameters())


def total_parameters(model: nn.Module) -> int:
    """How many parameter entries the model has (weights, biases, norms); shared parameters count once."""
    return sum(value.numel() for value in model.parameters())


def removed(masks: Mapping[str, Tensor]) -> int:
    """How many entries the masks remove."""
    return sum(mask.numel() - int(mask.count_nonzero()) for mask in masks.values())


def prune_ratio(masks: Mapping[str, Tensor], total: int) -> float:
    """The share, in [0, 1], of ``total`` (the parameters of the unpruned parent) that the masks remove."""
    return removed(masks) / total


@torch.no_grad()
def apply_(model: nn.Module, masks: Mapping[str, Tensor]) -> None:
    """Zero the removed entries of the model in place; a mask that fits no parameter is a :class:`UsageError`."""
    check(model, masks)
    own = parameters(model)
    for name, mask in masks.items():
        # masked_fill, not multiplication: a removed infinity must become zero, not NaN.
        own[name].masked_fill_(~mask.to(own[name].device), 0)


@contextmanager
def masked(model: nn.Module, masks: Mapping[str, Tensor]) -> Iterator[None]:
    """Within the block, the removed entries of the model are zero; afterwards it has its own weights again.

    The model's own memory is never written, since it may be shared or read-only.
    """
    check(model, masks)
    own = parameters(model)
    before = {name: own[name].data for name in masks}
    try:
        for name, mask in masks.items():
            own[name].data = before[name].masked_fill(~mask.to(before[name].device), 0)
        yield
    finally:
        for name, value in before.items():
            own[name].data = value


@torch.no_grad()
def write_(model: nn.Module, values: Mapping[str, Tensor]) -> None:
    """Give the model's parameters and buffers these values, by state-dict name, in place."""
    own = dict(model.named_parameters()) | dict(model.named_buffers())
    for name, value in values.items():
        own[name].copy_(value)


def check(model: nn.Module, masks: Mapping[str, Tensor]) -> None:
    """Refuse masks that name no parameter, are not bool or have another shape (:class:`UsageError`)."""
    check_module(model)
    check_masks(masks)
    own = parameters(model)
    for name, mask in masks.items():
        if name not in own:
            raise UsageError(f"mask {name!r} matches no parameter of this model")
        if mask.dtype != torch.bool:
            raise UsageError(
                f"mask {name!r} has dtype {mask.dtype}: masks must be torch.bool, True for kept entries"
            )
        if mask.shape != own[name].shape:
            raise UsageError(
                f"mask {name!r} has shape {tuple(mask.shape)}, but its parameter has {tuple(own[name].shape)}"
            )
