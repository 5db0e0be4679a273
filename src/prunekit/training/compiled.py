"""Training with torch.compile: an option of the schedule, because compiled kernels round differently."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import torch
from torch import nn

from prunekit.errors import UsageError


def compiled(network: nn.Module) -> nn.Module:
    """The network, compiled (forward and backward) at the first batch; it shares its parameters with the original."""
    return cast(nn.Module, torch.compile(network))


@contextmanager
def compiling(asked: bool) -> Iterator[None]:
    """In the block, a network that cannot be compiled or a missing compiler raises a :class:`UsageError`."""
    if not asked:
        yield
        return
    from torch._dynamo.exc import TorchDynamoException

    try:
        yield
    except TorchDynamoException as error:
        said = str(error).strip().partition("\n")[0][:200]
        raise UsageError(
            f"this network cannot be trained with torch.compile here ({said}): train it without --compiled"
        ) from error
