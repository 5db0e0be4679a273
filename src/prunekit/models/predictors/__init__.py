"""Networks that are measured as they are: torch.export programs, ONNX files, and any callable.

Each is opened as a :class:`torch.nn.Module` that takes images normalised by its preprocessing, so that measuring
treats all networks alike; none of them can be pruned or trained.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from torch import Tensor

from prunekit.models.predictors.base import Opened
from prunekit.registry import Lazy, Registry


class Predictor(Protocol):
    """Anything that turns images into logits, with its preprocessing (``prunekit.data.preprocessing``)."""

    @property
    def preprocessing(self) -> Any:
        """How images become the network's input."""

    def logits(self, images: Tensor) -> Tensor:
        """Logits ``[N, classes]`` of uint8 RGB images ``[N, 3, H, W]``, whose size is the preprocessing's."""


class Form(NamedTuple):
    """A program format: its file ending, and ``open(data, name)``, which runs no code from the file."""

    ending: str
    open: Callable[[bytes, str], Opened]


FORMS: Registry[Form] = Registry(
    "format of programs",
    {
        "torch-export": Form(".pt2", Lazy("prunekit.models.predictors.program:open_program")),
        "onnx": Form(".onnx", Lazy("prunekit.models.predictors.onnx:open_onnx")),
    },
)


def form_of(ending: str) -> str | None:
    """The program format with this file ending; None if there is none."""
    return next((name for name, form in FORMS.items() if form.ending == ending.lower()), None)
