"""The Python face: what the commands do, on stored networks or on arrays alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from prunekit.analysis.comparison import Asked, comparisons
from prunekit.analysis.paired import Paired
from prunekit.analysis.variant import Role, Variant
from prunekit.analysis.verdict import Margin, Verdict, checked, overall
from prunekit.data.predictions.outcomes import Array, Predictions, Scores
from prunekit.data.predictions.outcomes import checked as checked_predictions
from prunekit.data.predictions.outcomes import outcomes as outcomes_of
from prunekit.engine.now import make_now
from prunekit.environment import default_data, default_store
from prunekit.params import ReportParams
from prunekit.progress import SILENT
from prunekit.registry import Lazy
from prunekit.steps.check import to_measure
from prunekit.steps.settings import Settings
from prunekit.store.records import ModelRecord
from prunekit.store.store import Store
from prunekit.studies.compare import compare as compared
from prunekit.studies.compare import outcomes_for
from prunekit.studies.groups import groups_of

WRITE_REPORT = Lazy("prunekit.report.build:write_report")
PANDAS = Lazy("pandas:DataFrame")
SHOWN = ("network", "distribution", "verdict", "parent_error", "error", "value", "low", "high", "agreement")


class Found(NamedTuple):
    """Rows of findings: to look at, to compute with, to write as a report."""

    rows: list[dict[str, Any]]
    margin: float

    @property
    def verdict(self) -> Verdict:
        """One verdict on every network and distribution: within on all, beyond on some, or undecided."""
        return overall([Verdict(row["verdict"]) for row in self._main()])

    def to_pandas(self) -> Any:
        """The rows as a data frame (``pip install 'prunekit[pandas]'``)."""
        return PANDAS(self.rows)

    def write(self, folder: str | Path) -> Path:
        """Write the report of these rows; returns its page."""
        page: Path = WRITE_REPORT(self.rows, {"title": "Comparison", "margin": self.margin}, Path(folder))
        return page

    def __repr__(self) -> str:
        return "\n".join(self._lines())

    def _main(self) -> list[dict[str, Any]]:
        return [row for row in self.rows if row["finding"] == "comparison"]

    def _lines(self) -> Iterator[str]:
        yield "  ".join(SHOWN)
        for row in self._main():
            yield "  ".join(
                f"{value:.4g}" if isinstance(value, float) else str(value) for value in map(row.get, SHOWN)
            )


def compare(
    parent: str,
    *models: str,
    distributions: Sequence[str] = (),
    margin: float = 0.005,
    relative: bool = False,
    groups: str | Path | None = None,
    store: str | Path | None = None,
    data: str | Path | None = None,
) -> Found:
    """Compare stored networks with their parent; measures what is missing, as ``prunekit compare`` does.

    ``parent`` and ``models`` are keys, unique prefixes or labels; ``groups`` is a file of groups. UsageError: a
    network, distribution, margin or group that cannot be.
    """
    held = _opened(store)
    keys = [held.resolve(name) for name in models]
    root = held.resolve(parent)
    errors = outcomes_for(held, root, keys, distributions)
    settings = Settings(str(held.root), str(data or default_data()), "cpu", 0, ())
    missing = to_measure(held, errors)
    if missing:
        make_now(missing, held, settings, SILENT)
    by = groups_of(held, errors, Path(groups) if groups is not None else None)
    asked = Asked(checked(Margin(margin, relative)), resamples=ReportParams().resamples, groups=by)
    return Found(compared(held, root, keys, errors, asked), margin)


def outcomes(
    scores: Any, labels: Any, *, ids: Sequence[str] | None = None, kind: str = "logits"
) -> dict[str, Array]:
    """Per-example outcomes from logits or probabilities ``[n, classes]``, or from predicted classes ``[n]``."""
    given = np.asarray(scores)
    names = tuple(map(str, ids)) if ids is not None else None
    found = Predictions(np.asarray(labels, dtype=np.int64), given, Scores(kind), names)
    return outcomes_of(checked_predictions(found, "scores"))


def churn(
    scores: Any, parent_scores: Any, labels: Any, *, margin: float = 0.005, kind: str = "logits"
) -> dict[str, Any]:
    """Two networks' answers on the same examples, from arrays alone: the row of ``compare``, with its verdict."""
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


def _opened(store: str | Path | None) -> Store:
    return Store(Path(store) if store is not None else default_store())
