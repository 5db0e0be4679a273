"""From stored measurements to findings: reads the arrays, calls the analysis, measures nothing. No torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from prunekit.analysis.calibration import calibration
from prunekit.analysis.churn import churn
from prunekit.analysis.claims import judge
from prunekit.analysis.class_potential import class_potentials
from prunekit.analysis.classes import excessive_losses, recall_shifts
from prunekit.analysis.corruption import corruption_errors
from prunekit.analysis.curves import Lineage, grouped, resample
from prunekit.analysis.exemplars import exemplars
from prunekit.analysis.features import transfers
from prunekit.analysis.paired import Paired
from prunekit.analysis.robust import robust_gains
from prunekit.analysis.rows import excess_errors, potential_summary, potentials, prune_curves
from prunekit.analysis.similarity import SEPARATE, noise_potentials, similarities
from prunekit.errors import UsageError
from prunekit.params import ErrorParams, NoiseParams, Params, ReportParams, TransferParams
from prunekit.store.records import ModelRecord
from prunekit.store.store import Store
from prunekit.studies import outcomes as stored
from prunekit.studies.longer import longer_findings
from prunekit.studies.versions import check_versions

Row = dict[str, Any]
NOMINAL, SHIFTED, ALL = "nominal", "shifted", "nominal and shifted"


class Pairs(NamedTuple):
    """Pruned networks beside their parents, the names of the classes, and how to resample."""

    pairs: Sequence[Paired]
    classes: tuple[str, ...]
    settings: ReportParams

    @property
    def bootstrap(self) -> dict[str, int]:
        """The bootstrap's arguments."""
        return {"resamples": self.settings.resamples, "seed": self.settings.seed}


def error_findings(store: Store, errors: Iterable[ErrorParams], settings: ReportParams) -> list[Row]:
    """Prune curves, potentials, their mean and minimum, excess and corruption errors, the longer trained control."""
    errors = list(errors)
    check_versions(store, errors)
    found = stored.measured(store, errors)
    for each in found:
        _check_top_k(settings.top_k, each.record)
    lineages = resample(
        stored.curves(store, found, top_k=settings.top_k), resamples=settings.resamples, seed=settings.seed
    )
    if not lineages:
        return []
    sets = distribution_sets(lineages, {str(each.record.param("dataset")) for each in found})
    rows = prune_curves(lineages, margin=settings.margin)
    rows += potentials(lineages, margin=settings.margin, interpolate=settings.interpolate)
    rows += potential_summary(lineages, sets, margin=settings.margin)
    rows += robust_gains(lineages, sets, margin=settings.margin)
    if SHIFTED in sets and NOMINAL in sets:
        rows += excess_errors(lineages, nominal=sets[NOMINAL], shifted={SHIFTED: sets[SHIFTED]})
    return rows + corruption_errors(lineages) + longer_findings(store, errors, settings)


def _check_top_k(top_k: int, record: ModelRecord) -> None:
    classes = len(record.classes)
    if 1 < classes <= top_k:
        raise UsageError(
            f"top_k: {top_k} of the {classes} classes of {record.param('dataset')} are never wrong "
            f"(1 to {classes - 1} are allowed)"
        )


def distribution_sets(lineages: Sequence[Lineage], nominal: set[str]) -> dict[str, list[str]]:
    """Nominal, shifted, and all distributions, in the order of measurement; empty sets are left out."""
    names = list(dict.fromkeys(lineage.distribution for lineage in lineages))
    sets = {
        NOMINAL: [name for name in names if name in nominal],
        SHIFTED: [name for name in names if name not in nominal],
    }
    found = {name: members for name, members in sets.items() if members}
    return found | ({ALL: names} if len(found) > 1 else {})


# What test accuracy hides: every function of pruned networks beside their unpruned parents.
HIDDEN: dict[str, Callable[[Pairs], list[Row]]] = {
    "churn": lambda each: churn(each.pairs, **each.bootstrap),
    "recall-shift": lambda each: recall_shifts(each.pairs, classes=each.classes, **each.bootstrap),
    "excessive-loss": lambda each: excessive_losses(each.pairs, classes=each.classes, **each.bootstrap),
    "class-potential": lambda each: class_potentials(
        each.pairs, margin=each.settings.margin, classes=each.classes, **each.bootstrap
    ),
    "exemplars": lambda each: exemplars(each.pairs, **each.bootstrap),
    "calibration": lambda each: calibration(each.pairs, **each.bootstrap),
}


def hidden_findings(
    store: Store,
    errors: Iterable[ErrorParams],
    settings: ReportParams,
    *,
    only: Sequence[str] = tuple(HIDDEN),
    to: Callable[[ModelRecord], str | None] = stored.unpruned_parent,
) -> list[Row]:
    """Churn, classes, exemplars, calibration: what the stored outcomes say beyond the error (classification)."""
    errors = list(errors)
    check_versions(store, errors)
    found = [each for each in stored.measured(store, errors, to) if _classifies(store, each.own)]
    rows: list[Row] = []
    for classes, members in grouped(found, lambda each: each.record.classes).items():
        pairs = Pairs(stored.pairs(store, members), classes, settings)
        rows += [row for name in only for row in HIDDEN[name](pairs)]
    return rows


def _classifies(store: Store, params: ErrorParams) -> bool:
    return store.measurement(params.key).summary.get("task", "classification") == "classification"


def noise_findings(store: Store, noises: Iterable[NoiseParams], settings: ReportParams) -> list[Row]:
    """Functional similarity per level, the gain over the separate network, and the noise prune potential."""
    noises = list(noises)
    check_versions(store, noises)
    found = stored.compared(store, noises)
    if not found:
        return []
    bootstrap = {"resamples": settings.resamples, "seed": settings.seed}
    rows = similarities(found, **bootstrap)
    if any(each.method != SEPARATE for each in found):
        rows += noise_potentials(found, margin=settings.margin, **bootstrap)
    return rows


def feature_findings(store: Store, steps: Iterable[TransferParams], settings: ReportParams) -> list[Row]:
    """The heat map of informative features."""
    steps = list(steps)
    check_versions(store, steps)
    found = stored.transfers(store, steps)
    return transfers(found, kept=settings.kept, resamples=settings.resamples, seed=settings.seed)


def all_findings(store: Store, measurements: Iterable[Params], settings: ReportParams) -> list[Row]:
    """Every finding that the stored measurements carry, and what they say of the paper's claims; none where none is."""
    steps = list(measurements)
    errors = [step for step in steps if isinstance(step, ErrorParams)]
    rows = [
        *error_findings(store, errors, settings),
        *hidden_findings(store, errors, settings),
        *noise_findings(store, [step for step in steps if isinstance(step, NoiseParams)], settings),
        *feature_findings(store, [step for step in steps if isinstance(step, TransferParams)], settings),
    ]
    return rows + judge(rows) if rows else []


def check_pruned(store: Store, keys: Sequence[str]) -> None:
    """A potential needs pruned networks: a :class:`UsageError` where there is none among ``keys``."""
    if all(store.record(key).method is None for key in keys):
        raise UsageError(
            "a prune potential needs pruned networks; these are all unpruned (see `prunekit ls`)"
        )
