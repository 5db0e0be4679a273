import numpy as np
import pytest

from prunekit.analysis.outcome import Outcome, outcome_of, wrong
from prunekit.errors import UsageError


def test_the_error_of_a_classifier_is_the_share_of_wrong_images():
    assert wrong(np.array([True, False, False, False])).error == 0.25


def test_top_k_counts_a_rank_below_k_as_right():
    ranks = {"rank": np.array([0, 1, 2, 5])}
    assert outcome_of(ranks).error == 0.75
    assert outcome_of(ranks, top_k=2).error == 0.5
    assert outcome_of(ranks, top_k=6).error == 0.0


def test_top_k_below_one_is_refused():
    with pytest.raises(UsageError, match="top-k is 0"):
        outcome_of({"rank": np.zeros(3)}, top_k=0)


def test_segmentation_error_is_one_minus_the_mean_iou_of_the_whole_set():
    # Class 0: intersections 1 + 3 of unions 2 + 6 = 1/2; class 1: 1 + 0 of 4 + 0 = 1/4; class 2 is nowhere.
    arrays = {
        "intersection": np.array([[1, 1, 0], [3, 0, 0]]),
        "union": np.array([[2, 4, 0], [6, 0, 0]]),
    }
    assert outcome_of(arrays, task="segmentation").error == pytest.approx(1 - (1 / 2 + 1 / 4) / 2)


def test_an_outcome_of_nothing_counted_has_no_error():
    assert np.isnan(Outcome(np.zeros((2, 1)), np.zeros((2, 1))).error)


def test_take_keeps_both_counts():
    outcome = Outcome(np.array([[1], [2], [3]]), np.array([[4], [4], [4]])).take(
        np.array([True, False, True])
    )
    assert outcome.n == 2
    assert outcome.error == 0.5
