"""Findings from stored measurements: reads the arrays, calls the analysis, measures nothing. No torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from prunekit.analysis.calibration import calibration
from prunekit.analysis.churn import churn
from prunekit.analysis.claims import judge
from prunekit.analysis.classes import excessive_losses, recall_shifts
from prunekit.analysis.corruption import corruption_errors
from prunekit.analysis.curve_rows import prune_curves
from prunekit.analysis.curves import ResampledCurve, grouped, resample
from prunekit.analysis.excess_rows import excess_errors
from prunekit.analysis.exemplars import exemplars
from prunekit.analysis.features import transfers
from prunekit.analysis.group_shifts import group_shifts
from prunekit.analysis.margin_rows import margin_steps
from prunekit.analysis.methods import method_differences
from prunekit.analysis.noise import noise_potentials
from prunekit.analysis.paired import Paired
from prunekit.analysis.part_potential import class_potentials, group_potentials
from prunekit.analysis.parts import Groups
from prunekit.analysis.potentials import Potential, potentials, potentials_of
from prunekit.analysis.robust import robust_gains
from prunekit.analysis.rows import Row
from prunekit.analysis.schema import check_row
from prunekit.analysis.shifts import Sets, sets_among
from prunekit.analysis.similarity import similarities
from prunekit.analysis.summary import potential_summary
from prunekit.analysis.verdict import Margin
from prunekit.base.arithmetic import one_thread
from prunekit.errors import UsageError
from prunekit.params import ErrorParams, NoiseParams, Params, ReportParams, TransferParams
from prunekit.store.reading import reading
from prunekit.store.records import ModelRecord
from prunekit.store.store import Store
from prunekit.studies import outcomes as stored
from prunekit.studies.choose import Say, taken
from prunekit.studies.groups import groups_of
from prunekit.studies.longer import longer_findings
from prunekit.studies.missing import lost_of, marked
from prunekit.studies.versions import check_versions
from prunekit.tasks import TASKS


def margin_of(settings: ReportParams) -> Margin:
    """The allowed rise in error, in points or as a share of the parent's error."""
    if settings.relative_margin is None:
        return Margin(settings.margin)
    return Margin(settings.relative_margin, relative=True)


class Pairs(NamedTuple):
    """Pruned networks with their parents, the names of the classes, the groups, and how to resample."""

    pairs: Sequence[Paired]
    classes: tuple[str, ...]
    settings: ReportParams
    groups: Groups

    @property
    def bootstrap(self) -> dict[str, Any]:
        """The bootstrap's arguments."""
        return {"resamples": self.settings.resamples, "seed": self.settings.seed}

    @property
    def judged(self) -> dict[str, Any]:
        """The arguments for verdicts on parts of the images."""
        return {"margin": margin_of(self.settings), "top_k": self.settings.top_k}


@one_thread()
def error_findings(store: Store, errors: Iterable[ErrorParams], settings: ReportParams) -> list[Row]:
    """Prune curves, potentials, their mean and minimum, excess and corruption errors, the longer-training control."""
    store, errors = reading(store), list(errors)
    check_versions(store, errors)
    rows = of_curves(_resampled(store, errors, settings), settings)
    return _checked(rows + longer_findings(store, errors, settings, margin_of(settings)))


def _resampled(store: Store, errors: list[ErrorParams], settings: ReportParams) -> list[ResampledCurve]:
    found = stored.measured(store, errors)
    for each in found:
        _check_top_k(settings.top_k, each.record)
    curves = stored.curves(store, found, top_k=settings.top_k)
    return resample(curves, resamples=settings.resamples, seed=settings.seed)


class Curves(NamedTuple):
    """Resampled prune curves, the sets of their distributions, their potentials, and the margin."""

    curves: Sequence[ResampledCurve]
    sets: Sets
    reached: Sequence[Potential]
    margin: Margin
    interpolate: bool

    @property
    def judged(self) -> dict[str, Any]:
        """The margin, and the potentials if known."""
        return {"margin": self.margin, "known": self.reached}


# Findings from prune curves alone, by name.
OF_CURVES: dict[str, Callable[[Curves], list[Row]]] = {
    "prune-curve": lambda each: prune_curves(each.curves, margin=each.margin),
    "potential": lambda each: potentials(each.curves, interpolate=each.interpolate, **each.judged),
    "potential-mean": lambda each: potential_summary(each.curves, each.sets, **each.judged),
    "potential-step": lambda each: margin_steps(each.curves),
    "method-difference": lambda each: method_differences(each.curves, **each.judged),
    "robust-gain": lambda each: robust_gains(each.curves, each.sets, margin=each.margin),
    "excess-error": lambda each: excess_errors(each.curves, each.sets),
    "mce": lambda each: corruption_errors(each.curves),
}
# Those on whose draws claims rest.
CLAIMED = ("potential", "potential-mean", "robust-gain", "excess-error")


def of_curves(
    curves: Sequence[ResampledCurve], settings: ReportParams, *, only: Sequence[str] = tuple(OF_CURVES)
) -> list[Row]:
    """The rows of :func:`error_findings` without the longer-training control."""
    sets = sets_among(
        (curve.distribution for curve in curves), (curve.variant.train_distribution for curve in curves)
    )
    margin = margin_of(settings)
    each = Curves(curves, sets, potentials_of(curves, margin), margin, settings.interpolate)
    return [row for name in only for row in OF_CURVES[name](each)]


def _checked(rows: list[Row]) -> list[Row]:
    """The rows, after checking each against its schema."""
    for row in rows:
        check_row(row)
    return rows


def _check_top_k(top_k: int, record: ModelRecord) -> None:
    classes = len(record.classes)
    if 1 < classes <= top_k:
        raise UsageError(
            f"top_k: with {top_k} of the {classes} classes of {record.param('dataset')}, no "
            f"prediction is wrong (1 to {classes - 1} are allowed)"
        )


# Successive factors by which the draws of a claim's findings grow while its verdict depends on their number, and the
# limit on the total of numbers drawn (docs/decisions/059-analysis-joint-draws.md).
MORE_DRAWS, MOST_DRAWN = (4, 16), 64_000_000

# What test accuracy hides: every function of pruned networks and their unpruned parents.
HIDDEN: dict[str, Callable[[Pairs], list[Row]]] = {
    "churn": lambda each: churn(each.pairs, top_k=each.settings.top_k),
    "recall-shift": lambda each: recall_shifts(each.pairs, classes=each.classes, **each.judged),
    "excessive-loss": lambda each: excessive_losses(each.pairs, classes=each.classes, **each.bootstrap),
    "class-potential": lambda each: class_potentials(
        each.pairs, classes=each.classes, **each.judged, **each.bootstrap
    ),
    "group-shift": lambda each: group_shifts(each.pairs, each.groups, **each.judged),
    "group-potential": lambda each: group_potentials(
        each.pairs, each.groups, **each.judged, **each.bootstrap
    ),
    "exemplars": lambda each: exemplars(each.pairs, top_k=each.settings.top_k),
    "calibration": lambda each: calibration(each.pairs, **each.bootstrap),
}


@one_thread()
def hidden_findings(
    store: Store,
    errors: Iterable[ErrorParams],
    settings: ReportParams,
    *,
    only: Sequence[str] = tuple(HIDDEN),
    to: stored.To = stored.unpruned_parent,
    groups: Groups | None = None,
) -> list[Row]:
    """Churn, classes, groups, exemplars, calibration: what stored outcomes show beyond the error, if they can."""
    store, errors = reading(store), list(errors)
    check_versions(store, errors)
    found = stored.measured(store, errors, to)
    rows: list[Row] = []
    for (classes, task), members in grouped(found, partial(_classes_and_task, store)).items():
        applies = [name for name in only if name in TASKS[task].findings]
        pairs = Pairs(stored.pairs(store, members) if applies else [], classes, settings, groups or {})
        rows += [row for name in applies for row in HIDDEN[name](pairs)]
    return _checked(rows)


def _classes_and_task(store: Store, each: stored.Measured) -> tuple[tuple[str, ...], str]:
    return each.record.classes, stored.task_of(store, each.own.key)


@one_thread()
def noise_findings(store: Store, noises: Iterable[NoiseParams], settings: ReportParams) -> list[Row]:
    """Functional similarity per noise level, the gain over the separate network, and the noise prune potential."""
    store, noises = reading(store), list(noises)
    check_versions(store, noises)
    found = stored.compared(store, noises)
    if not found:
        return []
    bootstrap = {"resamples": settings.resamples, "seed": settings.seed}
    rows = similarities(found, **bootstrap)
    rows += noise_potentials(found, margin=margin_of(settings), by_draw=settings.noise_by_draw, **bootstrap)
    return _checked(rows)


@one_thread()
def feature_findings(store: Store, steps: Iterable[TransferParams], settings: ReportParams) -> list[Row]:
    """The heat map of informative features."""
    store, steps = reading(store), list(steps)
    check_versions(store, steps)
    found = stored.transfers(store, steps)
    return _checked(transfers(found, kept=settings.kept, resamples=settings.resamples, seed=settings.seed))


@one_thread()
def all_findings(
    store: Store,
    measurements: Iterable[Params],
    settings: ReportParams,
    *,
    say: Say = lambda text: None,
    groups: Path | None = None,
) -> list[Row]:
    """Every finding in the stored measurements, with its bearing on the paper's claims; empty without measurements.

    Rows affected by planned ``measurements`` that are missing are flagged. ``say`` receives which measurements were
    left out because a larger one exists. ``groups`` is a file of groups; image folders may have their own.
    """
    store, planned = reading(store), list(measurements)
    lost = lost_of((step for step in planned if not store.has(step.key)), planned)
    steps = taken((step for step in planned if store.has(step.key)), settings, say)
    errors = [step for step in steps if isinstance(step, ErrorParams)]
    of_errors = error_findings(store, errors, settings)
    hidden = hidden_findings(store, errors, settings, groups=groups_of(store, errors, groups, say=say))
    others = _noise_and_features(store, steps, settings)
    rows = [*of_errors, *hidden, *others]
    return marked(rows + _claims(store, steps, settings, of_errors, [*hidden, *others]), lost) if rows else []


def _noise_and_features(store: Store, steps: Sequence[Params], settings: ReportParams) -> list[Row]:
    return [
        *noise_findings(store, [step for step in steps if isinstance(step, NoiseParams)], settings),
        *feature_findings(store, [step for step in steps if isinstance(step, TransferParams)], settings),
    ]


def _claimed(store: Store, steps: Sequence[Params], settings: ReportParams) -> list[Row]:
    errors = [step for step in steps if isinstance(step, ErrorParams)]
    return of_curves(_resampled(store, errors, settings), settings, only=CLAIMED)


# Functions that recompute the findings behind claims with more draws: those of prune curves, and the others.
DRAWN = {True: _claimed, False: _noise_and_features}


def _claims(
    store: Store, steps: Sequence[Params], settings: ReportParams, of_errors: list[Row], others: list[Row]
) -> list[Row]:
    """The verdicts of the findings on the claims, with more draws if a verdict depends on their number."""
    found = judge([*of_errors, *others])
    drawn = {True: _with_draws(of_errors), False: _with_draws(others)}
    without = [row for row in (*of_errors, *others) if row.draws is None]
    for factor in MORE_DRAWS:
        more = settings.model_copy(update={"resamples": factor * settings.resamples})
        if not found.hinge or more.resamples * len(steps) > MOST_DRAWN:
            break
        for kind in {claim.of_curves for claim in found.hinge}:
            drawn[kind] = DRAWN[kind](store, steps, more)
        found = judge([*without, *drawn[True], *drawn[False]])
    return _checked(found.rows)


def _with_draws(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row.draws is not None]
