"""Decoded and made images kept in the data folder: found again by a name that says all that made them."""

from __future__ import annotations

import hashlib
import os
import secrets
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from prunekit.errors import PrunekitWarning

Tensors = dict[str, Tensor]
FOLDER = "cache"
# A data folder is often shared: what one user decoded, all may read.
READABLE = 0o644


def kept(root: Path, name: str, make: Callable[[], Tensors]) -> Tensors:
    """The tensors stored as ``cache/<name>.safetensors`` under ``root``, or else made, and stored for next time.

    A file that is cut short is made anew; one that cannot be written costs a :class:`PrunekitWarning`, no more.
    """
    path = root / FOLDER / f"{name}.safetensors"
    try:
        return load_file(path)
    except (OSError, SafetensorError):
        tensors = make()
    try:
        _write(path, tensors)
    except (OSError, SafetensorError) as error:
        warnings.warn(f"cannot keep {path}: {error}", PrunekitWarning, stacklevel=2)
    return tensors


def fingerprint(paths: Sequence[Path]) -> str:
    """A digest of the files' places, sizes and times of change: 16 hexadecimal digits."""
    found = ((path, path.stat()) for path in paths)
    return _digest(f"{path}\0{status.st_size}\0{status.st_mtime_ns}\n" for path, status in found)


def contents(folder: Path, paths: Sequence[Path]) -> str:
    """A digest of the files' places within ``folder`` and sizes, wherever the folder is: 16 hexadecimal digits."""
    return _digest(f"{path.relative_to(folder).as_posix()}\0{path.stat().st_size}\n" for path in paths)


def _digest(lines: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line.encode())
    return digest.hexdigest()[:16]


def _write(path: Path, tensors: Tensors) -> None:
    """Beside its place, synced, renamed: the file is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(6)}.part")
    try:
        save_file(tensors, beside)
        beside.chmod(READABLE)
        with beside.open("rb") as file:
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
