"""Which channels feed which: a network as operations on vectors of channels, independent of its modules.

A *value* is one vector of channels somewhere in the network; an operation makes one value from others. ``tracing``
builds the graph from a model; ``propagation`` follows choices through it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from prunekit.pruning.layers import Layer

Kind = Literal[
    "source",  # channels that no choice makes zero: the network's input, results of unknown operations
    "read",  # every channel of the input is needed: the network's output, inputs of unknown operations
    "layer",  # a prunable layer
    "norm",  # a norm that treats each channel separately (batch norm, instance norm)
    "sum",  # zero where all inputs are zero
    "product",  # zero where any input is zero
    "cat",  # channels side by side
    "index",  # a selection or repetition of channels
    "fresh",  # channel by channel, but zero does not stay zero (sigmoid, adding a constant)
    "mix",  # needs every channel and makes new ones, none of them zero (attention, group norms, computed weights)
]


class Op(NamedTuple):
    """One operation. ``name``: its layer or norm; ``picks``: the channels that an ``index`` operation takes.

    ``scope``: the module that ran it.
    """

    kind: Kind
    inputs: tuple[int, ...]
    output: int = -1
    name: str = ""
    picks: Tensor = torch.empty(0, dtype=torch.int64)
    scope: str = ""


class Norm(NamedTuple):
    """The parameter names of a norm's scale and shift."""

    scale: str | None
    shift: str | None


class Attached(NamedTuple):
    """A parameter or buffer that carries channels of a value: place ``i`` along ``axis`` belongs to ``labels[i]``."""

    name: str
    axis: int
    value: int
    labels: Tensor


class Joined(NamedTuple):
    """Channels of two values that can only be removed together: ``left[i]`` of one and ``right[i]`` of the other."""

    first: int
    left: Tensor
    second: int
    right: Tensor


class Sized(NamedTuple):
    """A tensor that the module ``scope`` makes with sizes given as numbers.

    ``axes`` · ``table``: the channels of ``value`` along these axes; ``shape``: all sizes; ``numbers``: the given
    sizes. ``pieces``: whether the channels were split into parts, along the first axis of the table.
    """

    scope: str
    value: int
    axes: tuple[int, ...]
    table: Tensor
    shape: tuple[int, ...]
    numbers: tuple[int, ...]
    pieces: bool = False


@dataclass
class Graph:
    """A network's layers and norms, and how channels flow between them.

    ``free_filters``: layers whose filters can be removed with everything that depends on them; ``free_channels``:
    layers whose input channels all come from prunable layers; ``heads`` make the network's outputs, ``entries`` read
    its inputs. Layers in no operation are not followed in either direction. ``traced``: False if nothing was followed;
    ``reason``: why, and what to do.

    For removing channels: ``attached`` parameters and buffers, ``joined`` channels, ``sized`` tensors, and ``pinned``
    values, none of whose channels can be removed, with the module that is the reason. ``computed``: layers whose
    weights the network computes from stored ones. ``dynamic``: modules whose control flow depends on activations.
    ``called``: layers that ran. ``example`` · ``outputs``: the inputs the network was run on, and what it returned;
    ``positions``: output positions per image of every layer that ran.
    """

    layers: dict[str, Layer]
    norms: dict[str, Norm] = field(default_factory=dict)
    ops: list[Op] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    heads: frozenset[str] = frozenset()
    entries: frozenset[str] = frozenset()
    free_filters: frozenset[str] = frozenset()
    free_channels: frozenset[str] = frozenset()
    traced: bool = True
    reason: str = ""
    attached: list[Attached] = field(default_factory=list)
    joined: list[Joined] = field(default_factory=list)
    sized: list[Sized] = field(default_factory=list)
    pinned: list[tuple[int, str]] = field(default_factory=list)
    computed: frozenset[str] = frozenset()
    dynamic: frozenset[str] = frozenset()
    called: frozenset[str] = frozenset()
    example: Any = None
    outputs: list[Tensor] = field(default_factory=list)
    positions: dict[str, int] = field(default_factory=dict)

    def value(self, size: int) -> int:
        """Add a value of ``size`` channels; return its number."""
        self.sizes.append(size)
        return len(self.sizes) - 1

    def add(self, kind: Kind, inputs: Sequence[int] = (), *, size: int = 0, **more: object) -> int:
        """Append an operation; return the number of the value that it makes (-1 for ``read``)."""
        output = self.value(size) if size else -1
        self.ops.append(Op(kind, tuple(inputs), output, **more))  # type: ignore[arg-type]
        return output

    def makes_its_own(self, op: Op) -> bool:
        """Whether a mix, like a layer, makes channels that are tied to none of those that it reads."""
        tied = {tie.first for tie in self.joined if tie.second == op.output}
        return op.kind == "mix" and tied.isdisjoint(op.inputs)


def classify(graph: Graph) -> Graph:
    """Set ``heads``, ``entries``, ``free_filters`` and ``free_channels`` of the graph; return the same graph.

    Heads are found from the operations named ``output``. Depthwise layers follow their neighbours and are never free.
    """
    blocked = _against_the_flow(graph, [op for op in graph.ops if op.kind in ("read", "fresh", "mix")])
    heading = _against_the_flow(graph, [op for op in graph.ops if op.name == "output"], by_layers=True)
    opened = _along_the_flow(graph)
    ops = [op for op in graph.ops if op.kind == "layer"]
    plain = {op.name for op in ops if not graph.layers[op.name].depthwise}
    given = {op.output for op in graph.ops if op.kind == "source" and op.name == "input"}
    for op in graph.ops:
        if op.kind not in ("source", "layer") and op.inputs and given.issuperset(op.inputs):
            given.add(op.output)
    graph.heads = frozenset(op.name for op in ops if op.output in heading)
    graph.entries = frozenset(op.name for op in ops if op.inputs[0] in given)
    graph.free_filters = frozenset(op.name for op in ops if op.name in plain and op.output not in blocked)
    graph.free_channels = frozenset(op.name for op in ops if op.name in plain and op.inputs[0] not in opened)
    return graph


def _against_the_flow(graph: Graph, readers: list[Op], *, by_layers: bool = False) -> set[int]:
    """The values from which a reader is reached without passing a layer.

    ``by_layers``: products with computed weights, or of two activations, count as layers.
    """
    found = {value for op in readers for value in op.inputs}
    for op in reversed(graph.ops):
        if op.kind != "layer" and op.output in found and not (by_layers and graph.makes_its_own(op)):
            found.update(op.inputs)
    return found


def _along_the_flow(graph: Graph) -> set[int]:
    """The values that contain channels that no layer makes."""
    found: set[int] = set()
    for op in graph.ops:
        if op.kind in ("read", "layer"):
            continue
        if op.kind in ("source", "fresh", "mix") or found.intersection(op.inputs):
            found.add(op.output)
    return found
