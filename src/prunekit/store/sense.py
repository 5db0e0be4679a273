"""Consistency of stored results: parameters must match keys, and arrays must be what a measurement can produce.

A file may have correct digests and still be nonsense: anyone with write access to a store can write anything into it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from prunekit.errors import PrunekitError
from prunekit.params import MODEL_STEPS, STEPS, key_of
from prunekit.store.records import MODULE, PREDICTIONS, MeasurementRecord, ModelRecord, Step
from prunekit.tasks import DEFAULT, TASKS
from prunekit.tasks.task import ROUNDING, within

Arrays = Mapping[str, np.ndarray]
ROOTS = ("train", "import")


def strange_kind(steps: Sequence[Step]) -> str | None:
    """The kind of the first step that this version of prunekit does not know; a later version may."""
    return next((step.kind for step in steps if step.kind not in STEPS), None)


def senseless_record(record: ModelRecord | MeasurementRecord) -> str:
    """Why prunekit cannot have written this record; empty if it may have."""
    steps: Sequence[Step] = record.lineage if isinstance(record, ModelRecord) else (record.step,)
    reasons: list[str] = [*_of_steps(steps), *(_of_model(record) if isinstance(record, ModelRecord) else ())]
    if reasons:
        return reasons[0]
    return "" if steps[-1].key == record.key else f"it holds {steps[-1].key}"


def _of_steps(steps: Sequence[Step]) -> Iterator[str]:
    for step in steps:
        if key_of(step.kind, step.params) != step.key.partition("@")[0]:
            yield f"its parameters do not match the key {step.key}"
    for step in (steps[0], steps[-1]):
        try:
            step.read()
        except PrunekitError as error:
            yield f"its parameters are invalid: {error}"


def _of_model(record: ModelRecord) -> Iterator[str]:
    kinds = [step.kind for step in record.lineage]
    chained = all(step.params.get("parent") == before.key for before, step in pairwise(record.lineage))
    rooted = kinds[0] in ROOTS and "parent" not in record.lineage[0].params
    if not rooted or not chained or "train" in kinds[1:] or not MODEL_STEPS.keys() >= set(kinds):
        yield "its lineage is invalid"
    most = (
        record.nonzero if "import" in kinds[1:] else record.parameters
    )  # an imported descendant may be larger
    least = 1 if record.form == MODULE else 0  # unknown for some programs and for predictions
    if not 0 <= record.nonzero <= most or record.parameters < least:
        yield "its size is invalid"
    if record.error is not None and not 0 <= record.error <= 1:
        yield "its error is not between 0 and 1"


def senseless_model(record: ModelRecord, weights: Arrays, masks: Arrays) -> str:
    """Why these cannot be a model's weights and masks; empty if they can."""
    if record.form == PREDICTIONS:
        return "it has weights although only its predictions were added" if weights or masks else ""
    if not weights:
        return "it has no weights"
    if record.form != MODULE:
        return ""
    for name, mask in masks.items():
        if mask.dtype != np.bool_ or name not in weights or weights[name].shape != mask.shape:
            return f"its mask of {name} matches no weights"
    brought = "import" in [step.kind for step in record.lineage[1:]]
    if not brought and sum(weight.size for weight in weights.values()) < record.parameters:
        return "it has fewer weights than parameters"
    removed = sum(int((~mask).sum()) for mask in masks.values())
    zeros = sum(int((weight == 0).sum()) for weight in weights.values())
    already = sum(int((weights[name][~mask] == 0).sum()) for name, mask in masks.items())
    lost = record.parameters - removed - record.nonzero
    pruned = any(step.kind == "prune" for step in record.lineage)
    if not brought and (not 0 <= lost <= zeros - already or (pruned and not removed)):
        return "its masks do not match its record"
    return ""


def senseless_measurement(record: MeasurementRecord, arrays: Arrays) -> str:
    """Why these cannot be the arrays of a measurement; empty if they can."""
    try:
        return next(iter(KINDS[record.kind](record, arrays)), "")
    except (KeyError, ValueError, TypeError, IndexError) as error:
        return f"its arrays are invalid ({' '.join(str(error).split())})"


def _error(record: MeasurementRecord, arrays: Arrays) -> Iterator[str]:
    yield from _counts(record, [len(array) for array in arrays.values()])
    task = str(record.summary.get("task", DEFAULT))
    if task not in TASKS:
        yield f"its task {task!r} is unknown"
        return
    yield from TASKS[task].senseless(arrays)
    found = TASKS[task].error(arrays)
    error = record.summary.get("error", found)
    if not isinstance(error, int | float) or abs(found - error) > ROUNDING:
        yield "its error does not match its outcomes"


def _counts(record: MeasurementRecord, counts: Sequence[int]) -> Iterator[str]:
    if not counts or len(set(counts)) > 1 or counts[0] != record.summary.get("n", counts[0]) or not counts[0]:
        yield "its arrays do not have the stated number of images"


def _noise(record: MeasurementRecord, arrays: Arrays) -> Iterator[str]:
    params: Any = record.step.read()
    values = {name: array for name, array in arrays.items() if name != "index"}
    if not values or any(array.ndim != 2 or len(array) != len(params.levels) for array in values.values()):
        yield "its arrays do not have the stated number of levels"
    images = [array.shape[1] for name, array in values.items() if not name.endswith("_by_draw")]
    yield from _counts(record, [*images, *([len(arrays["index"])] if "index" in arrays else [])])
    if not all(np.isfinite(array).all() for array in values.values()):
        yield "its values are not finite"
    if not within(arrays["agreement"], 0, 1):
        yield "its agreement is not between 0 and 1"


def _features(record: MeasurementRecord, arrays: Arrays) -> Iterator[str]:
    order = arrays["order"]
    yield from _counts(record, [len(order)])
    if (
        order.ndim != 2
        or order.dtype.kind not in "iu"
        or order.min() < 0
        or (np.diff(np.sort(order)) == 0).any()
    ):
        yield "its order names a pixel twice or omits one"


def _transfer(record: MeasurementRecord, arrays: Arrays) -> Iterator[str]:
    params: Any = record.step.read()
    confidence = arrays["confidence"]
    yield from _counts(record, [len(confidence)])
    if confidence.ndim != 2 or confidence.shape[1] != len(params.kept) or not within(confidence, 0, 1):
        yield "its confidence is impossible"


KINDS: dict[str, Callable[[MeasurementRecord, Arrays], Iterator[str]]] = {
    "error": _error,
    "noise": _noise,
    "features": _features,
    "transfer": _transfer,
}
