"""How long work reports progress: a bar opens, advances, closes. The terminal view is in ``cli``."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol


class Bar(Protocol):
    """One running piece of work, open within a ``with`` block."""

    def advance(self, amount: int = 1, *, note: str = "") -> None:
        """Count ``amount`` more units as done; ``note`` is a short figure such as ``loss 0.31``."""


class Progress(Protocol):
    """Opens bars; a bar opened inside another is shown nested below it."""

    def bar(self, label: str, total: int, unit: str = "images") -> AbstractContextManager[Bar]:
        """A bar of ``total`` units."""


class Named:
    """A progress whose bars carry the ``name`` of their step, while it is set."""

    def __init__(self, inner: Progress) -> None:
        self._inner = inner
        self.name = ""

    def bar(self, label: str, total: int, unit: str = "images") -> AbstractContextManager[Bar]:
        """A bar of ``total`` units."""
        return self._inner.bar(named(self.name, label), total, unit)


def named(name: str, label: str) -> str:
    """A bar's label with the name of its step."""
    return f"{name}: {label}" if name else label


class _SilentBar:
    def __enter__(self) -> _SilentBar:
        return self

    def __exit__(self, *exc: object) -> None:
        return None

    def advance(self, amount: int = 1, *, note: str = "") -> None:
        """Say nothing."""


class _Silence:
    def bar(self, label: str, total: int, unit: str = "images") -> AbstractContextManager[Bar]:
        """A bar that shows nothing."""
        return _SilentBar()


SILENT: Progress = _Silence()
