"""Parameters common to all networks at the root of a lineage: how they are trained, and how they see an image."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from prunekit.params.bounds import MOST_EPOCHS, Batch, Epochs, Side
from prunekit.params.keys import DatasetName, DistributionName, FieldError, Params

Share = Annotated[float, Field(ge=0, lt=1)]


class Schedule(Params):
    """How a network is trained, and trained again: the defaults are the paper's CIFAR ResNet schedule."""

    panel = "Schedule"

    epochs: Annotated[Epochs, Field(description="Passes over the training images.")] = 182
    batch_size: Annotated[Batch, Field(description="Images per optimizer step.")] = 128
    lr: Annotated[float, Field(gt=0, description="Peak learning rate.")] = 0.1
    momentum: Annotated[float, Field(ge=0, lt=1, description="SGD momentum.")] = 0.9
    nesterov: Annotated[bool, Field(description="Use Nesterov momentum.")] = False
    weight_decay: Annotated[float, Field(ge=0, description="L2 penalty on every parameter.")] = 1e-4
    schedule: Annotated[
        Literal["multistep", "step", "poly", "cosine", "constant"],
        Field(description="How the learning rate falls after warm-up, at every iteration."),
    ] = "multistep"
    milestones: Annotated[
        tuple[Annotated[int, Field(ge=0, le=MOST_EPOCHS)], ...] | None,
        Field(
            description="multistep: epochs at which lr is multiplied by gamma; unset: half and three quarters."
        ),
    ] = None
    gamma: Annotated[float, Field(gt=0, le=1, description="multistep and step: factor of each drop.")] = 0.1
    step_epochs: Annotated[Epochs, Field(description="step: epochs between drops.")] = 30
    power: Annotated[float, Field(gt=0, description="poly: exponent.")] = 0.9
    warmup_epochs: Annotated[
        float | None,
        Field(ge=0, description="Epochs of linear warm-up from 0; unset: 5, at most a tenth of the epochs."),
    ] = None
    label_smoothing: Annotated[Share, Field(description="Label smoothing of the cross entropy.")] = 0.0
    clip_norm: Annotated[
        float | None, Field(gt=0, description="Clip the gradient to this norm; unset: never.")
    ] = None
    valid_fraction: Annotated[Share, Field(description="Share of the training images held out (seeded).")] = (
        0.1
    )
    precision: Annotated[
        Literal["auto", "float32", "bfloat16"],
        Field(description="Forward precision; auto: bfloat16 on GPUs that support it, else float32."),
    ] = "auto"
    compiled: Annotated[
        bool,
        Field(description="Train with torch.compile: faster on GPUs; results differ by rounding."),
    ] = False
    train_distribution: Annotated[
        DistributionName | None,
        Field(
            description="Train on a shifted set, such as cifar10+mix1 (robust training); unset: the data set."
        ),
    ] = None


# One value per channel; two sides, or one that is both.
Channels = Annotated[tuple[float, ...], Field(min_length=1, max_length=3)]
Sides = Annotated[tuple[Side, ...], Field(min_length=1, max_length=2)]


class Seeing(Params):
    """How a network sees an image; what is unset is the data set's own (or timm's, for an imported timm network)."""

    panel = "Preprocessing"

    mean: Annotated[
        Channels | None,
        Field(
            description="Mean to subtract from each channel of pixels in [0, 1]; unset: the data set's own."
        ),
    ] = None
    std: Annotated[
        Channels | None,
        Field(description="Standard deviation to divide each channel by; unset: the data set's own."),
    ] = None
    image_size: Annotated[
        Sides | None,
        Field(description="Input size in pixels: one side, or height,width; unset: the data set's own."),
    ] = None
    resize: Annotated[
        Side | None,
        Field(description="Scale the shorter side to this before the crop; unset: to the image size."),
    ] = None
    crop: Annotated[
        Literal["center", "squash"] | None,
        Field(description="center: crop the middle; squash: scale both sides to the image size."),
    ] = None
    interpolation: Annotated[
        Literal["nearest", "bilinear", "bicubic", "lanczos", "box", "hamming"] | None,
        Field(description="Resampling filter of the resize; unset: the data set's own (bilinear)."),
    ] = None
    channels: Annotated[
        Literal["rgb", "bgr", "grey"] | None,
        Field(description="Channel order of the input; grey: one channel (luma); unset: rgb."),
    ] = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        planes = 1 if self.channels == "grey" else 3
        for name in ("mean", "std"):
            given = getattr(self, name)
            if (given is None and planes == 1) or (given is not None and len(given) != planes):
                raise FieldError(name, f"{name} needs {planes} value{'s' * (planes > 1)}, one per channel")
        if self.std is not None and min(self.std) <= 0:
            raise FieldError("std", "std must be above 0: inputs are divided by it")
        return self


class Root(Seeing, Schedule):
    """What a lineage begins with: a network that was trained here, or brought from elsewhere."""

    arch: str | None
    dataset: DatasetName | None
    seed: int = 0

    @property
    def kept_epoch(self) -> int | None:
        """The early epoch whose weights are kept for weight-rewind; None without one."""
        return None
