"""One frozen class per step: its fields are the CLI flags, the recipe fields, the key, the JSON schema and the docs.

A key is the step's kind and a hash of its canonical parameters: defaults left out, field order forgotten, 1 = 1.0.
A parent's key is one of the parameters, so that a key names a whole lineage.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from prunekit.distribution import canonical, tidy
from prunekit.errors import UsageError, unknown

KEY_DIGITS = 16
Ratio = Annotated[float, Field(gt=0, lt=1)]
Share = Annotated[float, Field(ge=0, lt=1)]
# One place has one name, and so one key: folder:./images is folder:images.
DatasetName = Annotated[str, AfterValidator(tidy)]
DistributionName = Annotated[str, AfterValidator(canonical)]


class Params(BaseModel):
    """What one step needs to know; equal parameters have equal keys, and equal keys equal results."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    kind: ClassVar[str]
    panel: ClassVar[str] = "Options"  # the group of its fields on a help page
    references: ClassVar[
        tuple[str, ...]
    ] = ()  # the fields that hold keys of earlier steps; the first is the main one

    @classmethod
    def read(cls, fields: dict[str, Any]) -> Self:
        """Validate ``fields``; a :class:`UsageError` of one line says which is wrong and what is allowed."""
        strange = [name for name in fields if name not in cls.model_fields]
        if strange:
            raise unknown(f"{cls.kind} field", strange[0], cls.model_fields)
        try:
            return cls(**fields)
        except ValidationError as error:
            raise UsageError(f"{cls.kind}: {describe(error)}") from None

    @property
    def inputs(self) -> tuple[str, ...]:
        """Keys of the results that this step needs."""
        return tuple(getattr(self, name) for name in self.references)

    @property
    def key(self) -> str:
        """``kind-hash``: the name of this step's result in every store."""
        return key_of(self.kind, self.model_dump(mode="json", exclude_defaults=True))


def key_of(kind: str, fields: dict[str, Any]) -> str:
    """The key of a step of this kind with these non-default fields (JSON values)."""
    text = json.dumps(_canonical(fields), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return f"{kind}-{hashlib.sha256(f'{kind}:{text}'.encode()).hexdigest()[:KEY_DIGITS]}"


def _canonical(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _canonical(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_canonical(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def describe(error: ValidationError) -> str:
    """The first problem that pydantic found, as one line."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"]) or "value"
    if first["type"] == "literal_error":
        return str(unknown(where, str(first["input"]), re.findall(r"'([^']*)'", first["ctx"]["expected"])))
    return f"{where}: {first['msg']} (given: {first.get('input')!r})"


class Schedule(Params):
    """How a network is trained, and trained again: the defaults are the paper's CIFAR ResNet schedule (PAPER 1.8)."""

    panel = "Schedule"

    epochs: Annotated[int, Field(ge=1, description="Passes over the training images.")] = 182
    batch_size: Annotated[int, Field(ge=1, description="Images per optimizer step.")] = 128
    lr: Annotated[float, Field(gt=0, description="Peak learning rate.")] = 0.1
    momentum: Annotated[float, Field(ge=0, lt=1, description="SGD momentum.")] = 0.9
    nesterov: Annotated[bool, Field(description="Use Nesterov momentum.")] = False
    weight_decay: Annotated[float, Field(ge=0, description="L2 penalty on every parameter.")] = 1e-4
    schedule: Annotated[
        Literal["multistep", "step", "poly", "cosine", "constant"],
        Field(description="How the learning rate falls after warm-up, stepped per iteration."),
    ] = "multistep"
    milestones: Annotated[
        tuple[int, ...] | None,
        Field(
            description="multistep: epochs at which lr is multiplied by gamma; unset: half and three quarters."
        ),
    ] = None
    gamma: Annotated[float, Field(gt=0, le=1, description="multistep and step: factor of each fall.")] = 0.1
    step_epochs: Annotated[int, Field(ge=1, description="step: epochs between falls.")] = 30
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
        Field(description="Forward precision; auto: bfloat16 on GPUs that have it, else float32."),
    ] = "auto"
    train_distribution: Annotated[
        DistributionName | None,
        Field(
            description="Train on a shifted set, such as cifar10+mix1 (robust training); unset: the data set."
        ),
    ] = None


class TrainParams(Schedule):
    """Train a new network."""

    kind = "train"
    arch: Annotated[str, Field(description="Architecture: see `prunekit list archs`.")]
    dataset: Annotated[
        DatasetName, Field(description="Data set: see `prunekit list datasets`, or folder:PATH.")
    ]
    seed: Annotated[
        int, Field(ge=0, description="Repetition: initial weights, data order, held-out split.")
    ] = 0
    keep_epoch: Annotated[
        int | None,
        Field(ge=0, description="Also keep the weights after this epoch, for weight-rewind; unset: none."),
    ] = None


class ImportParams(Schedule):
    """Bring a trained network of your own into the store as an unpruned parent; the schedule is for retraining."""

    kind = "import"
    arch: Annotated[str, Field(description="Architecture of the weights: see `prunekit list archs`.")]
    dataset: Annotated[DatasetName, Field(description="Data set that the network was trained on.")]
    weights: Annotated[
        str,
        Field(
            pattern="^sha256:[0-9a-f]{64}$|^pretrained$",
            description="Digest of the weights file, or pretrained.",
        ),
    ]
    seed: Annotated[int, Field(ge=0, description="Held-out split and data order of retraining.")] = 0


class PruneParams(Params):
    """Remove weights or filters of a stored network; no retraining."""

    kind = "prune"
    references = ("parent",)
    parent: Annotated[
        str, Field(description="The model to prune: key, unique prefix, label, or - for stdin.")
    ]
    method: Annotated[str, Field(description="Pruning method: see `prunekit list methods`.")]
    prune_ratio: Annotated[
        Ratio, Field(description="1 - nonzero parameters / parameters of the unpruned parent, in (0, 1).")
    ]
    seed: Annotated[int, Field(ge=0, description="Draws of the randomised methods.")] = 0
    sample_size: Annotated[
        int | None,
        Field(
            ge=1, description="Validation images that data-informed methods see; unset: the paper's bound."
        ),
    ] = None
    skip_layers: Annotated[tuple[str, ...], Field(description="Layers to leave whole, by name.")] = ()
    repair: Annotated[
        bool,
        Field(
            description="Fit every layer to its outputs before pruning by least squares, without labels or training."
        ),
    ] = False


# Training images that batch-norm statistics are taken from by the retraining mode none, and those of least-squares.
BATCHNORM_IMAGES = 8192
REPAIR_IMAGES = 256


class RetrainParams(Params):
    """Train a stored network again with its masks held."""

    kind = "retrain"
    references = ("parent",)
    parent: Annotated[
        str, Field(description="The model to retrain: key, unique prefix, label, or - for stdin.")
    ]
    mode: Annotated[
        Literal["lr-rewind", "weight-rewind", "fine-tune", "scratch", "none", "least-squares"],
        Field(
            description="lr-rewind: the whole schedule again (the paper's); weight-rewind: from a kept early epoch; "
            "fine-tune: the last learning rate; scratch: same masks, new weights; none: batch-norm statistics only; "
            "least-squares: no training, every layer fitted to its outputs before pruning."
        ),
    ] = "lr-rewind"
    epochs: Annotated[
        int | None, Field(ge=1, description="Epochs; unset: as the unpruned parent was trained.")
    ] = None
    seed: Annotated[int, Field(ge=0, description="Added to the lineage's seed for the data order.")] = 0


class ErrorParams(Params):
    """Measure one model on one distribution: per-example outcomes."""

    kind = "error"
    references = ("model",)
    model: Annotated[str, Field(description="The model to measure.")]
    distribution: Annotated[
        DistributionName, Field(description="Distribution, such as digits, digits+fog@3, cifar10-c/fog@3.")
    ]
    seed: Annotated[int, Field(ge=0, description="Draws of corruptions and noise made on the fly.")] = 0


LEVELS = tuple(round(0.05 * step, 2) for step in range(15))


class NoiseParams(Params):
    """Compare one model with another as functions, under noise of growing size (PAPER 1.4)."""

    kind = "noise"
    references = ("model", "to")
    model: Annotated[str, Field(description="The model to compare.")]
    to: Annotated[
        str, Field(description="What it is compared with; on the command line unset: its unpruned parent.")
    ]
    distribution: Annotated[
        DistributionName | None, Field(description="Whose images; unset: the model's own test set.")
    ] = None
    images: Annotated[int, Field(ge=1, description="Test images, drawn with the seed.")] = 1000
    draws: Annotated[int, Field(ge=1, description="Noise draws per image and level.")] = 100
    levels: Annotated[
        tuple[Annotated[float, Field(ge=0)], ...], Field(min_length=1, description="Noise sizes epsilon.")
    ] = LEVELS
    noise: Annotated[Literal["uniform", "gaussian"], Field(description="U[-eps, eps], or N(0, eps^2).")] = (
        "uniform"
    )
    space: Annotated[
        Literal["normalised", "pixel"],
        Field(description="Where noise is added: normalised inputs, or pixels in [0, 1]."),
    ] = "normalised"
    clip: Annotated[bool, Field(description="Clip noisy inputs to the range of real pixels.")] = False
    seed: Annotated[int, Field(ge=0, description="Choice of images and noise draws.")] = 0


class FeaturesParams(Params):
    """Find the pixels that a model's predictions rest on (BackSelect, PAPER 1.5)."""

    kind = "features"
    references = ("model",)
    model: Annotated[str, Field(description="The model whose informative pixels are sought.")]
    distribution: Annotated[
        DistributionName | None, Field(description="Whose images; unset: the model's own test set.")
    ] = None
    images: Annotated[int, Field(ge=1, description="The first images of the distribution.")] = 250
    block: Annotated[
        int, Field(ge=1, description="Pixels removed per greedy step: 1 is the exact order, more is faster.")
    ] = 1
    candidates: Annotated[
        int | None,
        Field(ge=1, description="Pixels tried per step, chosen by gradient; unset: all of them (exact)."),
    ] = None


class TransferParams(Params):
    """Show one model's informative pixels to another model."""

    kind = "transfer"
    references = ("features", "model")
    features: Annotated[str, Field(description="Key of the features measurement.")]
    model: Annotated[str, Field(description="The model that predicts from the kept pixels.")]
    kept: Annotated[
        tuple[Annotated[float, Field(gt=0, le=1)], ...],
        Field(min_length=1, description="Shares of pixels kept."),
    ] = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0)


MODEL_STEPS: dict[str, type[Params]] = {
    step.kind: step for step in (TrainParams, ImportParams, PruneParams, RetrainParams)
}
MEASUREMENT_STEPS: dict[str, type[Params]] = {
    step.kind: step for step in (ErrorParams, NoiseParams, FeaturesParams, TransferParams)
}
STEPS: dict[str, type[Params]] = MODEL_STEPS | MEASUREMENT_STEPS


class ReportParams(Params):
    """What findings are drawn from stored outcomes; changing any of it measures nothing again."""

    kind = "report"
    margin: Annotated[
        float, Field(ge=0, le=1, description="Margin delta: rise in error still called commensurate.")
    ] = 0.005
    resamples: Annotated[int, Field(ge=100, description="Bootstrap resamples behind each interval.")] = 2000
    seed: Annotated[int, Field(ge=0, description="Seed of the bootstrap.")] = 0
    interpolate: Annotated[
        bool, Field(description="Interpolate the potential between tested ratios (not the paper's).")
    ] = False
    top_k: Annotated[
        int, Field(ge=1, description="An example is right if its class is in the k likeliest.")
    ] = 1
    kept: Annotated[
        float,
        Field(
            gt=0, le=1, description="Share of pixels at which informative features are compared (measured)."
        ),
    ] = 0.1
