"""Families of coupled channels: groups that go together, by the layers that make them, with their scores.

Each filter's score is divided by its layer's mean; a group's score is the mean of these over its filters (for methods
that rank input channels: the largest score of its channels). It follows DepGraph's group importance (Fang et al. 2023,
arXiv:2301.12900). Groups of the same layers compete like the filters of one layer.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import NamedTuple

import torch
from torch import Tensor, nn

from prunekit.pruning.graph.coupling import Coupling
from prunekit.pruning.masks import parameters
from prunekit.pruning.methods import Method
from prunekit.pruning.subject import Scores, Subject


class Family(NamedTuple):
    """Groups of the same layers, which compete. ``groups``: their numbers; ``widths``: how many channels of a group the
    layers make or read, each in a piece of its own."""

    layers: tuple[str, ...]
    groups: Tensor
    scores: Tensor
    widths: frozenset[int]

    def step(self, multiple: int) -> int:
        """The fewest groups that are a multiple of so many channels in every piece."""
        return math.lcm(*(multiple // math.gcd(multiple, width) for width in self.widths))


def families(
    subject: Subject, coupling: Coupling, scores: Scores, row: Method, free: Tensor
) -> dict[str, Family]:
    """The removable groups (``free``: bool per group) by the layers that they belong to, with their scores."""
    found = _scores(coupling, scores, row)
    total, count = _spare_scores(subject, coupling)
    found = torch.where(found.isnan(), total / count.clamp(min=1), found)
    signs: dict[tuple[str, ...], list[int]] = {}
    members, widths = _members(coupling), _widths(coupling)
    for group in free.nonzero().flatten().tolist():
        if group in members:
            signs.setdefault(tuple(sorted(members[group])), []).append(group)
    made = {}
    for layers, groups in signs.items():
        chosen = torch.tensor(groups)
        made["+".join(layers)] = Family(layers, chosen, found[chosen], widths.get(groups[0], frozenset({1})))
    return made


def _members(coupling: Coupling) -> dict[int, set[str]]:
    """For every group, the layers that make its channels; if no layer does, the parameters whose places are its
    channels, such as an embedding."""
    found: dict[int, set[str]] = {}
    for op in coupling.makers:
        for group in coupling.groups(op.output).tolist():
            found.setdefault(group, set()).add(op.name)
    for op in coupling.graph.ops:
        if op.kind == "mix":
            for group in coupling.groups(op.output).tolist():
                found.setdefault(group, set()).add(op.name or f"{op.scope}:{op.output}")
    stored: dict[int, set[str]] = {}
    for one in coupling.graph.attached:
        for group in coupling.groups(one.value)[one.labels[one.labels >= 0]].tolist():
            stored.setdefault(group, set()).add(one.name)
    return stored | found


def _widths(coupling: Coupling) -> dict[int, frozenset[int]]:
    """For every group, how many of its channels the layers make or read: one number per size of a piece."""
    found: dict[int, frozenset[int]] = {}
    for op in coupling.makers:
        for value in (op.inputs[0], op.output):
            for group, count in Counter(coupling.groups(value).tolist()).items():
                found[group] = found.get(group, frozenset()) | {count}
    return found


def _scores(coupling: Coupling, scores: Scores, row: Method) -> Tensor:
    """The score of every group; nan if nothing in it has a score."""
    total, count = torch.zeros(coupling.count, dtype=torch.float64), torch.zeros(coupling.count)
    most = torch.full((coupling.count,), -torch.inf, dtype=torch.float64)
    for op in coupling.uses:
        if op.name not in scores:
            continue
        values = scores[op.name].detach().cpu().double().flatten()
        if row.ranks == "inputs":
            most.scatter_reduce_(0, coupling.groups(op.inputs[0]), values, "amax")
        else:
            groups = coupling.groups(op.output)
            total.index_add_(0, groups, values / values.mean().clamp(min=1e-30))
            count.index_add_(0, groups, torch.ones(len(groups)))
    if row.ranks == "inputs":
        return most.masked_fill(most.isneginf(), torch.nan)
    return (total / count.clamp(min=1)).masked_fill(count == 0, torch.nan)


def _spare_scores(subject: Subject, coupling: Coupling) -> tuple[Tensor, Tensor]:
    """For groups without a score: the magnitude of the weights that read each, or, if no layer reads it, of its own
    (those of a recurrent layer), over the mean of the layer or parameter."""
    total, count = torch.zeros(coupling.count, dtype=torch.float64), torch.zeros(coupling.count)
    for op in coupling.uses:
        layer = subject.layers[op.name]
        if layer.groups == 1:
            read = layer.blocks(layer.tensor().cpu()).double().abs().sum((0, 2))
            _add(total, count, coupling.groups(op.inputs[0]), read)
    own, own_count = torch.zeros_like(total), torch.zeros_like(count)
    values = parameters(subject.model)
    for name, axes in carriers(subject.model, coupling).items():
        for axis, groups in axes:
            each = values[name].detach().cpu().double().abs().movedim(axis, 0).reshape(len(groups), -1).sum(1)
            _add(own, own_count, groups, each)
    return torch.where(count > 0, total, own), torch.where(count > 0, count, own_count)


def _add(total: Tensor, count: Tensor, groups: Tensor, values: Tensor) -> None:
    """Add values, over their mean, to the totals of their groups (-1: none)."""
    there = groups >= 0
    total.index_add_(0, groups[there], (values / values.mean().clamp(min=1e-30))[there])
    count.index_add_(0, groups[there], torch.ones(int(there.sum())))


def carriers(model: nn.Module, coupling: Coupling) -> dict[str, list[tuple[int, Tensor]]]:
    """For every parameter, the axes that carry channels, with the group of every place (-1: none)."""
    own, found = parameters(model), dict[tuple[str, int], Tensor]()
    for attached in coupling.graph.attached:
        if attached.name not in own:
            continue
        size = own[attached.name].shape[attached.axis]
        groups = found.setdefault((attached.name, attached.axis), torch.full((size,), -1, dtype=torch.int64))
        labels = attached.labels[:size]
        tied = labels >= 0
        groups[: len(labels)][tied] = coupling.groups(attached.value)[labels[tied]]
    for op in coupling.makers:
        bias = coupling.graph.layers[op.name].bias
        if bias is not None:
            found[bias, 0] = coupling.groups(op.output)
    by_name: dict[str, list[tuple[int, Tensor]]] = {}
    for (name, axis), groups in found.items():
        by_name.setdefault(name, []).append((axis, groups))
    return by_name
