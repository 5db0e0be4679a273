"""Method against method: potentials and errors of networks that differ only in the method, pair by pair.

Both sides are drawn jointly: with the same images, and the same luck of shared parents.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

from prunekit.analysis.curve_rows import error_of
from prunekit.analysis.curves import ResampledCurve, distinct_at, grouped, seeds_of
from prunekit.analysis.estimate import Estimate, plain, unique
from prunekit.analysis.joint import TIE, Draws, chance_above, drawn_interval, two_sided
from prunekit.analysis.outcome import Array
from prunekit.analysis.potential import MARGIN
from prunekit.analysis.potentials import Potential, potentials_of
from prunekit.analysis.resample import over_repetitions
from prunekit.analysis.rises import number_of
from prunekit.analysis.rows import Row, row
from prunekit.analysis.sampled import Sampled, estimates, joint_draws, sampled
from prunekit.analysis.seeds import probit_scale
from prunekit.analysis.significance import false_discovery
from prunekit.analysis.variant import Variant
from prunekit.analysis.verdict import Margin, as_margin

POTENTIAL, ERROR = "potential", "error"

Group = list[ResampledCurve]


def method_differences(
    curves: Sequence[ResampledCurve],
    *,
    margin: Margin | float = MARGIN,
    known: Sequence[Potential] | None = None,
) -> list[Row]:
    """Each method minus each other one, and each one's chance of being the best: potential, and error at each ratio.

    ``known`` are the potentials of these curves, if already computed.
    """
    found = potentials_of(curves, as_margin(margin)) if known is None else known
    fields = grouped(found, lambda each: (_made_alike(each.group[0].variant), each.group[0].distribution))
    rivals = [sorted(members, key=_by_name) for members in fields.values() if len(members) > 1]
    rows = [row for members in rivals for row in _of_potentials(members)]
    rows += _of_errors([[each.group for each in members] for members in rivals])
    differences = [own for own in rows if own["finding"] == "method-difference"]
    p_values = [np.nan if own["p_value"] is None else own["p_value"] for own in differences]
    for own, q_value in zip(differences, false_discovery(p_values), strict=True):
        own["q_value"] = plain(float(q_value))
    return rows


def _by_name(each: Potential) -> tuple[str, str]:
    """One order everywhere, so that a difference has the same sign on every distribution."""
    variant = each.group[0].variant
    return str(variant.method), variant.id


def _made_alike(variant: Variant) -> Variant:
    """What networks of several methods have in common."""
    settings = tuple((name, text) for name, text in variant.settings if name != "prune")
    return variant._replace(method=None, structure=None, settings=settings)


def _of_potentials(members: Sequence[Potential]) -> Iterator[Row]:
    drawn = [(each, each.reach.expected().reported()) for each in members if each.reach]
    for (one, more), (other, less) in combinations(drawn, 2):
        difference = more.less(less)
        low, high = difference.ends()
        found = one.found._replace(
            value=difference.value,
            low=low,
            high=high,
            these=None,
            n=min(one.found.n, other.found.n),
            interval=drawn_interval(len(difference.least), one.found.seeds),
            flags=unique([*one.found.flags, *other.found.flags]),
        )
        columns = _columns(one.group, other.group, POTENTIAL, None)
        yield row(
            "method-difference",
            _centred(found, difference),
            unit="prune ratio",
            better=plain(chance_above(difference.least)),
            p_value=plain(two_sided(difference.least)),
            q_value=None,
            **columns,
        )
    yield from _best([(each.group, draws.least, each.found) for each, draws in drawn], POTENTIAL, None)


def _centred(found: Estimate, difference: Draws) -> Estimate:
    """With several seeds the value is the mean of the draws, which are about new networks on average."""
    return found if found.seeds == 1 else found._replace(value=float(np.mean(difference.least)))


def _columns(one: Group, other: Group, what: str, rung: float | None) -> dict[str, Any]:
    first = one[0]
    return {
        "variant": first.variant,
        "distribution": first.distribution,
        "models": unique(
            curve.at(rung).key if rung else key
            for curve in (*one, *other)
            for key in ([""] if rung else curve.keys)
        ),
        "seed_set": seeds_of(one),
        "of": what,
        "asked": rung,
        "other": other[0].variant.id,
    }


class Rivals(NamedTuple):
    """Two variants at one ratio: the curves of common seeds that hold it."""

    one: Group
    other: Group
    rung: float


def _of_errors(fields: Sequence[Sequence[Group]]) -> list[Row]:
    pairs = [
        each for groups in fields for one, other in combinations(groups, 2) for each in _rivals(one, other)
    ]
    found = estimates([_difference(each) for each in pairs])
    rows = [_error_row(each, estimate) for each, estimate in zip(pairs, found, strict=True)]
    return rows + [row for groups in fields for row in _best_errors(groups)]


def _rivals(one: Group, other: Group) -> Iterator[Rivals]:
    common = {curve.seed for curve in one} & {curve.seed for curve in other}
    rungs = sorted(
        {rung for curve in one for rung in curve.rungs} & {r for curve in other for r in curve.rungs}
    )
    for rung in rungs:
        sides = [[each for each in distinct_at(side, rung) if each.seed in common] for side in (one, other)]
        if all(sides) and len({each.seed for each in sides[0]}) == len({each.seed for each in sides[1]}):
            yield Rivals(sides[0], sides[1], rung)


def _difference(pair: Rivals) -> Sampled:
    """The error of the first minus that of the second, image by image, for the seeds that both have."""
    sides = [
        over_repetitions(
            np.stack([curve.at(pair.rung).outcome.per_image.astype(np.float64) for curve in side]),
            seeds_of(side),
        )
        for side in (pair.one, pair.other)
    ]
    errors = [side.mean() for side in sides]
    return sampled(
        sides[0] - sides[1],
        list(dict.fromkeys(seeds_of(pair.one))),
        made_up=pair.one[0].parent_outcome.made_up[1],
        scale=float(probit_scale(*errors)),
        bounds=(-1.0, 1.0),
    )


def _error_row(pair: Rivals, found: Estimate) -> Row:
    student = found.student
    return row(
        "method-difference",
        found,
        unit="error",
        prune_ratio=float(np.mean([curve.at(pair.rung).prune_ratio for curve in pair.one])),
        better=plain(float(student.p_not_above(0.0))) if student else None,
        p_value=plain(float(student.p_value())) if student else None,
        q_value=None,
        **_columns(pair.one, pair.other, ERROR, pair.rung),
    )


def _best_errors(groups: Sequence[Group]) -> Iterator[Row]:
    rungs = set.intersection(*({rung for curve in group for rung in curve.rungs} for group in groups))
    for rung in sorted(rungs):
        held = [distinct_at(group, rung) for group in groups]
        found = estimates([error_of(group, rung) for group in held])
        drawn = []
        for group, each in zip(held, found, strict=True):
            errors = np.stack([curve.at(rung).errors for curve in group])
            images = over_repetitions(errors, seeds_of(group)).mean(axis=0)
            name = number_of("error", group[0].variant.id, group[0].distribution, rung)
            drawn.append((group, -joint_draws(each, images, name).least, each))
        yield from _best(drawn, ERROR, rung)


def _best(drawn: Sequence[tuple[Group, Array, Estimate]], what: str, rung: float | None) -> Iterator[Row]:
    """How often each has the highest number, ties shared equally."""
    if len(drawn) < 2:
        return
    numbers = np.stack([draws for _, draws, _ in drawn])
    best = numbers >= numbers.max(axis=0) - TIE
    shares = (best / best.sum(axis=0)).mean(axis=1)
    among = [group[0].variant.id for group, _, _ in drawn]
    for (group, _, found), share in zip(drawn, shares, strict=True):
        made = found._replace(value=float(share), low=np.nan, high=np.nan, these=(np.nan, np.nan))
        yield row("chance-of-best", made, unit="chance", among=among, **_own_columns(group, what, rung))


def _own_columns(group: Group, what: str, rung: float | None) -> dict[str, Any]:
    columns = _columns(group, group, what, rung)
    del columns["other"]
    return columns
