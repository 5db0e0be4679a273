"""What every recorded operation does to channels: tables from operation to rule, and the rules.

A *flow* says where the channels of one tensor are: which value of the graph, along which axis. An operation that is in
no table reads all its channels and returns unknown ones, so that nothing is ever taken for zero by mistake.
"""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import fx, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.instancenorm import _InstanceNorm

from prunekit.pruning.graph import Graph, Norm, Op
from prunekit.pruning.layers import PRUNABLE, Layer

NORMS = (_BatchNorm, _InstanceNorm)
MIXERS = (nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)
LEAVES = (*PRUNABLE, *NORMS, *MIXERS)


class Flow(NamedTuple):
    """The channels of a tensor: a value, its axis (counted from the end where ``rank`` is unknown).

    ``folded``: the axis also holds the positions that a flattening put behind every channel.
    """

    value: int
    axis: int
    rank: int | None = None
    folded: bool = False


Rule = Callable[["Builder", fx.Node, Flow], Flow | None]


@dataclass
class Builder:
    """A graph in the making: the flow of every node so far, and how often each module and parameter is named."""

    model: nn.Module
    graph: Graph
    calls: Counter[Any]
    flows: dict[fx.Node, Flow | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.modules = dict(self.model.named_modules())
        self.names = {id(value): name for name, value in self.model.named_parameters()}
        self.layer_of = {
            id(module): layer for layer in self.graph.layers.values() for module in layer.modules
        }

    def inputs(self, node: fx.Node) -> list[Flow]:
        """The flows that go into a node."""
        return [flow for source in node.all_input_nodes if (flow := self.flows[source]) is not None]

    def read(self, flows: Sequence[Flow], name: str = "") -> None:
        """All these channels are needed."""
        if flows or name:
            self.graph.ops.append(Op("read", tuple(flow.value for flow in flows), name=name))

    def make(self, kind: Any, flows: Sequence[Flow], **more: Any) -> Flow:
        """A flow like the first of these, made by a new operation."""
        size = self.graph.sizes[flows[0].value]
        value = self.graph.add(kind, [flow.value for flow in flows], size=size, **more)
        return flows[0]._replace(value=value)

    def chosen(self, flow: Flow, index: torch.Tensor) -> Flow:
        """The flow with these channels, in this order."""
        value = self.graph.add("index", [flow.value], size=len(index), index=index)
        return flow._replace(value=value, folded=False)

    def unfolded(self, flow: Flow, size: int) -> Flow | None:
        """A flow of ``size`` channels: positions that were flattened in become channels of their own."""
        own = self.graph.sizes[flow.value]
        if not flow.folded or size == own:
            return flow if size == own else None
        positions, rest = divmod(size, own)
        return None if rest else self.chosen(flow, torch.arange(own).repeat_interleave(positions))


def flow_of(builder: Builder, node: fx.Node) -> Flow | None:
    """Add what one node does to the graph; where its channels are, or None where nobody follows them."""
    flows = builder.inputs(node)
    if node.op == "output":
        builder.read(flows, name="output")
        return None
    rule = _rule(builder, node)
    first = builder.flows.get(node.args[0]) if node.args and isinstance(node.args[0], fx.Node) else None
    if rule is _layer or rule in (_sum, _product, _cat):
        return rule(builder, node, first)  # type: ignore[arg-type]
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
    rank = (flow.rank if flow else None) if linear else len(module.kernel_size) + 2  # type: ignore[arg-type]
    axis = (-1 if rank is None else rank - 1) if linear else 1
    if layer is None:
        _unknown(builder, node)
        return None
    fed = _fed(builder, layer, flow, axis, node)
    return Flow(_layer_value(builder, layer, fed, str(node.target)), axis, rank)


def _fed(builder: Builder, layer: Layer, flow: Flow | None, axis: int, node: fx.Node) -> Flow:
    """The flow that the layer reads: the one given, or unknown channels where it does not fit."""
    found = None
    if flow is not None and _same_axis(flow, axis):
        found = builder.unfolded(flow, layer.inputs)
    if found is None:
        builder.read([flow] if flow else [])
        given = any(source.op == "placeholder" for source in node.all_input_nodes)
        found = Flow(builder.graph.add("source", size=layer.inputs, name="input" if given else ""), axis)
    return found


def _same_axis(flow: Flow, axis: int) -> bool:
    if flow.axis == axis:
        return True
    return flow.rank is not None and flow.axis % flow.rank == axis % flow.rank


def _layer_value(builder: Builder, layer: Layer, fed: Flow, target: str) -> int:
    """The layer's output; a weight that is used in two places is followed neither way."""
    if layer.shared or builder.calls[target] > 1 or builder.calls[layer.weight]:
        builder.read([fed])
        return builder.graph.add("source", size=layer.outputs)
    return builder.graph.add("layer", [fed.value], size=layer.outputs, name=layer.name)


def _norm(builder: Builder, node: fx.Node, flow: Flow) -> Flow | None:
    name = str(node.target)
    module = builder.modules[name]
    fitting = builder.unfolded(flow, int(module.num_features))  # type: ignore[arg-type]
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
    dim = _argument(node, 1, "dim", 0)
    flows = [builder.flows[part] for part in parts if isinstance(part, fx.Node)]
    known = [flow for flow in flows if flow is not None]
    along = (
        len(known) == len(parts) > 0
        and isinstance(dim, int)
        and all(_same_axis(flow, dim) and not flow.folded for flow in known)
    )
    if not along:
        _unknown(builder, node)
        return None
    size = sum(builder.graph.sizes[flow.value] for flow in known)
    value = builder.graph.add("cat", [flow.value for flow in known], size=size)
    return known[0]._replace(value=value)


def _argument(node: fx.Node, place: int, name: str, default: Any = None) -> Any:
    return node.args[place] if len(node.args) > place else node.kwargs.get(name, default)


def _spatial(builder: Builder, node: fx.Node, flow: Flow) -> Flow | None:
    """Pooling and resizing work on the axes behind the channels."""
    if flow.axis == 1 and flow.rank is not None and flow.rank > 2:
        return flow
    return _mix_away(builder, flow)


def _mix_away(builder: Builder, flow: Flow) -> None:
    builder.read([flow])


def _flatten(builder: Builder, node: fx.Node, flow: Flow) -> Flow | None:
    module = builder.modules.get(str(node.target)) if node.op == "call_module" else None
    start = module.start_dim if module is not None else _argument(node, 1, "start_dim", 0)
    end = module.end_dim if module is not None else _argument(node, 2, "end_dim", -1)
    return _flattened(builder, flow, start, end)


def _flattened(builder: Builder, flow: Flow, start: Any, end: Any) -> Flow | None:
    if flow.rank is None or not isinstance(start, int) or not isinstance(end, int):
        return _mix_away(builder, flow)
    start, end, axis = start % flow.rank, end % flow.rank, flow.axis % flow.rank
    rank = flow.rank - (end - start)
    if start > axis:
        return flow._replace(axis=axis, rank=rank)
    if start == axis:
        return flow._replace(axis=axis, rank=rank, folded=flow.folded or end > start)
    return flow._replace(axis=axis - (end - start), rank=rank) if end < axis else _mix_away(builder, flow)


def _reshape(builder: Builder, node: fx.Node, flow: Flow) -> Flow | None:
    """``x.view(x.size(0), -1)``, whose first length is only known when it runs, is a flattening; others are unknown."""
    shape = node.args[1:] if len(node.args) != 2 else node.args[1]
    pair = isinstance(shape, list | tuple) and len(shape) == 2
    if pair and isinstance(shape[0], fx.Node) and shape[1] == -1 and flow.axis == 1:  # type: ignore[index]
        return _flattened(builder, flow, 1, -1)
    return _mix_away(builder, flow)


def _permute(builder: Builder, node: fx.Node, flow: Flow) -> Flow | None:
    dims = node.args[1:] if len(node.args) != 2 else node.args[1]
    if flow.rank is None or not isinstance(dims, list | tuple) or len(dims) != flow.rank or flow.folded:
        return _mix_away(builder, flow)
    order = [int(dim) % flow.rank for dim in dims]  # type: ignore[arg-type]
    return flow._replace(axis=order.index(flow.axis % flow.rank))


def _transpose(builder: Builder, node: fx.Node, flow: Flow) -> Flow | None:
    dims = node.args[1:3]
    if flow.rank is None or len(dims) != 2 or not all(isinstance(dim, int) for dim in dims):
        return _mix_away(builder, flow)
    first, second = (int(dim) % flow.rank for dim in dims)  # type: ignore[arg-type]
    return flow._replace(axis={first: second, second: first}.get(flow.axis % flow.rank, flow.axis))


def _reduce(builder: Builder, node: fx.Node, flow: Flow) -> Flow | None:
    """A mean, sum or maximum over other axes than the channels'."""
    dims = _argument(node, 1, "dim")
    dims = (dims,) if isinstance(dims, int) else dims
    if flow.rank is None or not isinstance(dims, list | tuple) or flow.folded:
        return _mix_away(builder, flow)
    gone, axis = {int(dim) % flow.rank for dim in dims}, flow.axis % flow.rank
    if axis in gone:
        return _mix_away(builder, flow)
    if _argument(node, 2, "keepdim", False):
        return flow
    return flow._replace(axis=axis - sum(dim < axis for dim in gone), rank=flow.rank - len(gone))


def _pad(builder: Builder, node: fx.Node, flow: Flow) -> Flow | None:
    """Padding with zeros behind the channel axis."""
    widths = _argument(node, 1, "pad", ())
    plain = _argument(node, 2, "mode", "constant") == "constant" and not _argument(node, 3, "value", 0)
    behind = 0 if flow.rank is None else flow.rank - 1 - flow.axis % flow.rank
    known = isinstance(widths, list | tuple) and len(widths) <= 2 * behind
    return flow if plain and known else _mix_away(builder, flow)


def _chunk(builder: Builder, node: fx.Node, flow: Flow) -> Flow | None:
    """The pieces are told apart where they are picked (``getitem``); here only along the channel axis."""
    dim = _argument(node, 2, "dim", 0)
    pieces = node.args[1] if len(node.args) > 1 else None
    along = isinstance(dim, int) and _same_axis(flow, dim) and isinstance(pieces, int) and not flow.folded
    return flow if along else _mix_away(builder, flow)


def _pick(builder: Builder, node: fx.Node, flow: Flow) -> Flow | None:
    """One piece of a chunked tensor, or a slice that leaves the channel axis whole."""
    source, which = node.args[0], node.args[1]
    assert isinstance(source, fx.Node)
    if _rule(builder, source) is _chunk and isinstance(which, int):
        size = builder.graph.sizes[flow.value]
        return builder.chosen(flow, torch.arange(size).tensor_split([*_cuts(source, size)])[which])
    return _mix_away(builder, flow)


def _cuts(node: fx.Node, size: int) -> range:
    """Where ``chunk(n)`` or ``split(width)`` cuts ``size`` channels."""
    count = int(node.args[1])  # type: ignore[arg-type]
    chunking = "chunk" in str(getattr(node.target, "__name__", node.target))
    width = -(-size // count) if chunking else count
    return range(width, size, width)


_NAMES: dict[Rule, str] = {
    _keep: "relu relu_ relu6 hardtanh hardswish gelu silu mish leaky_relu leaky_relu_ elu selu celu prelu tanh softsign "
    "tanhshrink hardshrink softshrink dropout dropout1d dropout2d dropout3d alpha_dropout feature_dropout contiguous "
    "clone detach to float neg abs square sign",
    _fresh: "sigmoid sigmoid_ hardsigmoid softplus exp cos logsigmoid",
    _spatial: "max_pool1d max_pool2d max_pool3d avg_pool1d avg_pool2d avg_pool3d adaptive_avg_pool1d "
    "adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d "
    "interpolate upsample",
    _forget: "size dim getattr numel",
    _sum: "add add_ sub sub_ iadd isub",
    _product: "mul mul_ div div_ truediv imul itruediv",
    _cat: "cat concat concatenate",
    _flatten: "flatten",
    _reshape: "view reshape",
    _permute: "permute",
    _transpose: "transpose swapaxes",
    _reduce: "mean sum amax",
    _pad: "pad",
    _chunk: "chunk split",
    _pick: "getitem",
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
    getattr(nn, f"{kind}{rank}d") for kind in ("MaxPool", "AvgPool", "AdaptiveAvgPool", "AdaptiveMaxPool") for rank in (1, 2, 3)
)  # fmt: skip
_ACTIVATIONS = (
    nn.ReLU, nn.ReLU6, nn.Hardtanh, nn.Hardswish, nn.GELU, nn.SiLU, nn.Mish, nn.LeakyReLU, nn.ELU, nn.SELU, nn.CELU,
    nn.PReLU, nn.Tanh, nn.Softsign, nn.Tanhshrink, nn.Hardshrink, nn.Softshrink,
)  # fmt: skip
_DROPOUTS = (nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout)
_MODULE_RULES: tuple[tuple[tuple[type[nn.Module], ...], Rule], ...] = (
    (PRUNABLE, _layer),  # type: ignore[list-item]
    (NORMS, _norm),
    (MIXERS, _mix),
    ((*_ACTIVATIONS, *_DROPOUTS), _keep),
    ((*_POOLS, nn.Upsample, nn.ZeroPad2d), _spatial),
    ((nn.Sigmoid, nn.Hardsigmoid, nn.Softplus), _fresh),
    ((nn.Flatten,), _flatten),
)
