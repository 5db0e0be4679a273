"""Layers narrower than their architecture specifies, as they are after channels were removed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from prunekit.base.attention import fit_
from prunekit.base.sizes import Sizes, resize_
from prunekit.errors import UsageError

Shapes = Mapping[str, "np.ndarray[Any, Any]"]
# The attributes that hold a layer's widths, in the order of its weight's axes.
WIDTHS: tuple[tuple[type[nn.Module], tuple[str, ...]], ...] = (
    (nn.Linear, ("out_features", "in_features")),
    (nn.Conv2d, ("out_channels", "in_channels")),
    (nn.ConvTranspose2d, ("in_channels", "out_channels")),
    (nn.BatchNorm2d, ("num_features",)),
    (nn.BatchNorm1d, ("num_features",)),
    (nn.InstanceNorm2d, ("num_features",)),
)


def is_narrower(model: nn.Module, arrays: Shapes) -> bool:
    """Whether ``arrays`` have the model's names, with at least one smaller along an axis and none larger."""
    state = model.state_dict()
    if set(state) != set(arrays):
        return False
    pairs = [(tuple(tensor.shape), arrays[name].shape) for name, tensor in state.items()]
    fit = all(
        len(own) == len(given) and all(g <= o for o, g in zip(own, given, strict=True))
        for own, given in pairs
    )
    return fit and any(own != given for own, given in pairs)


def narrow_(model: nn.Module, arrays: Shapes, sizes: Sizes | None = None) -> None:
    """Give the model's tensors the shapes of ``arrays``, and its modules these sizes, in place; values are not set.

    Without ``sizes``, layers have the widths of their weights, and groups as many as fit. Tensors that the model holds
    in several places stay one. A :class:`UsageError` if a size is not one that the model stores.
    """
    modules = dict(model.named_modules(remove_duplicate=False))
    made: dict[int, Any] = {}
    for name, tensor in model.state_dict().items():
        if tuple(tensor.shape) == arrays[name].shape:
            continue
        owner, _, field = name.rpartition(".")
        module, old = modules[owner], getattr(modules[owner], field)
        if tuple(old.shape) == arrays[name].shape:
            continue  # the module has several names
        # The old tensor is held, so that no other takes its number.
        made.setdefault(id(old), (_like(old, arrays[name].shape), old))
        setattr(module, field, made[id(old)][0])
        if field in ("weight", "running_mean") and not sizes:
            _set_widths(module, torch.Size(arrays[name].shape))
    fit_(model)
    try:
        resize_(model, sizes or {})
    except ValueError as error:
        raise UsageError(f"the file does not fit this network: {error}") from None


def _like(old: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Zeros of this shape, a parameter if ``old`` is one."""
    new = torch.zeros(shape, dtype=old.dtype, device=old.device)
    return nn.Parameter(new, requires_grad=old.requires_grad) if isinstance(old, nn.Parameter) else new


def _set_widths(module: nn.Module, shape: torch.Size) -> None:
    """Set the widths of a layer; a grouped convolution keeps its inputs per group, so its filters give the groups."""
    for kind, names in WIDTHS:
        if isinstance(module, kind):
            groups = int(getattr(module, "groups", 1))
            if groups > 1 and isinstance(module, nn.Conv2d):
                groups = groups * shape[0] // module.out_channels
                module.groups = groups
            for axis, name in enumerate(names):
                inner = groups if name == "in_channels" and isinstance(module, nn.Conv2d) else 1
                setattr(module, name, shape[axis] * inner)
