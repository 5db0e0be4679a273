"""How a new network sees its data set, and which of its classes a distribution's images are of."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from prunekit import distribution as grammar
from prunekit.data.datasets import Dataset
from prunekit.data.preprocessing import Preprocessing, seen
from prunekit.distribution import is_place
from prunekit.errors import PrunekitWarning, UsageError
from prunekit.steps.context import dataset


def check_classes(distribution: str, opened: Dataset, root: Path) -> None:
    """A :class:`UsageError` where a distribution's images are of other classes than the models of ``opened`` know."""
    parsed = grammar.parse(distribution)
    if not parsed.published and dataset(parsed.dataset, root).classes != opened.classes:
        raise UsageError(
            f"distribution {distribution}: {parsed.dataset} has other classes than {opened.name}, "
            "on which the network was trained"
        )


def seen_with(own: Dataset, base: Preprocessing, fields: Any) -> Dataset:
    """A data set as a new network sees it: the fields that are set, else ``base``; where sizes differ, it says how."""
    opened = seen(own, base.with_fields(fields))
    if own.at is not None and is_place(own.name) and opened.size == own.size:
        height, width = own.size
        warnings.warn(
            f"{own.name} has images of several sizes: each is scaled until it covers {height}x{width} pixels, and its "
            "centre is taken (image_size, resize and crop say otherwise)",
            PrunekitWarning,
            stacklevel=2,
        )
    return opened


def known_classes(distribution: str, opened: Dataset, root: Path) -> tuple[int, ...] | None:
    """Which of a network's classes a distribution's images are of, in their order; None where it is all of them.

    :class:`UsageError` where an image may be of a class that the network does not know.
    """
    parsed = grammar.parse(distribution)
    if parsed.published or not is_place(parsed.dataset):
        check_classes(distribution, opened, root)
        return None
    names = dataset(parsed.dataset, root).classes
    if names == opened.classes:
        return None
    strange = [name for name in names if name not in opened.classes]
    if strange:
        raise UsageError(
            f"distribution {distribution}: class {strange[0]!r} is none of {opened.name}, on which the network was "
            "trained: classes go by their names"
        )
    return tuple(opened.classes.index(name) for name in names)
