"""Copies of networks, including those that deepcopy refuses."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from prunekit.errors import UsageError

if TYPE_CHECKING:
    from torch import nn


def copied_network(model: nn.Module) -> nn.Module:
    """A copy that shares nothing with ``model``; a :class:`UsageError` if the model's code forbids copying.

    A tensor that a hook recomputes at every forward pass (the weight under ``weight_norm``) is copied as a value.
    """
    from torch import Tensor

    computed = [
        (vars(module), name, value)
        for module in model.modules()
        for name, value in vars(module).items()
        if isinstance(value, Tensor) and not value.is_leaf
    ]
    for fields, name, value in computed:
        fields[name] = value.detach()
    try:
        return copy.deepcopy(model)
    except Exception as error:
        text = " ".join(str(error).split())
        raise UsageError(f"the network cannot be copied: {type(error).__name__}: {text}") from error
    finally:
        for fields, name, value in computed:
            fields[name] = value
