"""The longer training control: what the unpruned parent gains when it is trained as long again without pruning.

Retraining with the whole schedule trains a pruned network for longer than its parent was, and this explains part of
what pruning seems to gain (Jin et al. 2022, arXiv 2210.13738). This control has the same advantage: it is fair to
networks that were retrained for as many epochs in total, and too weak for those retrained for more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from prunekit.analysis.curve_rows import error_of, judged_together
from prunekit.analysis.curves import Model, ResampledCurve, distinct_at, seeds_of
from prunekit.analysis.estimate import plain
from prunekit.analysis.potentials import potentials
from prunekit.analysis.rises import Rise, rises_of
from prunekit.analysis.rows import (
    Row,
    chance_flags,
    curve_groups,
    margin_columns,
    rise_columns,
    row,
    rungs_in,
)
from prunekit.analysis.sampled import estimates
from prunekit.analysis.verdict import Margin, as_margin

PLACE = 1.0

Item = TypeVar("Item")


class Trained(NamedTuple):
    """The id of a network's variant, and the epochs of each retraining; None if they are unknown."""

    variant: str
    rounds: tuple[int, ...] | None

    @property
    def epochs(self) -> int | None:
        """Its total epochs of retraining."""
        return None if self.rounds is None else sum(self.rounds)


# What is known of every network, by its key.
Training = Mapping[str, Trained]


def longer_errors(curves: Sequence[ResampledCurve], training: Training) -> list[Row]:
    """The control's error per variant and distribution, mean over seeds, and its rise over its own parent's.

    Each curve holds one network: the control, with the parent from which its training continued.
    """
    # Ratio 0 of a curve is the parent's; the control, although unpruned, is put at another ratio here.
    curves = [curve._replace(rungs=(PLACE,)) for curve in curves if curve.keys]
    groups, rises = curve_groups(curves), rises_of(curves)
    found = estimates([error_of(group, PLACE) for group in groups])
    return [
        row(
            "longer-error",
            each,
            unit="error",
            variant=group[0].variant,
            prune_ratio=0.0,
            distribution=group[0].distribution,
            models=[curve.keys[0] for curve in group],
            seed_set=seeds_of(group),
            rounds=None if (own := training[group[0].keys[0]].rounds) is None else list(own),
            **rise_columns(rises[group[0].variant, group[0].distribution, PLACE].found),
        )
        for group, each in zip(groups, found, strict=True)
    ]


def longer_rises(
    curves: Sequence[ResampledCurve], training: Training, *, margin: Margin | float
) -> list[Row]:
    """The rise over the control at every ratio, with its verdict, and whether the control is fair to it."""
    allowed, rises = as_margin(margin), rises_of(curves)
    places = [(group, rung) for group in curve_groups(curves) for rung in rungs_in(group)]
    found = [rises[group[0].variant, group[0].distribution, rung] for group, rung in places]
    rows = [
        _rise_row(distinct_at(group, rung), rung, each, allowed, training)
        for (group, rung), each in zip(places, found, strict=True)
    ]
    return judged_together(rows, found)


def _rise_row(
    held: Sequence[ResampledCurve], rung: float, rise: Rise, margin: Margin, training: Training
) -> Row:
    own, control = ([each.key for each in models] for models in _pairs(held, rung))
    retrained, as_long = (_epochs(keys, training) for keys in (own, control))
    bases = np.array([curve.base(rung).errors[0] for curve in held])
    return row(
        "longer-rise",
        rise.found._replace(flags=(*rise.found.flags, *chance_flags(held))),
        unit="error",
        variant=held[0].variant,
        prune_ratio=float(np.mean([curve.at(rung).prune_ratio for curve in held])),
        distribution=held[0].distribution,
        models=own,
        seed_set=seeds_of(held),
        asked=rung,
        control=_only({training[key].variant for key in control}),
        retrained=retrained,
        control_retrained=as_long,
        fair=_is_fair(held, rung, training),
        **margin_columns(margin),
        limit=plain(float(np.mean(margin.of(bases)))),
        verdict=None,
        p_verdict=None,
        verdict_holm=None,
    )


def _pairs(held: Sequence[ResampledCurve], rung: float) -> tuple[list[Model], list[Model]]:
    return [curve.at(rung) for curve in held], [curve.base(rung) for curve in held]


def _epochs(keys: Sequence[str], training: Training) -> int | None:
    """The epochs for which all of these were retrained; None if they differ or are unknown."""
    return _only({training[key].epochs for key in keys})


def _only(values: set[Item]) -> Item | None:
    return next(iter(values)) if len(values) == 1 else None


def _is_fair(held: Sequence[ResampledCurve], rung: float, training: Training) -> bool:
    """Whether each network was retrained for as many epochs as what it is compared with."""
    epochs = [
        tuple(training[each.key].epochs for each in (curve.at(rung), curve.base(rung))) for curve in held
    ]
    return all(own is not None and own == control for own, control in epochs)


def longer_potentials(
    curves: Sequence[ResampledCurve], training: Training, *, margin: Margin | float
) -> list[Row]:
    """The prune potential per variant and distribution, relative to the controls instead of the parent."""
    found = potentials(curves, margin=margin)
    for own, group in zip(found, curve_groups(curves), strict=True):
        held = {rung: distinct_at(group, rung) for rung in rungs_in(group)}
        controls = {each.key for rung, each_held in held.items() for each in _pairs(each_held, rung)[1]}
        own.update(
            finding="longer-potential",
            control=_only({training[key].variant for key in controls}),
            fair_at=[rung for rung, each_held in held.items() if _is_fair(each_held, rung, training)],
        )
    return found
