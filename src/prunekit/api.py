"""The Python interface: what the commands do, on stored networks, networks in memory, or arrays only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from prunekit.analysis.comparison import Asked, comparisons
from prunekit.analysis.paired import Paired
from prunekit.analysis.variant import Role, Variant
from prunekit.analysis.verdict import Margin, Verdict, checked, overall
from prunekit.base.environment import default_data, default_store
from prunekit.data.predictions.outcomes import Array, Predictions, Scores
from prunekit.data.predictions.outcomes import checked as checked_predictions
from prunekit.data.predictions.outcomes import outcomes as outcomes_of
from prunekit.engine.now import make_now
from prunekit.errors import UsageError, unknown
from prunekit.params import ErrorParams, ReportParams
from prunekit.progress import SILENT
from prunekit.registry import Lazy
from prunekit.steps.check import to_measure
from prunekit.steps.predicted import Known
from prunekit.steps.predicted import add as add_predictions
from prunekit.steps.settings import Settings
from prunekit.store.records import ModelRecord
from prunekit.store.store import Store
from prunekit.studies.choose import check_pruned, errors_of
from prunekit.studies.compare import compare as compared
from prunekit.studies.compare import outcomes_for
from prunekit.studies.findings import error_findings
from prunekit.studies.groups import groups_of
from prunekit.studies.in_memory import Evaluated, compare_in_memory

WRITE_REPORT = Lazy("prunekit.report.build:write_report")
DRAW = Lazy("prunekit.report.single:draw")
MEASURE = Lazy("prunekit.steps.in_memory:measure")
PANDAS = Lazy("pandas:DataFrame")
# The columns that the text form shows of each kind of row.
SHOWN = {
    "comparison": (
        "network",
        "distribution",
        "verdict",
        "parent_error",
        "error",
        "value",
        "low",
        "high",
        "agreement",
    ),
    "potential": ("distribution", "margin", "value", "low", "high", "n"),
}


class Found(NamedTuple):
    """Rows of findings, to print, compute with, plot, or write as a report."""

    rows: list[dict[str, Any]]
    margin: float

    @property
    def verdict(self) -> Verdict:
        """One verdict on every network and distribution: within on all, beyond on some, or undecided."""
        return overall([Verdict(row["verdict"]) for row in self.of("comparison")])

    def of(self, finding: str) -> list[dict[str, Any]]:
        """The rows of one kind, such as ``comparison``, ``comparison-slice``, ``potential``, ``prune-curve``."""
        return [row for row in self.rows if row["finding"] == finding]

    def to_pandas(self) -> Any:
        """The rows as a data frame (``pip install 'prunekit[pandas]'``)."""
        return PANDAS(self.rows)

    def plot(self, name: str) -> Any:
        """A figure of the report, such as ``comparison`` or ``potential``, for a notebook to show.

        Its ``write(folder)`` saves it as SVG. UsageError: no figure has this name, or these rows hold no data for it.
        """
        return DRAW(self.rows, {"margin": self.margin}, name)

    def write(self, folder: str | Path) -> Path:
        """Write the report of these rows; returns its page."""
        page: Path = WRITE_REPORT(self.rows, {"title": "Comparison", "margin": self.margin}, Path(folder))
        return page

    def __repr__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        for finding, columns in SHOWN.items():
            rows = self.of(finding)
            if rows:
                yield "  ".join(columns)
            for row in rows:
                yield "  ".join(
                    f"{value:.4g}" if isinstance(value, float) else str(value)
                    for value in map(row.get, columns)
                )


def compare(
    parent: Any,
    *models: Any,
    distributions: Sequence[str] | Mapping[str, tuple[Any, Any]] = (),
    margin: float = 0.005,
    relative: bool = False,
    groups: str | Path | None = None,
    names: Sequence[str] = (),
    store: str | Path | None = None,
    data: str | Path | None = None,
    **seen: Any,
) -> Found:
    """Compare networks with their parent; measure what is missing, as ``prunekit compare`` does.

    Stored networks are keys, unique prefixes or labels. A network in memory is an ``nn.Module``, a callable, or the
    result of :func:`evaluate`; it is measured as ``evaluate(model, distributions, **seen)`` does and needs no store;
    ``names`` gives its label. ``groups`` is a CSV file of groups of images, by file or id; examples in arrays go by
    their number from 0. UsageError: an invalid network, distribution, margin or group.
    """
    limit = checked(Margin(margin, relative))
    if not models:
        raise UsageError("name the networks to compare with the parent after it")
    if not isinstance(parent, str):
        return _in_memory(parent, models, distributions, limit, groups, names, data, seen)
    if seen or names or isinstance(distributions, Mapping):
        raise UsageError(
            f"{parent!r} is a stored network and has its own names and preprocessing: do not pass "
            "these or arrays"
        )
    held = _opened(store)
    keys = [held.resolve(name) for name in models]
    root = held.resolve(parent)
    errors = outcomes_for(held, root, keys, distributions)
    _make(errors, held, data)
    by = groups_of(held, errors, Path(groups) if groups is not None else None)
    asked = Asked(limit, resamples=ReportParams().resamples, groups=by)
    return Found(compared(held, root, keys, errors, asked), margin)


def _in_memory(
    parent: Any,
    models: Sequence[Any],
    distributions: Sequence[str] | Mapping[str, tuple[Any, Any]],
    limit: Margin,
    groups: str | Path | None,
    names: Sequence[str],
    data: str | Path | None,
    seen: Mapping[str, Any],
) -> Found:
    called = list(names) or [f"network-{place}" for place in range(1, len(models) + 1)]
    if len(set(called)) != len(models):
        raise UsageError(f"{len(called)} names for {len(models)} networks: give each network its own name")
    reference, *own = (_evaluated(each, distributions, data, seen) for each in (parent, *models))
    place = Path(groups) if groups is not None else None
    rows = compare_in_memory(reference, own, called, place, Asked(limit, resamples=ReportParams().resamples))
    return Found([dict(row) for row in rows], limit.size)


def _evaluated(
    model: Any,
    distributions: Sequence[str] | Mapping[str, tuple[Any, Any]],
    data: str | Path | None,
    seen: Mapping[str, Any],
) -> Evaluated:
    if isinstance(model, Evaluated):
        return model
    if isinstance(model, str):
        raise UsageError(
            f"{model!r} is a stored network, but its parent is in memory: both must be stored or both "
            "in memory"
        )
    return evaluate(model, distributions, data=data, **seen)


def evaluate(
    model: Any,
    distributions: Sequence[str] | Mapping[str, tuple[Any, Any]],
    *,
    data: str | Path | None = None,
    device: str = "cpu",
    seed: int = 0,
    **seen: Any,
) -> Evaluated:
    """Measure a network in memory on each distribution; nothing is stored.

    ``model``: an ``nn.Module``, or a callable from a batch of images (float tensor ``[n, C, H, W]``) to logits
    ``[n, classes]``. ``distributions``: names of one data set's distributions (``["digits", "digits+fog@3"]``; the
    model's outputs are that data set's classes), or arrays by name, ``{"mine": (inputs, labels)}``, which go to the
    model as they are. ``seen``: with names, how the model sees an image (``mean``, ``std``, ``image_size``, ...; unset:
    the data set's own). UsageError: a distribution that does not exist, or outputs that are not logits.
    """
    place = Path(data) if data is not None else Path(default_data())
    return Evaluated(*MEASURE(model, distributions, seen=seen, data=place, device=device, seed=seed))


def potential(
    *models: str,
    distributions: Sequence[str] = (),
    margin: float = 0.005,
    relative: bool = False,
    store: str | Path | None = None,
    data: str | Path | None = None,
) -> Found:
    """How far stored networks can be pruned on each distribution, with prune curves; measure what is missing.

    ``models`` are keys, unique prefixes or labels of pruned networks. UsageError: an invalid network or distribution.
    """
    held = _opened(store)
    keys = [held.resolve(name) for name in models]
    errors = errors_of(held, keys, distributions)
    check_pruned(held, keys)
    _make(errors, held, data)
    fields = {"relative_margin": margin} if relative else {"margin": margin}
    return Found([dict(row) for row in error_findings(held, errors, ReportParams.read(fields))], margin)


def add(
    scores: Any,
    labels: Any,
    *,
    model: str,
    distribution: str,
    parent: str | None = None,
    method: str | None = None,
    prune_ratio: float | None = None,
    ids: Sequence[str] | None = None,
    kind: str = "logits",
    classes: Sequence[str] = (),
    seed: int = 0,
    store: str | Path | None = None,
) -> str:
    """Store a network's output for every example, as ``prunekit outcomes add`` does; returns the network's key.

    ``scores``: logits or probabilities ``[n, classes]``, or predicted classes ``[n]``, as ``kind`` says. UsageError:
    invalid numbers, labels or ids, or examples that are not the parent's.
    """
    if parent is None and (method is not None or prune_ratio is not None):
        raise UsageError(
            "method and prune_ratio describe a network that was made from another: name its parent"
        )
    held = _opened(store)
    root = held.resolve(parent) if parent is not None else None
    known = Known(model, root, method, prune_ratio, None, tuple(classes), seed)
    record, _ = add_predictions(held, known, _predictions(scores, labels, ids, kind), distribution)
    return record.key


def outcomes(
    scores: Any, labels: Any, *, ids: Sequence[str] | None = None, kind: str = "logits"
) -> dict[str, Array]:
    """Per-example outcomes from logits or probabilities ``[n, classes]``, or from predicted classes ``[n]``."""
    return outcomes_of(_predictions(scores, labels, ids, kind))


def _predictions(scores: Any, labels: Any, ids: Sequence[str] | None, kind: str) -> Predictions:
    if kind not in list(Scores):
        raise unknown("kind of scores", kind, list(Scores))
    names = tuple(map(str, ids)) if ids is not None else None
    found = Predictions(np.asarray(labels, dtype=np.int64), np.asarray(scores), Scores(kind), names)
    return checked_predictions(found, "scores")


def churn(
    scores: Any, parent_scores: Any, labels: Any, *, margin: float = 0.005, kind: str = "logits"
) -> dict[str, Any]:
    """Compare two networks' outputs on the same examples, from arrays: the row of ``compare``, with its verdict."""
    own, reference = (outcomes(each, labels, kind=kind) for each in (scores, parent_scores))
    pair = Paired(
        Variant(role=Role.COMPRESSED), 0, 0.0, "network", "parent", "examples", own, reference, None
    )
    return dict(comparisons([pair], Asked(checked(Margin(margin))))[0])


def load(
    name: str, *, store: str | Path | None = None
) -> tuple[ModelRecord, Mapping[str, Array], Mapping[str, Array]]:
    """A stored network by key, unique prefix or label: its record, its weights and its masks (NumPy)."""
    held = _opened(store)
    key = held.resolve(name)
    return (held.record(key), *held.tensors(key))


def _make(errors: Sequence[ErrorParams], held: Store, data: str | Path | None) -> None:
    missing = to_measure(held, errors)
    if missing:
        make_now(missing, held, Settings(str(held.root), str(data or default_data()), "cpu", 0, ()), SILENT)


def _opened(store: str | Path | None) -> Store:
    return Store(Path(store) if store is not None else default_store())
