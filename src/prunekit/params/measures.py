"""The measurements: of a model on a distribution, of two as functions, of the pixels that predictions rely on."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from prunekit.distribution import LARGEST_NOISE
from prunekit.params.bounds import Count, Seed
from prunekit.params.keys import DistributionName, Params


class ErrorParams(Params):
    """Measure one model on one distribution: per-example outcomes."""

    kind = "error"
    references = ("model",)
    model: Annotated[str, Field(description="The model to measure.")]
    distribution: Annotated[
        DistributionName, Field(description="Distribution, such as digits, digits+fog@3, cifar10-c/fog@3.")
    ]
    seed: Annotated[Seed, Field(description="Seed of corruptions and noise made on the fly.")] = 0


LEVELS = tuple(round(0.05 * step, 2) for step in range(15))


class NoiseParams(Params):
    """Compare one model with another as functions, under noise of growing size (Liebenwein et al. 2021)."""

    kind = "noise"
    references = ("model", "to")
    model: Annotated[str, Field(description="The model to compare.")]
    to: Annotated[
        str, Field(description="The model to compare with; unset on the command line: its unpruned parent.")
    ]
    distribution: Annotated[
        DistributionName | None,
        Field(description="Distribution of the images; unset: the model's own test set."),
    ] = None
    images: Annotated[Count, Field(description="Number of test images, drawn with the seed.")] = 1000
    draws: Annotated[Count, Field(description="Noise draws per image and level.")] = 100
    levels: Annotated[
        tuple[Annotated[float, Field(ge=0, le=LARGEST_NOISE)], ...],
        Field(min_length=1, description="Noise sizes epsilon."),
    ] = LEVELS
    noise: Annotated[Literal["uniform", "gaussian"], Field(description="U[-eps, eps], or N(0, eps^2).")] = (
        "uniform"
    )
    space: Annotated[
        Literal["normalised", "pixel"],
        Field(description="Where noise is added: normalised inputs, or pixels in [0, 1]."),
    ] = "normalised"
    clip: Annotated[bool, Field(description="Clip noisy inputs to the range of real pixels.")] = False
    seed: Annotated[Seed, Field(description="Seed of the choice of images and of the noise draws.")] = 0


class FeaturesParams(Params):
    """Find the pixels that a model's predictions rely on (BackSelect: Carter et al. 2019)."""

    kind = "features"
    references = ("model",)
    model: Annotated[str, Field(description="The model whose informative pixels are searched.")]
    distribution: Annotated[
        DistributionName | None,
        Field(description="Distribution of the images; unset: the model's own test set."),
    ] = None
    images: Annotated[Count, Field(description="Number of images: the first ones of the distribution.")] = 250
    block: Annotated[
        Count,
        Field(
            description="Pixels removed per greedy step: 1 gives the exact order, larger values are faster."
        ),
    ] = 1
    candidates: Annotated[
        Count | None,
        Field(description="Pixels tried per step, chosen by gradient; unset: all of them (exact)."),
    ] = None


class TransferParams(Params):
    """Show one model's informative pixels to another model."""

    kind = "transfer"
    references = ("features", "model")
    features: Annotated[str, Field(description="Key of the features measurement.")]
    model: Annotated[str, Field(description="The model that predicts from the kept pixels.")]
    kept: Annotated[
        tuple[Annotated[float, Field(gt=0, le=1)], ...],
        Field(min_length=1, description="Shares of kept pixels."),
    ] = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0)


def distribution_of(params: Params) -> str | None:
    """The distribution that a measurement names; None for a step that names none or uses the model's own test set."""
    if isinstance(params, ErrorParams | NoiseParams | FeaturesParams):
        return params.distribution
    return None
