"""Tables of named things: a wrong name lists the right ones, and a row loads its code only when called."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import Any, Generic, TypeVar

from prunekit.errors import UsageError, unknown

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


# A tenth of the help page's time, which asks for no plugin.
ENTRY_POINTS = Lazy("importlib.metadata:entry_points")


class Registry(Mapping[str, Row], Generic[Row]):
    """A literal table of rows of one kind, widened by an entry-point group where one is named."""

    def __init__(self, kind: str, rows: Mapping[str, Row], *, entry_point_group: str | None = None) -> None:
        self.kind = kind
        self._own = dict(rows)
        self._group = entry_point_group

    @cached_property
    def _rows(self) -> dict[str, Row]:
        return self._own | self._plugins()

    @cached_property
    def _points(self) -> dict[str, Any]:
        return {point.name: point for point in ENTRY_POINTS(group=self._group)} if self._group else {}

    def origin(self, name: str) -> str | None:
        """The ``module:function`` of the plugin that a row comes from; None for the table's own."""
        own = name in self._own or name not in self._points
        return None if own else str(self._points[name].value)

    def _plugins(self) -> dict[str, Row]:
        found = self._points
        taken = sorted(found.keys() & self._own.keys())
        if taken:
            raise UsageError(f"a plugin redefines the built-in {self.kind} {taken[0]!r}: rename it")
        return {name: point.load() for name, point in sorted(found.items())}

    def __getitem__(self, name: str) -> Row:
        try:
            return self._rows[name]
        except KeyError:
            raise unknown(self.kind, name, self._rows) from None

    def __contains__(self, name: object) -> bool:
        return name in self._rows

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)
