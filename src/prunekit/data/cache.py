"""Decoded and made images kept in the data folder, under a name that identifies everything they were made from.

Each file has a digest of its name and its bytes, which is checked whenever it is read.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from prunekit.base import files
from prunekit.errors import PrunekitError, PrunekitWarning

Tensors = dict[str, Tensor]
FOLDER = "cache"
# A data folder is often shared: what one user decoded, all may read.
READABLE = 0o644
CHUNK = 1 << 20
MAX_HEADER = 1 << 20
MARK = "prunekit"
SLOT = "d" * 64
# What version 0.1 kept, without a digest: it is made again and replaced.
EARLIER = ({"images"}, {"images", "labels"}, {"mean", "std"})


def kept(root: Path, name: str, make: Callable[[], Tensors]) -> Tensors:
    """The tensors stored as ``cache/<name>.safetensors`` under ``root``, or else made, and stored for next time.

    A file whose digest does not match its bytes is made again. One that cannot be written, or that prunekit did not
    write, only causes a :class:`PrunekitWarning`.
    """
    path = root / FOLDER / f"{name}.safetensors"
    if _whole(path, name):
        return load_file(path)
    tensors = make()
    try:
        files.write(path, *_dump(tensors, name), within=root, ours=_is_ours, mode=READABLE)
    except (PrunekitError, SafetensorError) as error:
        warnings.warn(f"cannot keep {path}: {error}", PrunekitWarning, stacklevel=2)
    return tensors


def _dump(tensors: Tensors, name: str) -> tuple[bytes, memoryview]:
    """The header, with the digest in it, and the tensors' bytes: a set may take gigabytes, so they are not copied."""
    blob = save(tensors, metadata={MARK: SLOT})
    start = 8 + int.from_bytes(blob[:8], "little")
    body = memoryview(blob)[start:]
    digest = hashlib.sha256(f"{name}\0".encode())
    digest.update(body)
    return blob[:start].replace(SLOT.encode(), digest.hexdigest().encode(), 1), body


def _whole(path: Path, name: str) -> bool:
    """Whether the file exists and has what was kept under this name."""
    try:
        with files.regular(path) as file:
            files.check_not_hollow(file)
            entries = _header(file)
            claimed = entries.get("__metadata__", {}).get(MARK)
            digest = hashlib.sha256(f"{name}\0".encode())
            while claimed and (chunk := file.read(CHUNK)):
                digest.update(chunk)
    except (OSError, ValueError, AttributeError, RecursionError):
        return False
    return bool(claimed == digest.hexdigest())


def _header(file: BinaryIO) -> dict[str, Any]:
    size = int.from_bytes(file.read(8), "little")
    found = json.loads(file.read(size)) if size <= MAX_HEADER else None
    if not isinstance(found, dict):
        raise ValueError("not a table")
    return found


def _is_ours(file: BinaryIO) -> bool:
    """Whether prunekit kept a file, whole or damaged: by its mark, by its tensors, or because it is empty."""
    start = file.read(4096)
    if not start[8:].strip(b"\0") or f'"{MARK}":"'.encode() in start:
        return True
    file.seek(0)
    try:
        return _header(file).keys() in EARLIER
    except (ValueError, RecursionError):
        return start[8:].startswith(
            tuple(b'{"%s":{"dtype"' % name for name in (b"images", b"labels", b"mean", b"std"))
        )
