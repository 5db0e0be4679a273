"""How pruning sees a network: its layers, which of them are coupled, which keep their filters, and why."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Literal, NamedTuple

from torch import nn

from prunekit.errors import UsageError, unknown
from prunekit.pruning.given import check_example, check_model
from prunekit.pruning.graph.coupling import Coupling
from prunekit.pruning.graph.examples import Example
from prunekit.pruning.graph.graph import Graph
from prunekit.pruning.graph.tracing import trace
from prunekit.pruning.layers import REMEDY, Layer, computed_weights

Form = Literal["text", "mermaid"]


class Row(NamedTuple):
    """One layer. ``with_``: the layers coupled with it; ``stays``: the reason if its filters cannot be removed."""

    name: str
    filters: int
    channels: int
    with_: tuple[str, ...]
    stays: str


def explain(model: nn.Module, *, example: Example | None = None, form: Form = "text") -> str:
    """A table of the layers, or a Mermaid flow chart of which layer feeds which.

    ``example``: inputs for tracing (default: a shape that fits the first layer): a tensor, or a tuple of tensors, the
    network's positional arguments.
    """
    if form not in _FORMS:
        raise unknown("form", str(form), _FORMS)
    check_model(model, values=False)
    check_example(example)
    graph = trace(model, example, strict=True)
    return _FORMS[form](graph, rows(model, graph))


def rows(model: nn.Module, graph: Graph) -> list[Row]:
    """One row per layer, including those whose weights are computed from others."""
    coupling = Coupling(graph)
    makers: dict[int, set[str]] = {}
    for op in coupling.uses:
        for group in coupling.groups(op.output).tolist():
            makers.setdefault(group, set()).add(op.name)
    values = {op.name: op.output for op in coupling.uses}
    found = []
    for name, layer in graph.layers.items():
        groups = set(coupling.groups(values[name]).tolist()) if name in values else _carried(coupling, layer)
        others = set[str]().union(*(makers.get(group, set()) for group in groups)) - {name}
        found.append(
            Row(
                name,
                layer.outputs,
                layer.inputs,
                tuple(sorted(others)),
                _reason(graph, coupling, name, groups),
            )
        )
    found += _in_units(model, graph, coupling, makers)
    return found + [
        Row(name, 0, 0, (), f"its weight is computed from others: {REMEDY}")
        for name in computed_weights(model)
    ]


def _carried(coupling: Coupling, layer: Layer) -> set[int]:
    """The groups that the filters of a layer's stored weight carry, where the network computes another from it."""
    axis = 1 if layer.transposed else 0
    tied = (one for one in coupling.graph.attached if (one.name, one.axis) == (layer.weight, axis))
    return {
        group for one in tied for group in coupling.groups(one.value)[one.labels[one.labels >= 0]].tolist()
    }


def check_shares(graph: Graph, shares: Mapping[str, float], skipped: frozenset[str]) -> None:
    """Refuse a share of a layer that cannot lose channels, or from which nothing is chosen (``skipped``), and different
    shares of coupled layers."""
    asked = [name for name, share in shares.items() if share > 0]
    if not asked:
        return
    coupling = Coupling(graph)
    groups = {op.name: set(coupling.groups(op.output).tolist()) for op in coupling.uses}
    whole = set[int]().union(*(groups.get(name, set()) for name in skipped))
    for name in asked:
        free = {group for group in groups.get(name, set()) if not bool(coupling.pinned[group])}
        if not free:
            stays = _reason(graph, coupling, name, groups.get(name, set()))
            what = "has no share of its own" if name in graph.computed else "keeps its channels"
            raise UsageError(f"layer_ratios: layer {name!r} {what}, because {stays}")
        if free <= whole:
            raise UsageError(
                f"layer_ratios: layer {name!r} keeps its channels, because it, or a layer that is coupled with it, "
                "is in skip_layers or has no score"
            )
    _check_coupled(shares, groups)


def _check_coupled(shares: Mapping[str, float], groups: Mapping[str, set[int]]) -> None:
    for first, second in combinations(sorted(shares.keys() & groups.keys()), 2):
        if shares[first] != shares[second] and not groups[first].isdisjoint(groups[second]):
            raise UsageError(
                f"layer_ratios: layers {first!r} and {second!r} lose channels together, but are to lose "
                f"{shares[first]} and {shares[second]} of them: give both the same, or only one of them"
            )


class _Units(NamedTuple):
    """What a module loses as a whole, the width that it reads, and the weight and axis with the channels of these."""

    number: int
    width: int
    weight: str
    axis: int


def _units(module: nn.Module) -> _Units | None:
    """The hidden units of a recurrent layer or cell, or the heads of an attention module."""
    if isinstance(module, nn.RNNBase | nn.RNNCellBase):
        weight = "weight_hh" + "_l0" * isinstance(module, nn.RNNBase)
        return _Units(module.hidden_size, module.input_size, weight, 1)
    if isinstance(module, nn.MultiheadAttention):
        weight = "v_proj_weight" if module._parameters["in_proj_weight"] is None else "in_proj_weight"
        return _Units(module.num_heads, module.embed_dim, weight, 0)
    return None


def _in_units(model: nn.Module, graph: Graph, coupling: Coupling, makers: dict[int, set[str]]) -> list[Row]:
    """One row per module that loses units of its own, which count as filters."""
    found = []
    for name, module in model.named_modules():
        units = _units(module)
        if units is None:
            continue
        key = f"{name}.{units.weight}".removeprefix("."), units.axis
        carried = (one for one in graph.attached if (one.name, one.axis) == key)
        groups = set[int]().union(*(coupling.groups(one.value).tolist() for one in carried))
        others = set[str]().union(*(makers.get(group, set()) for group in groups))
        pinned = any(bool(coupling.pinned[group]) for group in groups)
        reached = "" if groups else "the graph does not reach it"
        stays = _meets(graph, coupling, groups) if pinned else reached
        found.append(Row(name, units.number, units.width, tuple(sorted(others)), stays))
    return found


def _reason(graph: Graph, coupling: Coupling, name: str, groups: set[int]) -> str:
    """Why the filters of a layer cannot be removed; "" if they can."""
    if not graph.traced:
        return "the network cannot be traced"
    if name not in graph.called and not groups:
        return "it does not run in evaluation mode"
    if name in graph.heads:
        return "it produces the network's outputs"
    if name in graph.computed and not groups:
        return "the network does not multiply by its stored weights directly"
    if not groups:
        return "what reaches it cannot be followed, or its weight is used in more than one place"
    if not any(bool(coupling.pinned[group]) for group in groups):
        return ""
    return _meets(graph, coupling, groups)


def _meets(graph: Graph, coupling: Coupling, groups: set[int]) -> str:
    """The reason: the module that needs all channels of these groups."""
    readers = [(value, op.scope) for op in graph.ops if op.kind == "read" for value in op.inputs]
    for value, scope in (*graph.pinned, *readers):
        if not groups.isdisjoint(coupling.groups(value).tolist()):
            return f"{scope or 'the network itself'} needs all of its channels"
    return "an operation needs all of its channels"


def _text(graph: Graph, found: list[Row]) -> str:
    lines = []
    for row in found:
        size = f"{row.filters} x {row.channels}" if row.filters else ""
        tied = f"with {', '.join(row.with_[:4])}" + (
            f" and {len(row.with_) - 4} more" if len(row.with_) > 4 else ""
        )
        lines.append(
            f"{row.name:40s} {size:12s} "
            + (f"stays: {row.stays}" if row.stays else tied if row.with_ else "alone")
        )
    return "\n".join(line.rstrip() for line in lines)


def _mermaid(graph: Graph, found: list[Row]) -> str:
    """Arrows from every layer to those that read it; layers whose filters stay have rounded corners."""
    numbers = {row.name: f"n{place}" for place, row in enumerate(found)}
    lines = ["flowchart TD"]
    for row in found:
        left, right = ("(", ")") if row.stays else ("[", "]")
        lines.append(f'    {numbers[row.name]}{left}"{row.name}"{right}')
    sources: dict[int, set[str]] = {}
    for op in graph.ops:
        before = set[str]().union(*(sources.get(value, set()) for value in op.inputs))
        own = op.name if op.name in numbers else op.scope if op.kind == "mix" else ""
        if op.kind in ("layer", "mix") and own in numbers:
            arrows = (f"    {numbers[name]} --> {numbers[own]}" for name in sorted(before - {own}))
            lines += [arrow for arrow in arrows if arrow not in lines]
            before = {own}
        if op.output >= 0:
            sources[op.output] = before
    return "\n".join(lines)


_FORMS = {"text": _text, "mermaid": _mermaid}
