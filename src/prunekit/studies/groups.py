"""What the images of stored outcomes are called, and the groups that they belong to. No torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
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
    """What the images of stored outcomes are called, in order: ids that were brought, or an image folder's files.

    None where nothing names them: a data set of arrays, a folder that is not here, images held out of training.
    """
    brought = names_in(arrays)
    if brought:
        return brought
    paths = image_paths(parse(params.distribution))
    return tuple(map(str, paths)) if len(paths) == len(next(iter(arrays.values()))) else ()


def groups_of(
    store: Store,
    errors: Iterable[ErrorParams],
    file: Path | None = None,
    *,
    say: Callable[[str], None] = lambda text: None,
) -> Groups:
    """The groups of the images of every distribution: as ``file`` says, or the file beside an image folder.

    Images without names are called by their number from 0. ``say`` hears how many images are in no group.
    :class:`UsageError`: ``file`` names images of no distribution.
    """
    asked = read_groups(file) if file is not None else None
    found: dict[str, Mapping[str, Array]] = {}
    for params in errors:
        if params.distribution in found or not store.has(params.key):
            continue
        groupings = asked or _beside(params.distribution)
        if groupings is None:
            continue
        arrays = store.outcomes(params.key)
        if "rank" not in arrays:
            continue
        names = image_names(params, arrays) or tuple(map(str, range(len(arrays["rank"]))))
        assigned = assign(groupings, names)
        if assigned is None:
            continue
        found[params.distribution] = assigned.groups
        if assigned.without:
            say(
                f"{assigned.without} of {len(names)} images of {params.distribution} are in no group of "
                f"{groupings.source}"
            )
    if asked is not None and not found:
        raise UsageError(f"{asked.source} names no image of these distributions")
    return found


def _beside(distribution: str) -> Groupings | None:
    """The groups that an image folder brings."""
    place, _, path = parse(distribution).dataset.partition(":")
    there = beside(Path(unescaped(path)).expanduser().resolve()) if place == "folder" else None
    return read_groups(there) if there else None
