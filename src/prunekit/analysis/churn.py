"""Flips and churn: which predictions pruning changed, even where the error is the same.

Broken: right before, wrong after; fixed: the reverse. Test error shows their difference; users notice their sum.
McNemar's exact test asks whether breaking and fixing are equally likely.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from prunekit.analysis.estimate import Estimate, plain
from prunekit.analysis.made_up import PAIRED, SHARE
from prunekit.analysis.outcome import Array
from prunekit.analysis.paired import Paired, across_seeds, names_of, seeds_of, values_of
from prunekit.analysis.resample import over_repetitions
from prunekit.analysis.rows import RATIO, Row, row
from prunekit.analysis.sampled import Sampled, estimates, sampled
from prunekit.analysis.seeds import probit_scale
from prunekit.analysis.significance import false_discovery, mcnemar


def churn(pairs: Sequence[Paired], *, top_k: int = 1) -> list[Row]:
    """The share of changed predictions per variant, prune ratio and distribution, with its broken and fixed shares.

    An image counts as right if its class is among the ``top_k`` likeliest; a changed prediction is a changed top-1
    class.
    """
    groups = across_seeds(pairs)
    changed = estimates([_changed(group) for group in groups])
    net = estimates([_net(group, top_k) for group in groups])
    tests = [[float(mcnemar(*_counts(pair, top_k))) for pair in group] for group in groups]
    corrected = iter(false_discovery([p for each in tests for p in each]))
    return [
        _row(group, share, rise, each, [float(next(corrected)) for _ in each], top_k)
        for group, share, rise, each in zip(groups, changed, net, tests, strict=True)
    ]


def _changed(group: Sequence[Paired]) -> Sampled:
    values = values_of(group, lambda pair: pair.own["predicted"] != pair.reference["predicted"])
    return sampled(
        values, seeds_of(group), made_up=SHARE, scale=float(probit_scale(values.mean())), bounds=RATIO
    )


def _net(group: Sequence[Paired], top_k: int) -> Sampled:
    values = values_of(group, lambda pair: np.subtract(*np.array(flips(pair, top_k))[::-1].astype(np.int8)))
    errors = [
        np.mean(getattr(pair, side)["rank"] >= top_k) for pair in group for side in ("own", "reference")
    ]
    return sampled(
        values,
        seeds_of(group),
        made_up=PAIRED,
        scale=float(probit_scale(np.array(errors)).mean() * 2),
        bounds=(-1.0, 1.0),
    )


def _row(
    group: Sequence[Paired],
    changed: Estimate,
    net: Estimate,
    tests: Sequence[float],
    corrected: Sequence[float],
    top_k: int,
) -> Row:
    ends, seeds = net.as_row(), seeds_of(group)
    broken, fixed = np.array([[side.mean() for side in flips(pair, top_k)] for pair in group]).T
    return row(
        "churn",
        changed,
        unit="share of predictions",
        broken=_mean(broken, seeds),
        fixed=_mean(fixed, seeds),
        net=ends["value"],
        net_low=ends["low"],
        net_high=ends["high"],
        mcnemar=[plain(p) for p in tests],
        mcnemar_q=[plain(p) for p in corrected],
        **names_of(group),
    )


def _mean(values: Array, seeds: Sequence[int]) -> float | None:
    return plain(over_repetitions(values, seeds).mean())


def flips(pair: Paired, top_k: int = 1) -> tuple[Array, Array]:
    """Which images were broken and which fixed, bool ``[n]`` each."""
    right, was_right = pair.own["rank"] < top_k, pair.reference["rank"] < top_k
    return was_right & ~right, right & ~was_right


def _counts(pair: Paired, top_k: int) -> tuple[int, int]:
    broken, fixed = flips(pair, top_k)
    return int(broken.sum()), int(fixed.sum())
