"""What a report is about: its measurements, and where its numbers come from. No torch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from prunekit.params import FeaturesParams, Params, ReportParams
from prunekit.registry import Lazy
from prunekit.store.records import ModelRecord
from prunekit.store.store import Store

PICTURES = Lazy("prunekit.studies.pictures:pictures")


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
    labels = {key: name for name, key in store.labels().items()}
    datasets = {str(record.param("dataset")) for record in records}
    return {
        "title": title,
        "recipe": recipe,
        "nominal": min(datasets) if len(datasets) == 1 else None,
        **settings.model_dump(mode="json"),
        "seeds": sorted({int(record.param("seed")) for record in records}),
        "provenance": sorted({text for record in records for text in _made_with(record)}),
        "lineage": [_model(record, labels.get(record.key)) for record in records],
    }


def pictures_of(store: Store, measurements: Iterable[Params], data: Path, *, kept: float) -> Any:
    """The few images whose kept pixels a report shows, or why there are none; reads images only where needed."""
    features = [step for step in measurements if isinstance(step, FeaturesParams) and store.has(step.key)]
    return PICTURES(store, features, data, kept=kept) if features else []


def _made_with(record: ModelRecord) -> list[str]:
    return [f"{name} {value}" for name, value in record.provenance.items()]


def _model(record: ModelRecord, label: str | None) -> dict[str, Any]:
    return {
        "key": record.key,
        "label": label,
        "steps": [step.model_dump(mode="json") for step in record.lineage],
        "prune_ratio": record.prune_ratio,
        "error": record.error,
        "parameters": record.parameters,
        "nonzero": record.nonzero,
        **record.results,
    }
