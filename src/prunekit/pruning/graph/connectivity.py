"""The weights that reconnect an emptied layer to the network, so that no layer is ever cut off.

A layer is alive while a path leads through it: a chain of weights from channels that are never removed to channels that
are read. A path is as strong as its weakest weight, so the strongest path through a layer is the one that the ranking
would restore first.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate

import torch
from torch import Tensor

from prunekit.pruning.graph.graph import Graph, Op
from prunekit.pruning.graph.propagation import by_filter

Strengths = Mapping[str, Tensor]


def lifelines(graph: Graph, emptied: Iterable[str], strengths: Strengths) -> dict[str, Tensor]:
    """The bool places that the strongest path through each emptied layer needs, for the layers that have any.

    ``strengths``: for every place ``[filters, channels per group]`` of every layer, the best score of its weights; inf
    if one is kept, -inf if it has none. A layer without any path left gets nothing.
    """
    found: dict[str, Tensor] = {}
    before: list[
        tuple[Tensor, Tensor]
    ] = []  # a place and its strength; copies of all would be as large as the network
    ways: _Ways | None = None
    for name in emptied:
        # The path of one layer often reconnects the next one as well, so paths are found one after the other.
        ways = ways or _Ways(graph, strengths)
        for layer, row, column in list(ways.through(name)):
            place = strengths[layer][row, column]
            if not place.isposinf():
                before.append((place, place.clone()))
                place.fill_(torch.inf)
                found.setdefault(layer, torch.zeros_like(strengths[layer], dtype=torch.bool))[row, column] = (
                    True
                )
                ways = None
    for place, value in before:
        place.copy_(value)
    return found


class _Ways:
    """The strongest paths to every channel and on from it; channels are numbered consecutively over all values.

    ``to`` and ``on``: strengths of these paths, inf if all their weights are kept. ``goes``: the place (in the graph's
    operations) of the operation that the path on takes.
    """

    def __init__(self, graph: Graph, strengths: Strengths) -> None:
        self.graph, self.strengths = graph, strengths
        device = next(iter(strengths.values())).device
        self.starts = list(accumulate(graph.sizes, initial=0))
        every = torch.arange(self.starts[-1], device=device)
        self.channels = torch.split(every, graph.sizes)
        self.to = torch.full((len(every),), torch.inf, device=device)
        self.on = torch.full_like(self.to, -torch.inf)
        self.goes = torch.zeros_like(every)
        self.makers = {op.output: op for op in graph.ops if op.output >= 0}
        for op in graph.ops:
            self._arrive(op)
        for place in reversed(range(len(graph.ops))):
            self._leave(place)

    def through(self, name: str) -> Iterator[tuple[str, int, int]]:
        """The (layer, filter, channel in its group) of all weights on the strongest path through a layer, if any."""
        op = next((op for op in self.graph.ops if op.kind == "layer" and op.name == name), None)
        widths = self.strengths[name]
        if op is not None:
            widths = self._fed(op).minimum(self.on[self.channels[op.output]][:, None])
        row, column = divmod(int(widths.argmax()), widths.shape[1])
        if widths[row, column].isneginf():
            return
        yield name, row, column
        if op is not None:
            yield from self._way_to(int(self._sources(op)[row, column]))
            yield from self._way_on(int(self.channels[op.output][row]))

    def _sources(self, op: Op) -> Tensor:
        """For each channel that an operation makes, the channels that it may come from: ``[made, sources]``."""
        inputs = [self.channels[value] for value in op.inputs]
        if op.kind == "layer":
            return by_filter(self.graph.layers[op.name], inputs[0])
        if op.kind == "cat":
            return torch.cat(inputs)[:, None]
        if op.kind == "index":
            return inputs[0][op.picks.to(inputs[0].device)][:, None]
        return torch.stack(inputs, 1)

    def _fed(self, op: Op) -> Tensor:
        """For each place of a layer, the strength of the strongest path that ends with its weight."""
        fed = by_filter(self.graph.layers[op.name], self.to[self.channels[op.inputs[0]]])
        return fed.minimum(self.strengths[op.name])

    def _arrive(self, op: Op) -> None:
        """Set the paths to the channels that an operation makes; sources, fresh channels and outputs are never zero."""
        if op.kind in ("source", "read", "fresh", "mix") or op.name in self.graph.heads:
            return
        widths = self._fed(op) if op.kind == "layer" else self.to[self._sources(op)]
        self.to[self.channels[op.output]] = widths.amin(1) if op.kind == "product" else widths.amax(1)

    def _leave(self, place: int) -> None:
        """Set the paths on from the channels that an operation reads."""
        op = self.graph.ops[place]
        if op.kind in ("read", "mix"):
            for value in op.inputs:
                self.on[self.channels[value]] = torch.inf
        elif op.kind == "layer":
            groups = self.graph.layers[op.name].groups
            best = self._behind(op).view(groups, len(self.channels[op.output]) // groups, -1).amax(1)
            self._offer(self.channels[op.inputs[0]], best.flatten(), place)
        elif op.kind != "source":
            for sources in self._sources(op).unbind(1):
                self._offer(sources, self._behind(op), place)

    def _behind(self, op: Op) -> Tensor:
        """For each place of a layer, or each channel that another operation makes, the strength of the path on."""
        made = self.channels[op.output]
        if op.kind == "layer":
            return self.strengths[op.name].minimum(self.on[made][:, None])
        # A zero factor makes a product useless, so a path on also needs the product's other side.
        return self.on[made].minimum(self.to[made])

    def _offer(self, channels: Tensor, widths: Tensor, place: int) -> None:
        """Keep the stronger paths on from these channels, among which a channel may occur twice."""
        better = widths > self.on[channels]
        self.on.scatter_reduce_(0, channels, widths, "amax")
        self.goes[channels[better]] = place

    def _next(self, channel: int) -> tuple[Op, int]:
        """The operation that the path on from a channel takes, and the place in its output to which it goes."""
        op = self.graph.ops[int(self.goes[channel])]
        if op.kind != "layer":
            reads = (self._sources(op) == channel).any(1)
            return op, int(self._behind(op).where(reads, -torch.inf).argmax())
        filters, channels = self.graph.layers[op.name].shape
        group, column = divmod(channel - self.starts[op.inputs[0]], channels)
        each = filters // self.graph.layers[op.name].groups
        rows = slice(group * each, (group + 1) * each)
        widths = self.strengths[op.name][rows, column].minimum(self.on[self.channels[op.output][rows]])
        return op, rows.start + int(widths.argmax())

    def _way_to(self, *channels: int) -> Iterator[tuple[str, int, int]]:
        """The weights on the strongest paths to channels, back to where everything is kept."""
        open_ = list(channels)
        while open_:
            channel = open_.pop()
            if self.to[channel].isposinf():
                continue
            op, row = self._maker(channel)
            sources = self._sources(op)[row]
            if op.kind == "product":
                open_ += sources.tolist()
                continue
            widths = self.to[sources]
            widths = widths.minimum(self.strengths[op.name][row]) if op.kind == "layer" else widths
            before = int(sources[widths.argmax()])
            if op.kind == "layer":
                yield self._weight(op, row, before)
            open_.append(before)

    def _way_on(self, channel: int) -> Iterator[tuple[str, int, int]]:
        """The weights on the strongest path on from a channel, up to where everything is kept."""
        while not self.on[channel].isposinf():
            op, row = self._next(channel)
            if op.kind == "layer":
                yield self._weight(op, row, channel)
            elif op.kind == "product":
                yield from self._way_to(*(self._sources(op)[row].tolist()))
            channel = int(self.channels[op.output][row])

    def _maker(self, channel: int) -> tuple[Op, int]:
        """The operation that makes a channel, and the channel's place in its output."""
        value = bisect_right(self.starts, channel) - 1
        return self.makers[value], channel - self.starts[value]

    def _weight(self, op: Op, row: int, source: int) -> tuple[str, int, int]:
        layer = self.graph.layers[op.name]
        return op.name, row, (source - self.starts[op.inputs[0]]) % layer.shape[1]
