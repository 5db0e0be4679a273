"""One safetensors file that detects its own damage: arrays, a JSON record, and a digest of each half.

The header's metadata has one entry, ``prunekit``: ``{"format", "header", "data", "record"}``. ``data`` is the SHA-256
of the tensor bytes; ``header`` is the SHA-256 of the whole header with its own value left blank. A flipped byte or a
truncation is therefore found, and a record can be trusted without reading the tensors.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_safetensors
from safetensors.numpy import save as save_safetensors

from prunekit.base import files
from prunekit.errors import StoreError, deprecated

FORMAT = 1
MAX_HEADER = 64 * 1024 * 1024
_HEADER_SLOT = "h" * 64
_DATA_SLOT = "d" * 64
DTYPE_BYTES = {
    name: size
    for size, names in {1: "BOOL U8 I8", 2: "U16 I16 F16", 4: "U32 I32 F32", 8: "U64 I64 F64"}.items()
    for name in names.split()
}
# The first bytes of an archive; a damaged one still has most of them.
_BEGINNING = b'{"__metadata__":{"prunekit":"{\\"data\\":\\"'
_MARKS = (b'"__metadata__"', b'"prunekit"', b'\\"data\\"', b'\\"format\\"', b'\\"header\\"', b'\\"record\\"')
# The start of the provenance in a record, and the field after it.
_PROVENANCE, _BEHIND = b',\\"provenance\\":{', (b'},\\"results\\":', b'},\\"step\\":')
LOOK_BYTES = 1 << 14
MARKS_ENOUGH, RECOGNISED_BYTES = 3, 512


def dump(arrays: Mapping[str, np.ndarray], record: Mapping[str, Any]) -> bytes:
    """The bytes of a file with these arrays and this record (JSON values only); equal input gives equal bytes."""
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
    """The digest that a file with these arrays will have, whatever its record."""
    blob = save_safetensors(
        {name: np.ascontiguousarray(array).reshape(array.shape) for name, array in arrays.items()}
    )
    return _digest(blob[8 + int.from_bytes(blob[:8], "little") :]).decode()


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).hexdigest().encode()


class Header(NamedTuple):
    """A file's header: its record, and the digest of its tensors."""

    record: dict[str, Any]
    digest: str


def read_header(path: Path) -> Header:
    """The record and the tensors' digest, without reading the tensors; checks the header and the file's length."""
    with _opened(path) as file:
        return _header(path, file)


def read_record(path: Path) -> dict[str, Any]:
    """Only the record, as in 0.1; deprecated: ``read_header(path).record``."""
    deprecated("archive.read_record", "archive.read_header", removed_in="0.4")
    return read_header(path).record


def header_text(path: Path) -> bytes:
    """The raw header, unchecked: it contains the record and the digests of everything in the file."""
    with _opened(path) as file:
        return file.read(min(int.from_bytes(file.read(8), "little"), MAX_HEADER))


def provenance_text(path: str) -> bytes:
    """The raw provenance text in a record, unchecked, for a quick look at many files; empty if there is none.

    :class:`OSError` if the file is missing or is not a regular file.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        start = os.read(handle, LOOK_BYTES)
    finally:
        os.close(handle)
    begin = start.find(_PROVENANCE)
    ends = [place for mark in _BEHIND if (place := start.find(mark, begin)) > 0]
    return start[begin + len(_PROVENANCE) - 1 : min(ends) + 1] if begin > 0 and ends else b""


def read(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays and the record, with every byte checked against its digest."""
    with _opened(path) as file:
        header = _header(path, file)
        size = file.tell()
        file.seek(0)
        try:
            blob = file.read()
        except MemoryError:
            raise StoreError(
                f"{path.stem} cannot be read: {path} is too large for this machine's memory"
            ) from None
    if hashlib.sha256(memoryview(blob)[size:]).hexdigest() != header.digest:
        raise damaged(path, "the tensors do not match their digest")
    try:
        return load_safetensors(blob), header.record
    except (SafetensorError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise damaged(path, f"its tensors cannot be read: {' '.join(str(error).split())}") from None


def _opened(path: Path) -> BinaryIO:
    try:
        return files.regular(path)
    except FileNotFoundError:
        raise StoreError(f"{path.stem} is not in the store: no file {path}") from None
    except OSError as error:
        raise StoreError(f"{path.stem} cannot be read: {path}: {error.strerror}") from None


def _header(path: Path, file: BinaryIO) -> Header:
    """The header, after checking its digest, the places of its tensors and the file's length."""
    prefix = file.read(8)
    size = int.from_bytes(prefix, "little")
    if len(prefix) < 8 or size > MAX_HEADER:
        raise damaged(path, "the header's length is wrong")
    header = prefix + file.read(size)
    fields, entries = _checked_header(path, header, size)
    end = _end(path, entries)
    status = os.fstat(file.fileno())
    if status.st_size != 8 + size + end:
        raise damaged(path, f"it has {status.st_size} bytes, but its header says {8 + size + end}")
    if files.is_hollow(status):
        raise damaged(
            path, f"it has {status.st_size} bytes, of which only {status.st_blocks * 512} are on disk"
        )
    return Header(fields["record"], str(fields["data"]))


def _checked_header(path: Path, header: bytes, size: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """The metadata fields, and the entry of every tensor."""
    if len(header) != 8 + size:
        raise damaged(path, "it is truncated")
    try:
        entries = json.loads(header[8:])
        fields = json.loads(entries.pop("__metadata__")["prunekit"], parse_constant=_no_constant)
        claimed, version = fields["header"], fields["format"]
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
    if not isinstance(fields.get("record"), dict) or not isinstance(fields.get("data"), str):
        raise damaged(path, "its header is not one that prunekit wrote")
    return fields, entries


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number")


def _end(path: Path, entries: Mapping[str, Any]) -> int:
    """The size of the tensors in bytes: contiguous, each as long as its shape says."""
    end = 0
    try:
        for entry in sorted(entries.values(), key=lambda entry: tuple(entry["data_offsets"])):
            begin, stop = entry["data_offsets"]
            length = math.prod(entry["shape"]) * DTYPE_BYTES[entry["dtype"]]
            if begin != end or stop != begin + length or min(entry["shape"], default=0) < 0:
                raise ValueError
            end = stop
    except (ValueError, KeyError, TypeError):
        raise damaged(path, "its table of tensors is invalid") from None
    return end


class DamagedError(StoreError):
    """The content of a stored file cannot be trusted: it can only be made again."""


def damaged(path: Path, why: str) -> DamagedError:
    """The error for a file whose content cannot be trusted."""
    return DamagedError(f"{path.stem} is damaged: {path}: {why} (`prunekit verify --repair` removes it)")


def write(path: Path, arrays: Mapping[str, np.ndarray], record: Mapping[str, Any]) -> None:
    """Write a file of a store, whole or not at all; replaces only files that prunekit wrote."""
    write_bytes(path, dump(arrays, record))


def write_bytes(path: Path, data: bytes) -> None:
    """Write the bytes of a file as :func:`write` does."""
    files.write(path, data, within=path.parent.parent, ours=is_ours)


def is_ours(file: BinaryIO) -> bool:
    """Whether prunekit wrote an archive, even if it is truncated or damaged; a file of only zeros is not ours."""
    start = file.read(RECOGNISED_BYTES)
    found = sum(mark in start for mark in _MARKS)
    return found >= MARKS_ENOUGH or not start[8:].strip(b"\0") or _BEGINNING.startswith(start[8:])
