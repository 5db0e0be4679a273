"""Tables of named things: a wrong name lists the right ones, and a row loads its code only when called."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import Any, Generic, TypeVar

from prunekit.errors import PrunekitWarning, UsageError, reason, unknown

Row = TypeVar("Row")


@dataclass(frozen=True)
class Lazy:
    """A function named by ``module:function`` that is imported at its first call.

    Tables of names must load without torch (``--help``, ``--dry-run``); their functions need it.
    """

    target: str

    def load(self) -> Callable[..., Any]:
        """The function itself."""
        module, _, name = self.target.partition(":")
        function: Callable[..., Any] = getattr(import_module(module), name)
        return function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.load()(*args, **kwargs)


# Importing it takes a tenth of the time of the help page, which needs no plugin.
ENTRY_POINTS = Lazy("importlib.metadata:entry_points")


class Registry(Mapping[str, Row], Generic[Row]):
    """A literal table of rows of one kind, extended by an entry-point group if one is named.

    A plugin is loaded when its row is requested: a broken plugin breaks only its own row, and the error names it.
    """

    def __init__(self, kind: str, rows: Mapping[str, Row], *, entry_point_group: str | None = None) -> None:
        self.kind = kind
        self._own = dict(rows)
        self._group = entry_point_group
        self._loaded: dict[str, Row] = {}

    @cached_property
    def _points(self) -> dict[str, Any]:
        """The entry points by name; a name already in the table or in two plugins is left out with a warning."""
        if self._group is None:
            return {}
        found = list(ENTRY_POINTS(group=self._group))
        counts = Counter(point.name for point in found)
        for name in sorted(name for name in counts if name in self._own or counts[name] > 1):
            why = f"redefines the built-in {self.kind}" if name in self._own else "is one of several for the"
            warnings.warn(f"a plugin {why} {name!r} and is ignored", PrunekitWarning, stacklevel=4)
        return {
            point.name: point
            for point in sorted(found, key=lambda point: str(point.name))
            if point.name not in self._own and counts[point.name] == 1
        }

    def origin(self, name: str) -> str | None:
        """The ``module:function`` of the plugin that a row comes from; None for a built-in row."""
        own = name in self._own or name not in self._points
        return None if own else str(self._points[name].value)

    def __getitem__(self, name: str) -> Row:
        if name in self._own:
            return self._own[name]
        if name in self._loaded:
            return self._loaded[name]
        if name not in self._points:
            raise unknown(self.kind, name, self)
        self._loaded[name] = self._load(name)
        return self._loaded[name]

    def _load(self, name: str) -> Row:
        point = self._points[name]
        try:
            row: Row = point.load()
        except (Exception, SystemExit) as error:
            raise UsageError(
                f"{self.kind} {name!r} of the plugin {_whose(point)} cannot be loaded: {reason(error)}"
            ) from error
        wanted = type(next(iter(self._own.values()), row))
        if not isinstance(row, wanted):
            raise UsageError(
                f"{self.kind} {name!r} of the plugin {_whose(point)} is a {type(row).__name__}, not a {wanted.__name__}"
            )
        return row

    def working(self) -> Iterator[tuple[str, Row]]:
        """Every name and its row; a plugin that cannot be loaded is left out with a warning."""
        for name in self:
            try:
                yield name, self[name]
            except UsageError as error:
                warnings.warn(str(error), PrunekitWarning, stacklevel=3)

    def __contains__(self, name: object) -> bool:
        return name in self._own or name in self._points

    def __iter__(self) -> Iterator[str]:
        yield from self._own
        yield from self._points

    def __len__(self) -> int:
        return len(self._own) + len(self._points)


def _whose(point: Any) -> str:
    """A plugin's description: its package, if known, and its target."""
    package = getattr(getattr(point, "dist", None), "name", None)
    return f"{package} ({point.value})" if package else str(getattr(point, "value", point.name))
