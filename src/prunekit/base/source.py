"""A digest of the user's own code behind a name such as ``module:nets:build`` or a plugin, without importing it."""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Iterator
from functools import lru_cache
from importlib.machinery import PathFinder
from pathlib import Path

from prunekit.base import files

DIGITS = 32
INSTALLED = {"site-packages", "dist-packages"}


def digest_of(target: str) -> str:
    """A digest of the code behind ``package.file:builder``; empty if there is no such module.

    It covers the module or, for a package, all its files; for code that is not installed, also its imports from its
    own folder. Each process computes it once: later changes do not affect code that it has imported.
    """
    return _digest(target.partition(":")[0], Path.cwd())


@lru_cache
def _digest(place: str, here: Path) -> str:
    name = place.partition(".")[0]
    found = _located(name, here)
    if found is None:
        return ""
    home, paths = found
    if not (
        INSTALLED & set(home.parts) or name in sys.stdlib_module_names
    ):  # installed code lies next to all of Python
        paths = _with_imports(home, paths)
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(path.relative_to(home).as_posix().encode(errors="surrogateescape") + b"\0")
        digest.update(hashlib.sha256(_read(path)).digest())
    return digest.hexdigest()[:DIGITS]


def _read(path: Path) -> bytes:
    try:
        return files.read(path)
    except OSError:
        return b""


def _located(name: str, here: Path) -> tuple[Path, list[Path]] | None:
    """The folder from which a top-level module is imported, and its files; the working directory comes last."""
    spec = PathFinder.find_spec(name, [*sys.path, str(here)])
    if spec is None:
        return None
    if spec.submodule_search_locations:
        package = Path(next(iter(spec.submodule_search_locations)))
        return package.parent, _of_package(package)
    return (Path(spec.origin).parent, [Path(spec.origin)]) if spec.origin else None


def _of_package(package: Path) -> list[Path]:
    return [path for path in package.rglob("*.py") if path.is_file()]


def _with_imports(home: Path, paths: list[Path]) -> list[Path]:
    """``paths`` and all files in ``home`` that they import, directly or not."""
    found, front = set(paths), list(paths)
    while front:
        for name in _imported(front.pop()):
            package, file = home / name, home / f"{name}.py"
            more = _of_package(package) if package.is_dir() else [file] if file.is_file() else []
            front += [path for path in more if path not in found]
            found.update(more)
    return list(found)


def _imported(path: Path) -> Iterator[str]:
    """Top-level names that a file imports; a file that is not Python imports none."""
    try:
        tree = ast.parse(_read(path))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]
