"""Weights files beside the store's models, named by their digest: copied in before a step, read by it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from torch import Tensor

from prunekit.errors import StoreError, UsageError
from prunekit.models.foreign import READERS, read_tensors
from prunekit.store.archive import write_bytes
from prunekit.store.store import Store

SHA256 = "sha256:"
FOLDER = "imports"
ENDINGS = {".pth": ".pt"}  # one name per kind, so that equal bytes are one file


def deposit(store: Store, path: Path) -> str:
    """Copy a weights file beside the store's models; returns its digest, which names it from now on.

    :class:`UsageError` for a file that cannot be read or is no weights file: nothing is copied then.
    """
    data = _read(path)
    ending = path.suffix.lower()
    read_tensors(data, str(path))
    digest = hashlib.sha256(data).hexdigest()
    place = store.root / FOLDER / f"{digest}{ENDINGS.get(ending, ending)}"
    if not place.exists():
        write_bytes(place, data)
    return SHA256 + digest


def _read(path: Path) -> bytes:
    if path.exists() and not path.is_file():
        raise UsageError(f"cannot read the weights {path}: not a regular file")
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read the weights {path}: {error.strerror}") from None


def deposited(store: Store, weights: str) -> dict[str, Tensor]:
    """The tensors in a deposited file; :class:`StoreError` where it is gone or damaged."""
    digest = weights.removeprefix(SHA256)
    folder = store.root / FOLDER
    path = next((place for ending in READERS if (place := folder / f"{digest}{ending}").exists()), None)
    if path is None:
        raise StoreError(
            f"the weights {digest[:16]} are not in the store: no file {folder / digest}.* (import the file again)"
        )
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != digest:
        raise StoreError(f"the weights {digest[:16]} are damaged: {path} (import the file again)")
    return read_tensors(data, str(path))
