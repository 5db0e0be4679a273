"""Checks of a step against the store before it runs; loads no torch."""

from __future__ import annotations

from collections.abc import Iterable

from prunekit.errors import UsageError
from prunekit.params import ErrorParams, Params, PruneParams, RetrainParams
from prunekit.steps.table import check_names
from prunekit.store.records import MODULE, PREDICTIONS, ModelRecord
from prunekit.store.store import Store


def check_comparable(key: str, other: str, store: Store) -> None:
    """Refuse to compare two networks with different class sets (:class:`UsageError`): they need the same images."""
    if store.record(key).classes != store.record(other).classes:
        raise UsageError(f"{key} and {other} have different class sets: they cannot be compared")


def check_module(record: ModelRecord) -> None:
    """Refuse to prune or train a program: it can only be measured as imported."""
    if record.form == PREDICTIONS:
        raise UsageError(
            f"{record.key}: only its predictions are stored, so there is no network to prune or train"
        )
    if record.form != MODULE:
        raise UsageError(
            f"{record.key} is a program ({record.form}): it can be measured and exported unchanged, "
            "but not pruned or retrained (import its weights with --arch for that)"
        )


def check_on_parent(params: PruneParams | RetrainParams, store: Store) -> None:
    """Check what a step's parent's record shows before the step runs."""
    record = store.record(params.parent)
    check_module(record)
    if isinstance(params, PruneParams) and params.prune_ratio <= record.prune_ratio:
        raise UsageError(
            f"prune ratio {params.prune_ratio:g} is not above {record.prune_ratio:.4f}, to which "
            f"{params.parent} is already pruned"
        )
    check_names(params)


def check_missing(store: Store, steps: Iterable[Params]) -> None:
    """Look up the names in the steps that the store lacks: stored results need no images."""
    for params in steps:
        if not store.has(params.key):
            check_names(params)


def to_measure(store: Store, steps: Iterable[ErrorParams]) -> list[ErrorParams]:
    """The measurements that can be made here; those of imported predictions cannot.

    The names in those that the store lacks are looked up: stored results need no images.
    :class:`UsageError` if outcomes are missing for a network that is known only by its predictions.
    """
    found = []
    for params in steps:
        if store.record(params.model).form != PREDICTIONS:
            check_missing(store, [params])
            found.append(params)
        elif not store.has(params.key):
            raise UsageError(
                f"only predictions of {params.model} are stored: add those on {params.distribution} "
                "(`prunekit outcomes add`)"
            )
    return found
