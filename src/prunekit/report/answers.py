"""What a reader who decides asks first: which network may ship, what breaks first, and how sure that is.

The answers come from the verdicts of the page, as everything on its first page does.
"""

from __future__ import annotations

from collections.abc import Sequence

from prunekit.analysis.verdict import Verdict, overall
from prunekit.report.first_page import (
    FirstPage,
    Judged,
    by_harm,
    by_network,
    judged,
    largest_within,
    place,
    rise_of,
)
from prunekit.report.headline import control_of
from prunekit.report.study import Study
from prunekit.report.words import count, listed, percent

MOST_NAMES = 6


def answers(study: Study, first: FirstPage) -> list[tuple[str, str]]:
    """Question and answer, three of them; none if nothing was judged."""
    found = judged(study)
    if not found:
        return []
    within = _within(found)
    return [
        ("May ship", _ships(found, within, first.margin)),
        ("Breaks first", _breaks(found, within)),
        ("How sure", " ".join(filter(None, (first.basis, _undecided(found), control_of(study))))),
    ]


def _within(found: Sequence[Judged]) -> dict[str, float]:
    """The networks within the margin everywhere, by label, and up to which ratio (0 without one), largest first."""
    safe = {label: _safe(members) for label, members in by_network(found).items()}
    held = [(label, ratio) for label, ratio in safe.items() if ratio is not None]
    return dict(sorted(held, key=lambda each: -each[1]))


def _safe(members: Sequence[Judged]) -> float | None:
    if any(each.ratio for each in members):
        return largest_within(members)
    return 0.0 if overall([each.verdict for each in members]) is Verdict.WITHIN else None


def _ships(found: Sequence[Judged], within: dict[str, float], margin: str) -> str:
    names = {each.distribution for each in found}
    where = f"on all {count(len(names), 'distribution')}" if len(names) > 1 else place(found[0])
    if not within:
        at = " at any tested ratio" if any(each.ratio for each in found) else ""
        return (
            f"No network for certain: with 95 % confidence, none is within the margin ({margin}) {where}{at}."
        )
    said = [_named(label, ratio, "up to ") for label, ratio in within.items()]
    more = [count(len(said) - MOST_NAMES, "more network")] if said[MOST_NAMES:] else []
    each = listed([*said[:MOST_NAMES], *more])
    return f"{each}: with 95 % confidence, the error rises by no more than the margin ({margin}) {where}."


def _named(label: str, ratio: float, up_to: str = "") -> str:
    return f"{label} pruned by {up_to}{percent(ratio)}" if ratio else label


def _breaks(found: Sequence[Judged], within: dict[str, float]) -> str:
    """The first failure of the network that may be pruned most, then that of all networks."""
    beyond = [each for each in found if each.verdict is Verdict.BEYOND]
    if not beyond:
        return "Nothing that was measured is beyond the margin for certain."
    own = [each for each in beyond if each.label == next(iter(within), None)]
    firsts = [min(each, key=by_harm) for each in (own, beyond) if each]
    said = [
        f"{_named(each.label, each.ratio)} {place(each)}: {rise_of(each)}" for each in dict.fromkeys(firsts)
    ]
    return ". Of all networks, ".join(said) + "."


def _undecided(found: Sequence[Judged]) -> str:
    open_ = sum(each.verdict is Verdict.UNDECIDED for each in found)
    return (
        f"{open_:,} of {count(len(found), 'cell')} below {'is' if open_ == 1 else 'are'} undecided."
        if open_
        else ""
    )
