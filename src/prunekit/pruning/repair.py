"""Repair a pruned network without labels: fit every layer's kept weights by least squares, in forward order.

A layer of a pruned network gets other inputs than before pruning. Its kept weights and bias are fitted so that its
outputs come nearest to those before pruning, given the inputs from the layers repaired so far. This is the
reconstruction of He et al. 2017 (arXiv:1707.06168, section 3.1) for any mask, with an intercept and a ridge.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack, suppress
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from prunekit.base.arithmetic import exact
from prunekit.base.copying import copied_network
from prunekit.errors import PrunekitWarning, UsageError
from prunekit.pruning.given import check_model
from prunekit.pruning.graph.graph import Graph
from prunekit.pruning.graph.tracing import trace, untouched
from prunekit.pruning.guards import warn_of
from prunekit.pruning.layers import Layer, prunable_layers
from prunekit.pruning.masks import Masks, apply_, check, write_
from prunekit.pruning.moments import Moments, is_product, moments_of
from prunekit.pruning.scores.magnitude import check_finite
from prunekit.pruning.scores.patches import from_rows, rows
from prunekit.pruning.subject import Batch, finite, read_batches, run, single

# The pull towards the pruned weights, as a share of the mean square of the kept inputs (about their means).
RIDGE = 1e-3
# Why a layer keeps its weights.
MORE = "they compute more than a product"
OTHERS = "their inputs are other rows in the pruned network, as where data chooses its way"
ELSEWHERE = "their weights are used elsewhere too"


@exact()
def repair(
    model: nn.Module, *, masks: Masks, batches: Iterable[Any], ridge: float = RIDGE
) -> dict[str, Tensor]:
    """New weights, biases and running means of the pruned network, by state-dict name; removed entries are zero.

    ``model``: the network before ``masks`` (True = kept) were applied; it is unchanged. ``batches``: inputs, or
    (inputs, labels); labels are ignored. Layers that the batches do not reach keep their weights. So do layers whose
    outputs are not their weight times their inputs, whose inputs are others in the pruned network, or whose weights are
    used elsewhere too: a warning names them.
    """
    if not 0 <= ridge < float("inf"):
        raise UsageError(f"ridge must be a number of at least 0, not {ridge}")
    check_model(model)
    check(model, masks)
    own, model = dict(model.named_parameters()) | dict(model.named_buffers()), single(model)
    check_finite({name: layer.tensor() for name, layer in prunable_layers(model).items()}, "weights")
    sample = read_batches(batches, model)
    if not sample:
        raise UsageError("least squares needs images: pass batches")
    pruned = copied_network(model)
    apply_(pruned, masks)
    with warnings.catch_warnings():  # they are about pruning
        warnings.simplefilter("ignore", PrunekitWarning)
        graph = trace(pruned, sample[0].inputs)
    before = prunable_layers(model)
    norms, odd = _norms_behind(pruned, graph), dict.fromkeys(_used_elsewhere(model, before), ELSEWHERE)
    found: dict[str, Tensor] = {}
    with torch.no_grad():
        for name, calls in calls_of(pruned, graph.layers, sample[0]).items():
            if name in odd:
                continue
            moments = _moments(_Pair(model, pruned, before[name], graph.layers[name], calls), sample)
            if isinstance(moments, str):
                odd[name] = moments
                continue
            mended = _mended(graph.layers[name], moments, norms.get(name), masks, ridge)
            write_(pruned, mended)
            found |= mended
    _say_which_stay(odd)
    return {name: value.to(own[name].dtype) for name, value in found.items()}


def _say_which_stay(odd: Mapping[str, str]) -> None:
    """Warn of the layers that keep their weights, given the reason of each."""
    for why in dict.fromkeys(odd.values()):
        warn_of((name for name in odd if odd[name] == why), why, "not repaired,")


def _used_elsewhere(model: nn.Module, layers: Mapping[str, Layer]) -> list[str]:
    """The layers whose weight modules of other kinds have, too, such as an embedding."""
    owners = Counter(id(value) for _, value in model.named_parameters(remove_duplicate=False))
    return [
        name for name, layer in layers.items() if owners[id(layer.modules[0].weight)] > len(layer.modules)
    ]


def solved(moments: Moments, weight: Tensor, kept: Tensor, ridge: float) -> Tensor:
    """The weights of least squared error plus a ridge about ``weight``, zero where not ``kept``.

    ``weight`` and ``kept``: ``[groups, filters, J]``. Filters that keep the same columns are solved together.
    """
    found = torch.zeros_like(weight)
    # float32 sums lose digits of small variations about a large mean; the pull must not be smaller than that loss.
    squares = moments.gram.diagonal(dim1=-2, dim2=-1) + moments.inputs.square() / moments.positions
    lost = torch.finfo(torch.float32).eps * squares
    groups = zip(moments.gram, moments.cross, lost, weight, kept, found, strict=True)
    for gram, cross, least, old, mask, new in groups:
        supports, which = mask.unique(dim=0, return_inverse=True)
        for index, support in enumerate(supports):
            columns, filters = support.nonzero().flatten(), (which == index).nonzero().flatten()
            if len(columns):
                inner, right = gram[columns[:, None], columns], cross[columns[:, None], filters]
                pull = torch.maximum(ridge * inner.diagonal().mean(), least[columns].sum())
                new[filters[:, None], columns] = _fit(inner, right, old[filters[:, None], columns].T, pull).T
    return found


def _fit(gram: Tensor, cross: Tensor, old: Tensor, pull: Tensor) -> Tensor:
    """``min |X w - y|^2 + pull |w - old|^2``; if all inputs are zero, that is ``old``."""
    pull = pull.clamp(min=torch.finfo(torch.float64).tiny)
    factor: Tensor = torch.linalg.cholesky(
        gram + pull * torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
    )
    return torch.cholesky_solve(cross + pull * old, factor)


def _mended(
    layer: Layer, moments: Moments, norm: tuple[str, _BatchNorm] | None, masks: Masks, ridge: float
) -> dict[str, Tensor]:
    """The layer's new weight and new intercept, which goes to its bias or to the mean of the batch norm after it."""
    weight = layer.tensor()
    kept = rows(layer, masks.get(layer.weight, torch.ones_like(weight, dtype=torch.bool)).to(weight.device))
    movable = layer.bias is not None or norm is not None
    new = solved(moments.about_means() if movable else moments, rows(layer, weight).double(), kept, ridge)
    found = {layer.weight: from_rows(layer, new).to(weight.dtype)}
    intercept = ((moments.outputs - (new @ moments.inputs[..., None])[..., 0]) / moments.positions).flatten()
    if layer.bias is not None:
        mask = masks.get(layer.bias, torch.ones_like(intercept, dtype=torch.bool)).to(weight.device)
        found[layer.bias] = intercept.masked_fill(~mask, 0).to(weight.dtype)
    elif norm is not None:
        mean, alive = cast(Tensor, norm[1].running_mean), kept.any(-1).flatten()
        found[f"{norm[0]}.running_mean"] = (mean - intercept.masked_fill(~alive, 0)).to(mean.dtype)
    return found


def _norms_behind(model: nn.Module, graph: Graph) -> dict[str, tuple[str, _BatchNorm]]:
    """By layer, the batch norm with running statistics that is the only reader of its output and reads only that."""
    modules = dict(model.named_modules())
    readers = Counter(value for op in graph.ops for value in op.inputs)
    makers = {op.output: op.name for op in graph.ops if op.kind == "layer"}
    norms = [op for op in graph.ops if op.kind == "norm"]
    uses = Counter(op.name for op in norms)
    found = {}
    for op in norms:
        module, value = modules.get(op.name), op.inputs[0]
        alone = value in makers and readers[value] == 1 and uses[op.name] == 1
        if alone and isinstance(module, _BatchNorm) and module.running_mean is not None:
            found[makers[value]] = op.name, module
    return found


class _Pair(NamedTuple):
    """A layer before and after pruning, with both networks; ``calls``: how often a forward pass calls it."""

    model: nn.Module
    pruned: nn.Module
    before: Layer
    after: Layer
    calls: int


def _moments(pair: _Pair, sample: list[Batch]) -> Moments | str:
    """Moments of the layer's inputs after pruning and outputs before, or why there are none."""
    total: Moments | None = None
    for batch in sample:
        wanted = _seen(pair.model, pair.before, pair.calls, batch.inputs)
        seen = _seen(pair.pruned, pair.after, pair.calls, batch.inputs)
        if [target.shape for *_, target in wanted] != [output.shape for *_, output in seen]:
            return OTHERS
        for (_, _, target), (module, inputs, output) in zip(wanted, seen, strict=True):
            if total is None and not is_product(pair.after, module, inputs[:1], output[:1]):
                return MORE
            found = moments_of(pair.after, module, inputs, target)
            total = found if total is None else total.added(found)
    return MORE if total is None else total


class _ReachedError(Exception):
    """Ends a forward pass once every wanted call has been recorded."""


def _seen(
    model: nn.Module, layer: Layer, calls: int, inputs: Tensor
) -> list[tuple[nn.Module, Tensor, Tensor]]:
    """Module, input and output of every call of the layer in a forward pass, which ends after the last call."""
    found: list[tuple[nn.Module, Tensor, Tensor]] = []

    def hook(module: nn.Module, args: Any, kwargs: Any, output: Tensor) -> None:
        given = args[0] if args else next(iter(kwargs.values()))
        if not finite(given):
            raise UsageError(f"layer {layer.name!r} gets inputs that are not finite")
        found.append((module, given.float(), output.float()))
        if len(found) == calls:
            raise _ReachedError

    with untouched(model), ExitStack() as stack, suppress(_ReachedError):
        for module in layer.modules:
            stack.callback(module.register_forward_hook(hook, with_kwargs=True).remove)
        run(model, inputs)
    return found


def calls_of(model: nn.Module, layers: Mapping[str, Layer], batch: Batch) -> dict[str, int]:
    """How often a forward pass calls each layer, in the order of their first calls."""
    calls: dict[str, int] = {}

    def counter(name: str) -> Callable[..., None]:
        def hook(*_: Any) -> None:
            calls[name] = calls.get(name, 0) + 1

        return hook

    with untouched(model), ExitStack() as stack:
        for name, layer in layers.items():
            for module in layer.modules:
                stack.callback(module.register_forward_hook(counter(name)).remove)
        run(model, batch.inputs)
    return calls
