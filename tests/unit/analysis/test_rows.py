import json

import numpy as np
import pytest

from prunekit.analysis.curves import Curve, Point, resample
from prunekit.analysis.estimate import ONE_SEED
from prunekit.analysis.outcome import wrong
from prunekit.analysis.potential import AT_LARGEST, FEW_SEEDS, NONE_COMMENSURATE
from prunekit.analysis.rows import (
    BELOW,
    SOME_SEEDS,
    excess_errors,
    lineage_potential,
    potential_summary,
    potentials,
    prune_curves,
)
from prunekit.errors import UsageError

SHIFTED = ["digits+fog@3", "digits+snow@3"]


def study(seeds=(0, 1), methods=("wt", "ft"), skip=None):
    curves = []
    for seed in seeds:
        for place, name in enumerate(["digits", *SHIFTED]):
            draw = np.random.default_rng([seed, place]).random(120)
            for method in methods:
                points = tuple(
                    Point(
                        ratio + seed / 1000,
                        f"{method}-{seed}-{ratio}",
                        wrong(draw < 0.1 + ratio / 5),
                        asked=ratio,
                    )
                    for ratio in (0.25, 0.5, 0.75)
                    if (seed, ratio) != skip
                )
                curves.append(Curve(method, seed, name, f"parent-{seed}", wrong(draw < 0.12), points))
    return resample(curves, resamples=100)


def test_every_row_is_json_and_names_what_it_rests_on():
    lineages = study()
    rows = [
        *prune_curves(lineages),
        *potentials(lineages),
        *potential_summary(lineages, {"shifted": SHIFTED}),
        *excess_errors(lineages, nominal=["digits"], shifted={"shifted": SHIFTED}),
    ]
    assert len(rows) == 2 * (3 * 4 + 3 + 2 + 3 + 1)
    for row in rows:
        json.dumps(row, allow_nan=False)
        assert row["low"] <= row["value"] <= row["high"]
        assert row["models"]
        assert row["seed_set"] == [0, 1]
        assert (row["n"], row["seeds"]) == (120, 2)


def test_the_order_of_the_curves_does_not_matter():
    lineages = study()

    def as_set(rows):
        return {json.dumps(row, sort_keys=True) for row in rows}

    assert as_set(potentials(lineages)) == as_set(potentials(lineages[::-1]))
    assert as_set(potential_summary(lineages, {"s": SHIFTED})) == as_set(
        potential_summary(lineages[::-1], {"s": SHIFTED})
    )


def test_one_seed_is_flagged():
    assert all(ONE_SEED in row["flags"] for row in potentials(study(seeds=(0,))))


def test_the_lower_end_of_one_seeds_potential_is_not_the_best_of_many_lucky_ratios():
    # Twenty ratios, none of them certain by itself; in nearly every resample one of them is lucky.
    rng = np.random.default_rng(5)
    points = tuple(
        Point(0.04 * place, f"{place}", wrong(rng.permutation(300) < 60)) for place in range(1, 21)
    )
    parent = wrong(rng.permutation(300) < 72)
    (lineage,) = resample([Curve("wt", 0, "digits", "parent", parent, points)], resamples=400)
    (row,) = potentials([lineage])
    assert row["low"] == 0.0 < np.quantile(lineage_potential(lineage, 0.005)[1:], 0.025)
    assert BELOW in row["interval"]


def test_a_potential_of_few_seeds_is_flagged():
    assert all(FEW_SEEDS in row["flags"] for row in potentials(study()))
    assert not any(FEW_SEEDS in row["flags"] for row in potentials(study(seeds=(0,))))


def test_a_ratio_that_some_seeds_lack_is_flagged_and_counts_the_seeds_it_has():
    rows = [row for row in prune_curves(study(skip=(1, 0.5))) if row["asked"] == 0.5]
    assert rows
    for row in rows:
        assert SOME_SEEDS in row["flags"]
        assert row["seed_set"] == [0]


def test_the_flags_of_a_minimum_are_those_of_the_distributions_that_are_the_smallest():
    def curve(name, count):
        return Curve(
            "wt",
            0,
            name,
            "parent",
            wrong(np.arange(50) < 5),
            (Point(0.5, "pruned", wrong(np.arange(50) < count)),),
        )

    lineages = resample([curve(SHIFTED[0], 5), curve(SHIFTED[1], 20)], resamples=50)
    mean, minimum = potential_summary(lineages, {"shifted": SHIFTED})
    assert mean["flags"] == [AT_LARGEST, NONE_COMMENSURATE, ONE_SEED]
    assert minimum["flags"] == [NONE_COMMENSURATE, ONE_SEED]


def test_a_network_without_pruned_models_has_potential_zero():
    (lineage,) = resample([Curve("wt", 0, "digits", "parent", wrong(np.zeros(9)), ())], resamples=10)
    assert [row["value"] for row in potentials([lineage])] == [0.0]


def test_without_a_nominal_distribution_there_is_no_excess_error():
    assert excess_errors(study(), nominal=["cifar10"], shifted={"shifted": SHIFTED}) == []


def test_a_set_that_was_not_measured_gives_no_rows():
    assert potential_summary(study(), {"other": ["digits+frost@3"]}) == []
    assert excess_errors(study(), nominal=["digits"], shifted={"other": ["digits+frost@3"]}) == []


@pytest.mark.parametrize("finding", [prune_curves, potentials])
def test_a_margin_outside_zero_to_one_is_refused(finding):
    with pytest.raises(UsageError, match="the margin is 2"):
        finding(study(), margin=2)
