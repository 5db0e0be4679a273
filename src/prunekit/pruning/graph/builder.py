"""The graph under construction: what every tensor of one forward pass holds, and the operations between them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from prunekit.base.tensors import PLAIN, memory_of
from prunekit.pruning.graph.channels import Flow, Made, Part, along, broadcast, counted
from prunekit.pruning.graph.graph import Attached, Graph, Joined, Norm, Sized

Track = Flow | Made
Key = tuple[Any, ...]


class Call(NamedTuple):
    """One operation as it ran: its name, its function, its arguments by name, and the tensors that it returned."""

    name: str
    func: Any
    args: Mapping[str, Any]
    outputs: tuple[Tensor, ...]

    def tensors(self) -> list[tuple[str, Tensor]]:
        """The tensors among the arguments, including those in lists."""
        found = []
        for name, value in self.args.items():
            parts = value if isinstance(value, list | tuple) else (value,)
            found += [(name, part) for part in parts if isinstance(part, Tensor)]
        return found


def key_of(tensor: Tensor) -> Key:
    """The memory that a tensor views, and how: equal for all Python objects with the same view.

    Tensors of other classes may have no memory, and are distinguished as objects.
    """
    if type(tensor) not in PLAIN:
        return ("object", id(tensor))
    return memory_of(tensor), tensor.storage_offset(), tuple(tensor.shape), tensor.stride()


class Builder:
    """The graph of the operations so far. Tensors are held, so that no memory is reused during the recording."""

    def __init__(self, model: nn.Module, graph: Graph) -> None:
        self.graph = graph
        self.tracks: dict[Key, Track] = {}
        self.homes: dict[Any, set[Key]] = {}
        self.held: list[Any] = []
        self.scope = ""
        self.modules = dict(model.named_modules())
        self.layer_of = {layer.weight: layer for layer in graph.layers.values()}
        self.calls: Counter[str] = Counter()
        self.odd: set[str] = set()  # parameters from which the weights of layers are computed
        self.poisoned: set[str] = set()  # parameters with a reader that does not follow a change of shape
        self.dynamic: set[str] = set()
        for name, value in (*model.named_parameters(), *model.named_buffers()):
            if value is not None:
                self.put(value, Made(_parts(name, value), pure=name))

    def get(self, tensor: Tensor) -> Track:
        """What a tensor holds."""
        found = self.tracks.get(key_of(tensor), Made())
        if isinstance(found, Made) and found.stale:
            self.read_values(found.origins)
            found = Made(origins=found.origins)
        return found

    def put(self, tensor: Tensor, track: Track) -> None:
        """Record what a tensor holds from now on."""
        key = key_of(tensor)
        self.held.append(tensor)
        self.tracks[key] = track
        self.homes.setdefault(key[0], set()).add(key)

    def overwrite(self, tensor: Tensor, track: Track) -> None:
        """Record what a tensor holds after a write; other views of its memory become stale."""
        key, before = key_of(tensor), self.tracks.get(key_of(tensor))
        self.put(tensor, track)
        if isinstance(before, Flow) and isinstance(track, Flow) and before.value == track.value:
            return
        now = origins_of([track])
        for other in self.homes[key[0]] - {key}:
            self.tracks[other] = Made(origins=origins_of([self.tracks[other]]) | now, stale=True)

    def read(self, tracks: Iterable[Track], name: str = "") -> None:
        """Mark every channel of these tensors as needed by something that does not adapt to their number."""
        self.read_values({track.value for track in tracks if isinstance(track, Flow)}, name)

    def read_values(self, values: Iterable[int], name: str = "") -> None:
        """Mark every channel of these values as needed by something that does not adapt to their number."""
        for value in sorted(values):
            self.add("read", (value,), name=name)

    def add(self, kind: Any, inputs: Sequence[int] = (), *, size: int = 0, **more: Any) -> int:
        """Add an operation in the running module; return the value that it makes."""
        return self.graph.add(kind, inputs, size=size, scope=self.scope, **more)

    def attends(self) -> bool:
        """Whether torch's attention module runs, which can lose whole heads and nothing else."""
        return isinstance(self.modules.get(self.scope), nn.MultiheadAttention)

    def pin(self, value: int) -> None:
        """Forbid the removal of any channel of this value."""
        self.graph.pinned.append((value, self.scope))

    def join(self, first: int, left: Tensor, second: int, right: Tensor) -> None:
        """Couple the channels ``left`` of one value with ``right`` of the other."""
        self.graph.joined.append(Joined(first, left.reshape(-1), second, right.reshape(-1)))

    def bind(self, value: int, rows: Tensor) -> None:
        """Couple the channels of each row of ``[rows, channels]``."""
        if rows.shape[-1] > 1:
            self.join(value, rows[:, 1:], value, rows[:, :1].expand_as(rows[:, 1:]))

    def picked(self, value: int, picks: Tensor) -> int:
        """The value with these channels, in this order."""
        if len(picks) == self.graph.sizes[value] and torch.equal(picks, counted(len(picks))):
            return value
        return self.add("index", [value], size=len(picks), picks=picks)

    def source(self, size: int, axis: int, name: str = "", *, fixed: bool = True) -> Flow:
        """Channels that no choice makes zero; ``fixed``: none of them can be removed either."""
        value = self.add("source", size=size, name=name)
        if fixed:
            self.pin(value)
        return self.whole(value, axis)

    def whole(self, value: int, axis: int) -> Flow:
        """The flow of all channels of a value along one axis."""
        size = self.graph.sizes[value]
        return Flow(value, (axis,) if size > 1 else (), counted(size).reshape(-1 if size > 1 else ()))

    def attach(self, part: Part, own: Sequence[int], flow: Flow, shape: Sequence[int]) -> bool:
        """Tie the places of a parameter to the channels that they meet in a tensor; False if they do not fit."""
        axes, table = broadcast(part, own, shape)
        if not set(axes) <= set(flow.axes):
            return False
        sizes = [shape[axis] if axis in axes else 1 for axis in flow.axes]
        labels = _labels(table.reshape(sizes).expand_as(flow.table).reshape(-1), flow.table.reshape(-1))
        if labels is None:
            return False
        self.tie(part.name, part.axis, flow.value, labels)
        return True

    def tie(self, name: str, axis: int, value: int, labels: Tensor) -> None:
        """Attach the places of a parameter along an axis to channels of a value."""
        self.graph.attached.append(Attached(name, axis, value, labels))

    def tie_weight(self, tensor: Tensor, *flows: Flow) -> None:
        """Tie the places of a weight along each axis to channels; pin the channels if the weight is computed."""
        made = self.get(tensor)
        parts = made.parts if isinstance(made, Made) and made.pure else ()
        for flow in flows:
            fits = [part for part in parts if part.axes == flow.axes]
            if not all([self.attach(part, tensor.shape, flow, tensor.shape) for part in fits] or [False]):
                self.pin(flow.value)
        if not parts and isinstance(made, Made):
            self.poisoned.update(part.name for part in made.parts)

    def layer_fed(self, tensor: Tensor, axis: int, size: int) -> int:
        """The value that a layer reads along an axis of a tensor; unknown channels if it does not fit."""
        track, axis = self.get(tensor), axis % tensor.dim()
        if isinstance(track, Flow):
            vector = along(track, tensor.shape, axis)
            if vector is not None and len(vector) == size:
                return self.picked(track.value, vector)
            self.read([track])
        fed = self.source(size, axis, fixed=not isinstance(track, Made) or not track.parts)
        if isinstance(track, Made) and track.parts:
            self.tie_made(track, tensor.shape, fed)
        return fed.value

    def tie_made(
        self, made: Made, own: Sequence[int], flow: Flow, shape: Sequence[int] | None = None
    ) -> None:
        """Tie the parameters that made a tensor to the channels that it meets; pin those channels if none fits."""
        shape = own if shape is None else shape
        meets = [axis for axis in flow.axes if axis >= len(shape) - len(own)]
        meets = [axis for axis in meets if own[axis - len(shape) + len(own)] > 1]
        tied = [self.attach(part, own, flow, shape) for part in made.parts]
        if meets and not made.like and not any(tied):
            self.pin(flow.value)

    def sized(self, call: Call, track: Flow, tensor: Tensor, *, pieces: bool = False) -> None:
        """Record the sizes that the network's code gives for a tensor with channels."""
        numbers = _numbers(call)
        if not numbers and not pieces and len(track.axes) < 2:
            return
        self.graph.sized.append(
            Sized(self.scope, track.value, track.axes, track.table, tuple(tensor.shape), numbers, pieces)
        )

    def norm(self, name: str, parts: Sequence[str | None], value: int) -> int:
        """Add a norm that treats each channel separately."""
        self.calls[name] += 1
        self.graph.norms[name] = Norm(*parts)
        return self.add("norm", [value], size=self.graph.sizes[value], name=name)


def _labels(places: Tensor, met: Tensor) -> Tensor | None:
    """The channel that each place (-1: none) meets; None if there are no places, or if one meets several channels."""
    if torch.equal(places, counted(len(places))):
        return met
    there = places >= 0
    places, met = places[there], met[there]
    if not len(places):
        return None
    labels = torch.full((int(places.max()) + 1,), -1, dtype=torch.int64)
    labels[places] = met
    return labels if bool((labels[places] == met).all()) else None


_SIZES = ("size", "shape", "split", "sections", "repeats", "end", "start", "length")


def _numbers(call: Call) -> tuple[int, ...]:
    """The sizes among a call's arguments: one per axis (-1 if torch infers it), or all that are given."""
    found: list[int] = []
    for name, value in call.args.items():
        values = value if isinstance(value, list | tuple) else (value,)
        numbers = [part for part in values if isinstance(part, int)]
        if name in ("size", "shape") and len(numbers) == call.outputs[0].dim():
            return tuple(numbers)
        found += numbers if any(word in name for word in _SIZES) else []
    return tuple(number for number in found if number > 1)


def _parts(name: str, value: Tensor) -> tuple[Part, ...]:
    """A parameter's parts: its places along each of its axes."""
    return tuple(
        Part(name, axis, (axis,), counted(size)) for axis, size in enumerate(value.shape) if size > 1
    )


def origins_of(tracks: Iterable[Track]) -> frozenset[int]:
    """The values that tensors come from."""
    found: set[int] = set()
    for track in tracks:
        found |= {track.value} if isinstance(track, Flow) else track.origins
    return frozenset(found)
