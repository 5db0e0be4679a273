"""What aggregates hide, on eight images worked by hand."""

import numpy as np
import pytest

from prunekit.analysis.calibration import calibration
from prunekit.analysis.churn import churn
from prunekit.analysis.classes import excessive_losses, recall_shifts
from prunekit.analysis.corruption import ALEXNET, corruption_errors
from prunekit.analysis.curves import Curve, Point, resample
from prunekit.analysis.exemplars import exemplars, most_frequent, taxicab
from prunekit.analysis.flags import Flag
from prunekit.analysis.group_shifts import group_shifts
from prunekit.analysis.outcome import wrong
from prunekit.analysis.paired import Paired
from prunekit.analysis.part_potential import class_potentials, group_potentials
from prunekit.analysis.variant import Variant
from prunekit.errors import UsageError

LABEL = np.array([0, 0, 0, 0, 1, 1, 1, 1])


def outcomes(predicted, loss=0.0, confidence=0.9):
    predicted = np.array(predicted)
    n = len(predicted)
    return {
        "predicted": predicted,
        "label": LABEL[:n],
        "rank": (predicted != LABEL[:n]).astype(int),
        "loss": np.broadcast_to(np.asarray(loss, float), n),
        "confidence": np.broadcast_to(np.asarray(confidence, float), n),
    }


def paired(own, reference, *, seed=0, ratio=0.5, **more):
    return Paired(
        Variant(method="wt", dataset="digits"),
        seed,
        ratio,
        f"pruned-{seed}-{ratio}",
        f"parent-{seed}",
        "digits",
        outcomes(own, **more),
        outcomes(reference),
    )


#          class 0: right right right right; class 1: right right wrong wrong
REFERENCE = [0, 0, 0, 0, 1, 1, 0, 2]
#          broken at 0, 1; fixed at 6; changed though still wrong at 7
OWN = [1, 2, 0, 0, 1, 1, 1, 0]
PAIR = paired(OWN, REFERENCE)


def only(rows, **where):
    (found,) = [row for row in rows if all(row[name] == value for name, value in where.items())]
    return found


def test_churn_counts_what_broke_what_was_fixed_and_what_changed():
    row = only(churn([PAIR]))
    assert row["value"] == 4 / 8
    assert (row["broken"], row["fixed"], row["net"]) == (2 / 8, 1 / 8, -1 / 8)
    assert row["mcnemar"] == [1.0]


def test_recall_shift_by_class():
    # Class 0: 4 of 4 to 2 of 4; class 1: 2 of 4 to 3 of 4.
    rows = recall_shifts([PAIR], classes=["zero", "one"])
    assert only(rows, **{"class": "zero"})["value"] == -0.5
    assert only(rows, **{"class": "one"})["value"] == 0.25
    # McNemar's exact test of each class: two broken and none fixed, none broken and one fixed.
    assert [(row["class"], row["p_value"], row["n"]) for row in rows] == [("zero", 0.5, 4), ("one", 1.0, 4)]


def test_recall_is_tested_against_the_shift_of_the_accuracy():
    # Two seeds in which class 0 always loses two and class 1 gains one: recall less accuracy moves for certain.
    rows = recall_shifts([PAIR, paired(OWN, REFERENCE, seed=1)])
    assert [(row["p_value"], row["p_holm"]) for row in rows] == [(0.0, 0.0), (0.0, 0.0)]


def test_excessive_loss_by_class_and_its_gap():
    pair = paired(OWN, REFERENCE, loss=[1, 1, 1, 1, 0.2, 0.2, 0.2, 0.2])
    rows = excessive_losses([pair], resamples=50)
    assert only(rows, finding="excessive-loss", **{"class": "0"})["value"] == 1
    assert only(rows, finding="excessive-loss", **{"class": "1"})["value"] == 0.2
    assert only(rows, finding="excessive-loss-gap")["value"] == 0.8


def test_the_potential_of_a_class_looks_at_its_images_alone():
    # At 0.8 nothing changed but class 0 lost an image and class 1 won one: the error is as before.
    later = paired([1, 0, 0, 0, 1, 1, 1, 2], REFERENCE, ratio=0.8)
    earlier = paired(REFERENCE, REFERENCE, ratio=0.3)
    rows = class_potentials([earlier, later], resamples=50)
    assert only(rows, finding="class-potential", **{"class": "0"})["value"] == 0.3
    assert only(rows, finding="class-potential", **{"class": "1"})["value"] == 0.8
    worst = only(rows, finding="class-potential-minimum")
    assert (worst["value"], worst["class"]) == (0.3, "0")


# Even images were taken by camera a, odd ones by camera b; the last image by none that is known.
CAMERAS = {"digits": {"camera": np.array(["a", "b", "a", "b", "a", "b", "a", ""])}}


def test_accuracy_by_group():
    # Camera a, images 0 2 4 6: 3 of 4 to 3 of 4 (broken 0, fixed 6); camera b, images 1 3 5: 3 of 3 to 2 of 3.
    rows = group_shifts([PAIR], CAMERAS)
    a, b = (only(rows, group=name) for name in "ab")
    assert (a["value"], a["error"], a["parent_error"], a["churn"], a["n"]) == (0, 1 / 4, 1 / 4, 2 / 4, 4)
    found = [b[name] for name in ("value", "error", "parent_error", "churn", "n")]
    assert found == pytest.approx([-1 / 3, 1 / 3, 0, 1 / 3, 3])
    # Recall over the classes of camera a: class 0 one of two, class 1 two of two; before: two of two, one of two.
    assert (a["recall"], a["parent_recall"]) == (3 / 4, 3 / 4)
    # Of camera b: class 0 one of two, class 1 one of one.
    assert (b["recall"], b["parent_recall"]) == (3 / 4, 1)
    assert (a["worst"], b["worst"]) == (False, True)
    assert (a["grouping"], b["p_value"]) == ("camera", 1.0)


def test_the_potential_of_a_group_looks_at_its_images_alone():
    earlier = paired(REFERENCE, REFERENCE, ratio=0.3)
    rows = group_potentials([earlier, paired(OWN, REFERENCE, ratio=0.8)], CAMERAS, resamples=50)
    assert only(rows, finding="group-potential", group="a")["value"] == 0.8
    assert only(rows, finding="group-potential", group="b")["value"] == 0.3
    worst = only(rows, finding="group-potential-minimum")
    assert (worst["value"], worst["grouping"], worst["group"]) == (0.3, "camera", "b")


def test_without_groups_there_are_no_rows():
    assert group_shifts([PAIR], {}) == group_potentials([PAIR], {}) == []


def test_an_exemplar_is_an_image_whose_most_frequent_label_differs():
    # Three networks a side. Image 0: 0 0 1 -> 0; 1 1 0 -> 1: an exemplar. The others agree.
    before = [[0, 0], [0, 0], [1, 0]]
    after = [[1, 0], [1, 0], [0, 1]]
    pairs = [
        paired(own, reference, seed=seed)
        for seed, (own, reference) in enumerate(zip(after, before, strict=True))
    ]
    row = only(exemplars(pairs))
    assert row["value"] == 0.5
    # Unpruned networks are right 2 of 3 times on image 0, and 3 of 3 on image 1.
    assert row["parent_accuracy_on_exemplars"] == pytest.approx(2 / 3)
    assert row["parent_accuracy"] == pytest.approx(5 / 6)
    # Image 0: |2/3 - 1/3| + |1/3 - 2/3| = 2/3; image 1: |1 - 2/3| + 1/3 = 2/3.
    assert row["taxicab"] == pytest.approx(2 / 3)
    assert exemplars(pairs[:1]) == []


def test_a_tie_goes_to_the_lowest_class_and_distances_add_up():
    assert most_frequent(np.array([[2, 1], [1, 1]])).tolist() == [1, 1]
    assert taxicab(np.array([[0]]), np.array([[3]])).tolist() == [2.0]


def test_calibration_by_hand():
    # Confidence .9 (bin 13) on four right images and .5 (bin 7) on four of which one is right:
    # |4 (.9 - 1)| / 8 + |4 x .5 - 1| / 8 = .05 + .125 = .175
    own = outcomes([0, 0, 0, 0, 1, 0, 0, 0], loss=[0.1] * 4 + [0.9] * 4, confidence=[0.9] * 4 + [0.5] * 4)
    rows = calibration([PAIR._replace(own=own)], resamples=50)
    ece = only(rows, metric="ece", prune_ratio=0.5)
    assert ece["value"] == pytest.approx(0.175)
    assert Flag.BIASED in ece["flags"]
    assert only(rows, metric="nll", prune_ratio=0.5)["value"] == pytest.approx(0.5)
    # The parent: six right of eight, all at .9.
    assert only(rows, metric="ece", prune_ratio=0.0)["value"] == pytest.approx(0.9 - 0.75)


def test_a_score_that_was_not_stored_says_so_instead_of_a_number():
    rows = [row for row in calibration([PAIR], resamples=20) if row["metric"] == "brier"]
    assert [row["value"] for row in rows] == [None, None]
    assert all(Flag.NOT_STORED in row["flags"] for row in rows)
    stored = [side | {"brier": np.full(8, 0.25)} for side in (PAIR.own, PAIR.reference)]
    rows = calibration([PAIR._replace(own=stored[0], reference=stored[1])], resamples=20)
    assert [row["value"] for row in rows if row["metric"] == "brier"] == [0.25, 0.25]


def errors(count, n=100):
    return wrong(np.arange(n) < count)


def corrupted(name, parent, pruned):
    return Curve(
        Variant(method="wt"), 0, name, "parent", errors(parent), (Point(0.5, "pruned", errors(pruned)),)
    )


def test_mean_corruption_error_relative_to_the_parent():
    # fog: (20 + 40) / (10 + 30) = 1.5; snow: 30 / 20 = 1.5 ... mean of 1.5 and 2.5 with snow 50 / 20.
    curves = [
        corrupted("digits+fog@1", 10, 20),
        corrupted("digits+fog@2", 30, 40),
        corrupted("digits+snow@3", 20, 50),
    ]
    rows = corruption_errors(resample([*curves, corrupted("digits", 5, 9)], resamples=50))
    assert [(row["prune_ratio"], row["value"]) for row in rows] == [(0.0, 1.0), (0.5, 2.0)]
    assert all(row["flags"][0] == Flag.NOT_ALL_SEVERITIES for row in rows)


def test_on_imagenet_c_the_reference_is_alexnet():
    curves = [corrupted(f"imagenet-c/fog@{severity}", 40, 50) for severity in range(1, 6)]
    curves.append(corrupted("imagenet-c/spatter@1", 1, 99))
    rows = corruption_errors(resample(curves, resamples=50))
    assert [row["value"] for row in rows] == pytest.approx([0.4 / ALEXNET["fog"], 0.5 / ALEXNET["fog"]])
    assert all(
        Flag.NOT_ALL_CORRUPTIONS in row["flags"] and Flag.NOT_ALL_SEVERITIES not in row["flags"]
        for row in rows
    )


def test_outcomes_of_different_test_sets_are_refused():
    other = PAIR._replace(reference=PAIR.reference | {"label": 1 - LABEL})
    with pytest.raises(
        UsageError, match=r"different test sets are mixed: pruned-0-0\.5 and parent-0 on digits"
    ):
        churn([other])


def test_a_second_network_of_one_seed_is_a_repetition_under_its_parent():
    """Of the first 4 of 8 predictions changed, of the second none: 2 of 8 on average, of one parent."""
    (row,) = churn([PAIR, PAIR._replace(key="another", own=PAIR.reference, repetition=1)])
    assert (row["value"], row["seeds"], row["repetitions"]) == (2 / 8, 1, 2)
    assert row["models"] == ["pruned-0-0.5", "another"]
    assert len(row["mcnemar"]) == 2
