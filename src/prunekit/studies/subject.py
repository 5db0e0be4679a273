"""The subject of a report: its measurements, and the source of its numbers. No torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from prunekit.base.garbage import rarely_collected
from prunekit.errors import UsageError
from prunekit.params import MODEL_STEPS, ErrorParams, FeaturesParams, Params, ReportParams
from prunekit.registry import Lazy
from prunekit.report.study import Study
from prunekit.store.records import ModelRecord
from prunekit.store.store import Store
from prunekit.studies.choose import Say
from prunekit.studies.findings import all_findings
from prunekit.studies.fresh import made_of
from prunekit.studies.gallery import gallery
from prunekit.studies.missing import missing_of
from prunekit.studies.pictures import pictures

WRITE_REPORT = Lazy("prunekit.report.build:write_report")
CHECK_FOLDER = Lazy("prunekit.report.folder:check_folder")
PAGE_MADE_OF = Lazy("prunekit.report.folder:page_made_of")


class Subject(NamedTuple):
    """The subject of a report: its findings, their source, and the measurements among its steps."""

    rows: Sequence[Mapping[str, Any]]
    context: dict[str, Any]
    steps: Sequence[Params]

    @property
    def missing(self) -> str:
        """A sentence on how many planned steps are missing; empty if none is."""
        return str(self.context.get("missing", ""))


class Source(NamedTuple):
    """Where a study's plan comes from: the titles and the text of its recipes."""

    title: str
    recipe: str


def of_plan(
    store: Store,
    steps: Sequence[Params],
    settings: ReportParams,
    source: Source,
    *,
    say: Say,
    groups: Path | None = None,
) -> Subject:
    """The stored results of the planned steps of some recipes."""
    models = [step.key for step in steps if step.kind in MODEL_STEPS]
    context = report_context(store, models, settings, title=source.title, recipe=source.recipe)
    missing = missing_of(steps, store.present()).sentence
    context |= {"missing": missing} if missing else {}
    return Subject(all_findings(store, steps, settings, say=say, groups=groups), context, steps)


class Written(NamedTuple):
    """A report, newly written or unchanged: its page, and a sentence on what it lacks."""

    page: Path
    missing: str


def report_plan(
    store: Store,
    steps: Sequence[Params],
    settings: ReportParams,
    source: Source,
    *,
    out: Path,
    data: Path,
    say: Say,
    groups: Path | None = None,
    formats: Sequence[str] = (),
) -> Written:
    """The report on some recipes' planned steps; an existing one with the same inputs is kept without computing."""
    parts = [settings.model_dump(mode="json"), *source, list(formats)]
    known = made_of(store, steps, parts, groups=groups)
    page: Path | None = PAGE_MADE_OF(out, known)
    if page:
        return Written(page, missing_of(steps, store.present()).sentence)
    with rarely_collected():
        subject = of_plan(store, steps, settings, source, say=say, groups=groups)
        page = write_report(subject, out, store, data, formats=formats, known=known)
    return Written(page, subject.missing)


def of_models(
    store: Store,
    keys: Sequence[str],
    settings: ReportParams,
    title: str,
    *,
    say: Say,
    groups: Path | None = None,
) -> Subject:
    """The stored results on some models; a :class:`UsageError` for a model without measurements."""
    context = report_context(store, keys, settings, title=title)
    measurements = measurements_of(store, keys)
    measured = {key for step in measurements for key in step.inputs}
    silent = [key for key in keys if key not in measured]
    if measurements and silent:
        more = f", nor of {len(silent) - 1} more" if len(silent) > 1 else ""
        raise UsageError(
            f"there is no measurement of {silent[0]}{more}: the report would have no number for it "
            "(measure it with `prunekit potential` or `prunekit similarity`, or omit it)"
        )
    return Subject(all_findings(store, measurements, settings, say=say, groups=groups), context, measurements)


def write_report(
    subject: Subject, out: Path, store: Store, data: Path, *, formats: Sequence[str] = (), known: str = ""
) -> Path:
    """Write the folder, with a few images from the data sets; ``known`` is its inputs' digest. Returns its page."""
    check_rows(subject)
    check_out(out)
    settings = {name: subject.context[name] for name in ("kept", "top_k")}
    pictures = partial(pictures_of, store, subject.steps, data, **settings)
    page: Path = WRITE_REPORT(
        subject.rows, subject.context, out, pictures=pictures, formats=formats, made_of=known
    )
    return page


def check_out(out: Path | None) -> None:
    """Refuse a folder that a report cannot be written to, before long work."""
    if out is not None:
        CHECK_FOLDER(out)


def check_rows(subject: Subject) -> None:
    """Raise a :class:`UsageError` that says how to make findings if there are none."""
    if not subject.rows:
        raise UsageError(
            "there is nothing to report: the store has no measurement of these models (first run the "
            "recipe, or `prunekit potential` and `prunekit similarity`)"
        )


def measurements_of(store: Store, keys: Sequence[str]) -> list[Params]:
    """Every stored measurement of these models and of the unpruned parents at their roots."""
    wanted = set(keys) | {store.record(key).root.key for key in keys}
    found = [store.measurement(key).step.read() for key in store.keys("measurements")]
    return [step for step in found if getattr(step, "model", None) in wanted]


def report_context(
    store: Store, models: Sequence[str], settings: ReportParams, *, title: str, recipe: str = ""
) -> dict[str, Any]:
    """The source of a report's numbers: settings, recipe, and the lineage of every model."""
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


def pictures_of(
    store: Store, measurements: Iterable[Params], data: Path, study: Study, *, kept: float, top_k: int = 1
) -> dict[str, Any]:
    """The few images that a report shows, by kind, or why there are none; reads images only if needed."""
    held = [step for step in measurements if store.has(step.key)]
    features = [step for step in held if isinstance(step, FeaturesParams)]
    errors = [step for step in held if isinstance(step, ErrorParams)]
    return {
        "kept": pictures(store, features, data, kept=kept) if features else [],
        "broken": gallery(store, study, errors, data, top_k=top_k),
    }


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
