"""One safetensors file that knows when it is damaged: arrays, a JSON record, and a digest over each half.

The header's metadata holds one entry, ``prunekit``: ``{"format", "header", "data", "record"}``. ``data`` is the
SHA-256 of the tensor bytes, ``header`` that of the whole header with itself left blank, so that a flipped byte or a cut
anywhere is found, and a record can be trusted without reading the tensors.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from safetensors.numpy import load as load_safetensors
from safetensors.numpy import save as save_safetensors

from prunekit.errors import PrunekitError, StoreError

FORMAT = 1
MAX_HEADER = 64 * 1024 * 1024
_HEADER_SLOT = "h" * 64
_DATA_SLOT = "d" * 64


def dump(arrays: Mapping[str, np.ndarray], record: Mapping[str, Any]) -> bytes:
    """The bytes of a file with these arrays and this record (JSON values only); equal input, equal bytes."""
    text = json.dumps(
        {"format": FORMAT, "header": _HEADER_SLOT, "data": _DATA_SLOT, "record": record},
        sort_keys=True,
        separators=(",", ":"),
        allow_nan=False,
    )
    contiguous = {name: np.ascontiguousarray(array).reshape(array.shape) for name, array in arrays.items()}
    blob = save_safetensors(contiguous, metadata={"prunekit": text})
    size = 8 + int.from_bytes(blob[:8], "little")
    header = blob[:size].replace(_DATA_SLOT.encode(), _digest(blob[size:]), 1)
    return header.replace(_HEADER_SLOT.encode(), _digest(header), 1) + blob[size:]


def digest_of(arrays: Mapping[str, np.ndarray]) -> str:
    """The digest that a file of these arrays will have, whatever its record."""
    blob = save_safetensors(
        {name: np.ascontiguousarray(array).reshape(array.shape) for name, array in arrays.items()}
    )
    return _digest(blob[8 + int.from_bytes(blob[:8], "little") :]).decode()


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).hexdigest().encode()


class Header(NamedTuple):
    """What a file says of itself: its record, and the digest of its tensors."""

    record: dict[str, Any]
    digest: str


def read_record(path: Path) -> dict[str, Any]:
    """The record alone, its header checked and the file's length with it; no tensor is read."""
    return read_header(path).record


def read_header(path: Path) -> Header:
    """The record and the digest of the tensors, which are not read."""
    with _opened(path) as file:
        prefix = file.read(8)
        size = int.from_bytes(prefix, "little")
        if len(prefix) < 8 or size > MAX_HEADER:
            raise damaged(path, "the header's length is wrong")
        header = prefix + file.read(size)
        length = os.fstat(file.fileno()).st_size
    fields, end = _checked_header(path, header, size)
    if length != 8 + size + end:
        raise damaged(path, f"{length} bytes where the header says {8 + size + end}")
    return Header(fields["record"], str(fields["data"]))


def read(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays and the record, every byte checked against its digest."""
    with _opened(path) as file:
        blob = file.read()
    size = int.from_bytes(blob[:8], "little")
    fields, end = _checked_header(path, blob[: 8 + size], size)
    body = memoryview(blob)[8 + size :]
    if len(body) != end or hashlib.sha256(body).hexdigest() != fields["data"]:
        raise damaged(path, "the tensors do not match their digest")
    return load_safetensors(blob), fields["record"]


def _opened(path: Path) -> Any:
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise StoreError(f"{path.stem} is not in the store: no file {path}") from None
    except OSError as error:
        raise StoreError(f"{path.stem} cannot be read: {path}: {error.strerror}") from None


def _checked_header(path: Path, header: bytes, size: int) -> tuple[dict[str, Any], int]:
    """The metadata fields, and the number of tensor bytes that the header promises."""
    if len(header) != 8 + size:
        raise damaged(path, "it is cut short")
    try:
        entries = json.loads(header[8:])
        fields = json.loads(entries.pop("__metadata__")["prunekit"])
        claimed, version = fields["header"], fields["format"]
        end = max((entry["data_offsets"][1] for entry in entries.values()), default=0)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
        raise damaged(path, "its header is not one that prunekit wrote") from None
    if isinstance(version, int) and version > FORMAT:
        raise StoreError(
            f"{path} has store format {version}; this prunekit reads up to {FORMAT}: upgrade prunekit"
        )
    if (
        not isinstance(claimed, str)
        or _digest(header.replace(claimed.encode(), _HEADER_SLOT.encode(), 1)) != claimed.encode()
    ):
        raise damaged(path, "its header does not match its digest")
    return fields, end


class DamagedError(StoreError):
    """A stored file whose content cannot be trusted: it can only be made again."""


def damaged(path: Path, why: str) -> DamagedError:
    """The error for a file whose content cannot be trusted."""
    return DamagedError(f"{path.stem} is damaged: {path}: {why} (`prunekit verify --repair` removes it)")


def write(path: Path, arrays: Mapping[str, np.ndarray], record: Mapping[str, Any]) -> None:
    """Write a file so that it is there whole or not at all: beside its place, synced, renamed."""
    write_bytes(path, dump(arrays, record))


def write_bytes(path: Path, data: bytes) -> None:
    """Put ``data`` at ``path`` atomically; on a full disk or a read-only folder nothing is left behind."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(6)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        _discard(beside)
        raise PrunekitError(f"cannot write {path}: {error.strerror or error}") from None
    except BaseException:
        _discard(beside)
        raise


def _discard(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
