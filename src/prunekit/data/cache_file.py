"""The files of decoded and made images in the data folder: their places, their checks, and their arrays. No torch.

Each file has a digest of its name and its bytes, which is checked whenever it is read.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from safetensors.numpy import load_file

from prunekit.base import files

Arrays = dict[str, np.ndarray[Any, Any]]
FOLDER = "cache"
CHUNK = 1 << 20
MAX_HEADER = 1 << 20
MARK = "prunekit"
# What version 0.1 kept, without a digest: it is made again and replaced.
EARLIER = ({"images"}, {"images", "labels"}, {"mean", "std"})


def path_of(root: Path, name: str) -> Path:
    """The file of this name in the data folder ``root``."""
    return root / FOLDER / f"{name}.safetensors"


def read(root: Path, name: str) -> Arrays | None:
    """The arrays kept under this name; None if there are none, or they are not whole."""
    path = path_of(root, name)
    return load_file(path) if is_whole(path, name) else None


def is_whole(path: Path, name: str) -> bool:
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


def is_ours(file: BinaryIO) -> bool:
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
