"""Element-wise operations: their effect on zero is found by running them."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Literal

import torch
from torch import Tensor

from prunekit.pruning.graph.builder import Builder, Call, Track, origins_of
from prunekit.pruning.graph.channels import Flow, Made, Part, broadcast, pairs

Behaviour = Literal["keep", "sum", "product", "fresh", "read"]
# Stand-ins for what meets a zero channel: of both signs, and no round numbers.
_OTHERS = (0.7, -0.7, 1.3, -1.3)


def pointwise(builder: Builder, call: Call) -> list[Track] | None:
    """Channels stay separate; a zero channel stays zero if the operation maps zero to zero."""
    operands = [tensor for name, tensor in call.tensors() if name != "out"]
    tracks = [builder.get(tensor) for tensor in operands]
    flows = [
        (tensor, track) for tensor, track in zip(operands, tracks, strict=True) if isinstance(track, Flow)
    ]
    output = call.outputs[0]
    if not flows:
        return [_made(builder, operands, tracks, output)]
    behaviour = behaviour_of(call, [isinstance(track, Flow) for track in tracks])
    if behaviour == "read":
        return None
    found = _met(builder, flows, behaviour, output)
    if found is None:
        return None
    for tensor, track in zip(operands, tracks, strict=True):
        if isinstance(track, Made) and tensor.numel() > 1:
            builder.tie_made(track, tensor.shape, found, output.shape)
    return [found]


def _made(builder: Builder, operands: list[Tensor], tracks: list[Track], output: Tensor) -> Made:
    """The result of operands without channels: parameters and constants."""
    parts = []
    for tensor, track in zip(operands, tracks, strict=True):
        for part in track.parts if isinstance(track, Made) and tensor.dim() <= output.dim() else ():
            axes, table = broadcast(part, tensor.shape, output.shape)
            parts.append(Part(part.name, part.axis, axes, table))
    rigid = _rigid(operands, tracks, output)
    builder.poisoned.update(f"{part.name}:{part.axis}" for part in parts if not rigid.isdisjoint(part.axes))
    parts = [part for part in parts if rigid.isdisjoint(part.axes)]
    like = any(isinstance(track, Made) and track.like for track in tracks)
    return Made(tuple(parts), origins_of(tracks), like=like)


def _rigid(operands: list[Tensor], tracks: list[Track], output: Tensor) -> set[int]:
    """The axes along which an unknown activation has a size that no parameter gives."""
    found: set[int] = set()
    for tensor, track in zip(operands, tracks, strict=True):
        if isinstance(track, Made) and track.origins and not track.like:
            moved = output.dim() - tensor.dim()
            own = {axis for part in track.parts for axis in part.axes}
            found |= {axis + moved for axis in range(tensor.dim()) if tensor.shape[axis] > 1} - {
                axis + moved for axis in own
            }
    return found


def _met(
    builder: Builder, flows: list[tuple[Tensor, Flow]], behaviour: Behaviour, output: Tensor
) -> Flow | None:
    """Add the operation that makes the result; return the result's flow, or None if its pairs cannot be followed."""
    (tensor, first), *others = flows
    axes, table = broadcast(first, tensor.shape, output.shape)
    found = Flow(first.value, axes, table)
    for other, flow in others:
        met = pairs(found, flow, (output.shape, other.shape), output.shape)
        if met is None:
            return None
        inputs, wide = [], len(met.left) > 1
        for value, picks in ((found.value, met.left), (flow.value, met.right)):
            if wide and bool((picks == picks[0]).all()):
                # One channel that meets all others, such as a spatial gate: it stays, so that the others are free.
                builder.read_values([builder.picked(value, picks[:1])])
                behaviour = "fresh" if behaviour == "sum" else behaviour
            else:
                inputs.append(builder.picked(value, picks))
        kind = "sum" if behaviour == "fresh" else behaviour
        found = Flow(builder.add(kind, inputs, size=len(met.left)), met.axes, met.table)
    if behaviour == "fresh":
        value = builder.add("fresh", [found.value], size=builder.graph.sizes[found.value])
        found = found._replace(value=value)
    return found


_KNOWN: dict[Hashable, Behaviour] = {}


def behaviour_of(call: Call, channels: list[bool]) -> Behaviour:
    """What the operation does to zero channels; ``channels``: which of its tensors have channels."""
    asked = (call.func, tuple(channels), _form(dict(call.args)), call.outputs[0].dtype)
    try:
        if asked not in _KNOWN:
            _KNOWN[asked] = _observed(call, channels)
    except TypeError:  # an argument that cannot be a key
        return _observed(call, channels)
    return _KNOWN[asked]


def _form(value: Any) -> Hashable:
    """What decides an operation's effect on zero: its numbers and options, and the types of its tensors."""
    if isinstance(value, Tensor):
        return Tensor, value.dtype
    if isinstance(value, dict):
        return tuple((name, _form(part)) for name, part in value.items())
    if isinstance(value, list | tuple):
        return type(value), tuple(map(_form, value))
    return type(value), value


def _observed(call: Call, channels: list[bool]) -> Behaviour:
    alone = sum(channels) == 1
    try:
        if not _finite(zeroed := _asked(call, channels)):
            return "read"
        if alone:
            return "fresh" if bool(zeroed.any()) else "keep"
        places = [place for place, has in enumerate(channels) if has]
        one_zero = [_asked(call, [place == only for place in range(len(channels))]) for only in places]
    except (RuntimeError, TypeError, ValueError):
        return "read"
    if not all(_finite(found) for found in one_zero):
        return "read"
    if not any(bool(found.any()) for found in one_zero):
        return "product"
    return "fresh" if bool(zeroed.any()) else "sum"


def _finite(found: Tensor) -> bool:
    return bool(torch.isfinite(found).all())


def _asked(call: Call, zero: list[bool]) -> Tensor:
    """The result with zeros in place of the tensors marked in ``zero``, and other numbers in place of the rest."""
    marks = iter(zero)
    args = {name: _stand_in(value, marks) for name, value in call.args.items() if name != "out"}
    args |= {"out": torch.empty(0, dtype=call.outputs[0].dtype)} if "out" in call.args else {}
    found: Tensor = call.func(**args)
    return torch.view_as_real(found) if found.is_complex() else found.to(torch.float32)


def _stand_in(value: Any, marks: Any) -> Any:
    if isinstance(value, list | tuple):
        return type(value)(_stand_in(part, marks) for part in value)
    if not isinstance(value, Tensor):
        return value
    if next(marks):
        return torch.zeros(len(_OTHERS), dtype=value.dtype)
    if value.dtype == torch.bool:
        return torch.tensor([True, False, True, False])
    return (
        torch.tensor(_OTHERS).to(value.dtype)
        if value.is_floating_point() or value.is_complex()
        else torch.ones(4, dtype=value.dtype)
    )


def prelu(builder: Builder, call: Call) -> list[Track] | None:
    """PReLU, with one slope per channel of the second axis, or one for all."""
    tensor, slopes = call.args["self"], call.args["weight"]
    track, made = builder.get(tensor), builder.get(slopes)
    if not isinstance(track, Flow) or not isinstance(made, Made):
        return None
    if slopes.numel() > 1:
        moved = Made(tuple(part._replace(axes=(1,)) for part in made.parts), like=made.like)
        builder.tie_made(moved, [1, slopes.numel(), *[1] * (tensor.dim() - 2)], track, tensor.shape)
    return [track]
