"""A model's tensors as plain arrays, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from prunekit.errors import UsageError

# The floating-point types that NumPy has.
FLOATS = (torch.float16, torch.float32, torch.float64)
Arrays = dict[str, "np.ndarray[Any, Any]"]


def to_arrays(model: nn.Module) -> Arrays:
    """Copies of all parameters and buffers, by state-dict name."""
    return copied(model.state_dict())


def load_arrays(model: nn.Module, arrays: Mapping[str, np.ndarray[Any, Any]]) -> None:
    """Copy ``arrays`` into the model's tensors, in place.

    Names and shapes must be the model's own; otherwise a :class:`UsageError` names the first that is not, and
    nothing is changed. Types are converted to the model's.
    """
    check_fits(model, arrays)
    state = model.state_dict()
    with torch.no_grad():
        for name, tensor in state.items():
            tensor.copy_(torch.as_tensor(np.ascontiguousarray(arrays[name])).reshape(tensor.shape))


def check_fits(model: nn.Module, arrays: Mapping[str, np.ndarray[Any, Any]]) -> None:
    """Refuse arrays whose names or shapes differ from those of the model's tensors (:class:`UsageError`)."""
    state = model.state_dict()
    _check_names(state, arrays)
    _check_shapes(state, arrays)


def copied(tensors: Mapping[str, Tensor]) -> Arrays:
    """Copies of ``tensors`` in main memory (bfloat16 and float8, which NumPy lacks, as float32)."""
    return {name: _array(tensor) for name, tensor in tensors.items()}


def _array(tensor: Tensor) -> np.ndarray[Any, Any]:
    plain = tensor.float() if tensor.is_floating_point() and tensor.dtype not in FLOATS else tensor
    return plain.detach().cpu().contiguous().numpy().copy()


def _check_names(state: Mapping[str, Tensor], arrays: Mapping[str, object]) -> None:
    missing = [name for name in state if name not in arrays]
    strange = [name for name in arrays if name not in state]
    if missing:
        raise UsageError(
            f"the weights have no tensor {missing[0]!r} ({len(missing)} of {len(state)} are missing)"
        )
    if strange:
        raise UsageError(
            f"the weights have a tensor {strange[0]!r} that the network lacks ({len(strange)} such tensors)"
        )


def _check_shapes(state: Mapping[str, Tensor], arrays: Mapping[str, np.ndarray[Any, Any]]) -> None:
    for name, tensor in state.items():
        if tuple(tensor.shape) != arrays[name].shape:
            shapes = f"{list(arrays[name].shape)} in the weights, {list(tensor.shape)} in the network"
            raise UsageError(
                f"tensor {name!r} differs in shape: {shapes} (does the number of classes differ?)"
            )
