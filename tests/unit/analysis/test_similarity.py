import numpy as np
import pytest

from prunekit.analysis.similarity import NO_CONTROL, SEPARATE, Compared, noise_potentials, similarities
from prunekit.errors import UsageError

LEVELS = (0.0, 0.1)


def compared(method, key, agreement, *, seed=0, ratio=0.5, n=50, wrongs=0.1):
    """A network that agrees on the first ``agreement`` of 50 images, one less under noise."""
    index = np.arange(n)
    return Compared(
        method=method,
        seed=seed,
        prune_ratio=ratio,
        key=key,
        parent=f"parent-{seed}",
        distribution="digits",
        levels=LEVELS,
        metrics={
            "agreement": np.stack([index < agreement, index < agreement - 1]).astype(np.float32),
            "softmax_l2": np.stack([index >= agreement, index >= agreement - 1]).astype(np.float32),
            "wrong": np.stack([index < wrongs * n, index < 2 * wrongs * n]).astype(np.float32),
            "reference_wrong": np.stack([index < 5, index < 5]).astype(np.float32),
            "agreement_by_draw": np.zeros((2, 3)),
        },
    )


PRUNED, CONTROL = compared("wt", "pruned", 45), compared(SEPARATE, "control", 40, ratio=0.0)


def values(rows, **where):
    return [row["value"] for row in rows if all(row[name] == value for name, value in where.items())]


def test_rows_hold_the_mean_over_images_of_every_level():
    rows = similarities([PRUNED, CONTROL], resamples=50)
    assert values(rows, finding="similarity", method="wt", metric="agreement") == [0.9, 0.88]
    assert values(rows, finding="similarity", method=SEPARATE, metric="agreement") == [0.8, 0.78]
    assert values(rows, finding="similarity", method="wt", metric="softmax_l2") == [0.1, 0.12]


def test_the_gain_over_the_control_is_positive_where_the_network_is_closer_whichever_way_the_metric_runs():
    rows = similarities([PRUNED, CONTROL], resamples=50)
    for metric in ("agreement", "softmax_l2"):
        assert values(rows, finding="similarity-gain", metric=metric) == pytest.approx([0.1, 0.1])


def test_the_gain_is_paired_by_image():
    # Equal outcomes: the gain is 0 in every resample.
    rows = similarities([PRUNED, CONTROL._replace(metrics=PRUNED.metrics)], resamples=50)
    gains = [row for row in rows if row["finding"] == "similarity-gain"]
    assert gains
    assert all((row["low"], row["high"]) == (0, 0) for row in gains)


def test_without_a_separate_network_the_output_says_so():
    rows = similarities([PRUNED], resamples=50)
    assert {row["finding"] for row in rows} == {"similarity"}
    assert all(NO_CONTROL in row["flags"] for row in rows)


def test_one_control_may_serve_two_parents():
    other = compared("wt", "pruned-1", 30, seed=1)
    shared = CONTROL._replace(seed=1, parent="parent-1", metrics=compared("", "", 20).metrics)
    rows = similarities([PRUNED, CONTROL, other, shared], resamples=50)
    # Gains at level 0: 0.9 - 0.8 and 0.6 - 0.4.
    assert values(rows, finding="similarity-gain", metric="agreement", level=0.0) == pytest.approx([0.15])


def test_a_second_control_of_one_parent_is_not_a_second_seed():
    second = compared(SEPARATE, "another", 10, ratio=0.0)
    rows = similarities([PRUNED, CONTROL, second], resamples=50)
    assert rows == similarities([PRUNED, CONTROL], resamples=50)
    assert {row["seeds"] for row in rows} == {1}


def test_networks_compared_on_different_images_are_refused():
    with pytest.raises(
        UsageError, match=r"different images are mixed: digits under uniform noise has \[40, 50\] images"
    ):
        similarities([PRUNED, compared("wt", "b", 40, n=40)], resamples=50)


def test_the_noise_potential_judges_each_level_by_the_errors_under_that_noise():
    # The parent errs on 5 of 50 at both levels; the pruned network on 5 and on 10.
    rows = noise_potentials([PRUNED, CONTROL], resamples=50)
    assert [(row["finding"], row["level"], row["value"]) for row in rows] == [
        ("noise-potential", 0.0, 0.5),
        ("noise-potential", 0.1, 0.0),
    ]
