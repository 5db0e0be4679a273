"""What every recorded operation does to channels: tables from operation to rule.

An operation that is in no table reads all its channels and returns unknown ones, so that nothing is ever taken for
zero by mistake.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import fx, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.instancenorm import _InstanceNorm

from prunekit.pruning.graph import shapes
from prunekit.pruning.graph.channels import Builder, Flow, argument, same_axis
from prunekit.pruning.graph.graph import Norm
from prunekit.pruning.layers import PRUNABLE, Layer

NORMS = (_BatchNorm, _InstanceNorm)
MIXERS = (nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)
LEAVES = (*PRUNABLE, *NORMS, *MIXERS)

Rule = Callable[[Builder, fx.Node, Flow], Flow | None]


def flow_of(builder: Builder, node: fx.Node) -> Flow | None:
    """Add what one node does to the graph; where its channels are, or None where nobody follows them."""
    flows = builder.inputs(node)
    if node.op == "output":
        builder.read(flows, name="output")
        return None
    rule = _rule(builder, node)
    first = builder.flows.get(node.args[0]) if node.args and isinstance(node.args[0], fx.Node) else None
    if rule is _layer or rule in (_sum, _product, _cat):
        return rule(builder, node, first)
    if rule is None or first is None:
        builder.read(flows)
        return None
    return rule(builder, node, first)


def _rule(builder: Builder, node: fx.Node) -> Rule | None:
    if node.op == "call_module":
        module = builder.modules[str(node.target)]
        return next((rule for kinds, rule in _MODULE_RULES if isinstance(module, kinds)), None)
    if node.op == "call_method":
        return _RULES.get(str(node.target))
    return _FUNCTION_RULES.get(node.target) if node.op == "call_function" else None


def _keep(builder: Builder, node: fx.Node, flow: Flow) -> Flow | None:
    """Zero channels stay zero and channels stay apart."""
    return flow


def _forget(builder: Builder, node: fx.Node, flow: Flow) -> Flow | None:
    """Only the shape or type is asked for: nothing is read."""
    return None


def _fresh(builder: Builder, node: fx.Node, flow: Flow) -> Flow | None:
    """Channels stay apart, but a zero one need not stay zero."""
    return builder.make("fresh", [flow])


def _mix(builder: Builder, node: fx.Node, flow: Flow) -> Flow | None:
    """Every channel depends on every other; their number and place stay."""
    builder.read([flow])
    size = builder.graph.sizes[flow.value]
    return flow._replace(value=builder.graph.add("source", size=size))


def _unknown(builder: Builder, node: fx.Node) -> None:
    builder.read(builder.inputs(node))


def _layer(builder: Builder, node: fx.Node, flow: Flow | None) -> Flow | None:
    module = builder.modules[str(node.target)]
    layer = builder.layer_of.get(id(module))
    linear = isinstance(module, nn.Linear)
    rank = (flow.rank if flow else None) if linear else len(module.kernel_size) + 2
    axis = (-1 if rank is None else rank - 1) if linear else 1
    if layer is None:
        _unknown(builder, node)
        return None
    fed = _fed(builder, layer, flow, axis, node)
    return Flow(_layer_value(builder, layer, fed, str(node.target)), axis, rank)


def _fed(builder: Builder, layer: Layer, flow: Flow | None, axis: int, node: fx.Node) -> Flow:
    """The flow that the layer reads: the one given, or unknown channels where it does not fit."""
    found = None
    if flow is not None and same_axis(flow, axis):
        found = builder.unfolded(flow, layer.inputs)
    if found is None:
        builder.read([flow] if flow else [])
        given = any(source.op == "placeholder" for source in node.all_input_nodes)
        found = Flow(builder.graph.add("source", size=layer.inputs, name="input" if given else ""), axis)
    return found


def _layer_value(builder: Builder, layer: Layer, fed: Flow, target: str) -> int:
    """The layer's output; a weight that is used in two places is followed neither way."""
    if layer.shared or builder.calls[target] > 1 or builder.calls[layer.weight]:
        builder.read([fed])
        return builder.graph.add("source", size=layer.outputs)
    return builder.graph.add("layer", [fed.value], size=layer.outputs, name=layer.name)


def _norm(builder: Builder, node: fx.Node, flow: Flow) -> Flow | None:
    name = str(node.target)
    module = builder.modules[name]
    fitting = builder.unfolded(flow, int(module.num_features))
    if fitting is None or builder.calls[name] > 1:
        return _mix(builder, node, flow)
    if module.weight is None:
        # Without a scale and shift to remove, the running mean makes something of a zero channel.
        return builder.make("fresh", [fitting])
    parts = [None if part is None else builder.names.get(id(part)) for part in (module.weight, module.bias)]
    builder.graph.norms[name] = Norm(*parts)
    return builder.make("norm", [fitting], name=name)


def _sum(builder: Builder, node: fx.Node, flow: Flow | None) -> Flow | None:
    return _combined(builder, node, "sum")


def _product(builder: Builder, node: fx.Node, flow: Flow | None) -> Flow | None:
    return _combined(builder, node, "product")


def _combined(builder: Builder, node: fx.Node, kind: str) -> Flow | None:
    """Two flows side by side, or a flow and something nobody follows: a number, a parameter, another tensor."""
    flows = [builder.flows[part] if isinstance(part, fx.Node) else None for part in node.args[:2]]
    known = [flow for flow in flows if flow is not None]
    if len(known) == 2 and _alike(builder, *known):
        return builder.make(kind, known)
    if len(known) != 1 or builder.graph.sizes[known[0].value] == 1:
        _unknown(builder, node)
        return None
    if kind == "product":
        divided_by = flows[0] is None and node.target in (operator.truediv, torch.div, "div")
        return builder.make("fresh", known) if divided_by else known[0]
    return builder.make("fresh", known)


def _alike(builder: Builder, left: Flow, right: Flow) -> bool:
    sizes = builder.graph.sizes
    axes = {flow.axis if flow.rank is None else flow.axis - flow.rank for flow in (left, right)}
    return sizes[left.value] == sizes[right.value] and len(axes) == 1 and left.folded == right.folded


def _cat(builder: Builder, node: fx.Node, flow: Flow | None) -> Flow | None:
    parts = node.args[0] if isinstance(node.args[0], list | tuple) else ()
    dim = argument(node, 1, "dim", 0)
    flows = [builder.flows[part] for part in parts if isinstance(part, fx.Node)]
    known = [flow for flow in flows if flow is not None]
    along = (
        len(known) == len(parts) > 0
        and isinstance(dim, int)
        and all(same_axis(flow, dim) and not flow.folded for flow in known)
    )
    if not along:
        _unknown(builder, node)
        return None
    size = sum(builder.graph.sizes[flow.value] for flow in known)
    value = builder.graph.add("cat", [flow.value for flow in known], size=size)
    return known[0]._replace(value=value)


_NAMES: dict[Rule, str] = {
    _keep: "relu relu_ relu6 hardtanh hardswish gelu silu mish leaky_relu leaky_relu_ elu selu celu prelu tanh "
    "softsign tanhshrink hardshrink softshrink dropout dropout1d dropout2d dropout3d alpha_dropout feature_dropout "
    "contiguous clone detach to float neg abs square sign",
    _fresh: "sigmoid sigmoid_ hardsigmoid softplus exp cos logsigmoid",
    shapes.spatial: "max_pool1d max_pool2d max_pool3d avg_pool1d avg_pool2d avg_pool3d adaptive_avg_pool1d "
    "adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d "
    "interpolate upsample",
    _forget: "size dim getattr numel",
    _sum: "add add_ sub sub_ iadd isub",
    _product: "mul mul_ div div_ truediv imul itruediv",
    _cat: "cat concat concatenate",
    shapes.flatten: "flatten",
    shapes.reshape: "view reshape",
    shapes.permute: "permute",
    shapes.transpose: "transpose swapaxes",
    shapes.reduce: "mean sum amax",
    shapes.pad: "pad",
    shapes.chunk: "chunk split",
    shapes.pick: "getitem",
    _mix: "layer_norm group_norm rms_norm",
}
_RULES: dict[str, Rule] = {name: rule for rule, names in _NAMES.items() for name in names.split()}
_FUNCTION_RULES: dict[Any, Rule] = {
    getattr(home, name): rule
    for name, rule in _RULES.items()
    for home in (F, torch, operator)
    if hasattr(home, name)
} | {getattr: _forget}

_POOLS = tuple(
    getattr(nn, f"{kind}{rank}d")
    for kind in ("MaxPool", "AvgPool", "AdaptiveAvgPool", "AdaptiveMaxPool")
    for rank in (1, 2, 3)
)
_ACTIVATIONS = (
    nn.ReLU, nn.ReLU6, nn.Hardtanh, nn.Hardswish, nn.GELU, nn.SiLU, nn.Mish, nn.LeakyReLU, nn.ELU, nn.SELU, nn.CELU,
    nn.PReLU, nn.Tanh, nn.Softsign, nn.Tanhshrink, nn.Hardshrink, nn.Softshrink,
)  # fmt: skip
_DROPOUTS = (nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout)
_MODULE_RULES: tuple[tuple[tuple[type[nn.Module], ...], Rule], ...] = (
    (PRUNABLE, _layer),
    (NORMS, _norm),
    (MIXERS, _mix),
    ((*_ACTIVATIONS, *_DROPOUTS), _keep),
    ((*_POOLS, nn.Upsample, nn.ZeroPad2d), shapes.spatial),
    ((nn.Sigmoid, nn.Hardsigmoid, nn.Softplus), _fresh),
    ((nn.Flatten,), shapes.flatten),
)
