"""One frozen class per step, and the key that names its result. No torch."""

from prunekit.params.keys import KEY_DIGITS, Params, describe, key_of
from prunekit.params.measures import LEVELS, ErrorParams, FeaturesParams, NoiseParams, TransferParams
from prunekit.params.steps import (
    BATCHNORM_IMAGES,
    MARGIN,
    MEASUREMENT_STEPS,
    MODEL_STEPS,
    REPAIR_IMAGES,
    RESAMPLES,
    STEPS,
    ImportParams,
    PruneParams,
    ReportParams,
    RetrainParams,
    Root,
    Schedule,
    Seeing,
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
    "key_of",
]
