"""One frozen class per step: its fields are the CLI flags, the recipe fields, the key, the JSON schema and the docs."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from prunekit.params.bounds import (
    MOST_EPOCHS,
    MOST_RESAMPLES,
    Count,
    Epochs,
    Seed,
)
from prunekit.params.keys import CodeName, DatasetName, FieldError, NamedValues, Params
from prunekit.params.measures import ErrorParams, FeaturesParams, NoiseParams, TransferParams
from prunekit.params.roots import Root

Ratio = Annotated[float, Field(gt=0, lt=1)]


class TrainParams(Root):
    """Train a new network."""

    kind = "train"
    arch: Annotated[CodeName, Field(description="Architecture: see `prunekit list archs`.")]
    dataset: Annotated[
        DatasetName, Field(description="Data set: see `prunekit list datasets`, or folder:PATH.")
    ]
    seed: Annotated[
        Seed, Field(description="Seed of a repetition: initial weights, data order, held-out split.")
    ] = 0
    keep_epoch: Annotated[
        int | None,
        Field(
            ge=0,
            le=MOST_EPOCHS,
            description="Also keep the weights after this epoch, for weight-rewind; unset: none.",
        ),
    ] = None

    @property
    def kept_epoch(self) -> int | None:
        """The early epoch whose weights are kept; None without one."""
        return self.keep_epoch


class ImportParams(Root):
    """Import a network made elsewhere; the schedule is used for retraining.

    Without a parent it is an unpruned network, and the data set must be given. With a parent it is a descendant: unset
    data set, preprocessing, architecture and schedule are taken from the parent.
    """

    kind = "import"
    references = ("parent",)
    unhashed = ("expect_error",)
    parent: Annotated[
        str | None,
        Field(
            description="The network from which this one was made: key, unique prefix or label; unset: none."
        ),
    ] = None
    method: Annotated[
        str | None,
        Field(
            min_length=1, max_length=60, description="With a parent: how it was made smaller, in one word."
        ),
    ] = None
    arch: Annotated[
        CodeName | None,
        Field(description="Architecture of the weights: see `prunekit list archs`; unset: the parent's."),
    ] = None
    dataset: Annotated[
        DatasetName | None,
        Field(description="Data set on which the network was trained; unset: the parent's."),
    ] = None
    weights: Annotated[
        str,
        Field(
            pattern="^sha256:[0-9a-f]{64}$|^pretrained$|^predictions:.{1,100}$",
            description="Digest of the weights file, pretrained, or predictions:NAME if only predictions are "
            "known.",
        ),
    ]
    prune_ratio: Annotated[
        Ratio | None, Field(description="Stated prune ratio, if only predictions are known.")
    ] = None
    seed: Annotated[
        Seed, Field(description="Seed of the held-out split and of the data order in retraining.")
    ] = 0
    expect_error: Annotated[
        float | None,
        Field(ge=0, le=1, description="Refuse the network unless its test error is this one."),
    ] = None

    @model_validator(mode="after")
    def _belongs(self) -> Self:
        if self.parent is None and self.dataset is None:
            raise FieldError(
                "dataset", "dataset: name the data set on which the network was trained, or its parent"
            )
        if self.parent is None and self.method is not None:
            raise FieldError("method", "method: also name the parent from which the network was made")
        return self


class PruneParams(Params):
    """Remove weights or filters of a stored network, without retraining."""

    kind = "prune"
    references = ("parent",)
    parent: Annotated[
        str, Field(description="The model to prune: key, unique prefix, label, or - for stdin.")
    ]
    method: Annotated[
        CodeName,
        Field(description="Pruning method: see `prunekit list methods`, or module:FILE.py:FUNCTION."),
    ]
    prune_ratio: Annotated[
        Ratio, Field(description="1 - nonzero parameters / parameters of the unpruned parent, in (0, 1).")
    ]
    seed: Annotated[Seed, Field(description="Seed of the randomised methods.")] = 0
    sample_size: Annotated[
        Count | None,
        Field(description="Number of validation images for data-informed methods; unset: the paper's bound."),
    ] = None
    skip_layers: Annotated[tuple[str, ...], Field(description="Names of layers that are not pruned.")] = ()
    repair: Annotated[
        bool,
        Field(
            description="Fit every layer to its outputs before pruning by least squares, without labels or training."
        ),
    ] = False
    coupled: Annotated[
        bool,
        Field(
            description="Filter methods: score and remove coupled channels together, so that all masked channels "
            "can be removed physically."
        ),
    ] = False
    target: Annotated[
        Literal["parameters", "multiplications"],
        Field(
            description="coupled: what the prune ratio counts during pruning (parameters, or multiplications by "
            "weights as `show --latency` counts them); the record counts parameters."
        ),
    ] = "parameters"
    round_to: Annotated[
        Count, Field(description="coupled: the numbers of remaining channels are multiples of this.")
    ] = 1
    max_layer_ratio: Annotated[
        float, Field(gt=0, le=1, description="coupled: the largest share of its filters that a layer loses.")
    ] = 1.0
    layer_ratio: Annotated[
        tuple[str, ...],
        Field(description="coupled: NAME=SHARE, the share of its filters that a layer loses."),
    ] = ()
    options: Annotated[
        NamedValues,
        Field(
            description="Options of the method, by name: see `prunekit list methods`.",
            json_schema_extra={"default": {}},
        ),
    ] = ()


# Training images for the batch-norm statistics of the retraining mode none, and those for least-squares.
BATCHNORM_IMAGES = 8192
REPAIR_IMAGES = 256
# Modes of retraining that train nothing.
UNTRAINED_MODES = ("none", "least-squares")


class RetrainParams(Params):
    """Train a stored network again with its masks fixed."""

    kind = "retrain"
    references = ("parent",)
    parent: Annotated[
        str, Field(description="The model to retrain: key, unique prefix, label, or - for stdin.")
    ]
    mode: Annotated[
        Literal["lr-rewind", "weight-rewind", "fine-tune", "scratch", "none", "least-squares"],
        Field(
            description="lr-rewind: the whole schedule again (the paper's); weight-rewind: from a kept early "
            "epoch; fine-tune: the last learning rate; scratch: same masks, new weights; none: "
            "batch-norm statistics only; least-squares: no training; every layer is fitted to its "
            "outputs before pruning."
        ),
    ] = "lr-rewind"
    epochs: Annotated[
        Epochs | None, Field(description="Epochs; unset: those of the unpruned parent's training.")
    ] = None
    seed: Annotated[Seed, Field(description="Number added to the lineage's seed for the data order.")] = 0


MODEL_STEPS: dict[str, type[Params]] = {
    step.kind: step for step in (TrainParams, ImportParams, PruneParams, RetrainParams)
}
MEASUREMENT_STEPS: dict[str, type[Params]] = {
    step.kind: step for step in (ErrorParams, NoiseParams, FeaturesParams, TransferParams)
}
STEPS: dict[str, type[Params]] = MODEL_STEPS | MEASUREMENT_STEPS


# The paper's margin, and enough draws that an interval does not change with the bootstrap's seed.
MARGIN, RESAMPLES = 0.005, 10_000


class ReportParams(Params):
    """How findings are computed from stored outcomes; changing these fields needs no new measurements."""

    kind = "report"
    margin: Annotated[
        float,
        Field(
            ge=-1,
            le=1,
            description="Allowed rise in error; below 0, the network must be better than its parent.",
        ),
    ] = MARGIN
    relative_margin: Annotated[
        float | None,
        Field(ge=-1, description="Allowed rise as a share of the parent's error, instead of margin."),
    ] = None
    resamples: Annotated[
        int, Field(ge=100, le=MOST_RESAMPLES, description="Number of bootstrap resamples for each interval.")
    ] = RESAMPLES
    seed: Annotated[Seed, Field(description="Seed of the bootstrap.")] = 0
    interpolate: Annotated[
        bool, Field(description="Interpolate the potential between tested ratios (not the paper's).")
    ] = False
    noise_by_draw: Annotated[
        bool, Field(description="Judge each draw of noise separately, then average (as in the paper).")
    ] = True
    top_k: Annotated[
        Count, Field(description="An example counts as right if its class is among the k likeliest.")
    ] = 1
    kept: Annotated[
        float,
        Field(
            gt=0,
            le=1,
            description="Measured share of kept pixels at which informative features are compared.",
        ),
    ] = 0.1
    noise_images: Annotated[
        Count | None,
        Field(
            description="If a network has several noise comparisons, use the one with this many images; unset: "
            "the largest."
        ),
    ] = None
    noise_draws: Annotated[
        Count | None,
        Field(description="The same, by draws per image and level; unset: the largest."),
    ] = None
    error_seed: Annotated[
        Seed | None,
        Field(
            description="Seed of the corruptions and noise whose errors are used; unset: the smallest stored "
            "seed."
        ),
    ] = None
