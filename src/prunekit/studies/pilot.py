"""A pilot study: how often stored networks break and fix what their unpruned parents do. No torch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import NamedTuple

from prunekit.analysis.outcome import outcome_of
from prunekit.analysis.power import Rates
from prunekit.data.datasets import DATASETS, SHIFTED
from prunekit.distribution import parse
from prunekit.errors import UsageError
from prunekit.params import ErrorParams, Params
from prunekit.store.store import Store
from prunekit.studies.outcomes import task_of
from prunekit.tasks import TASKS


class Pilot(NamedTuple):
    """One network on one distribution of ``n`` images, beside its unpruned parent."""

    model: str
    parent: str
    method: str
    prune_ratio: float
    distribution: str
    n: int
    rates: Rates


def pilots(
    store: Store, keys: Sequence[str], distributions: Iterable[str] = (), *, between: float = 0.0
) -> list[Pilot]:
    """What each model did on each distribution, its own test set where none is named.

    Raises UsageError for a network that has no parent, was not measured there, or does not classify.
    """
    named = list(distributions)
    return [
        _pilot(store, key, name, between)
        for key in keys
        for name in (named or [str(store.record(key).param("dataset"))])
    ]


def _pilot(store: Store, key: str, distribution: str, between: float) -> Pilot:
    record = store.record(key)
    if record.method is None:
        raise UsageError(f"{key} is not pruned: a pilot compares a network with its unpruned parent")
    measured = [_measured(store, model, distribution) for model in (key, record.root.key)]
    task = task_of(store, measured[0])
    if not TASKS[task].breaks:
        raise UsageError(
            f"{key} on {distribution}: only classifiers break and fix images; state rates instead"
        )
    wrong, was = (outcome_of(store.outcomes(each), task=task).wrong[:, 0].astype(bool) for each in measured)
    rates = Rates(float((wrong & ~was).mean()), float((was & ~wrong).mean()), between)
    return Pilot(
        key, record.root.key, str(record.method), record.prune_ratio, distribution, len(wrong), rates
    )


def _measured(store: Store, model: str, distribution: str) -> str:
    """The key of a measurement that is stored."""
    key = ErrorParams(model=model, distribution=distribution).key
    if not store.has(key):
        raise UsageError(
            f"{model} has not been measured on {distribution}; "
            f"`prunekit potential {model} --distribution {distribution}` does it"
        )
    return key


def planned_images(steps: Iterable[Params]) -> list[int]:
    """The numbers of test images that planned measurements rest on, where the table of data sets knows them."""
    distributions = {step.distribution for step in steps if isinstance(step, ErrorParams)}
    return sorted({n for name in distributions if (n := _images(str(name)))})


def _images(distribution: str) -> int | None:
    wanted = parse(distribution)
    with suppress(UsageError):  # a folder of the user's own is not counted for this
        dataset = DATASETS[SHIFTED[wanted.dataset].of if wanted.published else wanted.dataset]
        return dict(zip(dataset.splits, dataset.images, strict=False)).get(wanted.split)
    return None
