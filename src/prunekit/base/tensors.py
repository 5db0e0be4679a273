"""What tensors and operations are to torch's dispatcher: whose memory is read, and whose is written."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

# Tensors of other classes may have no memory.
PLAIN = (Tensor, nn.Parameter, nn.Buffer)


def memory_of(tensor: Tensor) -> int:
    """A number for the memory of a tensor, equal for all views of it; tensors of other classes each have their own."""
    return int(tensor.untyped_storage()._cdata) if type(tensor) in PLAIN else id(tensor)


def writes(func: Any) -> bool:
    """Whether an operation writes to one of its arguments."""
    return any(each.alias_info is not None and each.alias_info.is_write for each in func._schema.arguments)
