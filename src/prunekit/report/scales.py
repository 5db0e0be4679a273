"""The axes of figures: which field each shows, in which unit, and the words of a row on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from prunekit.report.study import Row
from prunekit.report.words import percent, trimmed


class Scale(NamedTuple):
    """An axis: which field it shows, its name and unit, and the conversion from the row's number.

    ``asked``: words name the requested ratio, if the row has one, rather than the one reached.
    """

    field: str
    name: str
    unit: str = ""
    convert: Callable[[float], float] = float
    asked: bool = False

    @property
    def label(self) -> str:
        """The axis in words, its unit in brackets."""
        return f"{self.name} ({self.unit})" if self.unit else self.name

    def of(self, row: Row, field: str = "") -> float:
        """The row's number on this axis."""
        return self.convert(row[field or self.field])

    def at(self, row: Row) -> str:
        """The row's position on this axis, in words."""
        if self.asked:
            ratio = row[self.field] if row.get("asked") is None else row["asked"]
            return percent(ratio) if ratio else "unpruned"
        return f"{self.name.lower()} {self.of(row):.4g}{self._unit}"

    def said(self, row: Row) -> str:
        """The row's number in words, with its interval where it has one."""
        known = row.get("low") is not None and row.get("high") is not None
        low, high = sorted(self.of(row, end) for end in ("low", "high")) if known else (0.0, 0.0)
        between = f" [{_brief(low)}, {_brief(high)}]" if known else ""
        return f"{_brief(self.of(row))}{between}{self._unit}".replace("-", "\u2212")

    @property
    def _unit(self) -> str:
        return f"\u00a0{self.unit}" if self.unit else ""


def _brief(number: float) -> str:
    """Four digits, never as a power of ten: rounding leaves numbers such as 3e-9 where 0 is meant."""
    text = f"{number:.4g}"
    return trimmed(number, 6) if "e" in text else text


def percentage(share: float) -> float:
    """A share in [0, 1] as percent."""
    return 100 * share


# The share of parameters at which a log axis shows a network that has none left.
LEAST_KEPT = 0.001


def kept(prune_ratio: float) -> float:
    """The percentage of parameters kept at a prune ratio, never zero: it goes on a log axis."""
    return 100 * max(1 - prune_ratio, LEAST_KEPT)


PIXELS = Scale("kept", "Pixels kept", "%", percentage)
RATIO = Scale("prune_ratio", "Prune ratio", "%", percentage, asked=True)
PARAMETERS = Scale("prune_ratio", "Parameters kept", "%", kept, asked=True)
LEVEL = Scale("level", "Noise size ε")
PERCENT_SPAN = (-3, 103)
