"""The predictions in a file: what each column is, by its usual name or as the user says."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from prunekit.data.predictions.files import READERS, Columns, array
from prunekit.data.predictions.outcomes import MORE, Array, Predictions, Scores, checked
from prunekit.errors import UsageError

LARGEST = 8 * 2**30  # bytes of one file
# The usual names of columns and arrays, in order of preference.
NAMES: dict[str, tuple[str, ...]] = {
    "logits": ("logits", "scores", "outputs"),
    "probabilities": ("probabilities", "probs", "prob", "softmax", "predict_proba"),
    "predicted": ("predicted", "prediction", "predictions", "pred", "preds", "predicted_label", "y_pred"),
    "label": ("label", "labels", "target", "targets", "y", "y_true", "true", "truth", "gold"),
    "id": ("id", "ids", "file", "filename", "name", "path", "image", "uid", "doc_id", "index"),
}
_NUMBERED = re.compile(r"^(?:(?P<kind>logit|logits|score|prob|probs|p|probability)[_\-. ]?)?(?P<place>\d+)$")
KINDS = {"logit": "logits", "logits": "logits", "score": "logits", None: None}


class Asked(NamedTuple):
    """What the user says of a file that its names do not: what each column and the scores are, and the labels."""

    columns: Mapping[str, str] = {}
    scores: Scores | None = None
    labels: Path | None = None
    classes: Sequence[str] = ()


AS_USUAL = Asked()


def read(path: Path, asked: Asked = AS_USUAL) -> Predictions:
    """The predictions in a file, checked; a :class:`UsageError` says which columns were found and which are needed."""
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise UsageError(f"{path}: unknown ending (one of: {', '.join(READERS)})")
    if not path.is_file():
        raise UsageError(f"{path}: there is no such file")
    if path.stat().st_size > LARGEST:
        raise UsageError(f"{path} is larger than {LARGEST // 2**30} GiB: write it as .npz")
    columns = reader(path)
    if asked.labels is not None:
        columns["label"] = array(asked.labels)
    return checked(_assembled(columns, asked, path), str(path))


def _assembled(columns: Columns, asked: Asked, path: Path) -> Predictions:
    """Predictions from named columns; the user's names come before the usual ones."""
    found = {role: column for role in NAMES if (column := _column(columns, role, asked, path)) is not None}
    kind, scores = _scores(columns, found, asked, path)
    if "label" not in found:
        raise _lacks(path, columns, "the true labels", "label", "--labels FILE.npy or --columns label=NAME")
    names = {name: place for place, name in enumerate(asked.classes)}
    labels = _classes(found["label"], names, path, "label")
    if kind is Scores.CLASSES:
        scores = _classes(scores, names, path, "predicted class")
    ids = tuple(str(each) for each in found["id"]) if "id" in found else None
    exported = kind is Scores.CLASSES and "rank" in columns
    more = {name: _numbers(columns[name], path) for name in MORE if exported and name in columns}
    return Predictions(labels, scores, kind, ids, more)


def _column(columns: Columns, role: str, asked: Asked, path: Path) -> Any:
    wanted = asked.columns.get(role)
    if wanted is not None:
        if wanted not in columns:
            raise UsageError(f"{path} has no column {wanted!r} for {role} (it has: {', '.join(columns)})")
        return columns[wanted]
    usual = {name.lower(): name for name in columns}
    return next((columns[usual[name]] for name in NAMES[role] if name in usual), None)


def _scores(columns: Columns, found: Columns, asked: Asked, path: Path) -> tuple[Scores, Array]:
    for kind, role in ((Scores.LOGITS, "logits"), (Scores.PROBABILITIES, "probabilities")):
        if role in found:
            return asked.scores or kind, _numbers(found[role], path)
    numbered = _numbered(columns, path)
    if numbered is not None:
        named, scores = numbered
        return asked.scores or named or _guess(scores), scores
    if "predicted" in found:
        return Scores.CLASSES, np.asarray(found["predicted"])
    raise _lacks(
        path, columns, "logits, probabilities or predicted classes", "logits", "--columns logits=NAME"
    )


def _lacks(path: Path, columns: Columns, what: str, role: str, remedy: str) -> UsageError:
    usual = ", ".join(NAMES[role])
    return UsageError(
        f"{path} lacks {what}: it has {', '.join(map(str, columns)) or 'nothing'}; recognised "
        f"names: {usual} ({remedy})"
    )


def _numbered(columns: Columns, path: Path) -> tuple[Scores | None, Array] | None:
    """Scores that have a column for each class: ``0``, ``1``, … or ``p_0``, ``logit_1``, …"""
    places: dict[int, str] = {}
    kinds: set[str | None] = set()
    for name in columns:
        match = _NUMBERED.match(name.lower())
        if match:
            places[int(match["place"])] = name
            kinds.add(match["kind"])
    if len(places) < 2:
        return None
    if sorted(places) != list(range(len(places))):
        raise UsageError(f"{path}: the class columns are {sorted(places)}; expected 0 to {len(places) - 1}")
    word = kinds.pop() if len(kinds) == 1 else None
    role = KINDS.get(word, "probabilities")
    scores = np.stack([_numbers(columns[places[place]], path) for place in sorted(places)], axis=1)
    return (Scores(role) if role else None), scores


def _guess(scores: Array) -> Scores:
    """Numbers between 0 and 1 that sum to 1 in every row are probabilities, all others logits."""
    sums = np.abs(scores.sum(axis=1) - 1)
    within = scores.size and scores.min() >= 0 and scores.max() <= 1 and sums.max() < 1e-3
    return Scores.PROBABILITIES if within else Scores.LOGITS


def _numbers(values: Any, path: Path) -> Array:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise UsageError(
            f"{path}: some scores are not numbers, or the examples have different numbers of scores"
        ) from None


def _classes(values: Any, names: Mapping[str, int], path: Path, what: str) -> Array:
    """Classes as whole numbers: numbers unchanged, names by their place in ``names``."""
    array = np.asarray(values)
    if array.dtype.kind in "iu" or (array.dtype.kind == "f" and np.array_equal(array, np.round(array))):
        return _flat(array, path, what).astype(np.int64)
    texts = [str(each) for each in _flat(array, path, what)]
    if all(re.fullmatch(r"-?\d+(\.0)?", text) for text in texts):
        return np.array([int(float(text)) for text in texts], dtype=np.int64)
    strange = next((text for text in texts if text not in names), None)
    if strange is not None:
        known = f"one of: {', '.join(names)}" if names else "name the classes in order with --classes a,b,c"
        raise UsageError(f"{path}: the {what} {strange!r} is neither a number nor a known class ({known})")
    return np.array([names[text] for text in texts], dtype=np.int64)


def _flat(array: Array, path: Path, what: str) -> Array:
    if array.ndim != 1:
        raise UsageError(f"{path}: one {what} per example is expected, not an array of shape {array.shape}")
    return array
