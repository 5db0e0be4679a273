"""Weights files in the store, named by digest: copied in before a step, and read by it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

from prunekit.base import files
from prunekit.errors import StoreError, UsageError
from prunekit.models.foreign import READERS, read_tensors
from prunekit.models.predictors import FORMS, form_of
from prunekit.models.predictors.onnx import read_onnx
from prunekit.store.store import Store

SHA256 = "sha256:"
FOLDER = "imports"
ENDINGS = {".pth": ".pt"}  # one name per kind, so that equal bytes are one file


def deposit(store: Store, path: Path) -> str:
    """Copy a weights file into the store; returns its digest, which is its name from now on.

    :class:`UsageError` for a file that cannot be read or is not a weights file; nothing is copied then.
    """
    ending = path.suffix.lower()
    form = form_of(ending)
    data = _read_onnx(path) if form == "onnx" else _read(path)
    if form is None:
        read_tensors(data, str(path))
    else:
        FORMS[form].open(data, str(path))
    digest = hashlib.sha256(data).hexdigest()
    place = store.root / FOLDER / f"{digest}{ENDINGS.get(ending, ending)}"
    if not place.exists():
        store.mark()
        files.write(place, data, within=store.root)
    return SHA256 + digest


def _read(path: Path) -> bytes:
    try:
        return files.read(path)
    except OSError as error:
        raise UsageError(f"cannot read the weights {path}: {error.strerror}") from None


def _read_onnx(path: Path) -> bytes:
    _read(path)
    return read_onnx(path)


class Deposited(NamedTuple):
    """The bytes of a deposited file, its name, and its format if it is a program (else None)."""

    data: bytes
    name: str
    form: str | None


def deposited(store: Store, weights: str) -> Deposited:
    """A deposited file; :class:`StoreError` if it is missing or damaged."""
    digest = weights.removeprefix(SHA256)
    folder = store.root / FOLDER
    endings = (*READERS, *(form.ending for form in FORMS.values()))
    path = next((place for ending in endings if (place := folder / f"{digest}{ending}").exists()), None)
    if path is None:
        raise StoreError(
            f"the weights {digest[:16]} are not in the store: no file {folder / digest}.* (import the file again)"
        )
    try:
        data = files.read(path)
    except OSError as error:
        raise StoreError(f"the weights {digest[:16]} cannot be read: {path}: {error.strerror}") from None
    if hashlib.sha256(data).hexdigest() != digest:
        raise StoreError(f"the weights {digest[:16]} are damaged: {path} (import the file again)")
    return Deposited(data, str(path), form_of(path.suffix))
