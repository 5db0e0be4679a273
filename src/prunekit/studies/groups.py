"""Names of the images of stored outcomes, and the groups to which they belong. No torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from prunekit.analysis.outcome import Array
from prunekit.analysis.parts import Groups
from prunekit.data.folder_names import image_paths
from prunekit.data.groups import Groupings, assign, beside, read_groups
from prunekit.distribution import parse, unescaped
from prunekit.errors import UsageError
from prunekit.params import ErrorParams
from prunekit.steps.predicted import names_in
from prunekit.store.store import Arrays, Store


def image_names(params: ErrorParams, arrays: Arrays) -> tuple[str, ...]:
    """The names of the images of stored outcomes, in order: imported ids, or an image folder's files.

    Empty if nothing names them: a data set of arrays, a missing folder, images held out of training.
    """
    return names_in(arrays) or files_of(params.distribution, len(next(iter(arrays.values()))))


def files_of(distribution: str, count: int) -> tuple[str, ...]:
    """The files of an image folder's distribution of ``count`` images; empty if no such folder is here."""
    paths = image_paths(parse(distribution))
    return tuple(map(str, paths)) if len(paths) == count else ()


def groups_of(
    store: Store,
    errors: Iterable[ErrorParams],
    file: Path | None = None,
    *,
    say: Callable[[str], None] = lambda text: None,
) -> Groups:
    """The groups of the images of every distribution of stored outcomes (:func:`grouped`)."""

    def names(params: ErrorParams) -> Sequence[str] | None:
        arrays = store.outcomes(params.key)
        return called(image_names(params, arrays), len(arrays["rank"])) if "rank" in arrays else None

    held: dict[str, Callable[[], Sequence[str] | None]] = {}
    for params in errors:
        if store.has(params.key):
            held.setdefault(params.distribution, partial(names, params))
    return grouped(held, file, say=say)


def called(names: Sequence[str], count: int) -> Sequence[str]:
    """Names for ``count`` images: their ``names``, or their numbers from 0 if they have none."""
    return names or tuple(map(str, range(count)))


def grouped(
    examples: Mapping[str, Callable[[], Sequence[str] | None]],
    file: Path | None = None,
    *,
    say: Callable[[str], None] = lambda text: None,
) -> Groups:
    """The groups of the images of every distribution: from ``file``, or from the file in an image folder.

    ``examples``: by distribution, the names of its images; None if they do not have one outcome each. ``say`` receives
    how many images are in no group. :class:`UsageError`: ``file`` names images of no distribution.
    """
    asked = read_groups(file) if file is not None else None
    found: dict[str, Mapping[str, Array]] = {}
    for distribution, names_of in examples.items():
        groupings = asked or _beside(distribution)
        names = names_of() if groupings is not None else None
        assigned = assign(groupings, names) if groupings is not None and names is not None else None
        if groupings is None or names is None or assigned is None:
            continue
        found[distribution] = assigned.groups
        if assigned.without:
            say(
                f"{assigned.without} of {len(names)} images of {distribution} are in no group of "
                f"{groupings.source}"
            )
    if asked is not None and not found:
        raise UsageError(f"{asked.source} names no image of these distributions")
    return found


def file_beside(distribution: str) -> Path | None:
    """The file of groups that comes with an image folder; None if there is none."""
    place, _, path = distribution.partition(":")
    if place != "folder":
        return None
    path = parse(distribution).dataset.partition(":")[2]
    return beside(Path(unescaped(path)).expanduser().resolve())


def _beside(distribution: str) -> Groupings | None:
    there = file_beside(distribution)
    return read_groups(there) if there else None
