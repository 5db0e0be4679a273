"""Store imported outcomes of a network that is known only by its predictions; runs no network. No torch."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

import prunekit
from prunekit.data.predictions.outcomes import Array, Predictions, Scores, log_probabilities, outcomes
from prunekit.distribution import parse
from prunekit.errors import PrunekitWarning, UsageError
from prunekit.params import ErrorParams, ImportParams
from prunekit.store.records import PREDICTIONS, MeasurementRecord, ModelRecord, Sources, Step
from prunekit.store.store import Store
from prunekit.tasks import TASKS

IDS = "ids"
# Imported scores are kept, for the divergence of outputs, if they are at most this many numbers (64 MiB).
SCORES, MOST_SCORES = "scores", 2**24
TASK = "classification"


class Known(NamedTuple):
    """What is known of the network: its name, its origin, and how much was pruned.

    ``dataset``: its nominal distribution, by default that of the first outcomes added.
    """

    name: str
    parent: str | None = None
    method: str | None = None
    prune_ratio: float | None = None
    dataset: str | None = None
    classes: Sequence[str] = ()
    seed: int = 0


def add(
    store: Store, known: Known, found: Predictions, distribution: str
) -> tuple[ModelRecord, MeasurementRecord]:
    """Store the outcomes, and the network's record and label if they are new.

    :class:`UsageError`: the facts differ from those stored before, or the examples are not those of its parent.
    """
    wanted = parse(distribution)
    record = _record(store, known, found, known.dataset or str(wanted._replace(corruption=None, noise=None)))
    params = ErrorParams(model=record.key, distribution=str(wanted))
    found = in_order(_named_as_the_parents(store, record, params, found))
    _check_examples(store, record, params, found)
    kept = found.kind is not Scores.CLASSES and found.scores.size <= MOST_SCORES
    if kept:  # outcomes are computed from the kept scores, so that an export gives the same outcomes again
        found = found._replace(scores=found.scores.astype(np.float32))
    arrays = outcomes(found)
    error = TASKS[TASK].error(arrays)
    if found.ids is not None:
        arrays[IDS] = packed(found.ids)
    if kept:
        arrays[SCORES] = found.scores
    summary = {"error": error, "n": found.n, "task": TASK, "scores": str(found.kind)}
    measurement = MeasurementRecord(
        key=params.key, step=Step.of(params), summary=summary, provenance=_provenance(str(wanted), found)
    )
    store.save_outcomes(measurement, arrays)
    if params.distribution == record.param("dataset") or not store.has(record.key):
        record = record.model_copy(
            update={"error": error if params.distribution == _nominal(record) else record.error}
        )
        store.save_model(record, {}, {})
    store.label(known.name, record.key)
    return record, measurement


def _nominal(record: ModelRecord) -> str:
    return str(record.param("dataset"))


def _record(store: Store, known: Known, found: Predictions, dataset: str) -> ModelRecord:
    """The record of the network: the stored one if its name is taken, else a new one."""
    parent = store.record(known.parent) if known.parent is not None else None
    fields = {
        "dataset": dataset if parent is None else None,
        "parent": known.parent,
        "method": known.method,
        "prune_ratio": known.prune_ratio,
        "weights": f"{PREDICTIONS}:{known.name}",
        "seed": known.seed,
    }
    there = store.labels().get(known.name)
    if there is not None:
        return _known_already(store.record(there), known, found)
    params = ImportParams.read({name: value for name, value in fields.items() if value is not None})
    classes = parent.classes if parent else tuple(known.classes) or _numbered(found)
    _check_classes(found, classes)
    return ModelRecord(
        key=params.key,
        lineage=(*(parent.lineage if parent else ()), Step.of(params)),
        classes=classes,
        parameters=0,
        nonzero=0,
        error=None,
        form=PREDICTIONS,
        provenance={"prunekit": prunekit.__version__, "numpy": np.__version__},
    )


def _known_already(record: ModelRecord, known: Known, found: Predictions) -> ModelRecord:
    """A stored record, if the facts given now are those it was made with."""
    if record.form != PREDICTIONS:
        raise UsageError(
            f"the label {known.name!r} belongs to {record.key}: choose another name for these predictions"
        )
    then = record.lineage[-1].params
    said = {
        "parent": known.parent,
        "method": known.method,
        "prune_ratio": known.prune_ratio,
        "seed": known.seed or None,
    }
    for name, now in said.items():
        if now is not None and then.get(name) != now:
            raise UsageError(
                f"{known.name} was added with {name} {then.get(name)!r}, not {now!r}: omit it, or choose "
                "another name"
            )
    _check_classes(found, record.classes)
    return record


def _numbered(found: Predictions) -> tuple[str, ...]:
    """Classes named by number: as many as there are scores, or as the largest class needs."""
    if found.kind is Scores.CLASSES:
        return tuple(map(str, range(int(max(found.labels.max(), found.scores.max(), 1)) + 1)))
    return tuple(map(str, range(found.scores.shape[1])))


def _check_classes(found: Predictions, classes: Sequence[str]) -> None:
    count = len(_numbered(found))
    if count > len(classes) or (found.kind is not Scores.CLASSES and count != len(classes)):
        raise UsageError(
            f"these predictions have {count} classes; the network (or its parent) has {len(classes)}"
        )


def in_order(found: Predictions) -> Predictions:
    """The same predictions sorted by id, so that files in any order pair; unchanged without ids."""
    if found.ids is None:
        return found
    order = sorted(range(found.n), key=found.ids.__getitem__)
    more = {name: values[order] for name, values in found.more.items()}
    ids = tuple(found.ids[place] for place in order)
    return Predictions(found.labels[order], found.scores[order], found.kind, ids, more)


def _named_as_the_parents(
    store: Store, record: ModelRecord, params: ErrorParams, found: Predictions
) -> Predictions:
    """The predictions without ids if the parent's outcomes have none: examples are then identified by order."""
    root = ErrorParams(model=record.root.key, distribution=params.distribution)
    if found.ids is None or root.key == params.key or not store.has(root.key):
        return found
    if names_in(store.outcomes(root.key)):
        return found
    warnings.warn(
        f"{params.distribution}: the parent's outcomes have no ids, so examples are paired by their order in the file",
        PrunekitWarning,
        stacklevel=3,
    )
    return found._replace(ids=None)


def _check_examples(store: Store, record: ModelRecord, params: ErrorParams, found: Predictions) -> None:
    """Refuse examples that are not those of the parent's outcomes on the same distribution."""
    root = ErrorParams(model=record.root.key, distribution=params.distribution)
    if root.key == params.key or not store.has(root.key):
        return
    arrays = store.outcomes(root.key)
    theirs = names_in(arrays)
    if theirs and found.ids:
        _check_ids(found.ids, theirs, params.distribution)
    if len(arrays["label"]) != found.n:
        raise UsageError(
            f"{params.distribution}: {found.n} predictions for the {len(arrays['label'])} examples of the parent"
        )
    wrong = np.flatnonzero(arrays["label"] != found.labels)
    if len(wrong):
        place = int(wrong[0])
        name = repr(found.ids[place]) if found.ids else f"number {place}"
        raise UsageError(
            f"{params.distribution}: example {name} has the label {int(found.labels[place])}, but "
            f"{int(arrays['label'][place])} in the parent's outcomes (different examples or a "
            "different order: give both files ids)"
        )


def _check_ids(own: Sequence[str], theirs: Sequence[str], distribution: str) -> None:
    for here, there, who in (
        (own, theirs, "the parent's outcomes lack"),
        (theirs, own, "these predictions lack"),
    ):
        missing = sorted(set(here) - set(there))
        if missing:
            raise UsageError(
                f"{distribution}: {who} {missing[0]!r}{f' and {len(missing) - 1} more' if missing[1:] else ''}"
            )


def _provenance(distribution: str, found: Predictions) -> dict[str, object]:
    """Provenance with a digest of the examples, so that outcomes of different examples are never paired."""
    names = "\n".join(found.ids) if found.ids is not None else str(found.n)
    digest = hashlib.sha256(names.encode("utf-8", "surrogatepass") + found.labels.tobytes()).hexdigest()
    sources = Sources({f"examples of {distribution}": f"sha256:{digest}"}, {}, {})
    return {"prunekit": prunekit.__version__, "numpy": np.__version__, **sources.noted()}


def packed(names: Sequence[str]) -> Array:
    """Names as an array that safetensors can hold: UTF-8 bytes ``[n, longest]``, padded with zeros."""
    encoded = [name.encode("utf-8", "surrogateescape") for name in names]
    longest = max(map(len, encoded))
    return np.frombuffer(b"".join(each.ljust(longest, b"\0") for each in encoded), np.uint8).reshape(
        len(names), longest
    )


def log_probabilities_in(store: Store, key: str) -> Array | None:
    """Log-probabilities ``[n, classes]`` of the scores imported with stored outcomes; None if there are none."""
    arrays = store.outcomes(key)
    if SCORES not in arrays:
        return None
    kind = Scores(str(store.measurement(key).summary["scores"]))
    return log_probabilities(Predictions(arrays["label"], arrays[SCORES], kind))


def names_in(arrays: Mapping[str, Array]) -> tuple[str, ...]:
    """The names of the examples of stored outcomes; empty if none were given."""
    if IDS not in arrays:
        return ()
    return tuple(row.tobytes().rstrip(b"\0").decode("utf-8", "surrogateescape") for row in arrays[IDS])
