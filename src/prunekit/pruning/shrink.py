"""Take dead filters and channels out for real: a smaller model of the same class that computes the same function."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from prunekit.arithmetic import exact
from prunekit.copying import copied_network
from prunekit.errors import UsageError
from prunekit.pruning.graph.counts import Stock
from prunekit.pruning.graph.graph import Graph, Op
from prunekit.pruning.graph.propagation import propagate
from prunekit.pruning.graph.remaining import room_of
from prunekit.pruning.graph.tracing import trace
from prunekit.pruning.masks import Masks, apply_

_NORM_VECTORS = ("weight", "bias", "running_mean", "running_var")


def shrink(model: nn.Module, masks: Masks) -> nn.Module:
    """A copy of the masked model without its dead channels, in evaluation mode; the model stays as it is.

    A channel goes where it is zero or unread on all sides that are coupled: all branches of a sum, and both sides of a
    depthwise or grouped convolution. Weights pruned one by one stay as zeros. A model that cannot be traced is a
    :class:`UsageError`.
    """
    smaller = copied_network(model).eval()
    apply_(smaller, masks)
    cut_(smaller, masks)
    return smaller


@exact()
def cut_(model: nn.Module, masks: Masks) -> None:
    """Take the channels that :func:`shrink` takes out of the model itself, whatever values its weights have."""
    graph = trace(model)
    if not graph.traced:
        raise UsageError("this model cannot be traced, so nothing can be taken out of it")
    kept = _kept_channels(graph, room_of(model, graph, masks).stocks)
    modules = dict(model.named_modules())
    for op in graph.ops:
        if op.kind == "layer":
            layer = graph.layers[op.name]
            _cut_layer(layer.modules[0], layer.transposed, kept[op.inputs[0]], kept[op.output])
        elif op.kind == "norm":
            _cut_norm(modules[op.name], kept[op.output])


def _kept_channels(graph: Graph, stocks: Mapping[str, Stock]) -> list[Tensor]:
    """For every value the channels that stay, the same for all values that share their channels."""
    liveness = propagate(graph, stocks)
    places = _Places(graph.sizes)
    for op in graph.ops:
        _couple(places, graph, op)
    needed = torch.zeros(places.count, dtype=torch.bool)
    for op in graph.ops:
        if op.kind == "layer":
            needed[places.of(op.output)] |= liveness.biased(op.name).cpu()
            needed[places.of(op.inputs[0])] |= liveness.tapped[op.name].cpu()
        elif op.kind in ("read", "source", "fresh"):
            for value in (*op.inputs, *([op.output] if op.output >= 0 else [])):
                needed[places.of(value)] = True
    return places.spread(needed)


class _Places:
    """Channels of all values in one row of places, of which coupled ones are joined (union-find)."""

    def __init__(self, sizes: list[int]) -> None:
        self.starts = [sum(sizes[:index]) for index in range(len(sizes) + 1)]
        self.sizes = sizes
        self.count = self.starts[-1]
        self.parent = list(range(self.count))

    def of(self, value: int) -> Tensor:
        """The places of a value's channels."""
        return torch.arange(self.starts[value], self.starts[value] + self.sizes[value])

    def join(self, left: Iterable[int], right: Iterable[int]) -> None:
        """These channels stay or go together."""
        for first, second in zip(left, right, strict=True):
            self.parent[self.root(first)] = self.root(second)

    def root(self, place: int) -> int:
        """The place that stands for all that are joined with this one."""
        while self.parent[place] != place:
            self.parent[place] = self.parent[self.parent[place]]
            place = self.parent[place]
        return place

    def spread(self, needed: Tensor) -> list[Tensor]:
        """For every value, its channels that are joined with a needed one."""
        roots = torch.tensor([self.root(place) for place in range(self.count)], dtype=torch.int64)
        by_root = torch.zeros_like(needed)
        by_root[roots[needed]] = True
        return [by_root[roots[self.of(value)]] for value in range(len(self.sizes))]


def _couple(places: _Places, graph: Graph, op: Op) -> None:
    kind, inputs, output = op.kind, op.inputs, op.output
    out = places.of(output).tolist() if output >= 0 else []
    if kind in ("norm", "sum", "product", "fresh"):
        for value in inputs:
            places.join(places.of(value).tolist(), out)
    elif kind == "cat":
        places.join([place for value in inputs for place in places.of(value).tolist()], out)
    elif kind == "index":
        source = places.of(inputs[0])
        places.join(source[op.picks].tolist(), out)
    elif kind == "layer" and graph.layers[op.name].groups > 1:
        _couple_groups(places, graph.layers[op.name].groups, inputs[0], output)


def _couple_groups(places: _Places, groups: int, value: int, output: int) -> None:
    """A group of a grouped convolution stays or goes as one, on both sides."""
    fed, made = (places.of(side).reshape(groups, -1) for side in (value, output))
    for inputs, outputs in zip(fed.tolist(), made.tolist(), strict=True):
        group = inputs + outputs
        places.join(group[1:], [group[0]] * (len(group) - 1))


def _cut_layer(module: nn.Module, transposed: bool, fed: Tensor, made: Tensor) -> None:
    """Keep these input and output channels of a layer, in place."""
    fed, made = (side.nonzero().flatten() for side in (fed, made))
    groups = int(getattr(module, "groups", 1))
    if groups > 1:
        _replace(module, "weight", fed if transposed else made, None)
        setattr(module, "groups", len(fed) * groups // int(module.in_channels))  # type: ignore[arg-type]  # noqa: B010
    else:
        _replace(module, "weight", made, fed) if not transposed else _replace(module, "weight", fed, made)
    _replace(module, "bias", made, None)
    names = (
        ("in_features", "out_features") if isinstance(module, nn.Linear) else ("in_channels", "out_channels")
    )
    for name, side in zip(names, (fed, made), strict=True):
        setattr(module, name, len(side))


def _cut_norm(module: nn.Module, kept: Tensor) -> None:
    """Keep these channels of a batch or instance norm, in place."""
    places = kept.nonzero().flatten()
    for name in _NORM_VECTORS:
        _replace(module, name, places, None)
    setattr(module, "num_features", len(places))  # noqa: B010


def _replace(module: nn.Module, name: str, first: Tensor, second: Tensor | None) -> None:
    """Keep these indices of a tensor's first axis, and of its second where given."""
    old = getattr(module, name, None)
    if not isinstance(old, Tensor):
        return
    new = old.detach().index_select(0, first.to(old.device))
    new = new if second is None else new.index_select(1, second.to(old.device))
    if isinstance(old, nn.Parameter):
        setattr(module, name, nn.Parameter(new, requires_grad=old.requires_grad))
    else:
        setattr(module, name, new)
