"""The paper's testable claims (docs/paper.md), each judged by the rows of a study's findings.

A claim is a list of contrasts that must all be above zero: it holds when every 95 % interval is, does not hold when
one is wholly below even as one of many, and otherwise the study cannot tell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from prunekit.analysis import contrasts as compare
from prunekit.analysis.estimate import plain
from prunekit.analysis.evidence import Contrast, Row, Verdict, verdict_on
from prunekit.analysis.labels import labelled


class Claim(NamedTuple):
    """One claim: what it says, what it needs to be judged, and its contrasts."""

    text: str
    needs: str
    contrasts: Callable[[list[Row]], list[Contrast]]


# By number.
CLAIMS: dict[int, Claim] = {
    1: Claim(
        "Up to a prune ratio of 80 %, pruned networks are closer to their parent than a separately trained network is.",
        "similarity to the parent, with a separate network",
        compare.closer_than_separate,
    ),
    2: Claim(
        "At extreme prune ratios (94 % and more) it is the other way round.",
        "similarity at a prune ratio of 94 % or more, with a separate network",
        compare.farther_than_separate,
    ),
    3: Claim(
        "Agreement with the parent falls with the prune ratio and with the noise.",
        "similarity at two or more prune ratios and levels",
        compare.falls_with_ratio_and_noise,
    ),
    4: Claim(
        "Informative pixels carry over between parent and pruned network, but not to a separate network.",
        "informative features of parent, pruned and separate networks",
        compare.features_transfer,
    ),
    5: Claim(
        "Prune potential falls with noise, to about zero at a noise of 0.5 or more.",
        "noise potential up to a level of 0.5 or more",
        compare.potential_falls_with_noise,
    ),
    6: Claim(
        "Under noise, the potential of filter methods falls earlier than that of weight methods.",
        "noise potential of a weight and a filter method",
        compare.filters_fall_earlier,
    ),
    7: Claim(
        "Potential depends on the corruption: low under noise, near nominal under brightness, fog and zoom blur.",
        "potential on the nominal distribution and on such corruptions",
        compare.depends_on_corruption,
    ),
    8: Claim(
        "JPEG compression lowers the potential of filter methods only.",
        "potential on the nominal distribution and on jpeg_compression",
        compare.jpeg_fails_filters,
    ),
    9: Claim(
        "Pruning costs more under shift than nominally: the difference in excess error rises with the prune ratio.",
        "excess errors",
        compare.excess_rises,
    ),
    10: Claim(
        "Weight methods have the higher nominal and mean shifted potential; the minimum is about zero for all methods.",
        "potentials of a weight and a filter method, with shifted distributions",
        compare.weights_above_filters,
    ),
    11: Claim(
        "A harder task has a lower potential.",
        "potentials on the data sets of two tasks",
        compare.harder_is_lower,
    ),
    12: Claim(
        "Robust training regains potential on shifted distributions.",
        "potentials of networks with and without robust training",
        compare.robust_regains,
    ),
    13: Claim(
        "Nominal test accuracy alone cannot certify a pruned network: somewhere the potential is lower.",
        "potentials on the nominal and on shifted distributions",
        compare.accuracy_hides_it,
    ),
}


def judge(rows: Iterable[Row]) -> list[Row]:
    """A row per claim: the verdict, the evidence, and the interval that decides it (``value``, ``low``, ``high``)."""
    rows = labelled(rows)
    return [_claim_row(number, claim, rows) for number, claim in CLAIMS.items()]


def _claim_row(number: int, claim: Claim, rows: list[Row]) -> Row:
    found: Verdict = verdict_on(claim.contrasts(rows), claim.needs)
    ends: dict[str, Any] = dict.fromkeys(("value", "low", "high"))
    if found.decided_by:
        ends = {name: plain(getattr(found.decided_by, name)) for name in ends}
    return {
        "finding": "claim",
        "claim": number,
        "text": claim.text,
        "verdict": found.verdict,
        "evidence": found.evidence,
        **ends,
    }
