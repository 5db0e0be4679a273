"""The layers that can be pruned, and one form for all their weights: filters × channels × kernel positions."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import cast

from torch import Tensor, nn, no_grad
from torch.nn.parameter import UninitializedParameter

from prunekit.errors import UsageError

CONVS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
PRUNABLE = (*CONVS, *TRANSPOSED, nn.Linear)
REMEDY = (
    "make them parameters first (remove_parametrizations, remove_weight_norm, or torch.nn.utils.prune.remove)"
)


@dataclass(frozen=True)
class Layer:
    """One prunable weight, under the name of the first module that holds it.

    ``weight`` and ``bias`` are parameter names; ``modules`` are all modules that hold this weight. A layer is
    ``shared`` if its weight is held in more than one place.
    """

    name: str
    weight: str
    bias: str | None
    modules: tuple[nn.Module, ...]
    groups: int
    inputs: int
    outputs: int
    transposed: bool
    shared: bool

    @property
    def depthwise(self) -> bool:
        """Whether every filter reads exactly one channel."""
        return self.groups > 1 and self.groups == self.inputs

    @property
    def shape(self) -> tuple[int, int]:
        """(Filters, channels that each filter reads)."""
        return self.outputs, self.inputs // self.groups

    def tensor(self) -> Tensor:
        """The weight itself, detached."""
        return cast(Tensor, self.modules[0].weight).detach()

    def blocks(self, weight: Tensor) -> Tensor:
        """A tensor in the weight's shape as ``[filters, channels per group, kernel positions]``.

        A transposed convolution is treated as the equal plain convolution (kernel flipped, input stuffed with zeros).
        """
        if not self.transposed:
            return weight.reshape(*self.shape, -1)
        filters, channels = self.shape
        split = weight.reshape(self.groups, channels, filters // self.groups, -1)
        return split.transpose(1, 2).reshape(filters, channels, -1).flip(-1)

    def unblocks(self, blocks: Tensor) -> Tensor:
        """The inverse of :meth:`blocks`."""
        shape = self.tensor().shape
        if not self.transposed:
            return blocks.reshape(shape)
        filters, channels = self.shape
        split = blocks.flip(-1).reshape(self.groups, filters // self.groups, channels, -1)
        return split.transpose(1, 2).reshape(shape)


def prunable_layers(model: nn.Module) -> dict[str, Layer]:
    """Every convolution and linear layer in module order; a weight held by several modules counts once.

    A model without any such layer is a :class:`UsageError`.
    """
    names = {id(value): name for name, value in model.named_parameters()}
    places = Counter(id(value) for _, value in model.named_parameters(remove_duplicate=False))
    holders: dict[int, list[tuple[str, nn.Module]]] = {}
    for name, module in model.named_modules():
        if isinstance(module, PRUNABLE) and id(module.weight) in names:
            holders.setdefault(id(module.weight), []).append((name, module))
    if not holders:
        hidden = ", ".join(computed_weights(model)[:3])
        reason = f": the weights of {hidden} are computed from other parameters, {REMEDY}" if hidden else ""
        raise UsageError(f"this model has no prunable layer (a convolution or a linear layer){reason}")
    layers = [_layer(found, names, places[key]) for key, found in holders.items()]
    return {layer.name: layer for layer in layers}


def computed_weights(model: nn.Module) -> list[str]:
    """Convolutions and linear layers whose weight is not a parameter: weight norm, spectral norm, parametrizations."""
    own = {id(value) for value in model.parameters()}
    found = []
    for name, module in model.named_modules():
        if isinstance(module, PRUNABLE) and not isinstance(module.weight, UninitializedParameter):
            with no_grad():
                found += [name] if id(module.weight) not in own else []
    return found


def _layer(holders: list[tuple[str, nn.Module]], names: dict[int, str], places: int) -> Layer:
    name, module = holders[0]
    linear = isinstance(module, nn.Linear)
    bias = module.bias
    return Layer(
        name=name,
        weight=names[id(module.weight)],
        bias=None if bias is None else names.get(id(bias)),
        modules=tuple(holder for _, holder in holders),
        groups=1 if linear else int(module.groups),  # type: ignore[arg-type]
        inputs=int(module.in_features if linear else module.in_channels),  # type: ignore[arg-type]
        outputs=int(module.out_features if linear else module.out_channels),  # type: ignore[arg-type]
        transposed=isinstance(module, TRANSPOSED),
        shared=places > 1,
    )
