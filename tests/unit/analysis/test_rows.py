import json

import numpy as np
import pytest

from prunekit.analysis.curve_rows import prune_curves
from prunekit.analysis.curves import Curve, Point, resample
from prunekit.analysis.excess_rows import excess_errors
from prunekit.analysis.flags import Flag
from prunekit.analysis.outcome import wrong
from prunekit.analysis.potentials import BELOW, curve_potential, potentials
from prunekit.analysis.shifts import sets_among
from prunekit.analysis.summary import potential_summary
from prunekit.analysis.variant import Variant
from prunekit.errors import UsageError

SHIFTED = ["digits+fog@3", "digits+snow@3"]
SETS = sets_among(["digits", *SHIFTED])
WT = Variant(method="wt", dataset="digits")


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
                curves.append(
                    Curve(
                        Variant(method=method, dataset="digits"),
                        seed,
                        name,
                        f"parent-{seed}",
                        wrong(draw < 0.12),
                        points,
                    )
                )
    return resample(curves, resamples=100)


def test_every_row_is_json_and_names_what_it_rests_on():
    lineages = study()
    rows = [
        *prune_curves(lineages),
        *potentials(lineages),
        *potential_summary(lineages, SETS),
        *excess_errors(lineages, SETS),
    ]
    assert len(rows) == 2 * (3 * 4 + 3 + 3 * 2 + 3 + 1)
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
    assert as_set(potential_summary(lineages, SETS)) == as_set(potential_summary(lineages[::-1], SETS))


def test_one_seed_is_flagged():
    assert all(Flag.ONE_SEED in row["flags"] for row in potentials(study(seeds=(0,))))


def test_the_lower_end_of_one_seeds_potential_is_not_the_best_of_many_lucky_ratios():
    # Twenty ratios, none of them certain by itself; in nearly every resample one of them is lucky.
    rng = np.random.default_rng(5)
    points = tuple(
        Point(0.04 * place, f"{place}", wrong(rng.permutation(300) < 60)) for place in range(1, 21)
    )
    parent = wrong(rng.permutation(300) < 72)
    (lineage,) = resample([Curve(WT, 0, "digits", "parent", parent, points)], resamples=400)
    (row,) = potentials([lineage])
    assert row["low"] == 0.0 < np.quantile(curve_potential(lineage, 0.005)[1:], 0.025)
    assert BELOW in row["interval"]


def test_a_potential_of_few_seeds_is_flagged():
    assert all(Flag.FEW_SEEDS in row["flags"] for row in potentials(study()))
    assert not any(Flag.FEW_SEEDS in row["flags"] for row in potentials(study(seeds=(0,))))


def test_a_ratio_that_some_seeds_lack_is_flagged_and_counts_the_seeds_it_has():
    rows = [row for row in prune_curves(study(skip=(1, 0.5))) if row["asked"] == 0.5]
    assert rows
    for row in rows:
        assert Flag.SOME_SEEDS in row["flags"]
        assert row["seed_set"] == [0]


def test_the_flags_of_a_minimum_are_those_of_the_distributions_that_are_the_smallest():
    def curve(name, count):
        return Curve(
            WT,
            0,
            name,
            "parent",
            wrong(np.arange(50) < 5),
            (Point(0.5, "pruned", wrong(np.arange(50) < count)),),
        )

    lineages = resample([curve(SHIFTED[0], 5), curve(SHIFTED[1], 20)], resamples=50)
    mean, minimum = potential_summary(lineages, sets_among(SHIFTED))
    assert mean["flags"] == [Flag.AT_LARGEST, Flag.NONE_COMMENSURATE, Flag.ONE_SEED, Flag.FEW_IMAGES]
    assert minimum["flags"] == [Flag.NONE_COMMENSURATE, Flag.ONE_SEED, Flag.FEW_IMAGES]


def test_a_network_without_pruned_models_has_potential_zero():
    (lineage,) = resample([Curve(WT, 0, "digits", "parent", wrong(np.zeros(9)), ())], resamples=10)
    assert [row["value"] for row in potentials([lineage])] == [0.0]


def test_without_a_nominal_distribution_there_is_no_excess_error():
    assert excess_errors(study(), sets_among(SHIFTED)) == []


def test_a_set_that_was_not_measured_gives_no_rows():
    assert potential_summary(study(), sets_among(["digits+frost@3"])) == []
    assert excess_errors(study(), sets_among(["digits", "digits+frost@3"])) == []


@pytest.mark.parametrize("finding", [prune_curves, potentials])
def test_a_margin_outside_zero_to_one_is_refused(finding):
    with pytest.raises(UsageError, match="the margin is 2"):
        finding(study(), margin=2)


def repeated(*counts, repetition=0, seed=0):
    """Networks at 50 and 90 % with so many errors of 50; the parent has 5 and the margin of 10 % allows 10."""
    points = tuple(
        Point(ratio, f"{seed}-{repetition}-{ratio}", wrong(np.arange(50) < count), ratio)
        for ratio, count in zip((0.5, 0.9), counts, strict=True)
    )
    return Curve(WT, seed, "digits", f"parent-{seed}", wrong(np.arange(50) < 5), points, "", repetition)


def test_repetitions_under_one_parent_are_averaged_there_and_counted():
    """Two retrainings of one parent reach 90 % and nothing: .45, of one parent and two repetitions."""
    curves = resample([repeated(6, 8), repeated(20, 30, repetition=1)], resamples=50)
    (row,) = potentials(curves, margin=0.1)
    assert row["value"] == pytest.approx(0.45)
    assert (row["seeds"], row["repetitions"], row["seed_set"], row["per_seed"]) == (1, 2, [0], [0.45])
    assert row["models"] == ["0-0-0.5", "0-0-0.9", "0-1-0.5", "0-1-0.9"]
    assert Flag.ONE_SEED not in row["flags"]
    assert "2 repetitions" in row["interval"]
    (half,) = [row for row in prune_curves(curves, margin=0.1) if row["asked"] == 0.5]
    assert (half["value"], half["repetitions"]) == (pytest.approx(13 / 50), 2)


def test_a_parent_with_two_repetitions_weighs_as_much_as_one_with_one():
    curves = [repeated(6, 8), repeated(20, 30, repetition=1), repeated(6, 8, seed=1)]
    (row,) = potentials(resample(curves, resamples=50), margin=0.1)
    assert row["per_seed"] == [0.45, 0.9]
    assert (row["seeds"], row["repetitions"]) == (2, 2)


def test_a_seed_that_lacks_a_ratio_is_flagged_where_its_potential_is_lowered():
    whole, lacking = repeated(6, 8), repeated(6, 8, seed=1)
    (row,) = potentials(
        resample([whole, lacking._replace(points=lacking.points[:1])], resamples=50), margin=0.1
    )
    assert Flag.SOME_SEEDS in row["flags"]
