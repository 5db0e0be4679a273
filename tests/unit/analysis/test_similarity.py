import numpy as np
import pytest

from prunekit.analysis.flags import Flag
from prunekit.analysis.noise import noise_potentials
from prunekit.analysis.similarity import Compared, Protocol, similarities
from prunekit.analysis.variant import Role, Variant
from prunekit.errors import UsageError

LEVELS = (0.0, 0.1)
SEPARATE = "separate"


def compared(method, key, agreement, *, seed=0, ratio=0.5, n=50, wrongs=0.1):
    """A network that agrees on the first ``agreement`` of 50 images, one less under noise."""
    index = np.arange(n)
    return Compared(
        variant=Variant(Role.SEPARATE) if method == SEPARATE else Variant(method=method),
        seed=seed,
        prune_ratio=ratio,
        key=key,
        parent=f"parent-{seed}",
        protocol=Protocol("digits", LEVELS),
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
    assert values(rows, finding="similarity", role=SEPARATE, metric="agreement") == [0.8, 0.78]
    assert values(rows, finding="similarity", method="wt", metric="softmax_l2") == [0.1, 0.12]


def test_the_gain_over_the_control_is_positive_where_the_network_is_closer_whichever_way_the_metric_runs():
    rows = similarities([PRUNED, CONTROL], resamples=50)
    for metric in ("agreement", "softmax_l2"):
        assert values(rows, finding="similarity-gain", metric=metric) == pytest.approx([0.1, 0.1])


def test_the_gain_is_paired_by_image():
    # Equal outcomes: what remains of the interval are the images that are made up.
    rows = similarities([PRUNED, CONTROL._replace(metrics=PRUNED.metrics)], resamples=50)
    gains = [row for row in rows if row["finding"] == "similarity-gain"]
    assert gains
    assert all(row["low"] == -row["high"] for row in gains)
    width = {row["metric"]: row["high"] for row in gains}
    assert 0.06 < width["agreement"] < 0.08
    assert width["softmax_l2"] == 0


def test_without_a_separate_network_the_output_says_so():
    rows = similarities([PRUNED], resamples=50)
    assert {row["finding"] for row in rows} == {"similarity"}
    assert all(Flag.NO_CONTROL in row["flags"] for row in rows)


def test_one_control_may_serve_two_parents():
    other = compared("wt", "pruned-1", 30, seed=1)
    shared = CONTROL._replace(seed=1, parent="parent-1", metrics=compared("", "", 20).metrics)
    rows = similarities([PRUNED, CONTROL, other, shared], resamples=50)
    # Gains at level 0: 0.9 - 0.8 and 0.6 - 0.4.
    assert values(rows, finding="similarity-gain", metric="agreement", level=0.0) == pytest.approx([0.15])


def test_two_controls_of_one_parent_are_both_counted():
    """One agrees on 40 of 50 images, the other on 10: .5 on average, and .9 - .5 is the gain."""
    second = compared(SEPARATE, "another", 10, ratio=0.0, seed=1)._replace(parent="parent-0")
    rows = similarities([PRUNED, CONTROL, second], resamples=50)
    (row,) = [
        row for row in rows if row["role"] == SEPARATE and row["metric"] == "agreement" and not row["level"]
    ]
    assert (row["value"], row["models"]) == (pytest.approx(0.5), ["control", "another"])
    assert values(rows, finding="similarity-gain", metric="agreement", level=0.0) == pytest.approx([0.4])


def test_controls_of_two_variants_have_rows_of_their_own():
    short = compared(SEPARATE, "short", 10, ratio=0.0)
    short = short._replace(variant=Variant(Role.SEPARATE, settings=(("train", '{"epochs": 1}'),)))
    rows = similarities([PRUNED, CONTROL, short], resamples=50)
    assert values(rows, role=SEPARATE, metric="agreement", level=0.0) == pytest.approx([0.8, 0.2])
    assert values(rows, finding="similarity-gain", metric="agreement", level=0.0) == pytest.approx([0.1, 0.7])


def each_other(*agreements):
    """Three parents as each other's separate networks: pairs 01, 02 and 12, each measured from both ends."""
    found = []
    for (one, other), agreement in zip([(0, 1), (0, 2), (1, 2)], agreements, strict=True):
        for own, to in ((one, other), (other, one)):
            each = compared(SEPARATE, f"parent-{own}", 0, ratio=0.0, seed=own, n=100)
            metrics = {"agreement": np.stack([np.arange(100) < agreement] * 2).astype(np.float32)}
            found.append(each._replace(parent=f"parent-{to}", metrics=metrics, own=False))
    return found


def test_every_pair_of_parents_counts_once():
    """Pairs .90, .92 and .96: .9267, of three networks; .9067 would count the first twice and the last never."""
    rows = similarities(each_other(90, 92, 96), resamples=200)
    row = rows[0]
    assert row["value"] == pytest.approx((0.90 + 0.92 + 0.96) / 3)
    assert (row["seeds"], sorted(row["seed_set"])) == (3, [0, 1, 2])
    assert "jackknife over 3 networks" in row["interval"]
    assert row["low"] < row["value"] < row["high"]


def test_the_gain_is_over_all_pairs():
    own = [compared("wt", f"pruned-{seed}", 97, seed=seed, n=100) for seed in (0, 1, 2)]
    own = [each._replace(metrics={"agreement": each.metrics["agreement"]}) for each in own]
    rows = similarities([*own, *each_other(90, 92, 96)], resamples=200)
    gain = next(row for row in rows if row["finding"] == "similarity-gain")
    assert gain["value"] == pytest.approx(0.97 - (0.90 + 0.92 + 0.96) / 3)
    assert "jackknife over 3 networks" in gain["interval"]


def test_networks_of_two_roots_compared_with_one_other_are_both_there():
    found = [compared("wt", f"pruned-{seed}", 40 + seed, seed=seed) for seed in (1, 2)]
    found = [each._replace(parent="other", own=False) for each in found]
    row = similarities(found, resamples=50)[0]
    assert (row["models"], row["seed_set"], row["value"]) == (
        ["pruned-1", "pruned-2"],
        [1, 2],
        pytest.approx(0.83),
    )


def test_measurements_by_two_protocols_are_different_rows():
    few = compared("wt", "pruned", 30, n=40)._replace(protocol=Protocol("digits", LEVELS, images=40))
    rows = similarities([PRUNED, few], resamples=50)
    assert sorted({row["n"] for row in rows}) == [40, 50]


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
