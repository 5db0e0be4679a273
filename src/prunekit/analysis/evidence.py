"""Contrasts drawn from rows, and the verdict that they allow on a claim that all of them be above zero."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from scipy.special import ndtri, stdtrit

from prunekit.analysis.flags import Flag
from prunekit.analysis.resample import LEVEL
from prunekit.analysis.shifts import parts_of

Row = dict[str, Any]

CAPPED = ("potential", "noise-potential")
HOLDS, FAILS, UNKNOWN = "holds", "does not hold", "cannot tell"


class Contrast(NamedTuple):
    """A number that a claim wants above zero, with its 95 % interval over ``seeds``; ``what`` names it."""

    what: str
    value: float
    low: float
    high: float
    seeds: int = 1

    def is_below(self, comparisons: int) -> bool:
        """Whether the interval lies below zero even when it is one of so many (Bonferroni).

        Approximate: its longer arm is stretched by the ratio of the quantiles, normal for one seed, else Student's t.
        """
        arm = max(self.high - self.value, self.value - self.low)
        return self.high <= 0 and self.value + arm * stretch(comparisons, self.seeds) <= 0

    def __str__(self) -> str:
        return f"{self.what}: {self.value:.3g} [{self.low:.3g}, {self.high:.3g}]"


class Verdict(NamedTuple):
    """Holds, does not hold, or cannot tell; why; and the contrast that decides it."""

    verdict: str
    evidence: str
    decided_by: Contrast | None


def stretch(comparisons: int, seeds: int) -> float:
    """How much wider an interval is that holds together with so many others, than one of 95 % by itself."""
    tails = [(1 - LEVEL) / 2 / count for count in (comparisons, 1)]
    together, alone = (ndtri(tail) if seeds == 1 else stdtrit(seeds - 1, tail) for tail in tails)
    return float(together / alone)


def verdict_on(contrasts: Sequence[Contrast], needs: str) -> Verdict:
    """All of the contrasts must be above zero; the claim fails with one that is surely not, of as many as there are.

    That every interval by itself is above zero needs no correction: the claim is as sure as its weakest contrast. That
    some interval is below would come about by chance, were there enough of them (docs/decisions/053).
    """
    if not contrasts:
        return Verdict(UNKNOWN, f"not measured: needs {needs}", None)
    proven = [each for each in contrasts if each.low > 0]
    below = [each for each in contrasts if each.high <= 0]
    surely = [each for each in below if each.is_below(len(contrasts))]
    decided_by = min(surely or contrasts, key=lambda each: each.high if surely else each.low)
    verdict = FAILS if surely else HOLDS if len(proven) == len(contrasts) else UNKNOWN
    counts = f"{len(proven)} of {len(contrasts)} comparisons above zero, {len(below)} below"
    corrected = f" ({len(surely)} corrected for their number)" if below and len(contrasts) > 1 else ""
    return Verdict(verdict, f"{counts}{corrected}; {decided_by}", decided_by)


def known(rows: Iterable[Row], finding: str, **where: Any) -> list[Row]:
    """The rows of a finding that hold a number with an interval, and whose named columns are as given.

    A potential at the largest ratio tested may be anything from there to 1, and is taken so.
    """
    asked = {"finding": finding, **where}
    return [
        row | {"high": 1.0} if finding in CAPPED and Flag.AT_LARGEST in row.get("flags", ()) else row
        for row in rows
        if all(row.get(name) == value for name, value in asked.items())
        and None not in (row["value"], row["low"], row["high"])
    ]


def itself(what: str, row: Row, *, sign: float = 1.0, limit: float = 0.0) -> Contrast:
    """``sign`` x (the row's value - ``limit``)."""
    low, high = sorted(sign * (row[end] - limit) for end in ("low", "high"))
    return Contrast(what, sign * (row["value"] - limit), low, high, row.get("seeds", 1))


def difference(what: str, more: Row, less: Row, *, limit: float = 0.0) -> Contrast:
    """``more`` - ``less`` - ``limit``, end against end: wider than a paired interval would be."""
    return Contrast(
        what,
        more["value"] - less["value"] - limit,
        more["low"] - less["high"] - limit,
        more["high"] - less["low"] - limit,
        min(more.get("seeds", 1), less.get("seeds", 1)),
    )


def corruption_of(row: Row) -> str | None:
    """The corruption of the row's distribution."""
    found = parts_of(row["distribution"])
    return found.corruption if found else None
