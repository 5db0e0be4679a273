"""The first page: a verdict for each network, the rise on each distribution, and cautions.

Everything here is based on the verdicts of the rows (``prune-curve`` of a study, ``comparison`` of two networks), so
that no sentence can contradict another.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from prunekit.analysis.flags import Flag
from prunekit.analysis.labels import LABEL
from prunekit.analysis.verdict import Verdict, decide, overall
from prunekit.report.study import Row, Study, distinct, measured, reading_order
from prunekit.report.words import count, listed, percent, points

MARKS = {Verdict.WITHIN: "✓", Verdict.BEYOND: "✗", Verdict.UNDECIDED: "?"}
MOST_COLUMNS, MOST_ROWS, MOST_LINES = 24, 24, 30
STEPS_OF_COLOUR = (0.0, 0.01, 0.03, 0.08)


class Judged(NamedTuple):
    """One network on one distribution: its place among its label's ratios, the rise, its interval, the verdict."""

    label: str
    ratio: float
    distribution: str
    nominal: bool
    rise: float
    low: float
    high: float
    limit: float
    verdict: Verdict
    n: int


class Cell(NamedTuple):
    """A cell of the heat map: the rise with its mark; ``level`` is its colour, ``title`` has the details."""

    text: str
    verdict: str
    level: int
    title: str


class Heat(NamedTuple):
    """Rise in error by distribution (down) and network (across, grouped by label), and a note on what is left out."""

    groups: tuple[tuple[str, tuple[str, ...]], ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]
    left_out: str


class Line(NamedTuple):
    """The verdict on one network or method (on a curve: up to which ratio), and the sentence that explains it."""

    label: str
    verdict: str
    sentence: str
    up_to: str = ""


class FirstPage(NamedTuple):
    """What a reader who reads nothing else should know."""

    lines: tuple[Line, ...]
    heat: Heat | None
    margin: str
    basis: str
    left_out: str = ""


def first_page(study: Study) -> FirstPage:
    """The first page of a study or a comparison; it has no lines if nothing was judged."""
    found = judged(study)
    limits = [points(limit) for limit in sorted({each.limit for each in found})]
    margin = (
        limits[0] if len(limits) == 1 else f"{limits[0]} to {limits[-1]}" if limits else points(study.margin)
    )
    groups = by_network(found)
    more = len(groups) - MOST_LINES
    if more > 0:
        groups = dict(sorted(groups.items(), key=lambda item: _by_verdict(item[1]))[:MOST_LINES])
    listed_first = "not listed: those beyond the margin come first. The tables list all."
    return FirstPage(
        tuple(_line(label, members) for label, members in groups.items()),
        _heat(found) if found else None,
        margin,
        _basis(study, found),
        f"{count(more, 'more network')} are {listed_first}" if more > 0 else "",
    )


def _by_verdict(members: Sequence[Judged]) -> tuple[int, float]:
    """Sort key: networks beyond the margin somewhere, then undecided, then others; larger rises first in each."""
    order = (Verdict.BEYOND, Verdict.UNDECIDED, Verdict.WITHIN)
    return order.index(overall([each.verdict for each in members])), -max(each.rise for each in members)


def judged(study: Study) -> list[Judged]:
    """Every network and distribution with a rise; those where the parent is no better than guessing are left out."""
    rows = [*measured(study.of("comparison")), *measured(study.of("prune-curve"))]
    judged_rows = (_judged(row, study.margin) for row in rows if Flag.CHANCE not in (row.get("flags") or []))
    found = [each for each in judged_rows if each is not None]
    return sorted(found, key=lambda each: reading_order(each.label))


def _judged(row: Row, margin: float) -> Judged | None:
    """The judgement of one row; None for the unpruned parent of a curve, or where the rise is not defined."""
    compared = row["finding"] == "comparison"
    rise, low, high = (row.get(name) for name in (("value", "low", "high") if compared else _RISE))
    if rise is None or low is None or high is None or not (compared or row.get("asked")):
        return None
    limit = row.get("limit", row.get("margin", margin))
    limit = margin if limit is None else limit
    return Judged(
        str(row.get("network") or row[LABEL]),
        0.0 if compared else float(row["asked"]),
        str(row["distribution"]),
        bool(row.get("nominal")),
        rise,
        low,
        high,
        limit,
        Verdict(row.get("verdict") or decide(low, high, limit)),
        int(row["n"]),
    )


_RISE = ("rise", "rise_low", "rise_high")


def by_network(found: Iterable[Judged]) -> dict[str, list[Judged]]:
    """The judged rows by their network, or by the label of their curve."""
    groups: dict[str, list[Judged]] = {}
    for each in found:
        groups.setdefault(each.label, []).append(each)
    return groups


def ratios_of(members: Iterable[Judged]) -> dict[float, list[Judged]]:
    """The judged rows by prune ratio, in ascending order."""
    groups: dict[float, list[Judged]] = {}
    for each in sorted(members, key=lambda each: each.ratio):
        groups.setdefault(each.ratio, []).append(each)
    return groups


def largest_within(members: Sequence[Judged]) -> float | None:
    """The largest ratio up to which every ratio is within the margin on all of these distributions; None if none is."""
    best = None
    for ratio, each in ratios_of(members).items():
        if overall([one.verdict for one in each]) is not Verdict.WITHIN:
            break
        best = ratio
    return best


def _line(label: str, members: Sequence[Judged]) -> Line:
    curve = any(each.ratio for each in members)
    verdict = overall([each.verdict for each in members])
    if not curve:
        return Line(label, str(verdict), _compared(members))
    safe = largest_within(members)
    at_least = next(iter(ratios_of(members).values()))
    verdict = Verdict.WITHIN if safe else overall([each.verdict for each in at_least])
    up_to = f"up to {percent(safe)}" if safe else ""
    return Line(label, str(verdict), " ".join(_curve_sentences(members, safe)), up_to)


def _curve_sentences(members: Sequence[Judged], safe: float | None) -> Iterable[str]:
    names = {each.distribution for each in members}
    nominal = [each for each in members if each.nominal]
    test = largest_within(nominal) if nominal else None
    if len(names) > 1:
        everywhere = (
            f"within the margin on all {count(len(names), 'distribution')} up to {percent(safe)}"
            if safe
            else ""
        )
        yield (
            _capital(
                everywhere
                or f"no tested ratio is certain to be within the margin on all {count(len(names), 'distribution')}"
            )
            + "."
        )
    if nominal:
        yield f"On the test set alone: {f'up to {percent(test)}' if test else 'at no tested ratio for certain'}."
    first = min((each for each in members if each.verdict is Verdict.BEYOND), key=by_harm, default=None)
    if first is not None:
        yield f"First beyond the margin: {percent(first.ratio)} {place(first)}, {rise_of(first)}."
    yield from _undecided(members)


def by_harm(each: Judged) -> tuple[float, float]:
    """Sort key of failures: the smallest ratio first, then the largest rise."""
    return each.ratio, -each.rise


def _compared(members: Sequence[Judged]) -> str:
    """For one network without a ratio: a count of each verdict, and the worst distribution."""
    counts = {verdict: [each for each in members if each.verdict is verdict] for verdict in Verdict}
    said = [f"{verdict} on {len(each)}" for verdict, each in counts.items() if each]
    worst = max(members, key=lambda each: each.rise)
    of = count(len(members), "distribution")
    return f"{_capital(listed(said))} of {of}. Largest rise: {place(worst)}, {rise_of(worst)}."


def _undecided(members: Sequence[Judged]) -> Iterable[str]:
    open_ = sum(each.verdict is Verdict.UNDECIDED for each in members)
    if open_:
        yield f"Undecided: {open_} of {len(members)} cells."


def place(each: Judged) -> str:
    """Where a rise was measured: ``on the test set``, ``under digits+fog@3``."""
    return "on the test set" if each.nominal else f"under {each.distribution}"


def rise_of(each: Judged) -> str:
    """A rise with its interval, in points."""
    return f"{signed(each.rise)} [{signed(each.low)}, {signed(each.high)}] points"


def signed(share: float) -> str:
    """A rise in points with its sign, to the tenth: ``+8.6``, ``−0.3``, ``0``."""
    text = f"{100 * share:+.1f}"
    return "0" if float(text) == 0 else text.replace("-", "−")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _heat(found: Sequence[Judged]) -> Heat:
    columns = _columns(found)
    shown = columns[:MOST_COLUMNS]
    names = _order(found)
    table = {(each.label, each.ratio, each.distribution): each for each in found}
    rows = tuple(
        (name, tuple(_cell(table.get((*column, name))) for column in shown)) for name in names[:MOST_ROWS]
    )
    groups: dict[str, list[str]] = {}
    for label, ratio in shown:
        groups.setdefault(label, []).append(percent(ratio) if ratio else "")
    left = [count(len(columns) - len(shown), "column")] if columns[MOST_COLUMNS:] else []
    left += [count(len(names) - MOST_ROWS, "distribution")] if names[MOST_ROWS:] else []
    left_out = f"Not shown here: {listed(left)}; tables/prune-curve.csv lists all." if left else ""
    return Heat(tuple((label, tuple(heads)) for label, heads in groups.items()), rows, left_out)


def _columns(found: Sequence[Judged]) -> list[tuple[str, float]]:
    """Each label in order, with its ratios ascending."""
    return [(label, ratio) for label, members in by_network(found).items() for ratio in ratios_of(members)]


def _order(found: Sequence[Judged]) -> list[str]:
    """The nominal distribution first, then those whose error rises most."""
    rises: dict[str, list[float]] = {}
    for each in found:
        rises.setdefault(each.distribution, []).append(each.rise)
    nominal = {each.distribution for each in found if each.nominal}
    return sorted(rises, key=lambda name: (name not in nominal, -sum(rises[name]) / len(rises[name]), name))


def _cell(each: Judged | None) -> Cell:
    if each is None:
        return Cell("", "missing", 0, "not measured")
    level = sum(each.rise > edge for edge in STEPS_OF_COLOUR)
    where = f"{each.label} at {percent(each.ratio)}" if each.ratio else each.label
    judged_by = f"{each.verdict} (margin {points(each.limit)}), n = {each.n:,}"
    title = f"{where}, {each.distribution}: {rise_of(each)}, {judged_by}"
    return Cell(f"{signed(each.rise)} {MARKS[each.verdict]}", str(each.verdict), level, title)


def _basis(study: Study, found: Sequence[Judged]) -> str:
    """What the verdicts are based on: images and seeds."""
    rows = [row for name in ("comparison", "prune-curve") for row in study.of(name)]
    seeds = [int(each) for each in distinct(rows, "seeds") if isinstance(each, int)]
    images = sorted({each.n for each in found})
    if not images:
        return ""
    many = f"{images[0]:,}" if len(images) == 1 else f"{images[0]:,} to {images[-1]:,}"
    most = max(seeds, default=1)
    covers = (
        "the choice of images, not retraining with another seed"
        if most == 1
        else "the choice of images and of seeds"
    )
    return f"n = {many} images, {count(most, 'seed')}: intervals cover {covers}."


def cautions(study: Study) -> list[str]:
    """Caveats of the verdicts: a parent at chance level, and few images."""
    rows: list[Any] = [row for name in ("comparison", "prune-curve") for row in study.of(name)]
    flagged = {flag for row in rows for flag in row.get("flags") or []}
    found = []
    if Flag.CHANCE in flagged:
        names = distinct([row for row in rows if Flag.CHANCE in (row.get("flags") or [])], "distribution")
        found.append(
            f"The parent is no better than guessing on {listed(list(map(str, names)))}: left out above."
        )
    if Flag.FEW_IMAGES in flagged:
        found.append("Some numbers are based on fewer than 100 images.")
    return found
