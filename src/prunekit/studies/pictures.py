"""A few images for a report, with the pixels that networks rely on: from the data set and the stored orders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from prunekit.analysis.curves import grouped
from prunekit.analysis.features import Member, kept_pixels
from prunekit.analysis.variant import Variant
from prunekit.errors import PrunekitError
from prunekit.params import FeaturesParams
from prunekit.store.records import ModelRecord
from prunekit.store.store import Store
from prunekit.studies.outcomes import casts
from prunekit.studies.shown import first_images, view_of

MOST_IMAGES = 3

Picture = dict[str, Any]


class Chosen(NamedTuple):
    """The orders of one variant's networks on the same images, by the networks' roles in the study."""

    variant: Variant
    parent: ModelRecord
    orders: dict[Member, FeaturesParams]


def pictures(
    store: Store, features: Sequence[FeaturesParams], data: Path, *, kept: float
) -> list[Picture] | str:
    """Per variant, the first images of its first parent's measurement, or one line saying why there are none.

    Each picture is plain JSON: the columns of the variant, ``place`` (which image), ``class``, ``size`` (H, W), ``rgb``
    (0 to 255, row by row, channels last), ``kept`` (per network its ``model``, 0, a ratio or "separate", and its
    ``pixels``: row * W + column), the ``share`` of pixels kept, and the search settings (``block``, ``candidates``).
    """
    try:
        return [
            picture
            for chosen in _by_variant(store, features)
            for picture in _of_variant(store, chosen, data, kept)
        ]
    except PrunekitError as error:
        return str(error)


def _by_variant(store: Store, features: Sequence[FeaturesParams]) -> list[Chosen]:
    found: dict[Variant, Chosen] = {}
    for cast in casts(store, [step.model for step in features]):
        record, roles = cast.root, cast.parts
        settings = grouped(
            features, lambda step: (step.distribution, step.images, step.block, step.candidates)
        )
        for steps in settings.values():
            orders = {roles[step.model]: step for step in reversed(steps) if step.model in roles}
            if 0.0 in orders and any(isinstance(role, float) and role for role in orders):
                found.setdefault(cast.variant, Chosen(cast.variant, record, orders))
    return list(found.values())


def _of_variant(store: Store, chosen: Chosen, data: Path, share: float) -> list[Picture]:
    first = chosen.orders[0.0]
    dataset, classes = str(chosen.parent.param("dataset")), chosen.parent.classes
    count = min(MOST_IMAGES, first.images)
    images, labels = first_images(first.distribution or dataset, count, data, view_of(chosen.parent))
    orders = {role: store.outcomes(step.key)["order"] for role, step in chosen.orders.items()}
    pixels = images[0, 0].size
    if any(order.shape[1] != pixels for order in orders.values()):
        raise PrunekitError(f"the images of {dataset} do not have the size that was measured")
    last = kept_pixels(pixels, share)
    return [
        {
            **chosen.variant.columns(),
            "place": place,
            "class": classes[int(labels[place].flatten()[0])],
            "size": list(images.shape[2:]),
            "rgb": images[place].transpose(1, 2, 0).flatten().tolist(),
            "kept": [
                {"model": role, "pixels": np.sort(order[place, -last:]).tolist()}
                for role, order in orders.items()
            ],
            "share": share,
            "block": first.block,
            "candidates": first.candidates,
        }
        for place in range(len(images))
    ]
