"""Check before the first step whether all stages have their data, and say how to get missing data. No torch."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from prunekit.data.downloads import DOWNLOADS
from prunekit.distribution import is_place, parse
from prunekit.engine.costs import roots_of
from prunekit.params import MODEL_STEPS, Params, Root, distribution_of


def absent(plan: Mapping[str, Params], todo: Collection[str], root: Path) -> dict[str, str]:
    """How to get each missing published data set that the steps ``todo`` of a ``plan`` (by key) read.

    Training needs all files of a data set, a measurement at least some: a set of corruptions may be present in
    part. Places such as ``folder:PATH`` are resolved when names are checked.
    """
    found: dict[str, str] = {}
    for name, whole in dict.fromkeys(_needed(plan, todo)):
        wanted = DOWNLOADS.get(name)
        missing = [place for place in wanted.places if not (root / place).exists()] if wanted else []
        if wanted and missing and (whole or len(missing) == len(wanted.places)):
            found[name] = wanted.by_hand or f"prunekit data get {name}"
    return found


def _needed(plan: Mapping[str, Params], todo: Collection[str]) -> Iterator[tuple[str, bool]]:
    """The data sets of the steps, and whether each is needed in full."""
    roots = roots_of(plan)
    for key in todo:
        root = roots[key]
        own = root.dataset if isinstance(root, Root) else None
        named = distribution_of(plan[key])
        if own is not None and (plan[key].kind in MODEL_STEPS or named is None) and not is_place(own):
            yield own, plan[key].kind in ("train", "retrain")
        if named is not None and not is_place(named):
            yield parse(named).dataset, False


def sentence(found: Mapping[str, str]) -> str:
    """What is missing and how to get it, in one line."""
    return "missing data: " + "; ".join(f"{name} ({how})" for name, how in found.items())
