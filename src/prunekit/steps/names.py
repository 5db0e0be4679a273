"""Look up every name that a step uses before it runs, one function per kind of step; loads no torch."""

from __future__ import annotations

import re

from prunekit.data.datasets import check_dataset, check_distribution
from prunekit.distribution import parse, tidy
from prunekit.errors import UsageError, about
from prunekit.models.archs import check_arch
from prunekit.params import (
    KEY_DIGITS,
    ErrorParams,
    FeaturesParams,
    NoiseParams,
    Params,
    PruneParams,
    RetrainParams,
    Root,
)
from prunekit.pruning.methods import check_name, check_options


def check_root(params: Root) -> None:
    """Check the architecture, the data set and the training distribution of a root."""
    if params.arch is not None:
        with about("arch"):
            check_arch(params.arch)
    if params.dataset is not None:
        with about("dataset"):
            check_dataset(params.dataset, split="train")
            _is_no_shift(params.dataset)
    if params.train_distribution is not None:
        with about("train_distribution"):
            _training_shift(params, params.train_distribution)


def _is_no_shift(dataset: str) -> None:
    """Refuse a folder whose name reads as a shift of another (photos+fog@3): its network would be measured on that."""
    read = parse(dataset)
    if read.dataset != tidy(dataset) or not read.nominal or read.split != "test":
        raise UsageError(
            f"data set {dataset!r} would be read as a distribution of {read.dataset!r}: rename the folder"
        )


def _training_shift(params: Root, name: str) -> None:
    shift = parse(name)
    if shift.dataset != params.dataset or shift.mixture is None:
        raise UsageError(
            f"train_distribution {name!r}: only mixtures of the data set itself can be "
            f"trained on, such as {params.dataset}+mix1"
        )


def check_distribution_of(params: ErrorParams | NoiseParams | FeaturesParams) -> None:
    """Check the distribution of a measurement; mixtures are only for training."""
    if params.distribution is not None:
        with about("distribution"):
            shift = parse(params.distribution)
            check_distribution(shift)
            if shift.mixture is not None:
                raise UsageError(
                    f"distribution {params.distribution!r}: a mixture is for training, not for measuring"
                )


def check_nothing(params: Params) -> None:
    """Check nothing: the step names only keys."""


def check_method(params: PruneParams) -> None:
    """Check the pruning method and its options."""
    with about("method"):
        check_name(params.method)
    with about("options"):
        check_options(params.method, dict(params.options))


def check_retraining(params: RetrainParams) -> None:
    """Check that the mode can start from this parent."""
    parent = re.match(f"([a-z]+)-[0-9a-f]{{{KEY_DIGITS}}}$", params.parent)
    if params.mode == "least-squares" and parent is not None and parent[1] != "prune":
        raise UsageError(
            f"mode least-squares fits a network to its state before pruning, but {params.parent} was "
            "not just pruned: retrain the result of a prune step",
            field=("mode",),
        )
