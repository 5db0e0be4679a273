"""Weights files that a recipe names: read once and then represented by a digest."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prunekit.base import files
from prunekit.errors import UsageError, about
from prunekit.registry import Lazy

READ_ONNX = Lazy("prunekit.models.predictors.onnx:read_onnx")
# Values that are not files: the digest of a file in the store, timm's own weights, predictions.
NO_FILE = re.compile(r"sha256:[0-9a-f]{64}|pretrained|predictions:.*")
FIELD = "weights"

Brought = dict[str, Path]


def by_digest(raw: Mapping[str, Any], folder: Path) -> tuple[dict[str, Any], Brought]:
    """A copy of a recipe with weights files replaced by digests, and each digest's file; paths relative to ``folder``.

    :class:`UsageError`: a file cannot be read.
    """
    brought: Brought = {}
    stages = raw.get("stage")
    if not isinstance(stages, list):
        return dict(raw), brought
    found = [_of_stage(block, position, folder, brought) for position, block in enumerate(stages)]
    return dict(raw) | {"stage": found}, brought


def _of_stage(block: Any, position: int, folder: Path, brought: Brought) -> Any:
    if not isinstance(block, dict):
        return block
    found = dict(block)
    if FIELD in block:
        with about("stage", position, FIELD):
            found[FIELD] = _digest(block[FIELD], folder, brought)
    sweep = block.get("sweep")
    if isinstance(sweep, dict) and isinstance(sweep.get(FIELD), list):
        with about("stage", position, "sweep", FIELD):
            values = [_digest(each, folder, brought) for each in sweep[FIELD]]
        found["sweep"] = sweep | {FIELD: values}
    return found


def _digest(given: Any, folder: Path, brought: Brought) -> Any:
    """The digest of a file; a value that is not a file or not text is returned unchanged for later checks."""
    if not isinstance(given, str) or NO_FILE.fullmatch(given):
        return given
    path = folder / Path(given).expanduser()
    try:
        data = READ_ONNX(path) if path.suffix.lower() == ".onnx" else files.read(path)
    except OSError as error:
        raise UsageError(f"cannot read the weights {path}: {error.strerror}") from None
    name = f"sha256:{hashlib.sha256(data).hexdigest()}"
    brought[name] = path
    return name
