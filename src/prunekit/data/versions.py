"""Which version of a data set is on this machine, by a digest of its files. No torch."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

from prunekit.data.contents import EXACT_FILES, Contents, read_contents, tree
from prunekit.data.datasets import PLACES
from prunekit.data.downloads import DOWNLOADS
from prunekit.distribution import is_place, parse, unescaped

# Checking a set of many files takes seconds, and every result is compared with it: a check of more than
# ``EXACT_FILES`` files stays valid for this many times as long as it took.
LOOK_LASTS = 20
# Published corruptions that are one file each: only what is read is hashed.
SHIFTED_FILES: dict[str, Callable[[str], Sequence[str]]] = {
    "cifar10-c": lambda corruption: (f"CIFAR-10-C/{corruption}.npy", "CIFAR-10-C/labels.npy"),
    "cifar100-c": lambda corruption: (f"CIFAR-100-C/{corruption}.npy", "CIFAR-100-C/labels.npy"),
}


def source_of(distribution: str) -> str:
    """What a distribution's images come from, as records name it: ``digits``, ``folder:photos``, ``cifar10-c/fog``."""
    parsed = parse(distribution)
    return f"{parsed.dataset}/{parsed.corruption}" if parsed.published else parsed.dataset


def version_of(source: str, root: Path) -> str:
    """The current digest of ``source``; empty for published sets that are absent or have too many files to read.

    :class:`UsageError` if a place such as ``folder:PATH`` cannot be read.
    """
    found = _contents_of(source, root)
    return found.digest if found is not None else ""


def earlier_version_of(source: str, root: Path) -> str:
    """The digest that version 0.1 recorded for a user's own data set: only of names and sizes."""
    found = _contents_of(source, root) if is_place(source) else None
    return found.earlier if found is not None else ""


def too_large(source: str, root: Path) -> bool:
    """Whether ``source`` is a published set here with too many files to read, and so has no digest."""
    places = DOWNLOADS[source].places if source in DOWNLOADS else ()
    folders = [root / place for place in places if (root / place).is_dir()]
    return any(tree(folder) is None and any(folder.iterdir()) for folder in folders)


_looked: dict[tuple[str, Path, Path], tuple[float, Contents]] = {}


def _contents_of(source: str, root: Path) -> Contents | None:
    place = source, root, Path.cwd()
    until, seen = _looked.get(place, (0.0, None))
    began = time.monotonic()
    if began < until:
        return seen
    found = _now(source, root)
    ended = time.monotonic()
    if found is not None and len(found.sums) > EXACT_FILES:
        _looked[place] = ended + LOOK_LASTS * (ended - began), found
    return found


def _now(source: str, root: Path) -> Contents | None:
    if is_place(source):
        place, _, path = source.partition(":")
        return PLACES[place].contents(unescaped(path), root)
    return _published(source, root)


def _published(source: str, root: Path) -> Contents | None:
    if source == "digits":
        package = find_spec("sklearn")
        home = Path(str(package and package.origin)).parent
        return _of_files(home, [home / "datasets" / "data" / "digits.csv.gz"], root)
    name, _, corruption = source.partition("/")
    if corruption and name in SHIFTED_FILES:
        return _of_files(root, [root / place for place in SHIFTED_FILES[name](corruption)], root)
    return None if corruption or name not in DOWNLOADS else _of_places(DOWNLOADS[name].places, root)


def _of_files(home: Path, paths: Sequence[Path], root: Path) -> Contents | None:
    there = all(path.is_file() for path in paths)
    return read_contents(home, paths, keep=root) if there else None


def _of_places(places: Sequence[str], root: Path) -> Contents | None:
    """The contents of all files of a published set's folders, unless there are too many."""
    paths: list[Path] = []
    for place in places:
        found = [root / place] if (root / place).is_file() else tree(root / place)
        if found is None:
            return None
        paths += found
    return read_contents(root, paths, keep=root)
