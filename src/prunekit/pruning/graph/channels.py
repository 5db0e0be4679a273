"""Where the channels of a tensor are: every element has a label, which moves with it.

A *flow* gives the channel and value of every element of a tensor. Operations that move elements (views, slices,
shuffles, windows) are applied to the labels themselves, so that no rule has to know their arithmetic.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

# More pairs of channels than this are not followed.
_MANY = 1_000_000


@lru_cache(maxsize=1024)
def counted(size: int) -> Tensor:
    """The numbers 0 to ``size`` - 1, which nobody may change."""
    with torch.inference_mode(False):
        return torch.arange(size)


class Flow(NamedTuple):
    """The channels of a tensor: ``table`` has the channel (of ``value``) along the ``axes`` on which it changes."""

    value: int
    axes: tuple[int, ...]
    table: Tensor


class Part(NamedTuple):
    """The origin of a tensor's elements in a parameter or buffer: their places along one of its axes.

    ``axes`` · ``table``: as in :class:`Flow`.
    """

    name: str
    axis: int
    axes: tuple[int, ...]
    table: Tensor


@dataclass(frozen=True)
class Made:
    """A tensor without channels: the parameters (``parts``) and values (``origins``) that it was made from.

    ``pure``: the parameter whose numbers it holds unchanged, perhaps moved. ``like``: it takes the shape of an
    activation, as zeros_like does, and shrinks with it. ``stale``: its memory was written through another tensor, so
    that any use of it reads its origins. ``home``: the module that made it from nothing, as zeros.
    """

    parts: tuple[Part, ...] = ()
    origins: frozenset[int] = frozenset()
    pure: str = ""
    like: bool = False
    stale: bool = False
    home: str | None = None


def labels_of(flow: Flow | Part, shape: Sequence[int]) -> Tensor:
    """The label of every element of a tensor of this shape, without copies."""
    sizes = [size if axis in flow.axes else 1 for axis, size in enumerate(shape)]
    return flow.table.reshape(sizes).expand(tuple(shape))


def table_of(labels: Tensor) -> tuple[tuple[int, ...], Tensor]:
    """The axes along which labels change, and the labels along only these axes."""
    axes = []
    for axis in range(labels.dim()):
        first = labels.narrow(axis, 0, 1)
        if labels.shape[axis] > 1 and bool((labels != first).any()):
            axes.append(axis)
        else:
            labels = first
    return tuple(axes), labels.reshape([labels.shape[axis] for axis in axes]).contiguous()


def relabelled(flow: Flow, labels: Tensor) -> Flow:
    """The flow of a tensor with these labels."""
    return Flow(flow.value, *table_of(labels))


def along(flow: Flow | Part, shape: Sequence[int], axis: int) -> Tensor | None:
    """The labels along one axis of a tensor, or None if they also change along another axis."""
    axis %= len(shape)
    if any(other != axis for other in flow.axes):
        return None
    return flow.table.reshape(-1).expand(shape[axis])


def by_axis(flow: Flow, shape: Sequence[int], axis: int) -> Tensor:
    """The labels as ``[other axes that they change along, axis]``."""
    axis %= len(shape)
    labels = labels_of(flow, shape).movedim(axis, -1)
    others = [other for other in range(len(shape)) if other != axis]
    places = [slice(None) if other in flow.axes else slice(0, 1) for other in others]
    return labels[(*places, slice(None))].reshape(-1, shape[axis])


class Pairs(NamedTuple):
    """Channels of two tensors combined element-wise: ``left[i]`` and ``right[i]`` make channel ``i`` of the result."""

    left: Tensor
    right: Tensor
    axes: tuple[int, ...]
    table: Tensor


def pairs(
    left: Flow | Part, right: Flow | Part, shapes: Sequence[Sequence[int]], shape: Sequence[int]
) -> Pairs | None:
    """The channel pairs of a broadcast operation, or None if channels on both sides meet several of the other side."""
    both = [broadcast(flow, own, shape) for flow, own in zip((left, right), shapes, strict=True)]
    axes = tuple(sorted({axis for flow in both for axis in flow[0]}))
    sizes = [shape[axis] for axis in axes]
    first, second = (
        table.reshape([shape[axis] if axis in own else 1 for axis in axes]).expand(sizes).reshape(-1)
        for own, table in both
    )
    if len(first) > _MANY:
        return None
    wide = int(second.max()) + 1
    codes, inverse = distinct(first * wide + second)
    if len(codes) > max(*(len(distinct(side)[0]) for side in (first, second))):
        return None
    return Pairs(codes // wide, codes % wide, axes, inverse.reshape(sizes))


def broadcast(flow: Flow | Part, own: Sequence[int], shape: Sequence[int]) -> tuple[tuple[int, ...], Tensor]:
    """The axes and table after broadcasting a tensor of shape ``own`` to a result of shape ``shape``."""
    moved = len(shape) - len(own)
    return tuple(axis + moved for axis in flow.axes), flow.table


def distinct(codes: Tensor) -> tuple[Tensor, Tensor]:
    """The distinct codes in order of first appearance, and the index of every code among them."""
    if bool((codes[1:] > codes[:-1]).all()):
        return codes, counted(len(codes))
    found, inverse = torch.unique(codes, return_inverse=True)
    first = torch.full((len(found),), len(codes), dtype=torch.int64)
    first.scatter_reduce_(0, inverse, torch.arange(len(codes)), "amin")
    order = first.argsort()
    place = torch.empty_like(order)
    place[order] = torch.arange(len(order))
    return found[order], place[inverse]
