"""Recurrent layers: a hidden unit is removed from all gates, time steps, layers and directions together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from prunekit.pruning.graph.builder import Builder, Call, Track
from prunekit.pruning.graph.channels import Flow, Made, labels_of
from prunekit.pruning.graph.graph import Sized


class _Run(NamedTuple):
    """One direction of one layer: its weights and biases, and the number of rows per hidden unit."""

    reads: Tensor
    remembers: Tensor
    biases: tuple[Tensor, ...]
    projects: Tensor | None
    gates: int

    @property
    def units(self) -> int:
        return len(self.reads) // self.gates


class _State(NamedTuple):
    """The values of a run: its hidden units, and what it returns, which is their projection if it has one."""

    units: int
    returned: int


_GATES = {"lstm": 4, "gru": 3, "rnn_tanh": 1, "rnn_relu": 1}


def recurrent(builder: Builder, call: Call) -> list[Track] | None:
    """A stack of recurrent layers over a (packed) sequence; its module stores one width for all of them."""
    given = call.args["input"] if "input" in call.args else call.args["data"]
    before = _tensors(call.args["hx"])
    runs = list(_runs(call, _GATES[call.name]))
    turns = 2 if call.args["bidirectional"] else 1
    fed = builder.layer_fed(given, -1, runs[0].reads.shape[1])
    states: list[_State] = []
    for place in range(0, len(runs), turns):
        layer = [
            _ran(builder, run, fed, before, place + turn)
            for turn, run in enumerate(runs[place : place + turns])
        ]
        states += layer
        fed = _side_by_side(builder, [state.returned for state in layer])
    for state in states[1:]:
        _alike(builder, states[0].units, state.units)
        _alike(builder, states[0].returned, state.returned)
    outputs = call.outputs
    last = [_stacked(builder, [state.returned for state in states], outputs[1])]
    last += [_stacked(builder, [state.units for state in states], outputs[2])] if len(outputs) > 2 else []
    return [builder.whole(fed, outputs[0].dim() - 1), *last]


def cell(builder: Builder, call: Call) -> list[Track] | None:
    """One time step of a recurrent cell."""
    names = ("b_ih", "b_hh")
    biases = tuple(call.args[name] for name in names if call.args.get(name) is not None)
    kind = call.name.removesuffix("_cell")
    run = _Run(call.args["w_ih"], call.args["w_hh"], biases, None, _GATES[kind])
    fed = builder.layer_fed(call.args["input"], -1, run.reads.shape[1])
    state = _ran(builder, run, fed, _tensors(call.args["hx"]), 0)
    return [builder.whole(state.units, output.dim() - 1) for output in call.outputs]


def packed(builder: Builder, call: Call) -> list[Track] | None:
    """A batch of sequences as the rows of a matrix, or back: the channels are on the last axis of both."""
    tensor, output = call.args["input"] if "input" in call.args else call.args["data"], call.outputs[0]
    track, last, now = builder.get(tensor), (tensor.dim() - 1,), (output.dim() - 1,)
    if isinstance(track, Made):
        moved = tuple(part._replace(axes=now) for part in track.parts if part.axes == last)
        return [replace(track, parts=moved), Made()]
    if track.axes not in ((), last):
        return None
    return [track._replace(axes=now if track.axes else ()), Made()]


def _tensors(given: Tensor | Sequence[Tensor]) -> tuple[Tensor, ...]:
    return (given,) if isinstance(given, Tensor) else tuple(given)


def _runs(call: Call, gates: int) -> Iterator[_Run]:
    """The directions of all layers, in the order in which torch stores their weights."""
    weights = list(call.args["params"])
    projected = gates == 4 and weights[1].shape[1] * gates != len(weights[1])
    count = 2 + 2 * bool(call.args["has_biases"]) + projected
    for start in range(0, len(weights), count):
        reads, remembers, *rest = weights[start : start + count]
        yield _Run(
            reads,
            remembers,
            tuple(rest[:-1] if projected else rest),
            rest[-1] if projected else None,
            gates,
        )


def _ran(builder: Builder, run: _Run, fed: int, before: tuple[Tensor, ...], place: int) -> _State:
    """The values of a run. Its units read themselves, so there are two of each: a first step and a later one."""
    wide = run.units
    past = [_began(builder, tensor, place) for tensor in before]
    first = builder.add("mix", [fed, *(value for value, _ in past)], size=wide)
    units = builder.add("mix", [fed, first], size=wide)
    _alike(builder, units, first)
    returned = units
    if run.projects is not None:
        returned = builder.add("mix", [units], size=len(run.projects))
        builder.tie_weight(run.projects, _vector(returned, len(run.projects), 0), _vector(units, wide, 1))
    for (value, labels), own in zip(past, (returned, units), strict=False):
        builder.join(own, torch.arange(builder.graph.sizes[own]), value, labels)
    rows = Flow(units, (0,), torch.arange(wide).repeat(run.gates))
    builder.tie_weight(run.reads, rows, _vector(fed, run.reads.shape[1], 1))
    builder.tie_weight(run.remembers, rows, _vector(returned, run.remembers.shape[1], 1))
    for bias in run.biases:
        builder.tie_weight(bias, rows)
    return _State(units, returned)


def _vector(value: int, size: int, axis: int) -> Flow:
    return Flow(value, (axis,), torch.arange(size))


def _began(builder: Builder, tensor: Tensor, place: int) -> tuple[int, Tensor]:
    """The value of an initial state and its channels; a state from outside the module has a size written there."""
    track, size = builder.get(tensor), tensor.shape[-1]
    own = [place, *[0] * (tensor.dim() - 2)] if tensor.dim() > 2 else [0]
    stepwise = {tensor.dim() - 1} | ({0} if tensor.dim() > 2 else set())
    if isinstance(track, Flow) and set(track.axes) <= stepwise:
        return track.value, labels_of(track, tensor.shape)[tuple(own)]
    if isinstance(track, Flow):
        builder.read([track])
        return builder.source(size, 0).value, torch.arange(size)
    flow = builder.source(size, tensor.dim() - 1, name="state", fixed=False)
    if track.parts:
        builder.tie_made(track, tensor.shape, flow)
    if track.home != builder.scope:
        scope, shape = builder.scope, tuple(tensor.shape)
        builder.graph.sized.append(
            Sized(scope, flow.value, (tensor.dim() - 1,), torch.arange(size), shape, shape)
        )
    return flow.value, torch.arange(size)


def _alike(builder: Builder, first: int, second: int) -> None:
    every = torch.arange(builder.graph.sizes[first])
    builder.join(first, every, second, every)


def _side_by_side(builder: Builder, values: list[int]) -> int:
    """The values of both directions as one; nothing may read it, since the last state has the same channels."""
    if len(values) == 1:
        return values[0]
    size = sum(builder.graph.sizes[value] for value in values)
    return builder.add("cat", values, size=size, name="state")


def _stacked(builder: Builder, values: list[int], tensor: Tensor) -> Flow:
    """The last states ``[layers and directions, batch, units]``; without a batch the middle axis is missing."""
    size = tensor.shape[-1]
    value, axes = _side_by_side(builder, values), (0, tensor.dim() - 1)
    if len(values) == 1:
        return Flow(value, axes[1:] if size > 1 else (), torch.arange(size).reshape(-1 if size > 1 else ()))
    table = torch.arange(len(values) * size).reshape(len(values), size)
    return Flow(value, *((axes, table) if size > 1 else (axes[:1], table[:, 0])))
