"""From stored outcomes to findings: read the arrays, call the analysis, measure nothing. No torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from prunekit.analysis.curves import Curve, Lineage, Point, resample
from prunekit.analysis.outcome import Outcome, outcome_of
from prunekit.analysis.rows import excess_errors, potential_summary, potentials, prune_curves
from prunekit.analysis.similarity import SEPARATE, Compared, noise_potentials, similarities
from prunekit.errors import UsageError
from prunekit.params import ErrorParams, NoiseParams, ReportParams
from prunekit.records import ModelRecord
from prunekit.store import Store

Row = dict[str, Any]
NOMINAL, SHIFTED, ALL = "nominal", "shifted", "nominal and shifted"


def variant(record: ModelRecord, *, roots: Iterable[ModelRecord] = ()) -> str:
    """What a curve is called: the method, and whatever else sets its lineage apart from the other curves."""
    modes = [step.params.get("mode") for step in record.lineage if step.kind == "retrain"]
    words = [str(record.method), *([f"({modes[-1]})"] if modes and modes[-1] else [])]
    if record.param("train_distribution"):
        words.append("robust")
    if len({root.param("arch") for root in roots}) > 1:
        words.append(f"on {record.param('arch')}")
    return " ".join(words)


def unpruned(records: Iterable[ModelRecord]) -> list[ModelRecord]:
    """The records of unpruned networks."""
    return [record for record in records if record.method is None]


def curves(store: Store, errors: Sequence[ErrorParams], *, top_k: int = 1) -> list[Curve]:
    """One curve per method, unpruned parent and distribution, of the measurements that are in the store."""
    held = [params for params in errors if store.has(params.key)]
    records = {key: store.record(key) for key in dict.fromkeys(params.model for params in held)}
    roots = unpruned(records.values())
    measured = {(params.model, params.distribution): params for params in held}
    points: dict[tuple[str, str, str], list[str]] = {}
    for (key, distribution), _ in measured.items():
        record = records[key]
        if record.method is not None and (record.root.key, distribution) in measured:
            name = variant(record, roots=roots)
            points.setdefault((name, record.root.key, distribution), []).append(key)
    outcome = _reader(store, measured, top_k)
    return [
        Curve(
            method=name,
            seed=int(records[root].param("seed")),
            distribution=distribution,
            parent=root,
            parent_outcome=outcome(root, distribution),
            points=tuple(_point(records[key], outcome(key, distribution)) for key in keys),
        )
        for (name, root, distribution), keys in points.items()
    ]


def _reader(store: Store, measured: Mapping[tuple[str, str], ErrorParams], top_k: int) -> Any:
    """Reads each outcome once."""
    held: dict[tuple[str, str], Outcome] = {}

    def read(key: str, distribution: str) -> Outcome:
        if (key, distribution) not in held:
            arrays = store.outcomes(measured[key, distribution].key)
            held[key, distribution] = outcome_of(arrays, top_k=top_k)
        return held[key, distribution]

    return read


def _point(record: ModelRecord, outcome: Outcome) -> Point:
    return Point(record.prune_ratio, record.key, outcome, asked_ratio(record))


def asked_ratio(record: ModelRecord) -> float | None:
    """The prune ratio that the latest prune step was asked for."""
    asked = [step.params["prune_ratio"] for step in record.lineage if step.kind == "prune"]
    return float(asked[-1]) if asked else None  # type: ignore[arg-type]


def error_findings(store: Store, errors: Sequence[ErrorParams], settings: ReportParams) -> list[Row]:
    """Prune curves, potentials, their mean and minimum, and excess errors, from one bootstrap."""
    lineages = resample(
        curves(store, errors, top_k=settings.top_k), resamples=settings.resamples, seed=settings.seed
    )
    if not lineages:
        return []
    sets = distribution_sets(lineages, nominal_names(store, errors))
    rows = prune_curves(lineages, margin=settings.margin)
    rows += potentials(lineages, margin=settings.margin, interpolate=settings.interpolate)
    rows += potential_summary(lineages, sets, margin=settings.margin)
    if sets.get(SHIFTED) and sets.get(NOMINAL):
        rows += excess_errors(lineages, nominal=sets[NOMINAL], shifted={SHIFTED: sets[SHIFTED]})
    return rows


def nominal_names(store: Store, errors: Sequence[ErrorParams]) -> set[str]:
    """The names of the data sets that the measured networks were trained on."""
    roots = {store.record(params.model).root.key for params in errors if store.has(params.key)}
    return {str(store.record(root).param("dataset")) for root in roots}


def distribution_sets(lineages: Sequence[Lineage], nominal: set[str]) -> dict[str, list[str]]:
    """Nominal, shifted, and all distributions, in the order of measurement; empty sets are left out."""
    names = list(dict.fromkeys(lineage.distribution for lineage in lineages))
    sets = {
        NOMINAL: [name for name in names if name in nominal],
        SHIFTED: [name for name in names if name not in nominal],
    }
    found = {name: members for name, members in sets.items() if members}
    return found | ({ALL: names} if len(found) > 1 else {})


def compared(store: Store, noises: Sequence[NoiseParams]) -> list[Compared]:
    """The stored noise comparisons; an unpruned network that is not the parent is the control."""
    found = []
    for params in noises:
        if not store.has(params.key):
            continue
        record, parent = store.record(params.model), store.record(params.to)
        found.append(
            Compared(
                method=variant(record) if record.method else SEPARATE,
                seed=int(parent.param("seed")),
                prune_ratio=record.prune_ratio,
                key=params.model,
                parent=params.to,
                distribution=params.distribution or str(parent.param("dataset")),
                levels=params.levels,
                metrics=store.outcomes(params.key),
                noise=params.noise,
                asked=asked_ratio(record) or 0.0,
            )
        )
    return found


def noise_findings(store: Store, noises: Sequence[NoiseParams], settings: ReportParams) -> list[Row]:
    """Functional similarity per level, the gain over the separate network, and the noise prune potential."""
    pairs = compared(store, noises)
    if not pairs:
        return []
    rows = similarities(pairs, resamples=settings.resamples, seed=settings.seed)
    if any(pair.method != SEPARATE for pair in pairs):
        rows += noise_potentials(
            pairs, margin=settings.margin, resamples=settings.resamples, seed=settings.seed
        )
    return rows


def check_pruned(store: Store, keys: Sequence[str]) -> None:
    """A potential needs pruned networks: a :class:`UsageError` where there is none among ``keys``."""
    if all(store.record(key).method is None for key in keys):
        raise UsageError(
            "a prune potential needs pruned networks; these are all unpruned (see `prunekit ls`)"
        )
