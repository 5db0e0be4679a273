"""Where the channels of a tensor are, and the graph in the making.

A *flow* says which value of the graph a tensor's channels are, and along which axis. ``rules`` and ``shapes`` say what
every recorded operation does to flows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import fx, nn

from prunekit.pruning.graph.graph import Graph, Op


class Flow(NamedTuple):
    """The channels of a tensor: a value, its axis (counted from the end where ``rank`` is unknown).

    ``folded``: the axis also holds the positions that a flattening put behind every channel.
    """

    value: int
    axis: int
    rank: int | None = None
    folded: bool = False


@dataclass
class Builder:
    """A graph in the making: the flow of every node so far, and how often each module and parameter is named."""

    model: nn.Module
    graph: Graph
    calls: Counter[Any]
    flows: dict[fx.Node, Flow | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.modules = dict(self.model.named_modules())
        self.names = {id(value): name for name, value in self.model.named_parameters()}
        self.layer_of = {
            id(module): layer for layer in self.graph.layers.values() for module in layer.modules
        }

    def inputs(self, node: fx.Node) -> list[Flow]:
        """The flows that go into a node."""
        return [flow for source in node.all_input_nodes if (flow := self.flows[source]) is not None]

    def read(self, flows: Sequence[Flow], name: str = "") -> None:
        """All these channels are needed."""
        if flows or name:
            self.graph.ops.append(Op("read", tuple(flow.value for flow in flows), name=name))

    def make(self, kind: Any, flows: Sequence[Flow], **more: Any) -> Flow:
        """A flow like the first of these, made by a new operation."""
        size = self.graph.sizes[flows[0].value]
        value = self.graph.add(kind, [flow.value for flow in flows], size=size, **more)
        return flows[0]._replace(value=value)

    def chosen(self, flow: Flow, picks: torch.Tensor) -> Flow:
        """The flow with these channels, in this order."""
        value = self.graph.add("index", [flow.value], size=len(picks), picks=picks)
        return flow._replace(value=value, folded=False)

    def unfolded(self, flow: Flow, size: int) -> Flow | None:
        """A flow of ``size`` channels: positions that were flattened in become channels of their own."""
        own = self.graph.sizes[flow.value]
        if not flow.folded or size == own:
            return flow if size == own else None
        positions, rest = divmod(size, own)
        return None if rest else self.chosen(flow, torch.arange(own).repeat_interleave(positions))


def unfollowed(builder: Builder, flow: Flow) -> Flow | None:
    """Every channel is read, and what comes out is unknown."""
    builder.read([flow])
    return None


def same_axis(flow: Flow, axis: int) -> bool:
    """Whether the channels lie along this axis."""
    if flow.axis == axis:
        return True
    return flow.rank is not None and flow.axis % flow.rank == axis % flow.rank


def argument(node: fx.Node, place: int, name: str, default: Any = None) -> Any:
    """An argument of a recorded call, given by place or by name."""
    return node.args[place] if len(node.args) > place else node.kwargs.get(name, default)
