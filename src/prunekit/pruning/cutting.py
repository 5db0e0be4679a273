"""Remove channels from a network's tensors, and update the sizes stored in its modules."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from prunekit.base.attention import fit_
from prunekit.pruning.graph.graph import Graph, Sized
from prunekit.pruning.layers import Layer


def cut(model: nn.Module, graph: Graph, kept: list[Tensor]) -> None:
    """Keep only these channels of every value, in place: in layers, attached tensors and the sizes in modules."""
    held = _Held(model)
    for op in graph.ops:
        if op.kind == "layer":
            _cut_layer(held, graph.layers[op.name], kept[op.inputs[0]], kept[op.output])
    for name, axis, places in attached_places(model, graph, kept):
        held.cut(name, axis, places.nonzero().flatten())
    for module in model.modules():
        _set_sizes(module)
    fit_(model)
    for sized in graph.sized:
        _set_numbers(model, sized, kept[sized.value])


def attached_places(model: nn.Module, graph: Graph, kept: list[Tensor]) -> list[tuple[str, int, Tensor]]:
    """For every attached tensor and axis, the places that stay."""
    tensors = dict(model.named_parameters()) | dict(model.named_buffers())
    found: dict[tuple[str, int], Tensor] = {}
    for attached in graph.attached:
        key = attached.name, attached.axis
        places = found.setdefault(
            key, torch.ones(tensors[attached.name].shape[attached.axis], dtype=torch.bool)
        )
        labels = attached.labels[: len(places)]
        tied = labels >= 0
        places[: len(labels)][tied] &= kept[attached.value][labels[tied]]
    return [(name, axis, places) for (name, axis), places in found.items()]


class _Held:
    """The parameters and buffers of a model, with every field of a module that holds them."""

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.fields: dict[int, list[tuple[nn.Module, dict[str, Any], str]]] = {}
        for module in model.modules():
            for held in (module._parameters, module._buffers):
                fields: dict[str, Any] = held
                for field, tensor in fields.items():
                    self.fields.setdefault(id(tensor), []).append((module, fields, field))

    def tensor(self, name: str) -> Tensor:
        """The tensor of this name."""
        owner, _, field = name.rpartition(".")
        return cast(Tensor, getattr(self.model.get_submodule(owner), field))

    def cut(self, name: str, axis: int, places: Tensor) -> None:
        """Keep only these places of a tensor along an axis, in every module that holds it.

        A buffer that the network's code computes and does not store is part of its state from now on.
        """
        old = self.tensor(name)
        if len(places) == old.shape[axis]:
            return
        new = old.detach().index_select(axis, places.to(old.device))
        value = nn.Parameter(new, requires_grad=old.requires_grad) if isinstance(old, nn.Parameter) else new
        self.fields[id(value)] = self.fields.pop(id(old))
        for module, fields, field in self.fields[id(value)]:
            fields[field] = value
            module._non_persistent_buffers_set.discard(field)

    def set_groups(self, name: str, groups: int) -> None:
        """Set the number of groups of the convolutions with this weight."""
        for module, _, field in self.fields[id(self.tensor(name))]:
            if field == "weight" and hasattr(module, "groups"):
                module.groups = groups  # type: ignore[assignment]


def _cut_layer(held: _Held, layer: Layer, fed: Tensor, made: Tensor) -> None:
    inputs, outputs = (side.nonzero().flatten() for side in (fed, made))
    if layer.groups > 1:
        (first, within) = (fed, made) if layer.transposed else (made, fed)
        parts = within.reshape(layer.groups, -1)
        held.cut(layer.weight, 0, first.nonzero().flatten())
        # Every remaining group keeps the same places.
        held.cut(layer.weight, 1, parts.any(0).nonzero().flatten())
        held.set_groups(layer.weight, int(parts.any(1).sum()))
    else:
        held.cut(layer.weight, 1 if layer.transposed else 0, outputs)
        held.cut(layer.weight, 0 if layer.transposed else 1, inputs)
    if layer.bias is not None:
        held.cut(layer.bias, 0, outputs)


# The sizes that torch modules store for a tensor, each with the axis that it describes.
_SIZES: tuple[tuple[tuple[type[nn.Module], ...], dict[str, int]], ...] = (
    ((nn.Linear,), {"out_features": 0, "in_features": 1}),
    ((nn.Embedding, nn.EmbeddingBag), {"embedding_dim": 1}),
    ((nn.Bilinear,), {"out_features": 0, "in1_features": 1, "in2_features": 2}),
    ((nn.modules.batchnorm._NormBase,), {"num_features": 0}),
    ((nn.GroupNorm,), {"num_channels": 0}),
    ((nn.PReLU,), {"num_parameters": 0}),
)


def _set_sizes(module: nn.Module) -> None:
    if isinstance(module, nn.RNNBase | nn.RNNCellBase):
        _set_recurrent(module)
        return
    weight = getattr(module, "weight", None)
    weight = weight if isinstance(weight, Tensor) else getattr(module, "running_mean", None)
    if not isinstance(weight, Tensor):
        return
    if isinstance(module, nn.modules.conv._ConvNd):
        first, second = weight.shape[0], weight.shape[1] * module.groups
        module.out_channels, module.in_channels = (second, first) if module.transposed else (first, second)
    for kinds, fields in _SIZES:
        if isinstance(module, kinds):
            for field, axis in fields.items():
                setattr(module, field, weight.shape[axis])
    if isinstance(module, nn.LayerNorm) and weight.dim() == 1:
        module.normalized_shape = (len(weight),)


def _set_recurrent(module: nn.RNNBase | nn.RNNCellBase) -> None:
    """Set a recurrent layer's widths and its list of weights, which it keeps in the order of their names."""
    last = "_l0" if isinstance(module, nn.RNNBase) else ""
    reads, remembers = (cast(Tensor, getattr(module, f"weight_{side}{last}")) for side in ("ih", "hh"))
    module.input_size, module.hidden_size = reads.shape[1], remembers.shape[1]
    if isinstance(module, nn.RNNBase):
        module._flat_weights = [getattr(module, name, None) for name in module._flat_weights_names]
        if module.proj_size:
            module.hidden_size, module.proj_size = len(remembers) // 4, remembers.shape[1]


def _set_numbers(model: nn.Module, sized: Sized, kept: Tensor) -> None:
    """Numbers in the module (or in an enclosing one) that equal a tensor's old sizes become its new sizes."""
    if isinstance(model.get_submodule(sized.scope), nn.MultiheadAttention):
        return  # its sizes are those of its weights
    changed: dict[int, _Change] = {}
    every = len(sized.numbers) == len(sized.shape) and not sized.pieces
    for place, axis in enumerate(sized.axes):
        others = tuple(other for other in range(sized.table.dim()) if other != place)
        there = kept[sized.table]
        size = int((there.any(dim=others) if others else there).sum())
        given = sized.numbers[axis : axis + 1] if every else sized.numbers
        if size != sized.shape[axis] and sized.shape[axis] in given:
            twice = sized.numbers.count(sized.shape[axis]) > 1
            changed[sized.shape[axis]] = _Change(size, twice, place == len(sized.axes) - 1)
            if (
                sized.pieces
            ):  # cut into parts whose number is written elsewhere, so that the whole may be, too
                changed.setdefault(sized.table.numel(), _Change(int(there.sum()), False, True))
    scope = sized.scope
    while changed:
        module = model.get_submodule(scope)
        if _renumbered(module, changed) or not scope:
            return
        scope = scope.rpartition(".")[0]


class _Change(NamedTuple):
    """A new size. ``twice``: another axis had the same old size; ``last``: this is the last axis."""

    size: int
    twice: bool
    last: bool

    def concerns(self, field: str) -> bool:
        """Whether the field has this size; if two axes had the same size, its name tells a width from a count."""
        wide = any(word in field for word in ("dim", "width", "size", "channels"))
        return not self.twice or wide == self.last


def _renumbered(module: nn.Module, changed: dict[int, _Change]) -> bool:
    """Set the module's own numbers that equal an old size; return whether it had any."""
    found, known = False, _NO_SIZES | (_OF_LAYERS if isinstance(module, _SIZED) else set())
    for field, value in list(vars(module).items()):
        if isinstance(value, bool) or field.startswith("_") or field in known:
            continue
        if isinstance(value, int) and value in changed and changed[value].concerns(field):
            setattr(module, field, changed[value].size)
            found = True
        elif isinstance(value, tuple | list) and _numbers_in(value, changed):
            parts = [changed[part].size if part in changed else part for part in value]
            setattr(module, field, type(value)(parts))
            found = True
    return found


_NO_SIZES = {"training", "kernel_size", "stride", "padding", "dilation", "call_super_init"}
# These fields are set from the tensors in torch's own modules; in other modules they are ordinary numbers.
_SIZED = (
    nn.modules.conv._ConvNd,
    nn.LayerNorm,
    nn.RNNBase,
    nn.RNNCellBase,
    *(kind for kinds, _ in _SIZES for kind in kinds),
)
_OF_LAYERS = {"in_channels", "out_channels", "in_features", "out_features", "num_features", "num_channels"}
_OF_LAYERS |= {"in1_features", "in2_features", "embedding_dim", "num_embeddings"}
_OF_LAYERS |= {"normalized_shape", "input_size", "hidden_size", "proj_size", "num_layers"}


def _numbers_in(values: Iterable[Any], changed: dict[int, _Change]) -> bool:
    numbers = list(values)
    return all(isinstance(number, int) for number in numbers) and any(number in changed for number in numbers)
