"""What operations that move, fold or pool axes do to channels."""

from __future__ import annotations

from typing import Any

import torch
from torch import fx

from prunekit.pruning.graph.channels import Builder, Flow, argument, same_axis, unfollowed

_CHUNKS = (torch.chunk, torch.split, "chunk", "split")


def spatial(builder: Builder, node: fx.Node, flow: Flow) -> Flow | None:
    """Pooling and resizing work on the axes behind the channels."""
    if flow.axis == 1 and flow.rank is not None and flow.rank > 2:
        return flow
    return unfollowed(builder, flow)


def flatten(builder: Builder, node: fx.Node, flow: Flow) -> Flow | None:
    module = builder.modules.get(str(node.target)) if node.op == "call_module" else None
    start = module.start_dim if module is not None else argument(node, 1, "start_dim", 0)
    end = module.end_dim if module is not None else argument(node, 2, "end_dim", -1)
    return _flattened(builder, flow, start, end)


def _flattened(builder: Builder, flow: Flow, start: Any, end: Any) -> Flow | None:
    if flow.rank is None or not isinstance(start, int) or not isinstance(end, int):
        return unfollowed(builder, flow)
    start, end, axis = start % flow.rank, end % flow.rank, flow.axis % flow.rank
    rank = flow.rank - (end - start)
    if start > axis:
        return flow._replace(axis=axis, rank=rank)
    if start == axis:
        return flow._replace(axis=axis, rank=rank, folded=flow.folded or end > start)
    return flow._replace(axis=axis - (end - start), rank=rank) if end < axis else unfollowed(builder, flow)


def reshape(builder: Builder, node: fx.Node, flow: Flow) -> Flow | None:
    """``x.view(x.size(0), -1)``, whose first length is only known when it runs, is a flattening; others are unknown."""
    shape = node.args[1:] if len(node.args) != 2 else node.args[1]
    pair = tuple(shape) if isinstance(shape, list | tuple) and len(shape) == 2 else (None, None)
    if isinstance(pair[0], fx.Node) and pair[1] == -1 and flow.axis == 1:
        return _flattened(builder, flow, 1, -1)
    return unfollowed(builder, flow)


def permute(builder: Builder, node: fx.Node, flow: Flow) -> Flow | None:
    dims = node.args[1:] if len(node.args) != 2 else node.args[1]
    if flow.rank is None or not isinstance(dims, list | tuple) or flow.folded:
        return unfollowed(builder, flow)
    order = [dim % flow.rank for dim in dims if isinstance(dim, int)]
    if len(order) != flow.rank:
        return unfollowed(builder, flow)
    return flow._replace(axis=order.index(flow.axis % flow.rank))


def transpose(builder: Builder, node: fx.Node, flow: Flow) -> Flow | None:
    dims = [dim for dim in node.args[1:3] if isinstance(dim, int)]
    if flow.rank is None or len(dims) != 2:
        return unfollowed(builder, flow)
    first, second = (dim % flow.rank for dim in dims)
    return flow._replace(axis={first: second, second: first}.get(flow.axis % flow.rank, flow.axis))


def reduce(builder: Builder, node: fx.Node, flow: Flow) -> Flow | None:
    """A mean, sum or maximum over other axes than the channels'."""
    dims = argument(node, 1, "dim")
    dims = (dims,) if isinstance(dims, int) else dims
    if flow.rank is None or not isinstance(dims, list | tuple) or flow.folded:
        return unfollowed(builder, flow)
    gone, axis = {int(dim) % flow.rank for dim in dims}, flow.axis % flow.rank
    if axis in gone:
        return unfollowed(builder, flow)
    if argument(node, 2, "keepdim", False):
        return flow
    return flow._replace(axis=axis - sum(dim < axis for dim in gone), rank=flow.rank - len(gone))


def pad(builder: Builder, node: fx.Node, flow: Flow) -> Flow | None:
    """Padding with zeros behind the channel axis."""
    widths = argument(node, 1, "pad", ())
    plain = argument(node, 2, "mode", "constant") == "constant" and not argument(node, 3, "value", 0)
    behind = 0 if flow.rank is None else flow.rank - 1 - flow.axis % flow.rank
    known = isinstance(widths, list | tuple) and len(widths) <= 2 * behind
    return flow if plain and known else unfollowed(builder, flow)


def chunk(builder: Builder, node: fx.Node, flow: Flow) -> Flow | None:
    """The pieces are told apart where they are picked (``getitem``); here only along the channel axis."""
    dim = argument(node, 2, "dim", 0)
    pieces = node.args[1] if len(node.args) > 1 else None
    along = isinstance(dim, int) and same_axis(flow, dim) and isinstance(pieces, int) and not flow.folded
    return flow if along else unfollowed(builder, flow)


def pick(builder: Builder, node: fx.Node, flow: Flow) -> Flow | None:
    """One piece of a chunked tensor, or a slice that leaves the channel axis whole."""
    source, which = node.args[0], node.args[1]
    if isinstance(source, fx.Node) and source.target in _CHUNKS and isinstance(which, int):
        size = builder.graph.sizes[flow.value]
        return builder.chosen(flow, torch.arange(size).tensor_split([*_cuts(source, size)])[which])
    return unfollowed(builder, flow)


def _cuts(node: fx.Node, size: int) -> range:
    """Where ``chunk(n)`` or ``split(width)`` cuts ``size`` channels."""
    count = node.args[1]
    if not isinstance(count, int):
        return range(0)
    width = count if node.target in (torch.split, "split") else -(-size // count)
    return range(width, size, width)
