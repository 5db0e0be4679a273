"""What all predictors share: modules without parameters, batches of the size that a program takes, callables."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from prunekit.errors import UsageError
from prunekit.models.predictors.weights import Weight


class Opened(NamedTuple):
    """A program as a module, and its weights."""

    module: nn.Module
    weights: tuple[Weight, ...]

    @property
    def parameters(self) -> int:
        """The number of weights."""
        return sum(each.size for each in self.weights)

    @property
    def nonzero(self) -> int:
        """The number of weights that were not removed."""
        return self.parameters - sum(each.zeros for each in self.weights)

    @property
    def bytes(self) -> int:
        """The size of the weights in bytes."""
        return round(sum(each.size * each.bits for each in self.weights) / 8)

    @property
    def bits(self) -> float:
        """The mean number of bits per weight."""
        return 8 * self.bytes / max(self.parameters, 1)


class Batched(nn.Module, ABC):
    """A network that takes only batches of ``fixed`` images (None: of at least ``least``); it is never copied."""

    def __init__(self, *, fixed: int | None = None, least: int = 1) -> None:
        super().__init__()
        self._fixed, self._least = fixed, least

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self  # a session cannot be copied, and nothing changes it

    @abstractmethod
    def one_batch(self, images: Tensor) -> Tensor:
        """Logits of one batch, whose size the program takes."""

    def forward(self, images: Tensor) -> Tensor:
        """Logits ``[N, classes]`` for any N: the last batch is padded, and the padding's logits are dropped."""
        size = self._fixed or max(len(images), self._least)
        parts = [self.one_batch(_filled(part, size))[: len(part)] for part in torch.split(images, size)]
        return torch.cat(parts).to(images.device)


def _filled(images: Tensor, size: int) -> Tensor:
    missing = size - len(images)
    return F.pad(images, (0, 0, 0, 0, 0, 0, 0, missing)) if missing else images


class Called(Batched):
    """Any callable that maps normalised float images ``[N, C, H, W]`` to logits, as a tensor or an array."""

    def __init__(self, function: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self._function = function

    def one_batch(self, images: Tensor) -> Tensor:
        """The callable's logits."""
        return as_logits(self._function(images), len(images))


def as_logits(output: Any, count: int) -> Tensor:
    """A program's output as float logits ``[count, classes]``; :class:`UsageError` if it has another form."""
    if isinstance(output, dict):
        output = output.get("logits", output.get("out", next(iter(output.values()), None)))
    if isinstance(output, list | tuple) and len(output) == 1:
        output = output[0]
    try:
        logits = torch.as_tensor(output)
    except (TypeError, ValueError, RuntimeError):
        raise UsageError(f"the network returns a {type(output).__name__}, not logits") from None
    if logits.ndim < 2 or len(logits) != count:
        raise UsageError(
            f"the network returns the shape {list(logits.shape)} for {count} images, not one row of "
            "logits per image"
        )
    return logits.float()
