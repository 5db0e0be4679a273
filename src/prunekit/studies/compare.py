"""Comparison of any two networks: the measurements it needs, and its rows from stored outcomes. No torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from prunekit.analysis.comparison import Asked, comparisons
from prunekit.analysis.curves import grouped
from prunekit.analysis.outcome import Array
from prunekit.analysis.schema import check_row
from prunekit.base.arithmetic import one_thread
from prunekit.data.sets import expand
from prunekit.distribution import parse
from prunekit.errors import UsageError
from prunekit.params import ErrorParams, ReportParams
from prunekit.registry import Lazy
from prunekit.report.study import Study
from prunekit.steps.check import check_comparable
from prunekit.store.records import ModelRecord
from prunekit.store.store import Store
from prunekit.studies import outcomes as stored
from prunekit.studies.divergence import divergences
from prunekit.studies.gallery import gallery
from prunekit.studies.groups import image_names
from prunekit.studies.subject import report_context
from prunekit.studies.versions import check_versions
from prunekit.tasks import TASKS

Row = dict[str, Any]
WRITE_REPORT = Lazy("prunekit.report.build:write_report")


def outcomes_for(store: Store, parent: str, keys: Sequence[str], names: Sequence[str]) -> list[ErrorParams]:
    """The outcomes of the parent and of every network on these distributions, or on the nominal one if none is given.

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


@one_thread()
def compare(
    store: Store, parent: str, keys: Sequence[str], errors: Iterable[ErrorParams], asked: Asked
) -> list[Row]:
    """A row with a verdict for every network and distribution, and one for each of its classes and groups."""
    errors = list(errors)
    check_versions(store, errors)
    found = stored.measured(store, errors, partial(_parent_of, parent, keys))
    once = {(each.record.key, each.own.distribution): each for each in reversed(found)}
    asked = asked._replace(
        names={key: name for name, key in store.labels().items()},
        kl=divergences(store, parent, errors),
        among=_among(store, errors),
    )
    rows: list[Row] = []
    for classes, members in grouped(reversed(once.values()), lambda each: each.record.classes).items():
        rows += comparisons(stored.pairs(store, members), asked, classes=classes)
    for row in rows:
        check_row(row)
    return rows


def _parent_of(parent: str, keys: Sequence[str], record: ModelRecord) -> str | None:
    """The parent for every compared network; None for any other network."""
    return parent if record.key in keys else None


class Comparison(NamedTuple):
    """What was compared: the parent, the networks (keys), and their measurements."""

    parent: str
    keys: Sequence[str]
    errors: Sequence[ErrorParams]


def write_comparison(
    store: Store,
    compared: Comparison,
    rows: Sequence[Row],
    settings: ReportParams,
    title: str,
    out: Path,
    data: Path,
) -> Path:
    """Write a comparison's rows as a page with figures, tables and a few images; returns the page."""
    context = report_context(store, [compared.parent, *compared.keys], settings, title=title)
    page: Path = WRITE_REPORT(
        rows, context, out, pictures=partial(_pictures, store, compared, data, settings.top_k)
    )
    return page


def _pictures(
    store: Store, compared: Comparison, data: Path, top_k: int, study: Study
) -> dict[str, list[Row] | str]:
    to = partial(_parent_of, compared.parent, compared.keys)
    return {"broken": gallery(store, study, compared.errors, data, top_k=top_k, to=to)}


def _among(store: Store, errors: Iterable[ErrorParams]) -> dict[str, list[str]]:
    """The classes of distributions that contain only some of the networks' classes."""
    held = ((params, store.measurement(params.key).summary) for params in errors if store.has(params.key))
    return {params.distribution: list(map(str, each["among"])) for params, each in held if "among" in each}  # type: ignore[arg-type]


def broken_images(store: Store, rows: Iterable[Row], errors: Iterable[ErrorParams]) -> list[Row]:
    """The images that each network of the rows breaks: place, name if known, and both networks' predictions."""
    measured = {(step.model, step.distribution): step for step in errors}
    found: list[Row] = []
    for row in rows:
        steps = [measured[model, row["distribution"]] for model in (row["models"][0], row["parent"])]
        if TASKS[stored.task_of(store, steps[0].key)].breaks:
            own, reference = (store.outcomes(step.key) for step in steps)
            found += _broken(row, own, reference, image_names(steps[1], reference))
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
