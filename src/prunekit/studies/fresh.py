"""The inputs of a report as one digest: results, settings and code, without computing any number. No torch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from prunekit.params import ErrorParams, Params
from prunekit.store.store import Store
from prunekit.studies.groups import file_beside

# Libraries on which numbers and drawings depend.
LIBRARIES = ("numpy", "scipy", "matplotlib", "jinja2", "torch")


def made_of(store: Store, steps: Sequence[Params], parts: Any, *, groups: Path | None = None) -> str:
    """A digest of what a report is made from; empty if there are files of groups, which may change at any time.

    ``parts`` is the rest of the report's content as JSON values. Equal digests mean equal reports, apart from the
    images in it, which are read from the measured data set.
    """
    if groups is not None or any(_has_groups(step) for step in steps):
        return ""
    results = {step.key: store.fingerprint(step.key) for step in steps}
    known = [results, store.labels(), parts, _code()]
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()


def _has_groups(step: Params) -> bool:
    return isinstance(step, ErrorParams) and file_beside(step.distribution) is not None


@cache
def _code() -> str:
    """A digest of the package's own files, and the versions of the libraries that it computes and draws with."""
    found = hashlib.sha256(" ".join(map(_version, LIBRARIES)).encode())
    for each in sorted(_files(files("prunekit")), key=str):
        found.update(f"\0{each.name}\0".encode() + each.read_bytes())
    return found.hexdigest()


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return ""


def _files(folder: Traversable) -> Iterable[Traversable]:
    for each in folder.iterdir():
        if each.is_dir() and each.name != "__pycache__":
            yield from _files(each)
        elif each.is_file():
            yield each
