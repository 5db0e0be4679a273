"""A pruned network without its dead channels, to train and measure in its place: less work for the same function.

Only the masks decide which channels are removed, so that equal masks make equal compact networks.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from prunekit.errors import PrunekitWarning, UsageError
from prunekit.pruning.cutting import cut
from prunekit.pruning.graph.coupling import Coupling
from prunekit.pruning.masks import Masks, apply_
from prunekit.pruning.shrink import plan

# A network that keeps more than this share of its parameters in live channels is not compacted.
MOST_KEPT = 0.9
# Measured on a GPU (docs/results/gpu.md): layers whose channel count is not a multiple of 8 are slow, and a small
# network is bound by launches, so that it gains nothing.
GPU_MULTIPLE, LEAST_ON_GPU = 8, 2_000_000


@dataclass(frozen=True)
class Compact:
    """The smaller ``network``, its remaining ``masks``, and the ``places`` of its entries in the whole network."""

    network: nn.Module
    masks: Masks
    places: Mapping[str, Tensor]

    @property
    def parameters(self) -> int:
        """Parameters of the smaller network."""
        return sum(parameter.numel() for parameter in self.network.parameters())

    @torch.no_grad()
    def write_back(self, model: nn.Module) -> None:
        """Copy the smaller network's entries to the model's live entries, in place.

        Parameters of dead channels stay zero. Their batch-norm statistics, which nothing reads, are unchanged.
        """
        smaller = self.network.state_dict()
        for name, whole in model.state_dict().items():
            flat = whole.detach().clone(memory_format=torch.contiguous_format).flatten()
            flat[self.places[name].flatten().to(flat.device)] = smaller[name].flatten().to(flat.device)
            whole.copy_(flat.view(whole.shape))


def compacted(
    model: nn.Module, masks: Masks, *, training: bool, device: torch.device | None = None
) -> Compact | None:
    """The masked model without its dead channels, for work on ``device`` (default: its own); the model is unchanged.

    None where compacting gains too little or changes the result: a model that cannot be traced, one that keeps more
    than 90 % of its parameters, a dead channel with an unmasked entry, on a GPU a model of fewer than two million
    parameters, and for ``training`` a model with dropout, whose draws depend on the number of channels.
    """
    if not masks or (training and _drops(model)):
        return None
    place = device or next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
    if place.type == "cpu":
        return without_dead(model, masks)
    small = sum(parameter.numel() for parameter in model.parameters()) < LEAST_ON_GPU
    return None if small else without_dead(model, masks, multiple=GPU_MULTIPLE)


def without_dead(model: nn.Module, masks: Masks, *, multiple: int = 1) -> Compact | None:
    """The compact form, or None if it gains too little or cannot be made.

    If a layer has enough dead channels, some of them stay, so that its channel count is a multiple of ``multiple``.
    """
    try:
        with warnings.catch_warnings():  # they are about making masks
            warnings.simplefilter("ignore", PrunekitWarning)
            found, graph = plan(model, masks)
    except UsageError:
        return None
    kept = rounded(found.kept, Coupling(graph, found.fixed), multiple)
    numbered = _numbered(model)
    cut(numbered, graph, kept)
    places = {name: values.long() for name, values in numbered.state_dict().items()}
    if not _worth_it(model, places) or not _all_held(model, masks, places):
        return None
    whole = {name: mask.flatten()[places[name].flatten().to(mask.device)] for name, mask in masks.items()}
    left = {name: mask.view(places[name].shape) for name, mask in whole.items() if not bool(mask.all())}
    network = copy.deepcopy(model)
    apply_(network, masks)
    cut(network, graph, kept)
    return Compact(network, left, places)


def lean(model: nn.Module, masks: Masks) -> nn.Module:
    """The network to measure in the model's place: its compact form if it has one, else the model itself."""
    found = compacted(model, masks, training=False)
    return model if found is None else found.network


def rounded(kept: list[Tensor], coupling: Coupling, multiple: int) -> list[Tensor]:
    """The kept channels of every value, with the first of the others added until their number is a multiple.

    Only values that parameters carry count: the attention weights of several heads, for one, do not.
    """
    graph = coupling.graph
    sides = [value for op in graph.ops if op.kind in ("layer", "norm") for value in (*op.inputs, op.output)]
    carried = sorted({*sides, *(attached.value for attached in graph.attached)})
    while multiple > 1:
        needed = torch.zeros(coupling.count, dtype=torch.bool)
        for value, channels in enumerate(kept):
            needed[coupling.groups(value)[channels]] = True
        for value in carried:
            others, sizes = torch.unique(coupling.groups(value)[~kept[value]], return_counts=True)
            short = -int(kept[value].sum()) % multiple
            needed[others[sizes.cumsum(0) - sizes < short]] = True
        more = coupling.kept(needed)
        if all(torch.equal(old, new) for old, new in zip(kept, more, strict=True)):
            return kept
        kept = more
    return kept


def _drops(model: nn.Module) -> bool:
    return any(_drop_rate(part) > 0 for part in model.modules())


def _drop_rate(part: nn.Module) -> float:
    if isinstance(part, nn.MultiheadAttention | nn.RNNBase):
        return part.dropout
    if "Drop" not in type(part).__name__:
        return 0.0
    return float(getattr(part, "p", None) or getattr(part, "drop_prob", None) or 0)


@torch.no_grad()
def _numbered(model: nn.Module) -> nn.Module:
    """A copy on the CPU in which every entry is its own index in its tensor (exact in float64 up to 2^53)."""
    numbered = copy.deepcopy(model).cpu().double()
    for tensor in numbered.state_dict().values():
        tensor.copy_(torch.arange(tensor.numel()).view(tensor.shape))
    return numbered


def _worth_it(model: nn.Module, places: Mapping[str, Tensor]) -> bool:
    counts = {name: parameter.numel() for name, parameter in model.named_parameters()}
    return sum(places[name].numel() for name in counts) <= MOST_KEPT * sum(counts.values())


def _all_held(model: nn.Module, masks: Masks, places: Mapping[str, Tensor]) -> bool:
    """Whether all entries to remove are masked; an entry that still trains would be lost."""
    for name, parameter in model.named_parameters():
        gone = torch.ones(parameter.numel(), dtype=torch.bool)
        gone[places[name].flatten()] = False
        held = masks[name].cpu().flatten() if name in masks else torch.ones_like(gone)
        if bool((gone & held).any()):
            return False
    return True
