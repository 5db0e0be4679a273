"""What the marks of a drawing mean: the series and the words of each, stored for the artists that draw them.

The page shows the words when the pointer is over a mark, the alt text has the first and the last words of each series,
and the page's script hides a series by its label.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple
from weakref import WeakKeyDictionary

from matplotlib.artist import Artist
from matplotlib.axes import Axes


class Meaning(NamedTuple):
    """The series of an artist, the words of each of its markers in drawing order, and data for the script."""

    series: str = ""
    words: tuple[str, ...] = ()
    data: Mapping[str, str] = MappingProxyType({})


_MEANINGS: WeakKeyDictionary[Artist, Meaning] = WeakKeyDictionary()


def tell(artist: Artist, series: str = "", words: Sequence[str] = (), **data: str) -> None:
    """Record an artist's series, the words of each of its markers, and the data that the page's script reads."""
    _MEANINGS[artist] = Meaning(series, tuple(words), data)


def meanings(axes: Axes) -> Iterator[tuple[Artist, Meaning]]:
    """The artists of these axes that have a meaning, in the order in which they were added."""
    for artist in axes.get_children():
        if artist in _MEANINGS:
            yield artist, _MEANINGS[artist]


def main_values(found: Sequence[Meaning], most: int = 24) -> str:
    """The first and the last words of each series, for at most ``most`` series; the others are counted."""
    told = [meaning for meaning in found if meaning.words]
    shown = [_ends(meaning) for meaning in told[:most]]
    more = len(told) - most
    return "; ".join([*shown, *([f"{more} more series"] if more > 0 else [])])


def _ends(meaning: Meaning) -> str:
    first, last = meaning.words[0], meaning.words[-1]
    return f"{meaning.series}: {first}" if len(meaning.words) == 1 else f"{meaning.series}: {first} to {last}"
