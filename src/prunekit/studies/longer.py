"""The control of longer training, from stored outcomes: the unpruned parent trained as long again. No torch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from prunekit.analysis.curves import resample
from prunekit.analysis.longer import longer_errors, longer_potentials
from prunekit.params import ErrorParams, ReportParams
from prunekit.store.records import ModelRecord
from prunekit.store.store import Store
from prunekit.studies import outcomes as stored


def longer_findings(
    store: Store, errors: Iterable[ErrorParams], settings: ReportParams
) -> list[dict[str, Any]]:
    """Error of the control beside its parent's, and potentials against it; none where no parent was trained on.

    Of several controls of one parent the first counts.
    """
    errors = list(errors)
    records = (store.record(step.model) for step in errors if store.has(step.key))
    control: dict[str, str] = {}
    for record in filter(stored.is_longer, records):
        control.setdefault(record.root.key, record.key)

    def its_parent(record: ModelRecord) -> str | None:
        return record.root.key if control.get(record.root.key) == record.key else None

    def its_control(record: ModelRecord) -> str | None:
        return control.get(record.root.key) if record.method is not None else None

    lineages = [
        resample(
            stored.curves(store, stored.measured(store, errors, to), top_k=settings.top_k),
            resamples=settings.resamples,
            seed=settings.seed,
        )
        for to in (its_parent, its_control)
    ]
    return longer_errors(lineages[0]) + longer_potentials(lineages[1], margin=settings.margin)
