"""What this machine offers prunekit: versions, optional packages, devices, data, store, threads."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Callable, Iterator
from importlib import import_module, metadata
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import prunekit
from prunekit.errors import EXTRAS

REQUIRED = ("torch", "torchvision", "timm", "numpy", "scipy", "safetensors", "typer", "rich", "matplotlib")
LITTLE_SPACE = 2 * 2**30
MISSING = "not installed"


class Finding(NamedTuple):
    """One check; ``remedy`` is empty if it passed."""

    what: str
    value: str
    remedy: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing needs to be done."""
        return not self.remedy


def examine(store: Path, data: Path) -> Iterator[Finding]:
    """Every finding, the quick ones first."""
    yield Finding("prunekit", prunekit.__version__)
    yield Finding("python", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    for package in REQUIRED:
        yield _package(package)
    yield from _optional()
    yield Finding("cores", f"{os.cpu_count()} (OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS', 'unset')})")
    yield from _devices()
    yield _folder("store", store)
    yield _folder("data", data)


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _package(package: str) -> Finding:
    found = _version(package)
    return Finding(package, found or MISSING, "" if found else f"pip install {package}")


def _optional() -> Iterator[Finding]:
    """Packages of the extras; a missing one is not a problem."""
    for package in EXTRAS:
        found = _version(package)
        yield Finding(
            f"{package} (optional)", found or f"{MISSING}: pip install 'prunekit[{EXTRAS[package]}]'"
        )


def _devices() -> Iterator[Finding]:
    if find_spec("torch") is None:
        return
    try:
        torch = import_module("torch")
        import_module("torchvision")
    except Exception as error:
        yield Finding("torch", f"cannot be loaded: {error}", "install torch, torchvision and timm together")
        return
    yield Finding("threads", str(torch.get_num_threads()))
    cards = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    yield Finding("GPUs", ", ".join(cards) or "no GPU: prunekit computes on the CPU")


def _folder(what: str, path: Path) -> Finding:
    """A folder, the free space there, and whether it is writable."""
    nearest = next(place for place in (path, *path.absolute().parents) if place.exists())
    free = shutil.disk_usage(nearest).free
    value = f"{path}{'' if path.exists() else ' (made at first use)'}, {free / 2**30:.1f} GiB free"
    problems: dict[str, Callable[[], bool]] = {
        f"{nearest} is not a folder: name another folder with --{what}": lambda: not nearest.is_dir(),
        f"{nearest} is not writable: name another folder with --{what}": lambda: (
            not os.access(nearest, os.W_OK)
        ),
        f"less than {LITTLE_SPACE // 2**30} GiB are free": lambda: free < LITTLE_SPACE,
    }
    return Finding(what, value, next((remedy for remedy, applies in problems.items() if applies()), ""))
