"""Numbers and names as a reader meets them: percent, points, intervals, flags."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from prunekit.analysis.verdict import Verdict
from prunekit.report.codes import sentences_of
from prunekit.report.study import Row, distinct

MISSING = "–"
IN_ORDER = (Verdict.WITHIN, Verdict.UNDECIDED, Verdict.BEYOND)
MARKS = ("†", "‡", "§", "¶", "#", "††", "‡‡", "§§", "¶¶", "##")


def percent(share: float | None, digits: int = 1) -> str:
    """A share in [0, 1] as percent: 0.8 is ``80 %``, 0.849 is ``84.9 %``."""
    return MISSING if share is None else f"{trimmed(100 * share, digits)}\u00a0%"


def trimmed(number: float, digits: int) -> str:
    """The number with at most ``digits`` decimals, without trailing zeros or the sign of zero."""
    text = f"{number:.{digits}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def points(share: float) -> str:
    """A difference of shares as percentage points."""
    number = trimmed(100 * share, 2).replace("-", "−")
    return f"{number} point" if number in ("1", "−1") else f"{number} points"


def count(number: int, thing: str) -> str:
    """``1 seed``, ``3 seeds``, ``10,000 images``; class becomes classes."""
    ending = "" if number == 1 else "es" if thing.endswith("s") else "s"
    return f"{number:,} {thing}{ending}"


def listed(items: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join(filter(None, (", ".join(items[:-1]), *items[-1:])))


def sentence(text: str) -> str:
    """The text with a capital first letter and a full stop at the end."""
    text = text.strip()
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '!', '?')) else '.'}" if text else ""


def name_of(value: Any) -> str:
    """A field's value as a label: ratios are shares, lists are joined, control characters are dropped."""
    if value is None:
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        return ", ".join(name_of(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{key} = {name_of(item)}" for key, item in value.items())
    return "".join(letter for letter in str(value) if letter.isprintable())


FEW = 3


def in_images(rows: Iterable[Row], margin: float) -> str:
    """A sentence on how many images the margin is, if so few that single images decide; otherwise empty."""
    least = min((row["n"] for row in rows if isinstance(row.get("n"), int)), default=0)
    images = trimmed(least * margin, 1)
    return f"Of {least:,} images, δ is {images}: single images decide." if 0 < least * margin < FEW else ""


def verdicts_by_curve(rows: Iterable[Row]) -> dict[tuple[str, str], str]:
    """The verdicts on the ratios, by variant and distribution: ``within 50 %; undecided 75, 90 %``."""
    found: dict[tuple[str, str], dict[str, list[str]]] = {}
    for row in rows:
        if row.get("finding") == "prune-curve" and row.get("verdict"):
            curve = found.setdefault((row["variant"], row["distribution"]), {})
            curve.setdefault(str(row["verdict"]), []).append(trimmed(100 * row["asked"], 1))
    return {
        place: "; ".join(f"{each} {', '.join(curve[each])}\u00a0%" for each in IN_ORDER if each in curve)
        for place, curve in found.items()
    }


def basis(rows: Iterable[Row]) -> str:
    """What numbers are based on: images and seeds (a range where rows differ), and the methods of the intervals."""
    rows = list(rows)
    images, seeds = _span(rows, "n", "image"), _span(rows, "seeds", "seed")
    made = [name_of(item) for item in distinct(rows, "interval")]
    interval = f"Intervals: {'; '.join(made)}." if made else ""
    known = [part for part in (f"n\u00a0=\u00a0{images}" if images else "", seeds) if part]
    said = [sentence(flag) for flag in common_flags(rows)]
    return " ".join(filter(None, (f"{', '.join(known)}." if known else "", interval, *said)))


def _span(rows: list[Row], field: str, thing: str) -> str:
    numbers = [value for value in distinct(rows, field) if isinstance(value, int | float)]
    if not numbers:
        return ""
    low, high = int(numbers[0]), int(numbers[-1])
    return count(high, thing) if low == high else f"{low:,} to {count(high, thing)}"


def flags_of(row: Row) -> list[str]:
    """The row's flags in words."""
    flags = row.get("flags") or []
    return sentences_of(flags if isinstance(flags, list) else [flags])


def common_flags(rows: Iterable[Row]) -> list[str]:
    """The flags that every row carries, to be stated once for all rows."""
    rows = list(rows)
    first = flags_of(rows[0]) if rows else []
    return [flag for flag in first if all(flag in flags_of(row) for row in rows)]


def flag_marks(rows: Iterable[Row]) -> dict[str, str]:
    """A footnote mark for every flag that some rows carry and others do not."""
    rows = list(rows)
    said = common_flags(rows)
    flags = sorted({flag for row in rows for flag in flags_of(row)} - set(said))
    return {flag: MARKS[index % len(MARKS)] for index, flag in enumerate(flags)}
