"""The paper's testable claims (docs/paper.md), each judged by contrasts on joint draws (``joint.py``).

A claim is a list of contrasts that must all be above zero, in groups of evidence that must all be present. Its verdict
can be checked from the ``contrast`` rows of ``findings.json`` alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from prunekit.analysis import contrasts as compare
from prunekit.analysis import likeness
from prunekit.analysis.curves import grouped
from prunekit.analysis.estimate import plain
from prunekit.analysis.evidence import (
    BOTH,
    Part,
    each_of,
    measured,
    name_of,
    units_in,
    with_labels,
)
from prunekit.analysis.joint import Contrast, Ruling, Settled, average, contrasts_of, hinges, settle
from prunekit.analysis.rows import Row


class Claim(NamedTuple):
    """One claim: its text, its measurement, the groups of evidence that it needs, and its contrasts.

    ``of_curves``: whether it rests on prune curves only; if not, it rests on noise and informative features.
    """

    text: str
    measured_by: str
    needs: tuple[str, ...]
    contrasts: Callable[[list[Row]], list[Part]]
    of_curves: bool = True


# By number.
CLAIMS: dict[int, Claim] = {
    1: Claim(
        "Up to a prune ratio of 80 %, pruned networks are closer to their parent than a separately trained network is.",
        "similarity to the parent, with a separate network",
        each_of(*likeness.METRICS.values()),
        likeness.closer_than_separate,
        of_curves=False,
    ),
    2: Claim(
        "At extreme prune ratios (94 % and more), pruned networks are farther from their parent "
        "than a separately trained network is.",
        "similarity at a prune ratio of 94 % or more, with a separate network",
        each_of(*likeness.METRICS.values()),
        likeness.farther_than_separate,
        of_curves=False,
    ),
    3: Claim(
        "Agreement with the parent falls with the prune ratio and with the noise.",
        "similarity at two or more prune ratios and levels",
        each_of(likeness.NOISE, likeness.RATIOS),
        likeness.falls_with_ratio_and_noise,
        of_curves=False,
    ),
    4: Claim(
        "Informative pixels carry over between parent and pruned network, but not to a separate network.",
        "informative features of parent, pruned and separate networks",
        (likeness.TO_PRUNED, likeness.TO_PARENT),
        likeness.features_transfer,
        of_curves=False,
    ),
    5: Claim(
        "Prune potential falls with noise, to about zero at a noise of 0.5 or more.",
        "noise potential up to a level of 0.5 or more",
        each_of(compare.FALLS, compare.TO_ZERO),
        compare.potential_falls_with_noise,
        of_curves=False,
    ),
    6: Claim(
        "Under noise, the potential of filter methods falls earlier than that of weight methods.",
        "noise potential of a weight and a filter method",
        (compare.PAIRED,),
        compare.filters_fall_earlier,
        of_curves=False,
    ),
    7: Claim(
        "Potential depends on the corruption: low under noise, near nominal under brightness, fog and zoom blur.",
        "potential on the nominal distribution and on such corruptions",
        each_of(compare.HARM, compare.NO_HARM),
        compare.depends_on_corruption,
    ),
    8: Claim(
        "JPEG compression lowers the potential of filter methods only.",
        "potential on the nominal distribution and on jpeg_compression",
        BOTH,
        compare.jpeg_fails_filters,
    ),
    9: Claim(
        "Pruning costs more under shift than nominally: the difference in excess error rises with the prune ratio.",
        "excess errors",
        BOTH,
        compare.excess_rises,
    ),
    10: Claim(
        "Weight methods have a higher nominal and mean shifted potential; the minimum is about "
        "zero for all methods.",
        "potentials of a weight and a filter method, with shifted distributions",
        (
            f"{compare.PAIRED}, {compare.NOMINAL}",
            f"{compare.PAIRED}, {compare.MEAN}",
            *each_of(compare.MINIMUM),
        ),
        compare.weights_above_filters,
    ),
    11: Claim(
        "A harder task has a lower potential.",
        "potentials on the data sets of two tasks",
        (compare.TASKS,),
        compare.harder_is_lower,
    ),
    12: Claim(
        "Robust training regains potential on shifted distributions.",
        "potentials of networks with and without robust training",
        BOTH,
        compare.robust_regains,
    ),
    13: Claim(
        "Nominal test accuracy alone cannot certify a pruned network: somewhere the potential is lower.",
        "potentials on the nominal and on shifted distributions",
        BOTH,
        compare.accuracy_hides_it,
    ),
}


class Judged(NamedTuple):
    """The verdicts on the claims, as rows, and the undecided claims that more draws might decide."""

    rows: list[Row]
    hinge: list[Claim]


def judge(rows: Iterable[Row]) -> Judged:
    """One row per contrast, then one per claim: the verdict, the evidence that decides it, and what is missing."""
    named = with_labels(rows)
    found = {number: claim.contrasts(named) for number, claim in CLAIMS.items()}
    contrasts = {
        number: contrasts_of([(part.group, part.what, part.draws) for part in parts])
        for number, parts in found.items()
    }
    settled = {number: settle(contrasts[number], claim.needs) for number, claim in CLAIMS.items()}
    made = [
        _contrast_row(number, part, contrast)
        for number, parts in found.items()
        for part, contrast in zip(parts, contrasts[number], strict=True)
    ]
    made += [
        _claim_row(number, claim, found[number], contrasts[number], settled[number], named)
        for number, claim in CLAIMS.items()
    ]
    hinge = [claim for number, claim in CLAIMS.items() if _hinges(found[number], settled[number])]
    return Judged(made, hinge)


def _hinges(parts: Sequence[Part], settled: Settled) -> bool:
    """Whether more draws might decide this claim."""
    unknown = settled.ruling is Ruling.UNKNOWN and not settled.lacks
    return unknown and hinges([part.draws for part in parts])


def _contrast_row(number: int, part: Part, found: Contrast) -> Row:
    return Row(
        {
            "finding": "contrast",
            "claim": number,
            "group": found.group,
            "what": found.what,
            "unit": part.unit,
            "value": plain(found.value),
            "low": plain(found.low),
            "high": plain(found.high),
            "p_value": plain(found.p_value),
            "adjusted": plain(found.adjusted),
            "draws": len(part.draws.least),
        }
    )


def _claim_row(
    number: int,
    claim: Claim,
    parts: Sequence[Part],
    contrasts: Sequence[Contrast],
    settled: Settled,
    rows: list[Row],
) -> Row:
    mean = average([part.draws for part in parts])
    by, unit = settled.decided_by, units_in(parts)
    return Row(
        {
            "finding": "claim",
            "claim": number,
            "text": claim.text,
            "verdict": settled.ruling.value,
            "evidence": _evidence(claim, settled, contrasts, parts) + _more(number, rows),
            "lacks": list(settled.lacks),
            "contrasts": len(contrasts),
            "above": sum(each.above for each in contrasts),
            "unit": unit,
            "value": plain(by.value) if by else None,
            "low": plain(by.low) if by else None,
            "high": plain(by.high) if by else None,
            "average": plain(mean.value) if mean else None,
            "average_low": plain(mean.low) if mean else None,
            "average_high": plain(mean.high) if mean else None,
        }
    )


def _evidence(
    claim: Claim,
    settled: Settled,
    contrasts: Sequence[Contrast],
    parts: Sequence[Part],
) -> str:
    """The deciding evidence, in words."""
    if not settled.decided_by:
        return f"Not measured: needs {claim.measured_by}."
    lacks = f"Lacks {'; '.join(settled.lacks)}. " if settled.lacks else ""
    unit = next(part.unit for part, each in zip(parts, contrasts, strict=True) if each is settled.decided_by)
    by = settled.decided_by
    weakest = "Against it" if settled.ruling is Ruling.FAILS else "Weakest"
    said = f"{weakest}: {by.what} {measured(by.value, by.low, by.high, unit)}."
    above = f"{sum(each.above for each in contrasts)} of {len(contrasts)} comparisons are above zero."
    return f"{lacks}{above} {said}{_averages(parts)}"


def _averages(parts: Sequence[Part]) -> str:
    """The mean of the contrasts, by unit."""
    by_unit = grouped(parts, lambda part: part.unit)
    means = [
        measured(*mean, unit)
        for unit, members in by_unit.items()
        if len(members) > 1 and (mean := average([part.draws for part in members]))
    ]
    return f" On average {', '.join(means)}." if means else ""


def _more(number: int, rows: Sequence[Row]) -> str:
    """For claim 9: how well the line fits, and which slopes depend on the largest ratio."""
    if number != 9:
        return ""
    slopes = [row for row in rows if row["finding"] == "excess-slope" and row["value"] is not None]
    resting = [
        name_of(row)
        for row in slopes
        if row["without_last"] is None
        or row["without_last"] * row["value"] <= 0
        or abs(row["without_last"]) < abs(row["value"]) / 2
    ]
    fits = [row["fit"] for row in slopes if row["fit"] is not None]
    line = (
        f" The line explains {100 * min(fits):.0f} to {100 * max(fits):.0f} % of the curves." if fits else ""
    )
    last = f" The slope depends on the largest ratio: {'; '.join(resting)}." if resting else ""
    return line + last
