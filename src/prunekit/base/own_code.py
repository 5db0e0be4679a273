"""prunekit's own code as a digest: what is made by other code is made again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from importlib.resources.abc import Traversable


@cache
def digest_of_code(package: str, *libraries: str) -> str:
    """A digest of all files of a package and its folders, and of the versions of the libraries that it uses."""
    found = hashlib.sha256(" ".join(map(_version, libraries)).encode())
    for each in sorted(_files(files(package)), key=str):
        found.update(f"\0{each.name}\0".encode() + each.read_bytes())
    return found.hexdigest()


def _version(library: str) -> str:
    """Empty if the library is not installed."""
    try:
        return version(library)
    except PackageNotFoundError:
        return ""


def _files(folder: Traversable) -> Iterator[Traversable]:
    for each in folder.iterdir():
        if each.is_dir() and each.name != "__pycache__":
            yield from _files(each)
        elif each.is_file():
            yield each
