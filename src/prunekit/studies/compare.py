"""Any two networks: what their comparison needs, and its rows from stored outcomes. No torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from prunekit.analysis.comparison import Asked, comparisons
from prunekit.analysis.curves import grouped
from prunekit.analysis.outcome import Array
from prunekit.analysis.schema import check_row
from prunekit.data.sets import expand
from prunekit.distribution import parse
from prunekit.errors import UsageError
from prunekit.params import ErrorParams
from prunekit.steps.check import check_comparable
from prunekit.steps.predicted import names_in
from prunekit.store.store import Store
from prunekit.studies import outcomes as stored
from prunekit.studies.versions import check_versions
from prunekit.tasks import TASKS

Row = dict[str, Any]


def outcomes_for(store: Store, parent: str, keys: Sequence[str], names: Sequence[str]) -> list[ErrorParams]:
    """The outcomes of the parent and of every network on these distributions; on the nominal one without any.

    :class:`UsageError`: a network is compared with itself, or two networks have different classes.
    """
    dataset = str(store.record(parent).param("dataset"))
    wanted: dict[str, ErrorParams] = {}
    for key in keys:
        if key == parent:
            raise UsageError(f"{key} is the parent itself: name the networks to compare with it after it")
        check_comparable(key, parent, store)
    for name in names or [dataset]:
        for each in expand(name, dataset):
            for model in (parent, *keys):
                params = ErrorParams(model=model, distribution=str(parse(each)))
                wanted[params.key] = params
    return list(wanted.values())


def compare(
    store: Store, parent: str, keys: Sequence[str], errors: Iterable[ErrorParams], asked: Asked
) -> list[Row]:
    """A row with a verdict for every network and distribution, and one for every class and group of it."""
    errors = list(errors)
    check_versions(store, errors)
    found = stored.measured(store, errors, lambda record: parent if record.key in keys else None)
    once = {(each.record.key, each.own.distribution): each for each in reversed(found)}
    asked = asked._replace(names={key: name for name, key in store.labels().items()})
    rows: list[Row] = []
    for classes, members in grouped(reversed(once.values()), lambda each: each.record.classes).items():
        rows += comparisons(stored.pairs(store, members), asked, classes=classes)
    for row in rows:
        check_row(row)
    return rows


def broken_images(store: Store, rows: Iterable[Row], errors: Iterable[ErrorParams]) -> list[Row]:
    """The images that each network of the rows breaks: place, name where it is known, and what both said of it."""
    measured = {(step.model, step.distribution): step for step in errors}
    found: list[Row] = []
    for row in rows:
        keys = [measured[model, row["distribution"]].key for model in (row["models"][0], row["parent"])]
        if TASKS[stored.task_of(store, keys[0])].breaks:
            own, reference = map(store.outcomes, keys)
            found += _broken(row, own, reference, names_in(reference))
    return found


def _broken(
    row: Row, own: Mapping[str, Array], reference: Mapping[str, Array], names: Sequence[str]
) -> list[Row]:
    places = ((own["rank"] > 0) & (reference["rank"] == 0)).nonzero()[0]
    return [
        {
            "broken": int(place),
            "image": names[place] if place < len(names) else None,
            "network": row["network"],
            "distribution": row["distribution"],
            "label": int(own["label"][place]),
            "predicted": int(own["predicted"][place]),
            "parent_predicted": int(reference["predicted"][place]),
        }
        for place in places
    ]
