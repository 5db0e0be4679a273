"""Models and measurements by key in plain files; a result that exists is done, and any index can be rebuilt.

``models/KEY.safetensors`` · ``measurements/KEY.safetensors`` · ``labels/NAME`` (a key) · ``checkpoints/`` (unfinished
training) · ``costs/KIND.jsonl`` (how long steps took; never compared) · ``locks/KEY`` (steps in progress) ·
``logs/KEY.log`` (why a step failed) · ``prunekit-store`` (marks the folder as a store).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import numpy as np
from pydantic import ValidationError

from prunekit.base import files
from prunekit.base.files import ForeignFileError
from prunekit.errors import PrunekitError, PrunekitWarning, StoreError, UsageError, unknown
from prunekit.params import MEASUREMENT_STEPS, MODEL_STEPS
from prunekit.store import archive, upkeep
from prunekit.store.locks import is_held, lock
from prunekit.store.names import KEY, LABEL, MARK, MARKER, MASK_PREFIX, SUFFIX
from prunekit.store.records import DROPPED, MeasurementRecord, ModelRecord, Sources
from prunekit.store.sense import senseless_measurement, senseless_model, senseless_record, strange_kind

LABEL_BYTES = 200
LONGEST_NOTE = 400  # bytes of a cost note, on average
Arrays = dict[str, np.ndarray]
Record = TypeVar("Record", ModelRecord, MeasurementRecord)


class Store:
    """A folder of finished steps; safe for many readers and writers."""

    def __init__(self, root: Path | str) -> None:
        root = Path(root)
        if root.exists() and not root.is_dir():
            raise UsageError(f"the store {root} is a file: name a folder with --store or PRUNEKIT_STORE")
        self.root = root

    def path(self, key: str) -> Path:
        """Where the file of ``key`` is, or would be."""
        if not KEY.fullmatch(key):
            raise UsageError(f"{key!r} is not a key (like train-0123456789abcdef)")
        return self.root / _folder_of(key) / f"{key}{SUFFIX}"

    def checkpoint(self, key: str) -> Path:
        """Where the unfinished training of ``key`` is kept."""
        return self.root / "checkpoints" / f"{key}{SUFFIX}"

    def has(self, key: str) -> bool:
        """Whether the step of ``key`` is done."""
        return self.path(key).is_file()

    def keys(self, folder: str) -> list[str]:
        """All keys in ``models`` or ``measurements``, sorted."""
        names = _files_in(self.root / folder)
        keys = (name.removesuffix(SUFFIX) for name in names if name.endswith(SUFFIX))
        return sorted(key for key in keys if KEY.fullmatch(key))

    def present(self) -> frozenset[str]:
        """The keys of all finished steps, from two directory listings however many there are."""
        return frozenset(self.keys("models")).union(self.keys("measurements"))

    def record(self, key: str) -> ModelRecord:
        """The record of a model; reads only the header."""
        return self._validated(key, ModelRecord)

    def measurement(self, key: str) -> MeasurementRecord:
        """The record of a measurement; reads only the header."""
        return self._validated(key, MeasurementRecord)

    def digest(self, key: str) -> str:
        """The digest of a result's arrays: two results of one key are the same only if their digests are.

        For a network whose weights were dropped, it is the digest of the dropped weights.
        """
        header = self._header(key)
        noted = header.record.get("provenance")
        return str(noted[DROPPED]) if isinstance(noted, dict) and DROPPED in noted else header.digest

    def fingerprint(self, key: str) -> str:
        """A digest of the whole result, from its header, unchecked; empty if there is no result."""
        return hashlib.sha256(archive.header_text(self.path(key))).hexdigest() if self.has(key) else ""

    def noted(self, keys: Iterable[str]) -> Iterator[tuple[str, Sources]]:
        """What results were made from, unchecked, for a quick look; missing or damaged results are skipped.

        Most results of a study have the same text, which is parsed once.
        """
        seen: dict[bytes, Sources] = {}
        root = str(self.root)
        for key in keys:
            try:
                text = archive.provenance_text(f"{root}/{_folder_of(key)}/{key}{SUFFIX}")
                if text not in seen:
                    seen[text] = Sources.in_text(text) if text else self.sources(key)
                yield key, seen[text] if text else self.sources(key)
            except (OSError, StoreError):
                continue

    def sources(self, key: str) -> Sources:
        """The sources of a result, read from its header; the rest of its record is not checked."""
        provenance = self._header(key).record.get("provenance")
        return Sources.of(provenance if isinstance(provenance, dict) else {})

    def _header(self, key: str) -> archive.Header:
        return archive.read_header(self.path(key))

    def _validated(self, key: str, cls: type[Record]) -> Record:
        path = self.path(key)
        try:
            found = cls.model_validate(self._header(key).record)
        except ValidationError:
            raise archive.damaged(path, f"its record is not a {cls.__name__}") from None
        if found.key != key:
            raise archive.damaged(path, f"it holds {found.key}")
        steps = found.lineage if isinstance(found, ModelRecord) else (found.step,)
        later = strange_kind(steps)
        if later:
            raise StoreError(
                f"{key} cannot be used: {path}: this version of prunekit does not have its step {later!r}"
            )
        self._check(path, senseless_record(found) if steps else "it has no lineage")
        return found

    def _check(self, path: Path, reason: str) -> None:
        if reason:
            raise archive.damaged(path, reason)

    def tensors(self, key: str) -> tuple[Arrays, Arrays]:
        """Weights and masks (True = kept) by parameter name; bytes and plausibility are checked."""
        record = self.record(key)
        if record.dropped:
            why = "were dropped (`gc --weights`): run its recipe, or the command that made it with --force"
            raise StoreError(f"the weights of {key} {why}")
        arrays, _ = archive.read(self.path(key))
        masks = {
            name.removeprefix(MASK_PREFIX): arrays.pop(name)
            for name in sorted(arrays)
            if name.startswith(MASK_PREFIX)
        }
        self._check(self.path(key), senseless_model(record, arrays, masks))
        return arrays, masks

    def outcomes(self, key: str) -> Arrays:
        """The per-example arrays of a measurement; checks every byte, and that a measurement can give them."""
        record = self.measurement(key)
        arrays, _ = archive.read(self.path(key))
        self._check(self.path(key), senseless_measurement(record, arrays))
        return arrays

    def save_model(
        self, record: ModelRecord, weights: Mapping[str, np.ndarray], masks: Mapping[str, np.ndarray]
    ) -> None:
        """Store a model, whole or not at all."""
        self.mark()
        archive.write(self.path(record.key), _joined(weights, masks), record.model_dump(mode="json"))

    def save_outcomes(self, record: MeasurementRecord, arrays: Mapping[str, np.ndarray]) -> None:
        """Store a measurement, whole or not at all."""
        self.mark()
        archive.write(self.path(record.key), arrays, record.model_dump(mode="json"))

    def mark(self) -> None:
        """Mark the root folder as a store; nothing is ever cleaned up in an unmarked folder."""
        if not (self.root / MARKER).exists():
            files.write(self.root / MARKER, MARK, within=self.root)

    def remove(self, key: str) -> None:
        """Remove the result of ``key``, so that it is made again."""
        for path in (self.path(key), self.checkpoint(key)):
            files.remove(path, within=self.root, ours=archive.is_ours)

    # Labels.

    def label(self, name: str, key: str) -> None:
        """Give ``key`` a name of the user's choice; a name in use moves to ``key``, which is reported."""
        self.check_label(name)
        before = self.labels().get(name, key)
        if before != key:
            warnings.warn(f"label {name!r} was {before}'s, and is {key}'s now", PrunekitWarning, stacklevel=2)
        self.mark()
        files.write(self.root / "labels" / name, key.encode(), within=self.root, ours=_is_label)

    def check_label(self, name: str) -> None:
        """Refuse an invalid label before the work whose result it will name."""
        if not LABEL.fullmatch(name) or KEY.fullmatch(name):
            raise UsageError(
                f"label {name!r}: use 1 to 100 letters, digits, dots, dashes, plus signs or underscores"
            )
        if (self.root / "labels").exists() and not (self.root / "labels").is_dir():
            raise StoreError(f"labels cannot be stored: {self.root / 'labels'} is not a folder")

    def labels(self) -> dict[str, str]:
        """Every label and its key; files without a key are not labels."""
        folder = self.root / "labels"
        names = sorted(name for name in _files_in(folder) if LABEL.fullmatch(name))
        found = {name: _text(folder / name) for name in names}
        return {name: key for name, key in found.items() if KEY.fullmatch(key)}

    def resolve(self, name: str) -> str:
        """The key of the model called ``name``: a key, a label, or a unique prefix of a key or of its hash."""
        if KEY.fullmatch(name) and name.partition("-")[0] in MODEL_STEPS and self.has(name):
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

    # Concurrent work.

    @contextmanager
    def claim(self, key: str, *, wait: bool = True) -> Iterator[bool]:
        """Claim the work on ``key`` for the block; without ``wait``, yields False if another process holds it.

        Uses ``flock``: on a network file system without it two workers may do the same step, and write the same
        bytes; a warning says so.
        """
        try:
            holding = lock(self.root / "locks" / key, within=self.root, wait=wait)
            held = holding.__enter__()
        except OSError as error:
            raise PrunekitError(f"cannot write to the store {self.root}: {error.strerror}") from None
        try:
            yield held
        finally:
            holding.__exit__(None, None, None)

    def running(self) -> frozenset[str]:
        """Keys that a process works on now."""
        locks = self.root / "locks"
        return frozenset(name for name in _files_in(locks) if is_held(locks / name))

    def failed(self) -> frozenset[str]:
        """Keys whose last attempt left a failure log, including those that were made since."""
        names = _files_in(self.root / "logs")
        return frozenset(
            name.removesuffix(".log") for name in names if KEY.fullmatch(name.removesuffix(".log"))
        )

    def log(self, key: str) -> Path:
        """Where the failure log of ``key`` is."""
        return self.root / "logs" / f"{key}.log"

    def note_cost(self, kind: str, **cost: Any) -> None:
        """Record the cost of a step of this kind, for estimates; it is never part of a result.

        Each line is appended in one write, so that lines of several processes do not mix. A lost line does no harm,
        so nothing is synced and a full disk is not a failure.
        """
        line = json.dumps(cost, sort_keys=True).encode() + b"\n"
        with contextlib.suppress(OSError, ForeignFileError):
            files.append(self.root / "costs" / f"{kind}.jsonl", line, within=self.root)

    def costs(self, kind: str, *, latest: int = 10_000) -> list[dict[str, Any]]:
        """The costs of the ``latest`` steps of this kind; lines that are not JSON objects are skipped."""
        try:
            noted = files.read_end(self.root / "costs" / f"{kind}.jsonl", latest * LONGEST_NOTE)
        except OSError:
            return []
        lines = noted.splitlines()[-latest:]
        return [found for line in lines if isinstance(found := _json(line), dict)]

    def verify(self, key: str) -> None:
        """Read every byte of ``key``; raises :class:`StoreError` if anything is wrong."""
        if _folder_of(key) == "measurements":
            self.outcomes(key)
        elif self.record(key).dropped:
            archive.read(self.path(key))
        else:
            self.tensors(key)

    def problems(self) -> Iterator[upkeep.Problem]:
        """Read every byte of the store, with unfinished training and imports, and yield each file's problem."""
        return upkeep.problems(self)

    def repair(self, found: Iterable[upkeep.Problem]) -> int:
        """Remove damaged files; returns how many."""
        return upkeep.repair(self, found)

    def leftovers(self) -> list[Path]:
        """Files left by crashes: half-written files, free locks, checkpoints and logs of finished steps."""
        return [each.path for each in upkeep.leftovers(self)]

    def clean(self) -> list[Path]:
        """Remove leftovers; returns those removed."""
        return upkeep.clean(self)


def _folder_of(key: str) -> str:
    return "measurements" if key.partition("-")[0] in MEASUREMENT_STEPS else "models"


def _joined(weights: Mapping[str, np.ndarray], masks: Mapping[str, np.ndarray]) -> Arrays:
    return dict(weights) | {f"{MASK_PREFIX}{name}": mask for name, mask in masks.items()}


def digest_of_model(weights: Mapping[str, np.ndarray], masks: Mapping[str, np.ndarray]) -> str:
    """The digest that a model will have once stored."""
    return archive.digest_of(_joined(weights, masks))


def _files_in(folder: Path) -> list[str]:
    """Names of the files in a folder, including links to files; empty if there is no folder."""
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries if entry.is_file()]
    except (FileNotFoundError, NotADirectoryError):
        return []


def _text(path: Path) -> str:
    try:
        return files.read(path, most=LABEL_BYTES).decode(errors="replace").strip()
    except OSError:
        return ""


def _is_label(file: BinaryIO) -> bool:
    return bool(KEY.fullmatch(file.read(LABEL_BYTES).decode(errors="replace").strip()))


def _json(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None
