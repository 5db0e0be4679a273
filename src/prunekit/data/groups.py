"""A file of groups: which images belong together, in a CSV with a row for each image. No torch."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePath
from typing import NamedTuple

import numpy as np

from prunekit.base import files
from prunekit.data.predictions.outcomes import Array
from prunekit.data.predictions.read import NAMES
from prunekit.errors import UsageError

LARGEST = 2**30  # bytes
NAME = "groups.csv"


class Groupings(NamedTuple):
    """What a file says: the groupings, and each image's group in each of them, by the name that the file uses."""

    source: Path
    groupings: tuple[str, ...]
    members: Mapping[str, tuple[str, ...]]


def beside(folder: Path) -> Path | None:
    """The file of groups of an image folder, if any: ``groups.csv`` in it, or ``NAME.groups.csv`` beside it."""
    places = (folder / NAME, folder.with_name(f"{folder.name}.{NAME}"))
    return next((place for place in places if place.is_file()), None)


def read_groups(path: Path) -> Groupings:
    """The groups in a CSV: a first row of names, one of them ``file`` (or ``id``), every other column a grouping.

    :class:`UsageError`: no such file, no column of files, no other column, a row of another length, a file twice.
    """
    try:
        with files.regular(path) as file:
            data = file.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise UsageError(f"{path} is larger than {LARGEST // 2**30} GiB")
        rows = list(csv.reader(data.decode("utf-8-sig").splitlines()))
    except OSError as error:
        raise UsageError(f"the file of groups {path} cannot be read: {error.strerror or error}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path} is not a CSV file in UTF-8 ({error})") from None
    head, *body = [[cell.strip() for cell in row] for row in rows if row] or [[]]
    place = _column_of_files(path, head)
    found: dict[str, tuple[str, ...]] = {}
    for number, row in enumerate(body, start=2):
        if len(row) != len(head):
            raise UsageError(f"{path}, row {number}: {len(row)} cells for the {len(head)} columns")
        if row[place] in found:
            raise UsageError(f"{path}, row {number}: {row[place]!r} appears twice")
        found[row[place]] = tuple(cell for other, cell in enumerate(row) if other != place)
    return Groupings(path, tuple(name for other, name in enumerate(head) if other != place), found)


def _column_of_files(path: Path, head: Sequence[str]) -> int:
    places = [place for place, name in enumerate(head) if name.lower() in NAMES["id"]]
    if not places or len(head) < 2:
        raise UsageError(
            f"{path} needs a first row such as `file,camera`: the image's file (or id), then a column for each "
            f"grouping (it has: {', '.join(head) or 'nothing'})"
        )
    if len(set(head)) < len(head):
        raise UsageError(f"{path}: two columns have the same name")
    return places[0]


class Assigned(NamedTuple):
    """Each image's group by grouping, ``[n]``, "" if it has none; and how many images the file does not name."""

    groups: dict[str, Array]
    without: int


def assign(found: Groupings, names: Sequence[str]) -> Assigned | None:
    """The groups of the images with these names, in their order; None if the file names none of them.

    A file in the CSV matches the image whose name equals or ends in it (``cat/1.jpg``: ``photos/test/cat/1.jpg``).
    :class:`UsageError` if it matches several images.
    """
    places = _by_ending(names)
    columns = {name: np.full(len(names), "", dtype=object) for name in found.groupings}
    known = np.zeros(len(names), dtype=bool)
    for file, members in found.members.items():
        ends = places.get(PurePath(file).parts, ())
        if len(ends) > 1:
            raise UsageError(
                f"{found.source}: {file!r} matches several images ({names[ends[0]]}, {names[ends[1]]}): "
                "name their folders too"
            )
        for place in ends:
            known[place] = True
            for name, member in zip(found.groupings, members, strict=True):
                columns[name][place] = member
    if not known.any():
        return None
    return Assigned({name: values.astype(str) for name, values in columns.items()}, int((~known).sum()))


def _by_ending(names: Sequence[str]) -> dict[tuple[str, ...], list[int]]:
    """The positions of names by their endings, in whole parts of a path."""
    found: dict[tuple[str, ...], list[int]] = {}
    for place, name in enumerate(names):
        for end in _endings(name):
            found.setdefault(end, []).append(place)
    return found


def _endings(name: str) -> Iterator[tuple[str, ...]]:
    parts = PurePath(name).parts
    return (parts[start:] for start in range(len(parts)))
