"""The line of each table, field and list value in a TOML text (tomllib returns only values)."""

from __future__ import annotations

import re
import tomllib
from bisect import bisect
from collections.abc import Mapping

from prunekit.errors import Place

Lines = Mapping[Place, int]
_BLANK = re.compile(r"(?:\s|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_PLAIN = re.compile(r"[^,\]}#\n]+")  # a number, a date, true or false
_TEXT = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}' + r"|'''.*?'{3,5}" + r'|"(?:[^"\\\n]|\\.)*"' + r"|'[^'\n]*'", re.DOTALL
)


def lines_of(text: str) -> Lines:
    """The line, from 1, of every place in a document that :mod:`tomllib` has read.

    Places are keys, and positions from 0 in arrays, from the outside inwards: ``("stage", 0, "sweep", "seed", 2)``.
    """
    return _Scanner(text).document()


class _Scanner:
    """Scans a text once; it is known to be TOML, so nothing is checked."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.starts = [0, *(found.end() for found in re.finditer("\n", text))]
        self.found: dict[Place, int] = {}
        self.lengths: dict[Place, int] = {}  # of the arrays of tables

    def document(self) -> Lines:
        table: Place = ()
        while self._comes_more():
            if self.text[self.at] == "[":
                table = self._header()
            else:
                self._pair(table)
        return self.found

    def _comes_more(self) -> bool:
        self._skip(_BLANK)
        return self.at < len(self.text)

    def _skip(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.at)
        self.at = found.end() if found else self.at
        return found[0] if found else ""

    def _note(self, place: Place) -> None:
        self.found.setdefault(place, bisect(self.starts, self.at))

    def _header(self) -> Place:
        """``[table]`` or ``[[array of tables]]``; an array of tables within the path stands for its last table."""
        start = self.at
        array = self.text.startswith("[[", self.at)
        self.at += 1 + array
        *outer, name = self._keys()
        place = (*self._last(tuple(outer)), name)
        if array:
            self.lengths[place] = self.lengths.get(place, 0) + 1
            place = (*place, self.lengths[place] - 1)
        end, self.at = self.at, start
        self._note(place)
        self.at = end + 1 + array
        return place

    def _last(self, keys: Place) -> Place:
        place: Place = ()
        for key in keys:
            place = (*place, key)
            place = (*place, self.lengths[place] - 1) if place in self.lengths else place
        return place

    def _keys(self) -> Place:
        """A dotted key, such as ``sweep."prune_ratio"``."""
        keys: Place = ()
        while True:
            self._skip(_SPACE)
            text = self._skip(_BARE_KEY) or self._skip(_TEXT)
            keys = (*keys, text if _BARE_KEY.fullmatch(text) else tomllib.loads(f"key = {text}")["key"])
            self._skip(_SPACE)
            if self.text[self.at] != ".":
                return keys
            self.at += 1

    def _pair(self, table: Place) -> None:
        start = self.at
        keys = self._keys()
        end, self.at = self.at, start
        for count in range(1, len(keys) + 1):
            self._note((*table, *keys[:count]))
        self.at = end + 1  # the equals sign
        self._value((*table, *keys))

    def _value(self, place: Place) -> None:
        self._skip(_SPACE)
        opening = self.text[self.at]
        if opening == "[":
            self._array(place)
        elif opening == "{":
            self._inline_table(place)
        else:
            self._skip(_TEXT if opening in "\"'" else _PLAIN)

    def _array(self, place: Place) -> None:
        position = 0
        while self._goes_on("]"):
            self._note((*place, position))
            self._value((*place, position))
            position += 1

    def _inline_table(self, place: Place) -> None:
        while self._goes_on("}"):
            self._pair(place)

    def _goes_on(self, closing: str) -> bool:
        """Whether the list continues; steps over an opening bracket, a comma, or the closing bracket, which ends it."""
        self._skip(_BLANK)
        if self.text[self.at] in ",[{":
            self.at += 1
            self._skip(_BLANK)
        if self.text[self.at] == closing:
            self.at += 1
            return False
        return True


def line_of(lines: Lines, place: Place) -> tuple[int, int]:
    """How many names of a place in a recipe a text contains, and the line of the last of them.

    A field of a stage may be in the stage's ``sweep``.
    """
    for length in range(len(place), 0, -1):
        for known in _readings(place[:length]):
            if known in lines:
                return length, lines[known]
    return 0, 1


def _readings(place: Place) -> tuple[Place, ...]:
    stage, within = place[:2], place[2:]
    return (place, (*stage, "sweep", *within)) if stage[0] == "stage" and within else (place,)
