"""Prune any network: sensitivities of weights or filters, and masks that reach a prune ratio."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from prunekit.base.arithmetic import exact
from prunekit.base.memory import memory_kept
from prunekit.errors import PrunekitWarning, UsageError
from prunekit.pruning.allocation import Choice, sample_bound
from prunekit.pruning.asking import LARGEST_MISS, Asked, Limits, Target, already_pruned, out_of_reach
from prunekit.pruning.explain import check_shares
from prunekit.pruning.given import check_model, check_target, check_total, check_values, number
from prunekit.pruning.graph.examples import Example
from prunekit.pruning.graph.remaining import Room, room_of
from prunekit.pruning.graph.tracing import trace, untouched
from prunekit.pruning.guards import CONSTANT, constant, disagreeing, masked_outputs, unscored
from prunekit.pruning.levels import UnreachableError
from prunekit.pruning.masks import Masks, check, removed, total_parameters
from prunekit.pruning.methods import Function, Method
from prunekit.pruning.opening import Opened, check_fits, check_layers, opened, scores_of
from prunekit.pruning.options import Value
from prunekit.pruning.search import search_filters, search_weights
from prunekit.pruning.subject import (
    Scores,
    Subject,
    device_of,
    output_positions,
    read_batches,
    single,
)
from prunekit.pruning.together import prune_together


@exact()
@memory_kept()
def sensitivities(
    model: nn.Module,
    *,
    method: str | Method | Function,
    batches: Iterable[Any] = (),
    seed: int = 0,
    example: Example | None = None,
    options: Mapping[str, Value] | None = None,
) -> dict[str, Tensor]:
    """The sensitivity of every weight, filter or input channel, by layer name; the lowest are removed first.

    Weight methods score each weight (in the weight's shape); filter methods score each filter, or each input channel
    for ``pfp``. ``batches``: inputs, or (inputs, labels), as the model takes them. The model is unchanged. ``method``,
    ``example`` and ``options``: as for :func:`prune`. Entries with an infinite score are never removed.
    """
    check_model(model)
    check_values(seed=seed)
    with untouched(model, seed):
        found = opened(model, method, options, batches, seed, example)
        return scores_of(found.subject, found.row)


@exact()
@memory_kept()
def prune(
    model: nn.Module,
    *,
    method: str | Method | Function,
    prune_ratio: float,
    batches: Iterable[Any] = (),
    masks: Masks | None = None,
    skip_layers: Sequence[str] = (),
    seed: int = 0,
    total: int | None = None,
    example: Example | None = None,
    coupled: bool = False,
    target: Target = "parameters",
    round_to: int = 1,
    max_layer_ratio: float = 1.0,
    layer_ratios: Mapping[str, float] | None = None,
    options: Mapping[str, Value] | None = None,
) -> Masks:
    """Masks (``{parameter name: bool tensor}``, True = kept) that prune the model; the model is unchanged.

    ``method``: a name in the method table, ``module:file:function``, a :class:`Method`, or a function that takes a
    :class:`Subject` and returns a score per weight or per filter by layer name. ``options``: the method's options.

    ``prune_ratio``: 1 - kept entries / ``total`` (parameters of the unpruned parent; default: of this model), over all
    parameters, counted after propagation. ``masks``: masks in force; what they removed stays removed. ``skip_layers``:
    layers from which nothing is chosen. ``example``: a tensor, or a tuple of positional arguments, for tracing
    (default: the first batch, or a shape that fits). UsageError: the ratio is missed by more than 0.02.
    ``coupled`` (filter methods): score and mask coupled channels together. It allows ``target``, ``round_to`` (of the
    channels left), ``max_layer_ratio`` (most that a layer loses) and ``layer_ratios`` (loss of each named layer).
    """
    limits = Limits(round_to, max_layer_ratio, {} if layer_ratios is None else layer_ratios)
    masks, ratio = {} if masks is None else masks, number(prune_ratio)
    _check_asked(limits, target, coupled, seed)
    whole = _whole(model, masks, ratio, total)
    with untouched(model, seed):
        found = opened(model, method, options, batches, seed, example)
        asked = Asked(found.name, ratio, whole, target, limits)
        skipped = _skipped(found, skip_layers, limits, coupled)
        made = (_together if coupled else _alone)(found.subject, found.row, masks, asked, skipped)
    return dict(masks) | {name: mask.to(device_of(model)) for name, mask in made.items()}


def _check_asked(limits: Limits, target: Target, coupled: bool, seed: int) -> None:
    check_values(round_to=limits.round_to, max_layer_ratio=limits.largest_share, layer_ratios=limits.shares)
    check_values(coupled=coupled, seed=seed)
    check_target(target)
    if not coupled and (target, limits) != ("parameters", Limits()):
        raise UsageError("target, round_to, max_layer_ratio and layer_ratios need coupled=True (--coupled)")


def _whole(model: nn.Module, masks: Masks, ratio: float, total: int | None) -> int:
    """The parameters of which the ratio is a share, after these were checked."""
    check_values(prune_ratio=ratio, total=total)
    check_model(model)
    check(model, masks)
    own = total_parameters(model)
    if total is not None:
        check_total(total, ratio, own, own - removed(masks))
    return own if total is None else total


def _skipped(found: Opened, skip_layers: Sequence[str], limits: Limits, coupled: bool) -> frozenset[str]:
    """The layers from which nothing is chosen; they must include those that the method does not fit."""
    check_values(skip_layers=skip_layers)
    check_layers(found.subject, [*skip_layers, *limits.shares])
    none = unscored(found.subject, found.row, coupled=coupled)
    skipped = frozenset(skip_layers) | found.unnamed | none
    check_fits(found, skipped)
    check_shares(found.subject.graph, limits.shares, skipped)
    return skipped


def _together(subject: Subject, row: Method, masks: Masks, asked: Asked, skipped: frozenset[str]) -> Masks:
    return prune_together(subject, row, masks, asked, skipped, _keys)


def _alone(subject: Subject, row: Method, masks: Masks, asked: Asked, skipped: frozenset[str]) -> Masks:
    """Masks without coupling: along the graph, or layer by layer if the graph proves wrong."""
    how = masks, asked.method, asked.ratio, asked.total, skipped
    found = _masks(subject, row, *how)
    if found is None:
        graph = disagreeing(subject.model, subject.layers)
        found = _masks(subject._replace(graph=graph), row, *how)
    made, pruned = found or ({}, [])
    if pruned and constant(subject.graph.outputs, pruned):
        warnings.warn(CONSTANT, PrunekitWarning, 4)
    return made


def _masks(
    subject: Subject,
    row: Method,
    masks: Masks,
    method: str,
    ratio: float,
    total: int,
    skipped: frozenset[str],
) -> tuple[Masks, list[Tensor]] | None:
    """The masks and the outputs under them; None if propagation changes one, which shows that the graph is wrong."""
    room = room_of(subject.model, subject.graph, masks)
    kept = _chosen(subject, row, room, method, ratio, total, skipped)
    found = room.masks(kept)
    pruned = masked_outputs(subject.model, subject.graph, kept, found)
    return None if pruned is None else (found, pruned)


def _chosen(
    subject: Subject, row: Method, room: Room, method: str, ratio: float, total: int, skipped: frozenset[str]
) -> dict[str, Tensor]:
    """The weights to keep (in blocks); a :class:`UsageError` if the ratio cannot be reached."""
    target = round((1 - ratio) * total)
    before = room.now.kept
    if before < target:
        raise already_pruned(1 - before / total, ratio)
    search = _prune_weights if row.structure == "weight" else _prune_filters
    try:
        return search(subject, row, room, target, LARGEST_MISS * total, skipped)
    except UnreachableError as error:
        raise out_of_reach(method, ratio, [1 - kept / total for kept in (before, *error.nearest)]) from None


@exact()
@memory_kept()
def sample_size(model: nn.Module, image_shape: Sequence[int]) -> int:
    """How many images the data-informed methods need for this model (docs/methods.md): 183 for ResNet-20 on CIFAR.

    ``image_shape``: the shape of one input, such as ``(3, 32, 32)``.
    """
    check_model(model)
    model = single(model)
    image = torch.zeros(1, *image_shape, device=device_of(model))
    subject = Subject(model, trace(model, image), read_batches([image], model), 0)
    positions = output_positions(subject)
    return sample_bound([subject.layers[name].outputs * count for name, count in positions.items()])


def _ranked(subject: Subject, row: Method) -> Scores:
    """The scores on the CPU: the search runs thousands of small operations, each of which would be a GPU launch."""
    return {name: values.cpu() for name, values in scores_of(subject, row).items()}


def _keys(row: Method, scores: Scores, seed: int) -> Scores:
    """The ranking keys: the scores, or Gumbel keys, which draw without replacement in proportion to the scores."""
    if not row.sampled:
        return scores
    generator = torch.Generator().manual_seed(seed)
    keys = {}
    for name, values in scores.items():
        noise = torch.rand(values.shape, generator=generator).clamp_(1e-20, 1 - 1e-7).to(values.device)
        keys[name] = values.float().clamp(min=torch.finfo(torch.float32).tiny).log() - (-noise.log()).log()
    return keys


def _prune_weights(
    subject: Subject, row: Method, room: Room, target: int, largest_miss: float, skipped: frozenset[str]
) -> dict[str, Tensor]:
    scores = {name: values for name, values in _ranked(subject, row).items() if name not in skipped}
    if not scores:
        raise UsageError("every prunable layer is skipped")
    return search_weights(room, row.allocate(_keys(row, scores, subject.seed)), target, largest_miss)


def _prune_filters(
    subject: Subject, row: Method, room: Room, target: int, largest_miss: float, skipped: frozenset[str]
) -> dict[str, Tensor]:
    graph = subject.graph
    free = (graph.free_filters if row.ranks == "outputs" else graph.free_channels) - skipped
    names = [name for name in subject.layers if name in free]
    if not names:
        raise UsageError("no layer of this model has filters that can be removed")
    _say_which_stay(subject, row, free | skipped)
    ranked = _ranked(subject._replace(ranked=free), row)
    scores = {name: values for name, values in ranked.items() if name in free}
    there = _there(room, row.ranks, names)
    keys = _keys(row, scores, subject.seed)
    choice = Choice(
        scores={name: scores[name][there[name]] for name in names},
        keys={name: keys[name][there[name]] for name in names},
        kernel={name: room.present[name].shape[-1] for name in names},
        positions=output_positions(subject) if row.data_informed else {},
    )
    return search_filters(
        room, keys, there, lambda level: row.allocate(choice, level), row.ranks, target, largest_miss
    )


def _there(room: Room, ranks: str, names: list[str]) -> dict[str, Tensor]:
    """The live filters (or input channels) of each layer."""
    read, fed = room.now.liveness.read, room.now.liveness.fed
    if ranks == "outputs":
        found = {name: room.stocks[name].fed_filters(fed[name]) & read[name] for name in names}
    else:
        found = {name: room.stocks[name].read_channels(read[name]) & fed[name] for name in names}
    return {name: torch.from_numpy(entries) for name, entries in found.items()}


def _say_which_stay(subject: Subject, row: Method, free: frozenset[str]) -> None:
    graph = subject.graph
    expected = free | (graph.heads if row.ranks == "outputs" else graph.entries)
    several = {name for name, layer in subject.layers.items() if layer.outputs > 1 and not layer.depthwise}
    alone = [name for name in subject.layers if name in several - expected]
    if alone:
        some = ", ".join(alone[:6]) + (f" and {len(alone) - 6} more" if len(alone) > 6 else "")
        warnings.warn(
            f"not pruned, because their channels cannot be tracked to other layers: {some}",
            PrunekitWarning,
            4,
        )
