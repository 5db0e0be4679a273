"""One frozen class per step, and the key that names its result. No torch."""

from prunekit.params.keys import KEY_DIGITS, Params, describe, key_of
from prunekit.params.measures import (
    LEVELS,
    ErrorParams,
    FeaturesParams,
    NoiseParams,
    TransferParams,
    distribution_of,
)
from prunekit.params.roots import Root, Schedule, Seeing
from prunekit.params.steps import (
    BATCHNORM_IMAGES,
    MARGIN,
    MEASUREMENT_STEPS,
    MODEL_STEPS,
    REPAIR_IMAGES,
    RESAMPLES,
    STEPS,
    UNTRAINED_MODES,
    ImportParams,
    PruneParams,
    ReportParams,
    RetrainParams,
    TrainParams,
)

__all__ = [
    "BATCHNORM_IMAGES",
    "KEY_DIGITS",
    "LEVELS",
    "MARGIN",
    "MEASUREMENT_STEPS",
    "MODEL_STEPS",
    "REPAIR_IMAGES",
    "RESAMPLES",
    "STEPS",
    "UNTRAINED_MODES",
    "ErrorParams",
    "FeaturesParams",
    "ImportParams",
    "NoiseParams",
    "Params",
    "PruneParams",
    "ReportParams",
    "RetrainParams",
    "Root",
    "Schedule",
    "Seeing",
    "TrainParams",
    "TransferParams",
    "describe",
    "distribution_of",
    "key_of",
]
