"""Faults that once were there, each with the right value."""

import numpy as np
import pytest

from prunekit.analysis.classes import excessive_losses, recall_shifts
from prunekit.analysis.curve_rows import prune_curves
from prunekit.analysis.curves import Curve, Point, resample
from prunekit.analysis.excess_rows import excess_errors
from prunekit.analysis.flags import Flag
from prunekit.analysis.margin_rows import margin_steps
from prunekit.analysis.methods import method_differences
from prunekit.analysis.outcome import wrong
from prunekit.analysis.paired import Paired
from prunekit.analysis.part_potential import class_potentials
from prunekit.analysis.potentials import potentials
from prunekit.analysis.resample import RESAMPLES
from prunekit.analysis.shifts import Set, sets_among, weights_of
from prunekit.analysis.summary import potential_summary
from prunekit.analysis.variant import Variant
from prunekit.analysis.verdict import Margin
from prunekit.params import ReportParams

N = 1000


def variant(method="wt", **more):
    return Variant(method=method, dataset="digits", **more)


def curve(*counts, method="wt", distribution="digits", parent=100, seed=0, n=N, grid=(0.5, 0.9), **more):
    """Networks with so many errors of 1,000 images; the parent has 100."""
    points = tuple(
        Point(ratio, f"{method}-{seed}-{ratio}", wrong(np.arange(n) < count), ratio)
        for ratio, count in zip(grid, counts, strict=True)
    )
    return Curve(
        variant(method), seed, distribution, f"parent-{seed}", wrong(np.arange(n) < parent), points, **more
    )


def resampled(*curves):
    return resample(curves, resamples=300)


def test_every_rise_has_a_verdict_on_the_margin():
    rows = prune_curves(resampled(curve(100, 200, grid=(0.5, 0.9))), margin=0.02)
    verdicts = {row["asked"]: row["verdict"] for row in rows}
    assert verdicts == {0.0: None, 0.5: "within", 0.9: "beyond"}
    (few,) = [
        row
        for row in prune_curves(resampled(curve(4, 9, parent=4, n=36)), margin=0.02)
        if row["asked"] == 0.5
    ]
    assert few["verdict"] == "undecided"
    assert Flag.FEW_IMAGES in few["flags"]
    assert few["rise_low"] < 0 < few["rise_high"]


def test_ten_thousand_resamples_are_the_default():
    """At 2,000 six of forty potential intervals moved with the seed."""
    assert RESAMPLES == ReportParams().resamples == 10_000


def test_a_margin_may_be_a_share_of_the_parents_error():
    """From 1 % to 3 % of 1,000 is 2 points, within a margin of 5 points, and three times the errors."""
    curves = resampled(curve(10, 30, parent=10))
    points = [row for row in prune_curves(curves, margin=0.05) if row["asked"] == 0.9]
    share = [row for row in prune_curves(curves, margin=Margin(0.1, relative=True)) if row["asked"] == 0.9]
    assert (points[0]["verdict"], points[0]["limit"]) == ("within", 0.05)
    assert (share[0]["verdict"], share[0]["limit"], share[0]["commensurate"]) == ("beyond", 0.001, False)


def test_a_network_may_be_asked_to_be_better_than_its_parent():
    (row,) = potentials(resampled(curve(60, 100)), margin=-0.01)
    assert (row["value"], row["margin"]) == (0.5, -0.01)


def test_the_severities_of_one_corruption_weigh_as_one_distribution():
    names = ["digits+fog@1", "digits+fog@3", "digits+fog@5", "digits+snow@3"]
    weights, together = weights_of(names)
    assert weights == pytest.approx([1 / 6, 1 / 6, 1 / 6, 1 / 2])
    assert together
    curves = [curve(100, 100, distribution=name) for name in names[:3]] + [
        curve(900, 900, distribution=names[3])
    ]
    rows = potential_summary(resampled(*curves), sets_among(names))
    mean = next(row for row in rows if row["finding"] == "potential-mean")
    assert mean["value"] == pytest.approx(0.45)
    assert Flag.SEVERITIES_GROUPED in mean["flags"]


def test_a_parent_that_only_guesses_is_flagged_and_left_out_of_means():
    good = curve(100, 900, distribution="digits+fog@3", chance=0.9)
    guessing = curve(900, 900, distribution="digits+snow@3", parent=900, chance=0.9)
    curves = resampled(good, guessing)
    flagged = {row["distribution"]: Flag.CHANCE in row["flags"] for row in potentials(curves)}
    assert flagged == {"digits+fog@3": False, "digits+snow@3": True}
    rows = potential_summary(curves, sets_among(["digits+fog@3", "digits+snow@3"]))
    mean = next(row for row in rows if row["finding"] == "potential-mean")
    assert (mean["value"], mean["distributions"]) == (0.5, ["digits+fog@3"])
    assert Flag.CHANCE_LEFT_OUT in mean["flags"]


def test_robust_studies_are_split_by_what_training_has_seen():
    names = ["cifar10", "cifar10.1", "cifar10-c/motion_blur@3", "cifar10-c/fog@3"]
    sets = sets_among(names, ["cifar10+mix1", None])(Variant(method="wt", dataset="cifar10"))
    assert sets[Set.SEEN] == ["cifar10", "cifar10-c/motion_blur@3"]
    assert sets[Set.UNSEEN] == ["cifar10.1", "cifar10-c/fog@3"]
    assert Set.SEEN not in sets_among(names)(Variant(method="wt", dataset="cifar10"))


def test_interpolation_changes_no_draw_that_a_claim_rests_on():
    curves = resampled(curve(100, 130))
    (plain,), (between,) = potentials(curves), potentials(curves, interpolate=True)
    assert between["value"] > plain["value"]
    assert np.array_equal(plain.draws.least, between.draws.least)


def test_asked_ratios_are_compared_not_achieved_ones():
    one = curve(100, 100)
    points = tuple(point._replace(prune_ratio=point.prune_ratio + 0.0017) for point in one.points)
    other = curve(100, 100, method="ft")._replace(points=points)
    rows = potentials(resampled(one, other))
    assert [row["value"] for row in rows] == pytest.approx([0.9, 0.9017])
    difference = rows[0].draws.less(rows[1].draws)
    assert difference.value == 0
    assert difference.ends() == pytest.approx((-0.1, 0.1))


def test_the_potential_against_the_margin_is_a_step_function():
    rows = margin_steps(resampled(curve(90, 120)))
    assert [(row["value"], row["asked"], row["until"]) for row in rows] == [
        (pytest.approx(-0.01), 0.5, pytest.approx(0.02)),
        (pytest.approx(0.02), 0.9, None),
    ]


def test_methods_are_compared_on_the_same_images():
    rows = method_differences(resampled(curve(100, 110), curve(100, 160, method="ft")))
    error = next(row for row in rows if row["of"] == "error" and row["asked"] == 0.9)
    assert error["value"] == pytest.approx(0.05)
    assert error["low"] > 0.03
    assert (error["better"], error["other"]) == (pytest.approx(0, abs=1e-9), variant("wt").id)
    assert error["q_value"] < 0.001
    best = {
        row["variant"]: row["value"]
        for row in rows
        if row["finding"] == "chance-of-best" and row["asked"] == 0.9
    }
    assert best[variant("wt").id] > 0.99
    assert sum(best.values()) == pytest.approx(1)


@pytest.mark.parametrize("seeds", [1, 3])
def test_potentials_of_methods_differ_by_the_rule_of_contrasts(seeds):
    curves = resampled(
        *(
            curve(100, 106 + seed, method=method, seed=seed)
            for method in ("ft", "wt")
            for seed in range(seeds)
        )
    )
    found = {row["method"]: row.draws.reported() for row in potentials(curves)}
    (row,) = [
        row for row in method_differences(curves) if row["finding"] != "chance-of-best" and not row["asked"]
    ]
    assert row["of"] == "potential"
    assert (row["low"], row["high"]) == pytest.approx(found["ft"].less(found["wt"]).ends())
    assert row["interval"].endswith("outer ends")


def test_where_no_image_differs_two_potentials_are_not_known_to_be_equal():
    """36 images, none of which either network gets otherwise than its parent: all resamples are the same."""
    curves = resampled(*(curve(4, 4, parent=4, n=36, method=method) for method in ("ft", "wt")))
    (row,) = [each for each in method_differences(curves) if each["of"] == "potential" and "other" in each]
    assert (row["value"], row["p_value"]) == (0, 1)
    assert (row["low"], row["high"]) == (-0.9, 0.9)
    many = resampled(*(curve(4, 4, parent=4, n=10_000, method=method) for method in ("ft", "wt")))
    (row,) = [each for each in method_differences(many) if each["of"] == "potential" and "other" in each]
    assert (row["low"], row["high"]) == (0, 0)


def test_a_difference_of_methods_has_one_sign_on_every_distribution():
    curves = [
        curve(100, 160, method=method, distribution=name)
        for name, methods in (("digits", "wt ft"), ("digits+fog@3", "ft wt"))
        for method in methods.split()
    ]
    rows = method_differences(resampled(*curves))
    of = {(row["method"], row["other"]) for row in rows if row["finding"] == "method-difference"}
    assert of == {("ft", variant("wt").id)}


def test_the_measured_difference_stands_beside_the_slope_and_its_fit():
    """Excess differences of 0 at 50 % and 9 points at 90 %: the slope is that of the last ratio."""
    curves = resampled(curve(100, 110), curve(100, 200, distribution="digits+fog@3"))
    rows = excess_errors(curves, sets_among(["digits", "digits+fog@3"]))
    at = {row["asked"]: row["value"] for row in rows if row["finding"] == "excess-error"}
    slope = next(row for row in rows if row["finding"] == "excess-slope")
    assert at == {0.5: 0.0, 0.9: pytest.approx(0.09)}
    assert slope["value"] == pytest.approx(0.09 * 0.9 / (0.25 + 0.81))
    assert slope["without_last"] == 0
    assert slope["fit"] == pytest.approx(0.81 / 1.06)


def pair(own, reference, labels, loss=None, seed=0):
    def arrays(ranks, losses):
        return {"rank": np.array(ranks), "label": labels, "predicted": labels, "loss": losses}

    zeros = np.zeros(len(labels))
    return Paired(
        variant(), seed, 0.5, f"own-{seed}", f"parent-{seed}", "digits",
        arrays(own, zeros if loss is None else loss), arrays(reference, zeros), 0.5,
    )  # fmt: skip


LABELS = np.repeat([0, 1], 200)


def test_top_k_counts_for_classes_too():
    """Rank 1 everywhere is wrong by the first guess and right by the first two."""
    found = pair(np.ones(400, dtype=int), np.zeros(400, dtype=int), LABELS)
    first = class_potentials([found], margin=0.01, resamples=100)
    second = class_potentials([found], margin=0.01, top_k=2, resamples=100)
    assert {row["value"] for row in first} == {0.0}
    assert {row["value"] for row in second} == {0.5}
    assert {row["value"] for row in recall_shifts([found], top_k=2)} == {0.0}


def test_one_loss_that_is_no_number_voids_no_class():
    loss = np.full(400, 0.5)
    loss[3] = np.nan
    rows = excessive_losses([pair(np.zeros(400), np.zeros(400), LABELS, loss)], resamples=100)
    losses = {row["class"]: row for row in rows if row["finding"] == "excessive-loss"}
    assert [losses[name]["value"] for name in ("0", "1")] == [0.5, 0.5]
    assert Flag.NOT_FINITE in losses["0"]["flags"]
    assert Flag.NOT_FINITE not in losses["1"]["flags"]
    assert next(row for row in rows if row["finding"] == "excessive-loss-gap")["value"] == pytest.approx(0)


def test_every_class_has_a_verdict_and_a_paired_test():
    own = np.zeros(400, dtype=int)
    own[200:300] = 1
    rows = {
        row["class"]: row for row in recall_shifts([pair(own, np.zeros(400, dtype=int), LABELS)], margin=0.05)
    }
    assert (rows["0"]["verdict"], rows["1"]["verdict"]) == ("within", "beyond")
    # McNemar: 100 broken, none fixed.
    assert rows["1"]["p_value"] == pytest.approx(2 * 0.5**100)
    assert rows["0"]["low"] < 0 < rows["0"]["high"]


def test_several_seeds_have_both_intervals_and_learn_from_each_other():
    rng = np.random.default_rng(0)
    curves = [
        Curve(
            variant(), seed, name, f"p{seed}", wrong(rng.random(N) < 0.2),
            tuple(Point(r, f"{seed}-{r}", wrong(rng.random(N) < 0.22), r) for r in (0.5, 0.7, 0.9)),
        )
        for seed in (0, 1)
        for name in ("digits", "digits+fog@3")
    ]  # fmt: skip
    rows = [row for row in prune_curves(resampled(*curves)) if row["asked"]]
    assert {row["covers"] for row in rows} == {"new networks"}
    widths = [
        (row["rise_high"] - row["rise_low"], row["rise_these_high"] - row["rise_these_low"]) for row in rows
    ]
    assert all(new > these for new, these in widths)
    # Student's t of two seeds is 12.7 standard errors.
    assert np.mean([new / these for new, these in widths]) < 4


def test_draws_judge_each_ratio_by_its_own_control():
    """As the parent at both ratios, 10 points above the control of the smaller one: 90 %, or 0 without the larger."""
    control = ("longer", wrong(np.arange(10_000) < 100))
    known = curve(1100, 1100, parent=1100, n=10_000)
    first, last = known.points
    judged = [
        resampled(known._replace(points=points))
        for points in ((first._replace(control=control), last), (first._replace(control=control),))
    ]
    assert [potentials(each)[0].draws.ends() for each in judged] == [(0.9, 1.0), (0.0, 0.5)]
