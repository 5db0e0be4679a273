"""Models and measurements by key, in plain files: a result that exists is done, and any index can be made again.

``models/KEY.safetensors`` · ``measurements/KEY.safetensors`` · ``labels/NAME`` (a key) · ``checkpoints/`` (unfinished
training) · ``costs/KIND.jsonl`` (how long steps took; never compared) · ``locks/KEY`` (who works on what now) ·
``logs/KEY.log`` (why a step failed).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from pydantic import ValidationError

from prunekit.errors import PrunekitError, StoreError, UsageError, unknown
from prunekit.params import MEASUREMENT_STEPS, MODEL_STEPS, STEPS, Params
from prunekit.store import archive
from prunekit.store.locks import is_held, lock
from prunekit.store.records import PREDICTIONS, MeasurementRecord, ModelRecord, Sources

MASK_PREFIX = "mask:"
SUFFIX = ".safetensors"
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")
_KEY = re.compile(r"[a-z]+-[0-9a-f]{16}(@[0-9]+)?")
Arrays = dict[str, np.ndarray]
Record = TypeVar("Record", ModelRecord, MeasurementRecord)


class Problem(NamedTuple):
    """A file that cannot be used, and why; a ``damaged`` one can be removed and made again, another one is only new."""

    key: str
    path: Path
    text: str
    damaged: bool


class Store:
    """A folder of finished steps; safe for many readers and writers."""

    def __init__(self, root: Path) -> None:
        if root.exists() and not root.is_dir():
            raise UsageError(f"the store {root} is a file: name a folder with --store or PRUNEKIT_STORE")
        self.root = root

    def path(self, key: str) -> Path:
        """Where the file of ``key`` is, or would be."""
        if not _KEY.fullmatch(key):
            raise UsageError(f"{key!r} is not a key (like train-0123456789abcdef)")
        kind = key.partition("-")[0]
        folder = "measurements" if kind in MEASUREMENT_STEPS else "models"
        return self.root / folder / f"{key}{SUFFIX}"

    def checkpoint(self, key: str) -> Path:
        """Where the unfinished training of ``key`` is kept."""
        return self.root / "checkpoints" / f"{key}{SUFFIX}"

    def has(self, key: str) -> bool:
        """Whether the step of ``key`` is done."""
        return self.path(key).exists()

    def keys(self, folder: str) -> list[str]:
        """All keys in ``models`` or ``measurements``, sorted."""
        names = _listed(self.root / folder)
        keys = (name.removesuffix(SUFFIX) for name in names if name.endswith(SUFFIX))
        return sorted(key for key in keys if _KEY.fullmatch(key))

    def present(self) -> frozenset[str]:
        """The keys of all steps that are done: two listings, however many there are."""
        return frozenset(self.keys("models")).union(self.keys("measurements"))

    def record(self, key: str) -> ModelRecord:
        """The record of a model; reads the header alone."""
        return self._validated(key, ModelRecord)

    def measurement(self, key: str) -> MeasurementRecord:
        """The record of a measurement; reads the header alone."""
        return self._validated(key, MeasurementRecord)

    def digest(self, key: str) -> str:
        """The digest of a result's arrays: two results of one key are the same only if it is."""
        return archive.read_header(self.path(key)).digest

    def sources(self, key: str) -> Sources:
        """What a result was made of, from its header alone, the rest of its record unchecked."""
        provenance = archive.read_header(self.path(key)).record.get("provenance")
        return Sources.of(provenance if isinstance(provenance, dict) else {})

    def _validated(self, key: str, cls: type[Record]) -> Record:
        path = self.path(key)
        try:
            found = cls.model_validate(archive.read_record(path))
        except ValidationError:
            raise archive.damaged(path, f"its record is not a {cls.__name__}") from None
        if found.key != key:
            raise archive.damaged(path, f"it holds {found.key}")
        strange = _strange(found)
        if strange:
            raise StoreError(f"{key} cannot be used: {path}: {strange}")
        return found

    def tensors(self, key: str) -> tuple[Arrays, Arrays]:
        """Weights by parameter name, and masks (True = kept) by parameter name; every byte is checked."""
        arrays, _ = archive.read(self.path(key))
        masks = {
            name.removeprefix(MASK_PREFIX): arrays.pop(name)
            for name in sorted(arrays)
            if name.startswith(MASK_PREFIX)
        }
        return arrays, masks

    def outcomes(self, key: str) -> Arrays:
        """The per-example arrays of a measurement; every byte is checked."""
        return archive.read(self.path(key))[0]

    def save_model(
        self, record: ModelRecord, weights: Mapping[str, np.ndarray], masks: Mapping[str, np.ndarray]
    ) -> None:
        """Store a model; it is there whole or not at all."""
        archive.write(self.path(record.key), _joined(weights, masks), record.model_dump(mode="json"))

    def save_outcomes(self, record: MeasurementRecord, arrays: Mapping[str, np.ndarray]) -> None:
        """Store a measurement; it is there whole or not at all."""
        archive.write(self.path(record.key), arrays, record.model_dump(mode="json"))

    def remove(self, key: str) -> None:
        """Forget the result of ``key``, so that it is made again."""
        self.path(key).unlink(missing_ok=True)
        self.checkpoint(key).unlink(missing_ok=True)

    # Names that people use.

    def label(self, name: str, key: str) -> None:
        """Give ``key`` a name of the user's choice; the name moves if it was taken."""
        if not _LABEL.fullmatch(name) or _KEY.fullmatch(name):
            raise UsageError(
                f"label {name!r}: use 1 to 100 letters, digits, dots, dashes, plus signs or underscores"
            )
        archive.write_bytes(self.root / "labels" / name, key.encode())

    def labels(self) -> dict[str, str]:
        """Every label and its key."""
        folder = self.root / "labels"
        names = (
            sorted(path for path in folder.iterdir() if _LABEL.fullmatch(path.name))
            if folder.is_dir()
            else []
        )
        return {path.name: path.read_text(encoding="utf-8", errors="replace").strip() for path in names}

    def resolve(self, name: str) -> str:
        """The key of the model that ``name`` means: a key, a label, or a unique prefix of a key or of its hash."""
        if _KEY.fullmatch(name) and name.partition("-")[0] in MODEL_STEPS and self.has(name):
            return name
        labels, keys = self.labels(), self.keys("models")
        if name in labels:
            return labels[name]
        found = [
            key for key in keys if name and (key.startswith(name) or key.partition("-")[2].startswith(name))
        ]
        if len(found) == 1:
            return found[0]
        if not found:
            raise unknown("model", name, (*labels, *keys[:5], *(["..."] if len(keys) > 5 else [])))
        raise UsageError(
            f"{name!r} means {len(found)} models: {', '.join(found[:5])}{' ...' if len(found) > 5 else ''}"
        )

    # Working side by side.

    @contextmanager
    def claim(self, key: str, *, wait: bool = True) -> Iterator[bool]:
        """Hold the work on ``key`` for the block; yields False, without ``wait``, where another process holds it.

        Uses ``flock``: on a network file system without it two workers may do the same step, and write the same
        bytes; a warning says so.
        """
        try:
            holding = lock(self.root / "locks" / key, wait=wait)
            held = holding.__enter__()
        except OSError as error:
            raise PrunekitError(f"cannot write to the store {self.root}: {error.strerror}") from None
        try:
            yield held
        finally:
            holding.__exit__(None, None, None)

    def running(self) -> frozenset[str]:
        """Keys that some process works on now."""
        locks = self.root / "locks"
        return frozenset(name for name in _listed(locks) if is_held(locks / name))

    def failed(self) -> frozenset[str]:
        """Keys whose last attempt left a log of its failure; those that were made since are among them."""
        names = _listed(self.root / "logs")
        return frozenset(
            name.removesuffix(".log") for name in names if _KEY.fullmatch(name.removesuffix(".log"))
        )

    def log(self, key: str) -> Path:
        """Where the failure of ``key`` is described."""
        return self.root / "logs" / f"{key}.log"

    def note_cost(self, kind: str, **cost: Any) -> None:
        """Remember what a step of this kind took: it feeds estimates and is never part of a result.

        One line in one write to the end of a file: lines of several processes do not mix. A lost line costs nothing,
        so nothing is synced and a full disk is no failure.
        """
        path = self.root / "costs" / f"{kind}.jsonl"
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                os.write(handle, json.dumps(cost, sort_keys=True).encode() + b"\n")
            finally:
                os.close(handle)

    def costs(self, kind: str, *, latest: int = 10_000) -> list[dict[str, Any]]:
        """What the ``latest`` steps of this kind took; lines that are no JSON object are passed over."""
        try:
            with (self.root / "costs" / f"{kind}.jsonl").open("rb") as file:
                lines = deque(file, latest)
        except OSError:
            return []
        return [found for line in lines if isinstance(found := _json(line), dict)]

    def verify(self, key: str) -> None:
        """Read every byte of ``key``; a :class:`StoreError` says what is wrong."""
        if self.path(key).parent.name == "models":
            self.record(key)
            self.tensors(key)
        else:
            self.measurement(key)
            self.outcomes(key)

    def problems(self) -> Iterator[Problem]:
        """Read every byte of the store: what is wrong with which file, unfinished training and imports included."""
        for key in (*self.keys("models"), *self.keys("measurements")):
            yield from _problem(key, self.path(key), partial(self.verify, key))
        for key in self.keys("checkpoints"):
            yield from _problem(key, self.checkpoint(key), partial(archive.read, self.checkpoint(key)))
        for path in sorted((self.root / "imports").glob(f"*{SUFFIX}")):
            if hashlib.sha256(path.read_bytes()).hexdigest() != path.stem:
                yield Problem(path.stem, path, f"{path} is damaged: import the file again", True)

    def leftovers(self) -> list[Path]:
        """What crashes left: half-written files, locks that nobody holds, checkpoints and logs of finished steps."""
        parts = [path for path in self.root.rglob(".*.part") if path.is_file()]
        locks = [path for path in (self.root / "locks").glob("*") if not is_held(path)]
        done = [
            path
            for pattern in (f"checkpoints/*{SUFFIX}", "logs/*.log")
            for path in self.root.glob(pattern)
            if self._finished(path.stem)
        ]
        return sorted(parts + locks + done)

    def _finished(self, key: str) -> bool:
        return bool(_KEY.fullmatch(key)) and self.has(key)


def _joined(weights: Mapping[str, np.ndarray], masks: Mapping[str, np.ndarray]) -> Arrays:
    return dict(weights) | {f"{MASK_PREFIX}{name}": mask for name, mask in masks.items()}


def digest_of_model(weights: Mapping[str, np.ndarray], masks: Mapping[str, np.ndarray]) -> str:
    """The digest that a model will have once it is stored."""
    return archive.digest_of(_joined(weights, masks))


def _strange(record: ModelRecord | MeasurementRecord) -> str:
    """What no prunekit of this version writes into a record; empty for what it does."""
    steps = record.lineage if isinstance(record, ModelRecord) else (record.step,)
    unknown_kinds = [step.kind for step in steps if step.kind not in STEPS]
    if unknown_kinds:
        return f"it was made by a step {unknown_kinds[0]!r}, which this prunekit does not have"
    if isinstance(record, ModelRecord) and not (steps and _has_size(record)):
        return "its lineage or its size makes no sense"
    return ""


def _has_size(record: ModelRecord) -> bool:
    """Whether a record's size can be; that of a network known by its predictions alone is not known."""
    if record.form == PREDICTIONS:
        return record.parameters == record.nonzero == 0
    return 0 <= record.nonzero <= record.parameters > 0


def _problem(key: str, path: Path, read: Callable[[], object]) -> Iterator[Problem]:
    try:
        read()
    except StoreError as error:
        yield Problem(key, path, str(error), isinstance(error, archive.DamagedError))


def _listed(folder: Path) -> list[str]:
    """Names in a folder; none where it is not there."""
    try:
        return os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _json(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def is_key(name: str) -> bool:
    """Whether a name has the form of a key."""
    return bool(_KEY.fullmatch(name))


def require(store: Store, params: Params) -> None:
    """Stop with a :class:`StoreError` where an input of a step is not there."""
    for key in params.inputs:
        if not store.has(key):
            raise StoreError(
                f"{params.key} needs {key}, which is not in the store: no file {store.path(key)}"
            )
