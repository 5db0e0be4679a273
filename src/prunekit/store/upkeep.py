"""Find damage in a store and files that crashes left behind; only files that prunekit wrote are ever removed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from prunekit.base import files
from prunekit.errors import StoreError, UsageError
from prunekit.store import archive
from prunekit.store.locks import discard, is_empty, is_held
from prunekit.store.names import MARK, MARKER, SUFFIX, is_key

if TYPE_CHECKING:
    from prunekit.store.store import Store

_IMPORT = re.compile(r"[0-9a-f]{64}\.[a-z0-9]+")
LOCKS = "locks"
LOG_BEGINS = "prunekit: reason of the failure: "
# How the logs of version 0.1 begin.
_TRACEBACK = b"Traceback (most recent call last)"
LOG_BYTES = 1 << 20
Ours = Callable[[BinaryIO], bool]


class Problem(NamedTuple):
    """An unusable file and the reason; a ``damaged`` one can be removed and made again, any other is left alone."""

    key: str
    path: Path
    text: str
    damaged: bool


class Leftover(NamedTuple):
    """A file that is no longer needed, and how it is recognised as prunekit's."""

    path: Path
    ours: Ours


def problems(store: Store) -> Iterator[Problem]:
    """Read every byte of the store, with unfinished training and imports, and yield each file's problem."""
    for folder in ("models", "measurements"):
        yield from _odd(store.root / folder)
        for key in store.keys(folder):
            yield from _problem(key, store.path(key), partial(store.verify, key))
    for key in store.keys("checkpoints"):
        yield from _problem(key, store.checkpoint(key), partial(archive.read, store.checkpoint(key)))
    yield from _imports(store.root / "imports")


def _problem(key: str, path: Path, read: Callable[[], object]) -> Iterator[Problem]:
    try:
        read()
    except StoreError as error:
        yield Problem(
            key, path, str(error), isinstance(error, archive.DamagedError) and _is(path, archive.is_ours)
        )


def _is(path: Path, ours: Ours) -> bool:
    try:
        with files.regular(path, follow=False) as file:
            return ours(file)
    except OSError:
        return False


def _odd(folder: Path) -> Iterator[Problem]:
    """Entries with a result's name that are not files: a folder, a FIFO, a broken link."""
    for path in _entries(folder):
        if is_key(path.name.removesuffix(SUFFIX)) and not path.is_file():
            yield Problem(path.name.removesuffix(SUFFIX), path, f"{path} is not a regular file", False)


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def _imports(folder: Path) -> Iterator[Problem]:
    for path in _entries(folder):
        if not _IMPORT.fullmatch(path.name):
            continue
        try:
            with files.regular(path) as file:
                whole = files.sha256(file) == path.stem
        except OSError as error:
            yield Problem(path.stem, path, f"{path} cannot be read: {error.strerror}", False)
            continue
        if not whole:
            yield Problem(path.stem, path, f"{path} is damaged: import the file again", not path.is_symlink())


def repair(store: Store, found: Iterable[Problem]) -> int:
    """Remove damaged files; returns how many."""
    check_is_store(store)
    gone = [
        files.remove(
            problem.path,
            within=store.root,
            ours=None if problem.path.parent.name == "imports" else archive.is_ours,
        )
        for problem in found
        if problem.damaged
    ]
    return sum(gone)


def leftovers(store: Store) -> list[Leftover]:
    """Files left by crashes: half-written files, free locks, checkpoints and logs of finished steps.

    While a process works on the store, half-written files are kept, because they may be that process's.
    """
    if not _entries(store.root):
        return []
    check_is_store(store)
    found = [each for folder, names in PLACES.items() for each in _parts(store.root, folder, names)]
    if store.running():  # checked after listing the files: a writer holds its lock until the file is whole
        found = []
    locks = store.root / LOCKS
    found += [
        Leftover(locks / name, is_empty)
        for name in files.listed(locks, within=store.root)
        if is_key(name) and not is_held(locks / name)
    ]
    found += [Leftover(path, archive.is_ours) for path in _done(store, "checkpoints", SUFFIX)]
    found += [Leftover(path, is_log) for path in _done(store, "logs", ".log")]
    recognised = [each for each in found if _is(each.path, each.ours)]
    return sorted(recognised, key=lambda each: each.path)


def clean(store: Store) -> list[Path]:
    """Remove leftovers; returns those removed."""
    return [each.path for each in leftovers(store) if _removed(each, store.root)]


def _removed(leftover: Leftover, root: Path) -> bool:
    if leftover.path.parent == root / LOCKS:
        return discard(leftover.path, within=root)
    return files.remove(leftover.path, within=root, ours=leftover.ours)


def _parts(root: Path, folder: str, finished: Finished) -> Iterator[Leftover]:
    for path, name in files.parts(root / folder, within=root):
        if finished.is_name(name):
            yield Leftover(path, finished.ours)


def _is_any(file: BinaryIO) -> bool:
    """Accept any content: a half-written label or weights file can be recognised only by its name."""
    return True


def _is_mark(file: BinaryIO) -> bool:
    return MARK.startswith(file.read(len(MARK) + 1))


def is_log(file: BinaryIO) -> bool:
    """Whether a file is the log of a step's failure, or still empty."""
    start = file.read(LOG_BYTES)
    return not start or start.startswith(LOG_BEGINS.encode()) or _TRACEBACK in start


class Finished(NamedTuple):
    """The names of a folder's finished files, and how a half-written one is recognised."""

    is_name: Callable[[str], bool]
    ours: Ours


_RESULTS = Finished(lambda name: name.endswith(SUFFIX), archive.is_ours)
# Folders that may contain half-written files.
PLACES = {
    ".": Finished(MARKER.__eq__, _is_mark),
    "models": _RESULTS,
    "measurements": _RESULTS,
    "checkpoints": _RESULTS,
    "imports": Finished(lambda name: bool(_IMPORT.fullmatch(name)), _is_any),
    "labels": Finished(lambda name: True, _is_any),
    "logs": Finished(lambda name: is_key(name.removesuffix(".log")), is_log),
}


def _done(store: Store, folder: str, ending: str) -> list[Path]:
    names = (name for name in files.listed(store.root / folder, within=store.root) if name.endswith(ending))
    keys = ((name, name.removesuffix(ending)) for name in names)
    return [store.root / folder / name for name, key in keys if is_key(key) and store.has(key)]


def check_is_store(store: Store) -> None:
    """Refuse to clean up a folder that is neither marked nor contains a result of an earlier version."""
    if (store.root / MARKER).is_file() or any(
        _is(store.path(key), archive.is_ours) for key in store.present()
    ):
        return
    raise UsageError(
        f"{store.root} is not a prunekit store: it has no file {MARKER} and no result, so nothing is removed"
    )
