"""The control of longer training, from stored outcomes: the unpruned parent trained again. No torch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from prunekit.analysis.curves import ResampledCurve, grouped, resample
from prunekit.analysis.longer import longer_errors, longer_potentials
from prunekit.analysis.rows import Row
from prunekit.analysis.variant import Variant
from prunekit.analysis.verdict import Margin
from prunekit.params import ErrorParams, ReportParams
from prunekit.store.records import ModelRecord
from prunekit.store.store import Store
from prunekit.studies import outcomes as stored
from prunekit.studies.variants import standings


def longer_findings(
    store: Store, errors: Iterable[ErrorParams], settings: ReportParams, margin: Margin
) -> list[Row]:
    """Errors of the controls with their parents', and potentials against each; empty if no parent was trained again."""
    errors = list(errors)
    records = {step.model: store.record(step.model) for step in errors if store.has(step.key)}
    rows = longer_errors(_resampled(store, errors, settings, _its_parent))
    for variant, controls in _controls(records.values()).items():
        curves = _renumbered(
            [_resampled(store, errors, settings, _to(controls, place)) for place in range(_most(controls))]
        )
        rows += longer_potentials(curves, control=variant, margin=margin)
    return rows


# By unpruned parent, the controls of one variant: repetitions of its longer training.
Controls = dict[str, list[str]]


def _controls(records: Iterable[ModelRecord]) -> dict[Variant, Controls]:
    longer = {record.key: record for record in records if stored.is_longer(record)}
    found: dict[Variant, Controls] = {}
    for key, own in standings(longer.values()).items():
        found.setdefault(own[0].variant, {}).setdefault(longer[key].root.key, []).append(key)
    return found


def _most(controls: Controls) -> int:
    return max(map(len, controls.values()))


def _its_parent(record: ModelRecord) -> str | None:
    return record.root.key if stored.is_longer(record) else None


def _to(controls: Controls, place: int) -> stored.To:
    """Each pruned network is compared with this one of the controls of its unpruned parent."""

    def control(record: ModelRecord) -> str | None:
        found = controls.get(record.root.key, [])
        return found[place] if stored.is_descendant(record) and place < len(found) else None

    return control


def _resampled(
    store: Store, errors: Sequence[ErrorParams], settings: ReportParams, to: stored.To
) -> list[ResampledCurve]:
    found = stored.curves(store, stored.measured(store, errors, to), top_k=settings.top_k)
    return resample(found, resamples=settings.resamples, seed=settings.seed)


def _renumbered(by_control: Sequence[list[ResampledCurve]]) -> list[ResampledCurve]:
    """All curves, those of one network against several controls as repetitions."""
    placed = [(place, curve) for place, curves in enumerate(by_control) for curve in curves]
    places = {
        name: number
        for number, name in enumerate(grouped(placed, lambda each: (each[0], each[1].repetition)))
    }
    return [curve._replace(repetition=places[place, curve.repetition]) for place, curve in placed]
