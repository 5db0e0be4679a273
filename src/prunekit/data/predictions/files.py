"""Files of predictions as named columns: .npz and .npy, CSV, JSON lines, Parquet, samples of lm-evaluation-harness."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from prunekit.data.predictions.outcomes import Array
from prunekit.errors import UsageError, missing_package

Columns = dict[str, Any]


def array(path: Path) -> Array:
    """The one array of a .npy file."""
    try:
        found: Any = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise UsageError(f"cannot read {path}: {error}") from None
    if not isinstance(found, np.ndarray):
        raise UsageError(f"{path} contains several arrays: name it as the predictions, or write one .npy")
    return found


def _npy(path: Path) -> Columns:
    return {"logits": array(path)} if array(path).ndim == 2 else {"predicted": array(path)}


def _npz(path: Path) -> Columns:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, KeyError) as error:
        raise UsageError(f"cannot read {path}: {error} (arrays of Python objects are not read)") from None


def _csv(path: Path) -> Columns:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"cannot read {path}: {error}") from None
    if not rows:
        raise UsageError(f"{path} is empty")
    head, body = rows[0], [row for row in rows[1:] if row]
    for number, row in enumerate(body, start=2):
        if len(row) != len(head):
            raise UsageError(f"{path}, line {number}: {len(row)} cells under {len(head)} headings")
    return {name.strip(): [row[place] for row in body] for place, name in enumerate(head)}


def _objects(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    found = json.loads(line)
                    if not isinstance(found, dict):
                        raise UsageError(f"{path}, line {number} is not a JSON object")
                    yield found
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"cannot read {path}: {error}") from None


def _jsonl(path: Path) -> Columns:
    rows = list(_objects(path))
    if rows and "filtered_resps" in rows[0] and "target" in rows[0]:
        return _harness(rows, path)
    names = [name for name in (rows[0] if rows else {}) if all(name in row for row in rows)]
    return {name: [row[name] for row in rows] for name in names}


def _harness(rows: Sequence[dict[str, Any]], path: Path) -> Columns:
    """Samples of lm-evaluation-harness: the log-likelihoods of the choices, or only whether each answer was right."""
    ids = [row.get("doc_id", place) for place, row in enumerate(rows)]
    responses = [row["filtered_resps"] for row in rows]
    if all(_is_choices(each) for each in responses):
        scores = [[float(choice[0]) for choice in each] for each in responses]
        most = max(map(len, scores))
        padded = [each + [-np.inf] * (most - len(each)) for each in scores]
        return {"id": ids, "logits": padded, "label": [_choice(row, path) for row in rows]}
    metric = next((name for name in ("acc", "exact_match", "em", "acc_norm") if name in rows[0]), None)
    if metric is None:
        raise UsageError(
            f"{path}: these samples have neither choices with log-likelihoods nor acc or exact_match"
        )
    right = [int(float(row[metric]) >= 0.5) for row in rows]
    return {"id": ids, "predicted": right, "label": [1] * len(rows)}


def _is_choices(response: Any) -> bool:
    pairs = isinstance(response, list) and len(response) > 1
    return pairs and all(isinstance(each, list) and len(each) == 2 for each in response)


def _choice(row: dict[str, Any], path: Path) -> int:
    target = row["target"]
    if isinstance(target, int) or re.fullmatch(r"\d+", str(target)):
        return int(target)
    raise UsageError(
        f"{path}: the target {target!r} of sample {row.get('doc_id')} is not the number of a choice"
    )


def _parquet(path: Path) -> Columns:
    if find_spec("pyarrow") is None:
        raise missing_package("pyarrow")
    from pyarrow import ArrowException, parquet

    try:
        table = parquet.read_table(path, memory_map=False)
    except (OSError, ValueError, ArrowException) as error:
        raise UsageError(f"cannot read {path}: {str(error).splitlines()[0]}") from None
    return {name: table[name].to_pylist() for name in table.column_names}


READERS: dict[str, Callable[[Path], Columns]] = {
    ".npz": _npz,
    ".npy": _npy,
    ".csv": _csv,
    ".jsonl": _jsonl,
    ".parquet": _parquet,
}
