"""Cautions that a reader must know before using a number, by code; their sentences are in ``prunekit.report.codes``."""

from __future__ import annotations

from enum import StrEnum


class Flag(StrEnum):
    """A code in the column ``flags``."""

    ONE_SEED = "one-seed"
    FEW_IMAGES = "few-images"
    OUTLYING = "seeds-outlying"
    CHANCE = "parent-at-chance"
    CHANCE_LEFT_OUT = "chance-left-out"
    SEVERITIES_GROUPED = "severities-grouped"
    NOT_FINITE = "not-finite"
    MEAN_RISE = "of-the-mean-rise"
    EXPECTED = "expected-of-new-networks"
    ONE_PARENT = "one-parent"
    ONE_PAIR = "one-pair"
    UNDEFINED = "undefined"
    OUTSIDE = "outside-interval"
    AT_LARGEST = "at-largest-ratio"
    NONE_COMMENSURATE = "none-commensurate"
    NOT_MONOTONE = "not-monotone"
    FEW_SEEDS = "few-seeds"
    SOME_SEEDS = "ratio-lacks-seeds"
    NO_CONTROL = "no-separate-network"
    NO_TEST = "no-welch-test"
    LARGEST = "largest-of-many"
    SMALLEST = "smallest-of-many"
    FEW_NETWORKS = "few-networks"
    IMAGES_ONLY = "images-only"
    BIASED = "biased-upwards"
    NOT_STORED = "not-stored"
    NOT_ALL_CORRUPTIONS = "not-all-corruptions"
    NOT_ALL_SEVERITIES = "not-all-severities"
    LOST = "planned-missing"
