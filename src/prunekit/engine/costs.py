"""Costs of steps: medians of earlier costs in this store, else rough constants. Pure apart from one read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from statistics import median
from typing import Any, NamedTuple, Self, TypeGuard

from prunekit.params import STEPS, Params, Root
from prunekit.params.bounds import MOST_EPOCHS
from prunekit.steps.table import RUN
from prunekit.store.store import Store

MOST_SECONDS = 1e10  # three centuries: a larger value was not measured


class Network(NamedTuple):
    """What the cost of an image depends on; ``size`` (height, width) is None if the network sets no input size.

    The size is then the data set's, or timm's if the network was ``imported`` from there.
    """

    arch: str
    dataset: str
    size: tuple[int, int] | None = None
    imported: bool = False

    @classmethod
    def of(cls, root: Root) -> Self:
        """The network at the start of a lineage."""
        sides = root.image_size
        size = None if sides is None else (sides[0], sides[-1])
        return cls(str(root.arch), str(root.dataset), size, root.kind == "import")


class PastCosts(NamedTuple):
    """Median seconds per epoch or step: by kind and network, and by kind only."""

    exact: Mapping[tuple[str, Network], float]
    by_kind: Mapping[str, float]

    @property
    def known(self) -> bool:
        """Whether anything was measured in this store."""
        return bool(self.by_kind)

    def seconds(self, params: Params, root: Params, calibrated: float | None = None) -> float:
        """Seconds that a step of the lineage of ``root`` will take, from the most similar measured work.

        ``calibrated`` is the result of a short calibration; only identical work in this store takes precedence over it.
        """
        made, row = (root if isinstance(root, Root) else None), RUN[params.kind]
        past = self.exact.get((params.kind, Network.of(made))) if made else None
        if calibrated is not None and past is None:
            return calibrated
        each = past or self.by_kind.get(params.kind) or row.rough_seconds
        return each * row.epochs(params, made)


def measured(store: Store) -> PastCosts:
    """The median costs of the store's steps."""
    exact: dict[tuple[str, Network], list[float]] = defaultdict(list)
    by_kind: dict[str, list[float]] = defaultdict(list)
    for kind in STEPS:
        for note in store.costs(kind):
            seconds, epochs = note.get("seconds"), note.get("epochs", 1)
            if _is(seconds, MOST_SECONDS) and isinstance(epochs, int) and 0 < epochs <= MOST_EPOCHS:
                exact[kind, _network(note)].append(seconds / epochs)
                by_kind[kind].append(seconds / epochs)
    return PastCosts(
        {what: median(each) for what, each in exact.items()},
        {kind: median(each) for kind, each in by_kind.items()},
    )


def _network(note: Mapping[str, Any]) -> Network:
    """The network of a step, as :func:`prunekit.steps.make.make` notes it."""
    sides = note.get("image_size")
    whole = [side for side in sides if isinstance(side, int)] if isinstance(sides, list) else []
    size = (whole[0], whole[-1]) if whole else None
    return Network(
        str(note.get("arch")), str(note.get("dataset")), size, imported=note.get("imported") is True
    )


def _is(value: Any, most: float) -> TypeGuard[float]:
    """Whether a note's value is a plausible number: not NaN, not negative, at most ``most``."""
    return isinstance(value, int | float) and 0 <= value <= most


def estimates(steps: Mapping[str, Params], costs: PastCosts) -> dict[str, float]:
    """Seconds that each step (by key) will take; parents come before children, so that roots are known."""
    roots = roots_of(steps)
    return {key: costs.seconds(params, roots[key]) for key, params in steps.items()}


def roots_of(steps: Mapping[str, Params]) -> dict[str, Params]:
    """By key, the first step of each step's lineage that is in ``steps`` (parents before children)."""
    roots: dict[str, Params] = {}
    for key, params in steps.items():
        roots[key] = next((roots[parent] for parent in reversed(params.inputs) if parent in roots), params)
    return roots


def in_words(seconds: float) -> str:
    """A duration in words."""
    for name, size in (("year", 365 * 86400), ("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= 1.5 * size:
            count = round(seconds / size)
            return f"{count} {name}s"
    return f"{max(1, round(seconds))} seconds" if seconds >= 1.5 else "a second"
