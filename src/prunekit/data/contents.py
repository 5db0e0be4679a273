"""The contents of a data set's files: one digest of their names and bytes, which distinguishes versions of the set.

No torch. A large set is read once and then recognised by its files' sizes, times and inodes, kept beside the caches; a
set of at most ``EXACT_BYTES`` in ``EXACT_FILES`` files is read again by every process. The times include that of the
last status change, which copying, unpacking or touching a file cannot set back.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import warnings
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO, NamedTuple

from prunekit.base import files
from prunekit.errors import PrunekitError, PrunekitWarning, UsageError

FOLDER = "cache"
DIGITS = 32
EXACT_BYTES, EXACT_FILES = 64 * 2**20, 5_000
# A file that changed this recently may change again within one tick of the clock, so it is not remembered.
SETTLED_NS = 2_000_000_000
# A published set of more files is not read: its archive was checked before it was unpacked.
MOST_PUBLISHED_FILES = 20_000
Stamp = tuple[int, int, int, int]


class Part(NamedTuple):
    """One file of a data set: its name within the set, where it is, and what tells cheaply whether it changed."""

    name: str
    path: Path
    stamp: Stamp


class Contents(NamedTuple):
    """The SHA-256 of every file of a data set, and its size in bytes, by its name within the set."""

    sums: Mapping[str, str]
    sizes: Mapping[str, int]

    @property
    def digest(self) -> str:
        """32 hexadecimal digits for the names and bytes of all files: independent of the set's location."""
        return self.of("")

    def of(self, start: str) -> str:
        """The digest of the files whose names begin with ``start``, such as ``train/``."""
        return _digest_of(f"{name}\0{found}\n" for name, found in self.sums.items() if name.startswith(start))

    @property
    def earlier(self) -> str:
        """The digest that version 0.1 recorded: 16 digits, only for the names and sizes."""
        return _digest_of(f"{name}\0{size}\n" for name, size in self.sizes.items())[:16]


_known: dict[tuple[str, str], Contents] = {}


def read_contents(folder: Path, paths: Iterable[Path], *, keep: Path) -> Contents:
    """The contents of the files at ``paths`` below ``folder``.

    ``keep`` is the data folder, where the checksums of large sets are remembered. :class:`UsageError` names a
    file that cannot be read.
    """
    start = os.path.join(folder, "")  # noqa: PTH118 - strings, because paths of a set's many files would take seconds
    parts = [_part(start, path) for path in paths]
    known = (str(folder), _digest_of(f"{part.name}\0{part.stamp}\n" for part in parts))
    if known in _known:
        return _known[known]
    found = Contents(_sums(folder, parts, keep), {part.name: part.stamp[0] for part in parts})
    if all(_settled(part) for part in parts):
        _known[known] = found
    return found


def _settled(part: Part) -> bool:
    return max(part.stamp[1:3]) < time.time_ns() - SETTLED_NS


def _part(start: str, path: Path) -> Part:
    """``start``: the set's folder and a separator."""
    try:
        status = path.stat()
    except OSError as error:
        raise _unreadable(path, error) from None
    whole = str(path)
    name = whole[len(start) :] if whole.startswith(start) else path.relative_to(start).as_posix()
    stamp = status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino
    return Part(name.replace(os.sep, "/"), path, stamp)


def _digest_of(lines: Iterable[str]) -> str:
    found = hashlib.sha256()
    for line in lines:
        found.update(os.fsencode(line))
    return found.hexdigest()[:DIGITS]


def _sums(folder: Path, parts: Sequence[Part], keep: Path) -> dict[str, str]:
    """The SHA-256 of every file by its name: computed, or remembered if the set is large."""
    if len(parts) <= EXACT_FILES and sum(part.stamp[0] for part in parts) <= EXACT_BYTES:
        return _read_all(parts)
    place = keep / FOLDER / f"contents-{_digest_of([str(folder)])}.json"
    before = _remembered(place)
    held = {part.name: before[part.name][1] for part in parts if _same(part, before)}
    found = held | _read_all([part for part in parts if part.name not in held])
    if len(held) < len(parts):
        _remember(place, parts, found, keep)
    return {part.name: found[part.name] for part in parts}


def _same(part: Part, before: Mapping[str, tuple[Stamp, str]]) -> bool:
    return part.name in before and before[part.name][0] == part.stamp


def _read_all(parts: Sequence[Part]) -> dict[str, str]:
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip([part.name for part in parts], pool.map(_sum, parts), strict=True))


def _sum(part: Part) -> str:
    try:
        with files.regular(part.path) as file:
            return files.sha256(file)
    except OSError as error:
        raise _unreadable(part.path, error) from None


def _unreadable(path: Path, error: OSError) -> UsageError:
    return UsageError(f"cannot read {path}: {error.strerror or error}")


def _remembered(place: Path) -> dict[str, tuple[Stamp, str]]:
    """What an earlier process found; empty if there is no such file or prunekit did not write it."""
    try:
        found = json.loads(files.read(place))["files"]
        return {name: ((each[0], each[1], each[2], each[3]), str(each[4])) for name, each in found.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
        return {}


def _remember(place: Path, parts: Sequence[Part], sums: Mapping[str, str], keep: Path) -> None:
    lines = {part.name: (*part.stamp, sums[part.name]) for part in parts if _settled(part)}
    try:
        data = json.dumps({"prunekit": "contents", "files": lines}).encode()
        files.write(place, data, within=keep, ours=_is_ours, mode=0o644)
    except PrunekitError as error:
        warnings.warn(f"{error}; every command will read the data again", PrunekitWarning, stacklevel=2)


def _is_ours(file: BinaryIO) -> bool:
    return file.read(24).startswith(b'{"prunekit": "contents"')


def tree(folder: Path, *, most: int = MOST_PUBLISHED_FILES) -> list[Path] | None:
    """Every file below ``folder`` in order of its name; None if there are none, or too many."""
    found: list[Path] = []
    for place, folders, names in os.walk(folder):
        folders.sort()
        found += [Path(place, name) for name in sorted(names) if not name.startswith(".")]
        if len(found) > most:
            return None
    return found or None
