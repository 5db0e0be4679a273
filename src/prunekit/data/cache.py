"""Decoded and made images kept in the data folder, under a name that identifies everything they were made from."""

from __future__ import annotations

import hashlib
import time
import warnings
from collections.abc import Callable
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from prunekit.base import files
from prunekit.data.cache_file import MARK, is_ours, is_whole, path_of
from prunekit.errors import PrunekitError, PrunekitWarning

Tensors = dict[str, Tensor]
# A data folder is often shared: what one user decoded, all may read.
READABLE = 0o644
# A half-written file that has not grown for so many seconds has no writer.
INTERRUPTED_S = 86_400
SLOT = "d" * 64


def kept(root: Path, name: str, make: Callable[[], Tensors]) -> Tensors:
    """The tensors stored as ``cache/<name>.safetensors`` under ``root``, or else made, and stored for next time.

    A file whose digest does not match its bytes is made again. One that cannot be written, or that prunekit did not
    write, only causes a :class:`PrunekitWarning`.
    """
    path = path_of(root, name)
    if is_whole(path, name):
        return load_file(path)
    tensors = make()
    try:
        files.write(path, *_dump(tensors, name), within=root, ours=is_ours, mode=READABLE)
    except (PrunekitError, SafetensorError) as error:
        warnings.warn(f"cannot keep {path}: {error}", PrunekitWarning, stacklevel=2)
    _forget_interrupted(path, root)
    return tensors


def _forget_interrupted(path: Path, root: Path) -> None:
    """Remove what earlier writers of this file left half-written; one that may still be writing is left alone."""
    for part, name in files.parts(path.parent, within=root):
        try:
            if name == path.name and time.time() - part.stat().st_mtime > INTERRUPTED_S:
                files.remove(part, within=root)
        except (OSError, PrunekitError):  # it is gone, or another user's
            continue


def _dump(tensors: Tensors, name: str) -> tuple[bytes, memoryview]:
    """The header, with the digest in it, and the tensors' bytes: a set may take gigabytes, so they are not copied."""
    blob = save(tensors, metadata={MARK: SLOT})
    start = 8 + int.from_bytes(blob[:8], "little")
    body = memoryview(blob)[start:]
    digest = hashlib.sha256(f"{name}\0".encode())
    digest.update(body)
    return blob[:start].replace(SLOT.encode(), digest.hexdigest().encode(), 1), body
