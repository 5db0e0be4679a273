"""Operations that take images or signals apart and put them together: windows, shuffled pixels, Fourier transforms."""

from __future__ import annotations

from prunekit.pruning.graph.builder import Builder, Call, Track
from prunekit.pruning.graph.channels import Flow, Made, along
from prunekit.pruning.graph.moves import moved

# Windows of more places than this are not followed.
_MANY_PLACES = 64


def windows(builder: Builder, call: Call) -> list[Track] | None:
    """The windows of an image as columns: the places of a window are copies of their channel."""
    tensor, track = call.args["self"], builder.get(call.args["self"])
    vector = along(track, tensor.shape, 1) if isinstance(track, Flow) and tensor.dim() == 4 else None
    if not isinstance(track, Flow) or vector is None:
        return None
    return [Flow(track.value, (1,), vector.repeat_interleave(_places(call)))]


def overlaid(builder: Builder, call: Call) -> list[Track] | None:
    """An image from its windows, which are added where they overlap."""
    tensor, track, places = call.args["self"], builder.get(call.args["self"]), _places(call)
    vector = along(track, tensor.shape, 1) if isinstance(track, Flow) and tensor.dim() == 3 else None
    if not isinstance(track, Flow) or vector is None or places > _MANY_PLACES:
        return None
    parts = vector.reshape(-1, places).unbind(1)
    inputs = [builder.picked(track.value, part) for part in parts]
    return [builder.whole(builder.add("sum", inputs, size=len(parts[0])), 1)]


def shuffled(builder: Builder, call: Call) -> list[Track] | None:
    """Larger images, whose neighbouring pixels come from different channels: zero where all of these are."""
    tensor, track, factor = (
        call.args["self"],
        builder.get(call.args["self"]),
        int(call.args["upscale_factor"]),
    )
    axis, places = tensor.dim() - 3, factor**2
    vector = along(track, tensor.shape, axis) if isinstance(track, Flow) else None
    if not isinstance(track, Flow) or vector is None or places > _MANY_PLACES:
        return moved(builder, call)
    inputs = [builder.picked(track.value, part) for part in vector.reshape(-1, places).unbind(1)]
    return [builder.whole(builder.add("sum", inputs, size=len(vector) // places), axis)]


def _places(call: Call) -> int:
    height, width = call.args["kernel_size"]
    return int(height) * int(width)


def transformed(builder: Builder, call: Call) -> list[Track] | None:
    """A Fourier transform, or a change between complex numbers and pairs, along axes that carry no channels."""
    tensor, output = next(iter(call.tensors()))[1], call.outputs[0]
    pairs = call.name.startswith("view_as")
    dims = {int(dim) % tensor.dim() for dim in call.args.get("dim", ())}
    dims |= {tensor.dim() - 1} if pairs and output.dim() < tensor.dim() else set()
    track = builder.get(tensor)
    if isinstance(track, Flow):
        return [track] if dims.isdisjoint(track.axes) else None
    builder.poisoned.update(
        f"{part.name}:{part.axis}" for part in track.parts if not dims.isdisjoint(part.axes)
    )
    parts = tuple(part for part in track.parts if dims.isdisjoint(part.axes))
    return [Made(parts, track.origins, like=track.like)]


def bag(builder: Builder, call: Call) -> list[Track] | None:
    """Sums or means of embeddings."""
    made = builder.get(call.args["weight"])
    if not isinstance(made, Made):
        return None
    return [Made(tuple(part for part in made.parts if part.axes == (1,)), made.origins)]
