"""All findings of a set of measurements, and the context that a report shows beside them. No torch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from prunekit.params import ErrorParams, NoiseParams, Params, ReportParams
from prunekit.steps.findings import Row, error_findings, noise_findings
from prunekit.store import Store


def findings(store: Store, measurements: Iterable[Params], settings: ReportParams) -> list[Row]:
    """Every finding that the stored measurements carry; what is not measured is left out."""
    steps = list(measurements)
    errors = [step for step in steps if isinstance(step, ErrorParams)]
    noises = [step for step in steps if isinstance(step, NoiseParams)]
    return error_findings(store, errors, settings) + noise_findings(store, noises, settings)


def measurements_of(store: Store, keys: Sequence[str]) -> list[Params]:
    """Every measurement in the store of these models and of the unpruned parents at their roots."""
    wanted = set(keys) | {store.record(key).root.key for key in keys}
    found = [store.measurement(key).step.read() for key in store.keys("measurements")]
    return [step for step in found if getattr(step, "model", None) in wanted]


def report_context(
    store: Store, models: Sequence[str], settings: ReportParams, *, title: str, recipe: str = ""
) -> dict[str, Any]:
    """What a report says of where its numbers come from: settings, recipe, and the lineage of every model."""
    records = [store.record(key) for key in dict.fromkeys(models) if store.has(key)]
    return {
        "title": title,
        "recipe": recipe,
        "margin": settings.margin,
        "settings": settings.model_dump(mode="json"),
        "seeds": sorted({int(record.param("seed")) for record in records}),
        "models": [
            {
                **record.row(),
                "lineage": [step.model_dump(mode="json") for step in record.lineage],
                "provenance": record.provenance,
            }
            for record in records
        ],
    }
