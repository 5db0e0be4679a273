"""What steps will cost: medians of what they cost before in this store, else rough constants. Pure but for one read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from statistics import median
from typing import NamedTuple

from prunekit.params import STEPS, Params, Root
from prunekit.steps.table import RUN
from prunekit.store.store import Store


class PastCosts(NamedTuple):
    """Median seconds per epoch or step: by kind, architecture and data set, and by kind alone."""

    exact: Mapping[tuple[str, str, str], float]
    by_kind: Mapping[str, float]

    @property
    def known(self) -> bool:
        """Whether anything was measured in this store."""
        return bool(self.by_kind)

    def seconds(self, params: Params, root: Params, calibrated: float | None = None) -> float:
        """What a step of the lineage of ``root`` will take, from the closest thing that was measured.

        ``calibrated`` is what a short calibration says: it stands behind the same work in this store alone.
        """
        made = root if isinstance(root, Root) else None
        what = params.kind, str(made.arch if made else ""), str(made.dataset if made else "")
        if calibrated is not None and what not in self.exact:
            return calibrated
        each = self.exact.get(what) or self.by_kind.get(params.kind) or RUN[params.kind].rough_seconds
        epochs: int = getattr(params, "epochs", None) or (made.epochs if made else 1)
        return each * epochs if RUN[params.kind].by_epoch else each


def measured(store: Store) -> PastCosts:
    """The medians of what the store's steps took."""
    exact: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    by_kind: dict[str, list[float]] = defaultdict(list)
    for kind in STEPS:
        for note in store.costs(kind):
            seconds, epochs = note.get("seconds"), note.get("epochs", 1)
            if isinstance(seconds, int | float) and isinstance(epochs, int) and epochs > 0:
                exact[kind, str(note.get("arch")), str(note.get("dataset"))].append(seconds / epochs)
                by_kind[kind].append(seconds / epochs)
    return PastCosts(
        {what: median(each) for what, each in exact.items()},
        {kind: median(each) for kind, each in by_kind.items()},
    )


def estimates(steps: Mapping[str, Params], costs: PastCosts) -> dict[str, float]:
    """Seconds that each step (by its key) will take; parents come before children, so that roots are known."""
    roots = roots_of(steps)
    return {key: costs.seconds(params, roots[key]) for key, params in steps.items()}


def roots_of(steps: Mapping[str, Params]) -> dict[str, Params]:
    """The first step of every step's lineage as far as ``steps``, parents before children, hold it; by key."""
    roots: dict[str, Params] = {}
    for key, params in steps.items():
        roots[key] = next((roots[parent] for parent in reversed(params.inputs) if parent in roots), params)
    return roots


def in_words(seconds: float) -> str:
    """A duration as a person says it."""
    for name, size in (("year", 365 * 86400), ("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= 1.5 * size:
            count = round(seconds / size)
            return f"{count} {name}s"
    return f"{max(1, round(seconds))} seconds" if seconds >= 1.5 else "a second"
