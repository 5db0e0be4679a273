"""From a model to its channel graph, by recording one real forward pass; what no rule covers is not pruned."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from prunekit.base.seeding import seeded
from prunekit.errors import PrunekitWarning, UsageError
from prunekit.pruning.graph.builder import Builder, origins_of
from prunekit.pruning.graph.examples import arguments, examples
from prunekit.pruning.graph.graph import Attached, Graph, Op, classify
from prunekit.pruning.graph.leaves import tensors_in
from prunekit.pruning.graph.recording import watched
from prunekit.pruning.layers import Layer, prunable_layers


def trace(model: nn.Module, example: Any = None, *, strict: bool = False) -> Graph:
    """The channel graph of a model, recorded in one forward pass in evaluation mode; the model is unchanged.

    ``example``: inputs to run it on; without them, or if they do not fit, shapes that fit its first layer are tried.
    ``strict``: an example that does not fit is a :class:`UsageError`. If no input runs, every layer is treated
    separately, with a :class:`PrunekitWarning`.
    """
    strict = strict and example is not None
    layers = prunable_layers(model)
    reason = unfit = "no suitable input was found: pass example="
    for inputs in examples(model, example, guess=not strict):
        try:
            with untouched(model):
                builder = _watch(model, layers, inputs)
        except Exception as error:  # any model code may run here, and fail in any way
            if example is not None and reason == unfit:  # not that of a guessed input
                reason = str(error).strip().partition("\n")[0]
            continue
        if "" not in builder.dynamic:
            return _finished(builder, inputs)
        reason = "its computation depends on its activations: move that part into a module of its own"
        break
    if strict:
        _check_fits(model, arguments(example))
    warnings.warn(
        f"cannot trace {type(model).__name__}: masks are made layer by layer ({reason})", PrunekitWarning, 3
    )
    return layer_by_layer(layers, reason)


def _check_fits(model: nn.Module, inputs: tuple[Tensor, ...]) -> None:
    device = next(model.parameters()).device
    try:
        with untouched(model), torch.no_grad():
            model(*(each.to(device) for each in inputs))
    except Exception as error:  # any model code may run here, and fail in any way
        shapes, reason = ", ".join(str(tuple(each.shape)) for each in inputs), str(error).strip()
        raise UsageError(
            f"an example of shape {shapes} does not fit this model: {reason.partition(chr(10))[0]}"
        ) from None


@contextmanager
def evaluation(model: nn.Module) -> Iterator[None]:
    """Evaluation mode within the block; afterwards every module's own mode is restored."""
    modes = [(module, module.training) for module in model.modules()]
    if any(mode for _, mode in modes):
        model.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            if module.training != mode:
                module.training = mode


@contextmanager
def untouched(model: nn.Module, seed: int = 0) -> Iterator[None]:
    """Restore modes, buffers and the random state after the block, in which torch draws from this seed."""
    buffers = {name: value.detach().clone() for name, value in model.named_buffers()}
    with evaluation(model), seeded(seed % 2**63):
        try:
            yield
        finally:
            with torch.no_grad():
                for name, value in model.named_buffers():
                    if (
                        name in buffers
                        and value.shape == buffers[name].shape
                        and value.is_inference() is False
                    ):
                        value.copy_(buffers[name])


def _watch(model: nn.Module, layers: dict[str, Layer], inputs: Any) -> Builder:
    builder = Builder(model, Graph(layers))
    for tensor in tensors_in(inputs):
        _give(builder, tensor)
    with watched(builder), _layers_that_run(layers) as ran:
        output = model(*inputs)
    builder.graph.called = frozenset(ran)
    found = [builder.get(tensor) for tensor in tensors_in(output)]
    _protect(builder.graph)
    builder.read_values(origins_of(found), name="output")
    builder.graph.outputs = [tensor.detach() for tensor in tensors_in(output)]
    return builder


@contextmanager
def _layers_that_run(layers: dict[str, Layer]) -> Iterator[set[str]]:
    """The names of the layers whose modules are called in the block."""
    ran: set[str] = set()
    with ExitStack() as stack:
        for name, layer in layers.items():
            for module in layer.modules:
                hook = module.register_forward_pre_hook(lambda *_, name=name: ran.add(name))
                stack.callback(hook.remove)
        yield ran


def _give(builder: Builder, tensor: Tensor) -> None:
    """Record the network's input, whose channels stay."""
    axis = 1 if tensor.dim() > 2 else tensor.dim() - 1
    if tensor.is_floating_point() and tensor.dim() > 1:
        builder.put(tensor, builder.source(tensor.shape[axis], axis, name="input"))


def _protect(graph: Graph) -> None:
    """Mark values that nothing seems to use as read, since the network computes them.

    A sum of values that are all used otherwise, too, such as the last one of a loop, is taken for unused.
    """
    uses = Counter(value for op in graph.ops for value in set(op.inputs))
    made = [
        op.output
        for op in graph.ops
        if op.output >= 0
        and not uses[op.output]
        and op.name != "state"
        and not (op.kind == "sum" and all(uses[value] > 1 for value in op.inputs))
    ]
    for value in made:
        graph.add("read", [value])


def _finished(builder: Builder, inputs: Any) -> Graph:
    """The classified graph, in which layers and norms used in more than one way are detached."""
    graph = builder.graph
    _say_what_is_closed(builder.dynamic)
    graph.called |= {op.name for op in graph.ops if op.kind == "layer"}
    cut = {name for name, count in builder.calls.items() if count > 1}
    rigid = set()  # their weights are also used in other ways than by their modules
    for layer in graph.layers.values():
        odd = layer.weight in builder.odd or layer.weight in builder.poisoned
        if layer.shared or odd:
            cut.add(layer.name)
        if odd or (layer.groups > 1 and layer.name in cut):
            rigid.add(layer.name)
    for place, op in enumerate(graph.ops):
        if op.name in cut - rigid and op.name:
            _carry(graph, op)
            graph.ops[place] = _several(op)
    apart = [op.name in rigid or _closed(op, builder.dynamic) for op in graph.ops]
    for op, alone in zip(graph.ops, apart, strict=True):
        graph.pinned += [(value, op.scope) for value in (*op.inputs, op.output) if alone and value >= 0]
    parts = [_apart(op) if alone else (op,) for op, alone in zip(graph.ops, apart, strict=True)]
    graph.ops = [part for some in parts for part in some]
    graph.norms = {name: parts for name, parts in graph.norms.items() if name not in cut}
    for attached in graph.attached:
        if attached.name in builder.poisoned or f"{attached.name}:{attached.axis}" in builder.poisoned:
            graph.pinned.append((attached.value, ""))
    graph.computed = frozenset(layer.name for layer in graph.layers.values() if layer.weight in builder.odd)
    graph.dynamic, graph.example = frozenset(builder.dynamic), inputs
    return classify(graph)


def _several(op: Op) -> Op:
    """One of several uses of a layer or norm: no use decides alone what is zero or unread."""
    return op._replace(kind="mix") if op.kind == "layer" else op._replace(kind="fresh", name="")


def _carry(graph: Graph, op: Op) -> None:
    """Attach the weights of a layer that is used several times to the channels of this use."""
    if op.kind != "layer":
        return
    layer, fed = graph.layers[op.name], op.inputs[0]
    rows = 1 if layer.transposed else 0
    for axis, value, size in ((rows, op.output, layer.outputs), (1 - rows, fed, layer.inputs)):
        graph.attached.append(Attached(layer.weight, axis, value, torch.arange(size)))
    if layer.bias is not None:
        graph.attached.append(Attached(layer.bias, 0, op.output, torch.arange(layer.outputs)))


def _closed(op: Op, dynamic: set[str]) -> bool:
    """Whether an operation ran in a module that takes one of several paths."""
    return any(op.scope == scope or op.scope.startswith(f"{scope}.") for scope in dynamic)


def _say_what_is_closed(dynamic: set[str]) -> None:
    if dynamic:
        some = ", ".join(sorted(dynamic)[:6])
        warnings.warn(
            f"not pruned, because their computation depends on their activations: {some}", PrunekitWarning, 4
        )


def _apart(op: Op) -> tuple[Op, ...]:
    """The same operation as a ``read`` of its inputs and a ``source`` of its output."""
    read = (Op("read", op.inputs, scope=op.scope),) if op.inputs else ()
    return (*read, Op("source", (), op.output, scope=op.scope)) if op.output >= 0 else read


def layer_by_layer(layers: dict[str, Layer], reason: str) -> Graph:
    """The graph of a model that cannot be traced: no layers are connected, and the last one counts as the head."""
    graph = Graph(layers, traced=False, reason=reason)
    for layer in (layer for layer in layers.values() if not layer.shared):
        fed = graph.add("source", size=layer.inputs)
        graph.add("read", [graph.add("layer", [fed], size=layer.outputs, name=layer.name)])
    plain = [name for name, layer in layers.items() if not layer.depthwise and not layer.shared]
    graph.heads, graph.entries = frozenset(plain[-1:]), frozenset(plain[:1])
    graph.free_filters = frozenset(plain[:-1])
    graph.free_channels = frozenset(plain[1:])
    return graph
