"""Look up every name that a step uses before it runs; loads no torch."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from prunekit.data.datasets import check_dataset, check_distribution
from prunekit.distribution import parse, tidy
from prunekit.errors import UsageError
from prunekit.models.archs import check_arch
from prunekit.params import KEY_DIGITS, ErrorParams, Params
from prunekit.pruning.methods import METHODS
from prunekit.store.records import MODULE, PREDICTIONS, ModelRecord
from prunekit.store.store import Store


def _root(params: Any) -> None:
    if params.arch is not None:
        check_arch(params.arch)
    if params.dataset is not None:
        check_dataset(params.dataset, split="train")
        _is_no_shift(params.dataset)
    if getattr(params, "train_distribution", None) is not None:
        _training_shift(params)


def _is_no_shift(dataset: str) -> None:
    """The name of a folder may read as a shift of another (photos+fog@3): its network would be measured on that."""
    read = parse(dataset)
    if read.dataset != tidy(dataset) or not read.nominal or read.split != "test":
        raise UsageError(
            f"data set {dataset!r} reads as a distribution of {read.dataset!r}: give the folder another name"
        )


def _training_shift(params: Any) -> None:
    shift = parse(params.train_distribution)
    if shift.dataset != params.dataset or shift.mixture is None:
        raise UsageError(
            f"train_distribution {params.train_distribution!r}: only mixtures of the data set itself can be "
            f"trained on, such as {params.dataset}+mix1"
        )


def _distribution(params: Any) -> None:
    if params.distribution is not None:
        shift = parse(params.distribution)
        check_distribution(shift)
        if shift.mixture is not None:
            raise UsageError(
                f"distribution {params.distribution!r}: a mixture is for training, not for measuring"
            )


def _nothing(params: Any) -> None:
    return None


def _method(params: Any) -> None:
    METHODS[params.method]  # a wrong name raises


def _retraining(params: Any) -> None:
    parent = re.match(f"([a-z]+)-[0-9a-f]{{{KEY_DIGITS}}}$", params.parent)
    if params.mode == "least-squares" and parent is not None and parent[1] != "prune":
        raise UsageError(
            f"mode least-squares fits a network to what it was before it was pruned, and {params.parent} was not just "
            "pruned: retrain the result of a prune step"
        )


CHECKS: dict[str, Callable[[Any], None]] = {
    "train": _root,
    "import": _root,
    "prune": _method,
    "retrain": _retraining,
    "error": _distribution,
    "noise": _distribution,
    "features": _distribution,
    "transfer": _nothing,
}


def check_names(params: Params) -> None:
    """Raise a :class:`UsageError` for the first name of ``params`` that no table has."""
    CHECKS[params.kind](params)


def check_comparable(key: str, other: str, store: Store) -> None:
    """Two networks are compared on the same images: a :class:`UsageError` if they tell different classes apart."""
    if store.record(key).classes != store.record(other).classes:
        raise UsageError(f"{key} and {other} tell different classes apart: they cannot be compared")


def check_module(record: ModelRecord) -> None:
    """Refuse to prune or to train a program: it is measured as it came."""
    if record.form == PREDICTIONS:
        raise UsageError(
            f"{record.key}: only its predictions are stored, there is no network to prune or to train"
        )
    if record.form != MODULE:
        raise UsageError(
            f"{record.key} is a program ({record.form}): it is measured and exported as it came, never pruned or "
            "retrained (import its weights with --arch for that)"
        )


def check_on_parent(params: Any, store: Store) -> None:
    """What can be known of a step from its parent's record before it runs."""
    record = store.record(params.parent)
    check_module(record)
    ratio = getattr(params, "prune_ratio", None)
    if ratio is not None and ratio <= record.prune_ratio:
        raise UsageError(
            f"prune ratio {ratio:g} is not above the {record.prune_ratio:.4f} that {params.parent} is already pruned to"
        )
    check_names(params)


def to_measure(store: Store, steps: Iterable[ErrorParams]) -> list[ErrorParams]:
    """The measurements that can be made here, every name looked up; those of brought predictions are left out.

    :class:`UsageError` where outcomes are missing of a network that is known by its predictions alone.
    """
    found = []
    for params in steps:
        if store.record(params.model).form != PREDICTIONS:
            check_names(params)
            found.append(params)
        elif not store.has(params.key):
            raise UsageError(
                f"{params.model} is known by its predictions alone: add those on {params.distribution} "
                "(`prunekit outcomes add`)"
            )
    return found
