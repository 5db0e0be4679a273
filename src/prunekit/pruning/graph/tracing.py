"""From a model to its channel graph: torch.fx records the operations, the tables of ``flows`` say what each does."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import fx, nn

from prunekit.errors import PrunekitWarning
from prunekit.pruning.graph.channels import Builder
from prunekit.pruning.graph.graph import Graph, classify
from prunekit.pruning.graph.operations import LEAVES, flow_of
from prunekit.pruning.layers import Layer, prunable_layers

_TRIES = 64


def trace(model: nn.Module) -> Graph:
    """The channel graph of a model, recorded in evaluation mode (restored).

    A module that cannot be traced is taken as one unknown operation; if the model itself cannot, every layer stands
    alone and a :class:`PrunekitWarning` says so.
    """
    layers = prunable_layers(model)
    try:
        with evaluation(model):
            recorded = _record(model)
    except Exception as error:  # any model code may run here, and fail in any way
        reason = str(error).strip().partition("\n")[0]
        warnings.warn(
            f"cannot trace {type(model).__name__}: masks are layer by layer ({reason})", PrunekitWarning, 3
        )
        return layer_by_layer(layers)
    return _build(model, recorded, layers)


@contextmanager
def evaluation(model: nn.Module) -> Iterator[None]:
    """Evaluation mode for a while; every module's own mode is restored."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


def layer_by_layer(layers: dict[str, Layer]) -> Graph:
    """The graph of a model that cannot be traced: no layer knows another, the last one counts as the head."""
    graph = Graph(layers, traced=False)
    for layer in (layer for layer in layers.values() if not layer.shared):
        fed = graph.add("source", size=layer.inputs)
        graph.add("read", [graph.add("layer", [fed], size=layer.outputs, name=layer.name)])
    plain = [name for name, layer in layers.items() if not layer.depthwise and not layer.shared]
    graph.heads, graph.entries = frozenset(plain[-1:]), frozenset(plain[:1])
    graph.free_filters = frozenset(plain[:-1])
    graph.free_channels = frozenset(plain[1:])
    return graph


class _Tracer(fx.Tracer):
    """Records calls of layers, norms and activations whole, whoever wrote the class; also of ``closed`` modules."""

    def __init__(self, closed: set[str]) -> None:
        super().__init__()
        self.closed = closed
        self.inside: list[str] = []

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        known = isinstance(m, LEAVES) or module_qualified_name in self.closed
        return known or super().is_leaf_module(m, module_qualified_name)

    def call_module(self, m: nn.Module, forward: Any, args: Any, kwargs: Any) -> Any:
        self.inside.append(self.path_of_module(m))
        result = super().call_module(m, forward, args, kwargs)
        self.inside.pop()  # not reached when tracing fails inside: the path then says where
        return result


def _record(model: nn.Module) -> fx.Graph:
    """Trace, closing the innermost module in which tracing fails, until it works or the model itself fails."""
    closed: set[str] = set()
    for _ in range(_TRIES):
        tracer = _Tracer(closed)
        try:
            return tracer.trace(model)
        except Exception:
            if not tracer.inside:
                raise
            closed.add(tracer.inside[-1])
    raise RuntimeError(f"more than {_TRIES} modules cannot be traced")


def _build(model: nn.Module, recorded: fx.Graph, layers: dict[str, Layer]) -> Graph:
    calls = Counter(node.target for node in recorded.nodes if node.op in ("call_module", "get_attr"))
    builder = Builder(model, Graph(layers), calls)
    for node in recorded.nodes:
        builder.flows[node] = flow_of(builder, node)
    return classify(builder.graph)
