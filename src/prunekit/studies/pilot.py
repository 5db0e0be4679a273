"""A pilot study: how often stored networks break and fix their unpruned parents' predictions. No torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

import numpy as np

from prunekit.analysis.curves import grouped
from prunekit.analysis.made_up import PAIRED
from prunekit.analysis.outcome import Array, outcome_of
from prunekit.analysis.power import Rates
from prunekit.analysis.sampled import Sampled, pool, sampled
from prunekit.analysis.seeds import probit_scale
from prunekit.analysis.variant import Variant
from prunekit.data.datasets import DATASETS, SHIFTED
from prunekit.distribution import parse
from prunekit.errors import UsageError
from prunekit.params import ErrorParams, Params
from prunekit.store.records import ModelRecord
from prunekit.store.store import Store
from prunekit.studies.outcomes import task_of
from prunekit.studies.variants import rung, standings
from prunekit.tasks import TASKS


class Pilot(NamedTuple):
    """One network on one distribution, with its unpruned parent; ``seeds`` are those of its variant in the pilot.

    ``breaks`` ``[n]`` marks every image as broken (1) or fixed (-1).
    """

    model: str
    parent: str
    method: str
    prune_ratio: float
    distribution: str
    rates: Rates
    seeds: int
    breaks: Array

    @property
    def n(self) -> int:
        """The number of images."""
        return len(self.breaks)


class _Outcome(NamedTuple):
    """The images that a network and its parent get wrong, ``[n]`` each."""

    own: Array
    parent: Array

    @property
    def breaks(self) -> Array:
        return np.asarray(self.own.astype(np.int8) - self.parent)


class _Place(NamedTuple):
    """What networks of several seeds have in common: the variant, the grid's ratio and the distribution."""

    variant: Variant
    rung: float
    distribution: str


def pilots(
    store: Store, keys: Sequence[str], distributions: Iterable[str] = (), *, between: float | None = None
) -> list[Pilot]:
    """The pilot results of each model on each distribution, by default its own test set.

    ``between`` is the standard deviation of a rise between seeds; if left out, it is estimated from variants with
    several seeds. Raises UsageError for a network that has no parent, was not measured there, or is not a classifier.
    """
    named = list(distributions)
    records = {key: store.record(key) for key in keys}
    outcomes = {
        (key, name): _outcome(store, record, name)
        for key, record in records.items()
        for name in (named or [str(record.param("dataset"))])
    }
    placed = {key: own[0] for key, own in standings(records.values()).items()}

    def place(each: tuple[str, str]) -> _Place:
        return _Place(placed[each[0]].variant, rung(records[each[0]]), each[1])

    spread = _spread(
        {
            common: [(placed[each[0]].seed, outcomes[each]) for each in members]
            for common, members in grouped(outcomes, place).items()
        }
    )
    return [
        _pilot(records[each[0]], each[1], found, spread[place(each)], between)
        for each, found in outcomes.items()
    ]


def _spread(places: Mapping[_Place, Sequence[tuple[int, _Outcome]]]) -> dict[_Place, tuple[int, float]]:
    """The number of seeds at each place and the deviation of the rise between them, estimated from all places."""
    seeds = {place: len({seed for seed, _ in members}) for place, members in places.items()}
    several = [place for place, count in seeds.items() if count > 1]
    if not several:
        return {place: (count, 0.0) for place, count in seeds.items()}
    variances = pool([_sampled(places[place]) for place in several]).spread.between
    found = {place: (count, 0.0) for place, count in seeds.items()}
    return found | {
        place: (seeds[place], float(np.sqrt(each))) for place, each in zip(several, variances, strict=True)
    }


def _sampled(members: Sequence[tuple[int, _Outcome]]) -> Sampled:
    errors = [
        float(np.mean([getattr(each, side).mean() for _, each in members])) for side in ("own", "parent")
    ]
    return sampled(
        np.stack([each.breaks for _, each in members]),
        [seed for seed, _ in members],
        made_up=PAIRED,
        scale=float(probit_scale(*errors)),
    )


def _pilot(
    record: ModelRecord, distribution: str, found: _Outcome, spread: tuple[int, float], between: float | None
) -> Pilot:
    seeds, learned = spread
    breaks = found.breaks
    rates = Rates(
        float((breaks > 0).mean()), float((breaks < 0).mean()), learned if between is None else between
    )
    return Pilot(
        record.key,
        record.root.key,
        str(record.method),
        record.prune_ratio,
        distribution,
        rates,
        seeds,
        breaks,
    )


def _outcome(store: Store, record: ModelRecord, distribution: str) -> _Outcome:
    if record.method is None:
        raise UsageError(f"{record.key} is not pruned: a pilot compares a network with its unpruned parent")
    measured = [_measured(store, model, distribution) for model in (record.key, record.root.key)]
    task = task_of(store, measured[0])
    if not TASKS[task].breaks:
        raise UsageError(
            f"{record.key} on {distribution}: only classifiers break and fix images; state rates instead"
        )
    return _Outcome(
        *(outcome_of(store.outcomes(each), task=task).wrong[:, 0].astype(bool) for each in measured)
    )


def _measured(store: Store, model: str, distribution: str) -> str:
    """The key of a stored measurement."""
    key = ErrorParams(model=model, distribution=distribution).key
    if not store.has(key):
        raise UsageError(
            f"{model} has not been measured on {distribution}; "
            f"`prunekit potential {model} --distribution {distribution}` does it"
        )
    return key


def planned_images(steps: Iterable[Params]) -> list[int]:
    """The numbers of test images of planned measurements, if the table of data sets has them."""
    distributions = {step.distribution for step in steps if isinstance(step, ErrorParams)}
    return sorted({n for name in distributions if (n := _images(str(name)))})


def _images(distribution: str) -> int | None:
    wanted = parse(distribution)
    with suppress(UsageError):  # the user's own folders are not counted
        dataset = DATASETS[SHIFTED[wanted.dataset].of if wanted.published else wanted.dataset]
        return dict(zip(dataset.splits, dataset.images, strict=False)).get(wanted.split)
    return None
