"""A few images for a report that a parent classifies correctly and a smaller network does not.

The stored outcomes say which images a network breaks; the images come from the data set.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from prunekit.analysis.labels import LABEL
from prunekit.errors import PrunekitError, foreseen
from prunekit.params import ErrorParams
from prunekit.report.select import asked_near, most_harmful, spread
from prunekit.report.study import Row, Study
from prunekit.store.store import Store
from prunekit.studies import outcomes as stored
from prunekit.studies.shown import seen_images
from prunekit.tasks import TASKS

MOST_IMAGES = 4

Picture = dict[str, Any]


def gallery(
    store: Store,
    study: Study,
    errors: Iterable[ErrorParams],
    data: Path,
    *,
    top_k: int = 1,
    to: stored.To = stored.unpruned_parent,
) -> list[Picture] | str:
    """Images that one network breaks, for the most harmful distributions; or one line saying why there are none.

    Each picture is plain JSON: the network's ``label`` and ``ratio`` (none in a comparison), the ``distribution``,
    ``place`` (which image), its ``class``, the predictions ``parent_says`` and ``says``, ``size`` (H, W), ``rgb`` (0
    to 255, row by row, channels last), and how many images of ``n`` the network breaks and fixes (``broken``,
    ``fixed``).
    """
    wanted = most_harmful(study)
    models = {row["models"][0] for row in wanted}
    compared = models | {to(store.record(key)) for key in models}
    found = stored.measured(store, (step for step in errors if step.model in compared), to)
    pairs = {(each.own.model, each.own.distribution): each for each in reversed(found)}
    try:
        return [
            picture
            for row in wanted
            if (each := pairs.get((row["models"][0], row["distribution"])))
            for picture in _broken(store, study, row, each, data, top_k)
        ]
    except (PrunekitError, ModuleNotFoundError) as error:
        return str(foreseen(error))


def _broken(
    store: Store, study: Study, row: Row, each: stored.Measured, data: Path, top_k: int
) -> Sequence[Picture]:
    if not TASKS[stored.task_of(store, each.own.key)].breaks:
        return []
    own, parent = (store.outcomes(step.key) for step in (each.own, each.parent))
    right, was_right = own["rank"] < top_k, parent["rank"] < top_k
    broken = np.flatnonzero(was_right & ~right)
    places = spread(broken.tolist(), MOST_IMAGES)
    record = store.record(each.parent.model)
    images = seen_images(record, each.own, places, len(right), data) if places else []
    ratio = row.get("prune_ratio") if row["finding"] == "prune-curve" else None
    return [
        {
            LABEL: row[LABEL],
            "ratio": None if ratio is None else asked_near(study, ratio),
            "distribution": row["distribution"],
            "place": place,
            "class": record.classes[int(own["label"][place])],
            "parent_says": record.classes[int(parent["predicted"][place])],
            "says": record.classes[int(own["predicted"][place])],
            "size": list(image.shape[:2]),
            "rgb": image.flatten().tolist(),
            "broken": len(broken),
            "fixed": int((right & ~was_right).sum()),
            "n": len(right),
        }
        for place, image in zip(places, images, strict=True)
    ]
