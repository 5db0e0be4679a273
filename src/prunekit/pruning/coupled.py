"""Coupled pruning: mask coupled channels together, so that every masked channel can really be removed.

Groups come from :class:`Coupling`, and their scores from :func:`families`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor, nn

from prunekit.errors import UsageError
from prunekit.pruning.allocation import Choice, largest
from prunekit.pruning.asking import Asked, Limits
from prunekit.pruning.cutting import attached_places
from prunekit.pruning.families import Family, carriers, families
from prunekit.pruning.graph.coupling import Coupling
from prunekit.pruning.graph.graph import Graph
from prunekit.pruning.graph.propagation import by_filter
from prunekit.pruning.graph.remaining import Room
from prunekit.pruning.levels import nearest_amounts
from prunekit.pruning.masks import Masks, parameters
from prunekit.pruning.methods import Method
from prunekit.pruning.shrink import alive_groups
from prunekit.pruning.subject import Scores, Subject


def _rows(values: Tensor, axis: int) -> Tensor:
    """The values as a matrix with a row for every place along an axis."""
    return values.movedim(axis, 0).reshape(values.shape[axis], -1)


class Worth(NamedTuple):
    """How often every entry of a parameter counts: once, or as often as the network multiplies by it (``uses``)."""

    uses: Mapping[str, float | Tensor] | None = None

    def of(self, name: str) -> Tensor:
        """The worth of this parameter's entries: one number, or one for each of them, in float64."""
        return torch.as_tensor(1.0 if self.uses is None else self.uses.get(name, 0.0), dtype=torch.float64)

    def total(self, name: str, entries: Tensor) -> float:
        """What these entries (bools) of a parameter are worth together."""
        worth = self.of(name)
        return float((entries * worth).sum()) if worth.dim() else float(worth) * int(entries.sum())

    def rows(self, name: str, entries: Tensor, axis: int) -> Tensor:
        """What these entries (bools) of a parameter are worth together, for every place along an axis."""
        worth = self.of(name)
        if not worth.dim():
            return float(worth) * _rows(entries, axis).sum(1).double()
        return _rows(entries * worth, axis).sum(1)


@dataclass
class CoupledTrial:
    """Groups kept by count, and what each choice of counts leaves; results are cached."""

    room: Room
    model: nn.Module
    coupling: Coupling
    families: dict[str, Family]
    keys: Scores
    alive: Tensor
    masks: Masks
    worth: Worth
    limits: Limits
    tried: dict[tuple[int, ...], int] = field(default_factory=dict)

    def needed(self, amounts: Mapping[str, int]) -> Tensor:
        """Which groups these amounts keep, as bools."""
        needed = self.alive.clone()
        for name, amount in amounts.items():
            family = self.families[name]
            needed[family.groups] = largest(self.keys[name], self.rounded(name, amount))
        return needed

    def rounded(self, name: str, amount: int) -> int:
        """The nearest amount, at least one, that leaves a multiple of ``round_to`` channels within the limits."""
        family = self.families[name]
        total = len(family.groups)
        step = family.step(self.limits.round_to)
        amount = max(amount, math.ceil((1 - self.limits.largest_share) * total - 1e-9))
        shares = [self.limits.shares[layer] for layer in family.layers if layer in self.limits.shares]
        amount = round((1 - min(shares)) * total) if shares else amount
        return min(total, max(self.limits.least, step, round(amount / step) * step))

    def reached(self, amounts: Mapping[str, int]) -> int:
        """Entries (or multiplications) left."""
        key = tuple(self.rounded(name, amount) for name, amount in amounts.items())
        if key not in self.tried:
            self.tried[key] = self.counted(self.needed(amounts))
        return self.tried[key]

    def most(self, amounts: Mapping[str, int]) -> int:
        """The same as :meth:`reached`, since every family keeps at least one group."""
        return self.reached(amounts)

    def counted(self, needed: Tensor) -> int:
        """Entries (or multiplications) left if only these groups are kept."""
        layers = 0.0
        for op in self.coupling.makers:
            made, fed = (needed[self.coupling.groups(value)] for value in (op.output, op.inputs[0]))
            left = self.room.stocks[op.name].total(made.numpy(), fed.numpy())
            layers += left * self.scales[op.name]
        always, by_group, crossed = self.rest
        rest = always + float(by_group[needed].sum())
        for name, entries, axes in crossed:
            there = _masked(entries, [(axis, _there(groups, needed)) for axis, groups in axes])
            rest += self.worth.total(name, there)
        return round(layers + rest)

    @cached_property
    def scales(self) -> dict[str, float]:
        """What an entry of every layer's weight is worth."""
        layers = self.room.graph.layers
        return {op.name: float(self.worth.of(layers[op.name].weight).mean()) for op in self.coupling.makers}

    @cached_property
    def rest(self) -> tuple[float, Tensor, list[tuple[str, Tensor, list[tuple[int, Tensor]]]]]:
        """What entries other than layer weights are worth: those that always stay, those of each group, and parameters
        in which several axes carry channels."""
        axes = carriers(self.model, self.coupling)
        followed = {self.room.graph.layers[op.name].weight for op in self.coupling.makers}
        always, by_group = 0.0, torch.zeros(self.coupling.count, dtype=torch.float64)
        crossed = []
        for name, value in parameters(self.model).items():
            if name in followed or not bool(self.worth.of(name).any()):
                continue
            held = self.masks.get(name)
            entries = torch.ones(value.shape, dtype=torch.bool) if held is None else held.cpu()
            own = axes.get(name, [])
            if len(own) > 1:
                crossed.append((name, entries, own))
                continue
            if not own:
                always += self.worth.total(name, entries)
                continue
            ((axis, groups),) = own
            each = self.worth.rows(name, entries, axis)
            by_group.index_add_(0, groups[groups >= 0], each[groups >= 0])
            always += float(each[groups < 0].sum())
        return always, by_group, crossed


def _there(groups: Tensor, needed: Tensor) -> Tensor:
    """Which places stay, given the group of each."""
    return (groups < 0) | needed[groups.clamp(min=0)]


def _masked(entries: Tensor, axes: list[tuple[int, Tensor]]) -> Tensor:
    """The entries whose places stay along every axis."""
    for axis, places in axes:
        sizes = [1] * entries.dim()
        sizes[axis] = -1
        entries = entries & places.reshape(sizes)
    return entries


def coupled_masks(model: nn.Module, graph: Graph, kept: list[Tensor]) -> Masks:
    """The masks of all parameters that carry channels, given the kept channels of every value."""
    masks: Masks = {}
    for op in graph.ops:
        if op.kind != "layer":
            continue
        layer = graph.layers[op.name]
        places = kept[op.output][:, None] & by_filter(layer, kept[op.inputs[0]])
        shape = *layer.shape, layer.tensor().numel() // math.prod(layer.shape)
        masks[layer.weight] = layer.unblocks(places[:, :, None].expand(shape)).clone()
        if layer.bias is not None:
            masks[layer.bias] = kept[op.output].clone()
    own = parameters(model)
    for name, axis, places in attached_places(model, graph, kept):
        if name in own:
            before = masks.get(name, torch.ones(own[name].shape, dtype=torch.bool))
            masks[name] = _masked(before, [(axis, places)])
    return masks


Rank = Callable[[Method, Scores, int], Scores]


def coupled_choice(
    subject: Subject,
    row: Method,
    room: Room,
    masks: Masks,
    scores: Scores,
    rank: Rank,
    *,
    skipped: frozenset[str],
    fixed: frozenset[int],
    asked: Asked,
    worth: Worth,
) -> tuple[CoupledTrial, Callable[[float], Mapping[str, int]]]:
    """The trial over all families, and the method's allocation: from a level in [0, 1] to groups per family."""
    coupling = Coupling(subject.graph, fixed)
    alive = alive_groups(subject.model, subject.graph, masks, coupling) | coupling.pinned
    free = alive & ~coupling.pinned
    for op in coupling.uses:
        if op.name in skipped:
            free[coupling.groups(op.output)] = False
    found = families(subject, coupling, scores, row, free)
    if not found:
        why = "or code that fixes their number " if fixed else ""
        raise UsageError(
            "no channels of this model can be removed together: every channel reaches an operation "
            f"that needs all channels {why}(see prunekit.explain), or its layer is skipped or has no score; "
            "use a weight method"
        )
    own = {name: family.scores for name, family in found.items()}
    keys = rank(row, own, subject.seed)
    choice = Choice(own, keys, *_geometry(subject, found))
    trial = CoupledTrial(room, subject.model, coupling, found, keys, alive, masks, worth, asked.limits)
    return trial, lambda level: row.allocate(choice, level)


def _geometry(subject: Subject, found: Mapping[str, Family]) -> tuple[dict[str, int], dict[str, int]]:
    """Kernel and output positions of every family's first layer."""
    kernel, positions = {}, {}
    for name, family in found.items():
        layer = next((subject.layers[own] for own in family.layers if own in subject.layers), None)
        kernel[name] = 1 if layer is None else layer.tensor().numel() // math.prod(layer.shape)
        positions[name] = 1 if layer is None else subject.graph.positions.get(layer.name, 1)
    return kernel, positions


def choose(
    trial: CoupledTrial, allocate: Callable[[float], Mapping[str, int]], target: int, largest_miss: float
) -> list[Tensor]:
    """The channels to keep, of every value."""
    amounts = nearest_amounts(trial, allocate, target, largest_miss)
    return trial.coupling.kept(trial.needed(amounts))
