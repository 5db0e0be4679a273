"""Remove dead filters and channels: a smaller model of the same class that computes the same function."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from prunekit.base.arithmetic import exact
from prunekit.base.copying import copied_network
from prunekit.errors import UsageError
from prunekit.pruning.cutting import cut
from prunekit.pruning.given import check_example, check_model
from prunekit.pruning.graph.coupling import Coupling, values_around
from prunekit.pruning.graph.examples import Example
from prunekit.pruning.graph.graph import Graph
from prunekit.pruning.graph.propagation import propagate
from prunekit.pruning.graph.remaining import room_of
from prunekit.pruning.graph.tracing import trace
from prunekit.pruning.guards import alike, outputs
from prunekit.pruning.masks import Masks, apply_, parameters

# Shrinking changes only the order of float32 sums: tolerances as shares of the largest logit.
TOLERANCE = 1e-4
_HALVES = {torch.float16: 2e-2, torch.bfloat16: 5e-2}
_TRIES = 24
_TRIED_LAYERS = 64


class Shrunk(NamedTuple):
    """A smaller model, its channels and its outputs.

    ``fixed``: the values that keep all channels because of the modules ``failed``, which fail with fewer channels than
    they had ("": the outputs changed).
    """

    model: nn.Module
    kept: list[Tensor]
    outputs: list[Tensor]
    fixed: frozenset[int]
    failed: tuple[str, ...]


class _Failure(NamedTuple):
    """The module that fails ("": only the outputs differ), and why."""

    module: str
    reason: str


@exact()
def shrink(model: nn.Module, masks: Masks, *, example: Example | None = None) -> nn.Module:
    """A copy of the masked model without its dead channels, in evaluation mode; the model is unchanged.

    A channel is removed if everything coupled with it is dead (all branches of a sum, both sides of a grouped
    convolution, a whole head) and everything that carries it can be cut: norms, slopes, scales, buffers. Weights
    pruned one by one stay as zeros. The copy is run on ``example`` (a tensor, or a tuple of tensors, the network's
    positional arguments; default: a shape that fits) before it is returned; outputs that differ from the masked
    model's by more than 1e-4 of their scale are a :class:`UsageError`.
    """
    return plan(model, masks, example=example)[0].model


@exact()
def plan(model: nn.Module, masks: Masks, *, example: Example | None = None) -> tuple[Shrunk, Graph]:
    """The result of :func:`shrink`, and the graph with which :func:`cut` cuts another copy in the same way."""
    check_model(model)
    check_example(example)
    masked = copied_network(model).eval()
    apply_(masked, masks)
    graph = trace(masked, example, strict=True)
    if not graph.traced:
        raise UsageError(f"no channels can be removed from a model that cannot be traced ({graph.reason})")
    return shrunk(masked, graph, masks), graph


def shrunk(masked: nn.Module, graph: Graph, masks: Masks) -> Shrunk:
    """The smaller copy of a masked model; modules that fail or change the outputs without a channel keep all theirs.

    What keeps its channels grows with every failure: the sizes written in the module, all channels that it uses, and
    then those of the modules around it. If no module can be named, the layers are cut one by one to find those that
    the network needs whole.
    """
    expected = outputs(copied_network(masked), graph.example)  # a pass may change what the network stores
    fixed: frozenset[int] = frozenset()
    failed: tuple[str, ...] = ()
    while True:
        coupling = Coupling(graph, fixed)
        kept = kept_channels(masked, graph, masks, coupling)
        smaller, failure = _tried(masked, graph, kept, expected)
        if failure is None:
            return Shrunk(smaller, kept, expected, fixed, failed)
        more, names = _breaking(masked, coupling, kept, expected) if not failure.module else (None, ())
        if not more:
            more, names = (
                _more_fixed(coupling, failure.module if len(failed) < _TRIES else ""),
                (failure.module,),
            )
        if more is None:
            raise UsageError(_cannot_shrink(failure))
        fixed, failed = fixed | more, (*failed, *names)


def _tried(
    masked: nn.Module, graph: Graph, kept: list[Tensor], expected: list[Tensor]
) -> tuple[nn.Module, _Failure | None]:
    """A copy with these channels, and how it fails."""
    smaller = copied_network(masked)
    cut(smaller, graph, kept)
    return smaller, _failing(smaller, graph.example, expected)


def _breaking(
    masked: nn.Module, coupling: Coupling, kept: list[Tensor], expected: list[Tensor]
) -> tuple[frozenset[int], tuple[str, ...]]:
    """The values without some of whose channels the model fails, and the layers that make them.

    Tried are the removed channels of one layer, and of all that are coupled with it, at a time.
    """
    gone = torch.zeros(coupling.count, dtype=torch.bool)
    for value, channels in enumerate(kept):
        gone[coupling.groups(value)[~channels]] = True
    found: set[int] = set()
    names: list[str] = []
    seen = torch.zeros_like(gone)
    for op in coupling.uses[:_TRIED_LAYERS]:
        own = torch.zeros_like(gone)
        own[coupling.groups(op.output)] = True
        own &= gone & ~seen
        seen |= own
        if bool(own.any()) and _tried(masked, coupling.graph, coupling.kept(~own), expected)[1] is not None:
            found |= {value for value in range(len(kept)) if bool(own[coupling.groups(value)].any())}
            names.append(op.name)
    return frozenset(found), tuple(names)


def _more_fixed(coupling: Coupling, failed: str) -> frozenset[int] | None:
    """The fewest values around a module some of whose channels could still be removed; None if there are none."""
    for values in values_around(coupling.graph, failed):
        if not all(bool(coupling.pinned[coupling.groups(value)].all()) for value in values):
            return values
    return None


def _cannot_shrink(failure: _Failure) -> str:
    """The error of a model that fails with all of its channels."""
    if not failure.module:
        return f"this model cannot be shrunk: {failure.reason}, even with all channels; make its outputs repeatable"
    return (
        f"this model cannot be shrunk: a copy of it fails in {failure.module!r} ({failure.reason}); "
        "pass example=, an input that it runs on, or prune it without coupled"
    )


def kept_channels(model: nn.Module, graph: Graph, masks: Masks, coupling: Coupling) -> list[Tensor]:
    """For every value, the channels that stay; coupled channels stay together."""
    needed = coupling.pinned.clone() | alive_groups(model, graph, masks, coupling)
    while True:
        kept = coupling.kept(needed)
        empty = [value for value, channels in enumerate(kept) if len(channels) and not bool(channels.any())]
        if not empty:
            return kept
        for value in empty:  # the network's code makes a tensor here, which needs at least one channel
            needed[coupling.groups(value)[:1]] = True


def alive_groups(model: nn.Module, graph: Graph, masks: Masks, coupling: Coupling) -> Tensor:
    """Bool per group: whether something in it is not zero and is read."""
    stocks = room_of(model, graph, masks).stocks
    liveness = propagate(graph, stocks)
    alive = torch.zeros(coupling.count, dtype=torch.bool)
    carried, held = _carried(model, graph, masks, coupling)
    # Made by a mix, or stored (an embedding, an initial state); alive if that mix or what is stored is.
    mixed: set[int] = set()
    made: set[int] = set()  # stored, or made from channels that a mix does not share with its inputs
    stored = {attached.value for attached in graph.attached}
    for op in graph.ops:
        passes = op.kind not in ("layer", "read", "mix")
        given = op.kind == "source" and (op.output in stored or op.name == "state")
        if op.kind == "mix" or given or (passes and mixed.intersection(op.inputs)):
            mixed.add(op.output)
        if graph.makes_its_own(op) or given or (passes and made.intersection(op.inputs)):
            made.add(op.output)
        if op.kind == "layer":
            alive[coupling.groups(op.output)[liveness.biased(op.name)]] = True
            alive[coupling.groups(op.inputs[0])[liveness.tapped[op.name]]] = True
        elif op.kind == "norm" and op.inputs[0] not in mixed:
            alive[coupling.groups(op.output)[liveness.normed[op.name]]] = True
        elif op.kind == "mix":
            for value in set(op.inputs) - mixed:
                # Channels that parameters carry (positions, the columns of a computed weight) are dead with them.
                groups = coupling.groups(value)[liveness.there[value]]
                alive[groups[carried[groups] | ~held[groups]]] = True
            for value in made.intersection(op.inputs):
                groups = coupling.groups(value)
                alive[groups[carried[groups]]] = True
    return alive


def _carried(model: nn.Module, graph: Graph, masks: Masks, coupling: Coupling) -> tuple[Tensor, Tensor]:
    """Bools per group: whether a parameter that carries it has entries left, and whether any parameter carries it."""
    carried = torch.zeros(coupling.count, dtype=torch.bool)
    held = torch.zeros_like(carried)
    own = parameters(model)
    for attached in graph.attached:
        if attached.name in own:
            whole = torch.ones(own[attached.name].shape, dtype=torch.bool)
            mask = masks.get(attached.name, whole).cpu().movedim(attached.axis, 0)
            labels = attached.labels[: len(mask)]
            places = (labels >= 0) & mask.reshape(len(mask), -1).any(1)[: len(labels)]
            groups = coupling.groups(attached.value)
            carried[groups[labels[places]]] = True
            held[groups[labels[labels >= 0]]] = True
    return carried, held


def _failing(model: nn.Module, example: Any, expected: list[Tensor]) -> _Failure | None:
    """None if the model runs as expected."""
    names = {id(module): name for name, module in model.named_modules()}
    inside: list[str] = []
    enter = nn.modules.module.register_module_forward_pre_hook(
        lambda module, args: inside.append(names.get(id(module), ""))
    )
    leave = nn.modules.module.register_module_forward_hook(lambda module, args, output: _pop(inside))
    try:
        found = outputs(model, example)
    except Exception as error:  # any model code may run here, and fail in any way
        return _Failure(inside[-1] if inside else "", str(error).strip().partition("\n")[0])
    finally:
        enter.remove()
        leave.remove()
    allowed = max([_HALVES.get(each.dtype, TOLERANCE) for each in expected], default=TOLERANCE)
    return None if alike(expected, found, allowed) else _Failure("", "its outputs differ from run to run")


def _pop(inside: list[str]) -> None:
    inside.pop()
