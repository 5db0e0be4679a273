"""The tensors in what a network takes or returns: containers, dataclasses and other objects."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

_DEPTH = 6


def tensors_in(found: Any, depth: int = _DEPTH) -> list[Tensor]:
    """All tensors in containers that torch knows, and in the fields of other objects, in order."""
    tensors: list[Tensor] = []
    for leaf in tree_leaves(found):
        if isinstance(leaf, Tensor):
            tensors.append(leaf)
        elif depth and not isinstance(leaf, type | nn.Module):
            tensors += [tensor for value in _fields(leaf) for tensor in tensors_in(value, depth - 1)]
    return tensors


def _fields(leaf: Any) -> list[Any]:
    """The values that an object stores; none for numbers, strings and functions."""
    slots = [name for kind in type(leaf).__mro__ for name in vars(kind).get("__slots__", ())]
    stored = list(getattr(leaf, "__dict__", {}).values())
    return stored + [getattr(leaf, name) for name in slots if hasattr(leaf, name)]
