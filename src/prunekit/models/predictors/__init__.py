"""Networks that are measured as they came: torch.export programs, ONNX files, and any callable.

Each is opened as a :class:`torch.nn.Module` that takes the normalised images its preprocessing says, so that measuring
treats all networks alike; none of them can be pruned or trained.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from torch import Tensor

from prunekit.models.predictors.base import Opened
from prunekit.registry import Lazy, Registry


class Predictor(Protocol):
    """Anything that turns images into logits, and how it wants its images (``prunekit.data.preprocessing``)."""

    @property
    def preprocessing(self) -> Any:
        """How images become the input."""

    def logits(self, images: Tensor) -> Tensor:
        """Logits ``[N, classes]`` of uint8 RGB images ``[N, 3, H, W]`` of the preprocessing's size."""


class Form(NamedTuple):
    """One format of programs: the ending of its files, and ``open(data, name)``, which runs no code of the file's."""

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
    """The format of files that end so; None where it is no program's."""
    return next((name for name, form in FORMS.items() if form.ending == ending.lower()), None)
