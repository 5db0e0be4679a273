import numpy as np
import pytest

from prunekit.analysis.flags import Flag
from prunekit.analysis.outcome import Outcome, wrong
from prunekit.analysis.resample import (
    CHUNK_CELLS,
    estimate,
    interval,
    p_value,
    resampled_errors,
    resampled_sums,
    spread_draws,
    weight_chunks,
    weighted_sums,
)
from prunekit.errors import UsageError

RNG = np.random.default_rng(7)
FLAGS = RNG.random((50, 3)) < 0.3


def plain_errors(outcome: Outcome, weights: np.ndarray) -> list[float]:
    """The textbook bootstrap: repeat each image as often as it was drawn, and take the error."""
    return [outcome.take(np.repeat(np.arange(outcome.n), row.astype(int))).error for row in weights]


def test_every_resample_draws_as_many_images_as_there_are():
    weights = np.concatenate(list(weight_chunks(50, resamples=20, seed=0)))
    assert weights.shape == (20, 50)
    assert (weights.sum(axis=1) == 50).all()


def test_resamples_do_not_depend_on_how_they_are_cut_into_chunks(monkeypatch):
    whole = np.concatenate(list(weight_chunks(50, resamples=20, seed=0)))
    monkeypatch.setattr("prunekit.analysis.resample.CHUNK_CELLS", 150)
    assert CHUNK_CELLS > 150
    assert np.array_equal(np.concatenate(list(weight_chunks(50, resamples=20, seed=0))), whole)


def test_the_matrix_product_agrees_with_the_plain_bootstrap():
    outcomes = {column: wrong(FLAGS[:, column]) for column in range(3)}
    errors = resampled_errors(outcomes, resamples=30, seed=3, images="digits:test")
    weights = np.concatenate(list(weight_chunks(50, resamples=30, seed=3, images="digits:test")))
    for column, outcome in outcomes.items():
        assert errors[column][0] == outcome.error
        assert errors[column][1:] == pytest.approx(plain_errors(outcome, weights), abs=1e-12)


def test_segmentation_agrees_with_the_plain_bootstrap_also_where_a_class_is_missing():
    union = RNG.integers(0, 9, (12, 4)) * (RNG.random((12, 4)) < 0.3)
    outcomes = {"a": Outcome(union // 2, union), "b": wrong(FLAGS[:12, 0])}
    errors = resampled_errors(outcomes, resamples=40)
    weights = np.concatenate(list(weight_chunks(12, resamples=40, seed=0)))
    for name, outcome in outcomes.items():
        assert errors[name][1:] == pytest.approx(plain_errors(outcome, weights), nan_ok=True)


def test_counts_too_large_for_float32_stay_exact():
    columns = np.full((4, 1), 2**24 + 1)
    assert (weighted_sums(columns, resamples=5, seed=0) == 4 * (2**24 + 1)).all()


def test_the_bootstrap_is_deterministic_under_its_seed_and_the_name_of_the_images():
    outcomes = {"a": wrong(FLAGS[:, 0])}
    first = resampled_errors(outcomes, resamples=20, seed=1, images="x")["a"]
    assert np.array_equal(first, resampled_errors(outcomes, resamples=20, seed=1, images="x")["a"])
    assert not np.array_equal(first, resampled_errors(outcomes, resamples=20, seed=2, images="x")["a"])
    assert not np.array_equal(first, resampled_errors(outcomes, resamples=20, seed=1, images="y")["a"])


def test_what_else_is_asked_for_changes_nothing():
    alone = resampled_errors({"a": wrong(FLAGS[:, 0])}, resamples=20)["a"]
    among = resampled_errors(
        {name: wrong(FLAGS[:, i]) for i, name in enumerate("bac"[:3])} | {"a": wrong(FLAGS[:, 0])},
        resamples=20,
    )
    assert np.array_equal(alone, among["a"])


@pytest.mark.parametrize("at_once", [1, 3, 1000])
def test_items_computed_together_get_the_sums_that_they_would_get_alone(monkeypatch, at_once):
    monkeypatch.setattr("prunekit.analysis.resample.COLUMNS_AT_ONCE", at_once)
    items = [
        ("a", "x", FLAGS[:, :1]),
        ("b", "x", FLAGS[:, 1:]),
        ("c", "y", FLAGS[:, :1]),
        ("d", "x", FLAGS[:20]),
    ]
    found = list(resampled_sums(items, resamples=10, seed=0))
    assert [name for name, _ in found] == ["a", "b", "c", "d"]
    for (_, images, columns), (_, sums) in zip(items, found, strict=True):
        assert np.array_equal(sums, weighted_sums(columns, resamples=10, seed=0, images=images))


def test_outcomes_of_different_test_sets_are_refused():
    with pytest.raises(UsageError, match=r"different test sets are mixed: digits:test have \[2, 3\] images"):
        resampled_errors({"a": wrong(np.zeros(2)), "b": wrong(np.zeros(3))}, images="digits:test")


def test_one_seed_gives_the_percentiles_of_its_resamples_and_says_so():
    draws = np.concatenate([[0.5], np.linspace(0, 1, 1001)])
    found = estimate(draws, n=100)
    assert (found.value, found.low, found.high) == pytest.approx((0.5, 0.025, 0.975), abs=1e-3)
    assert found.flags == (Flag.ONE_SEED,)


def test_without_image_noise_several_seeds_give_the_student_interval():
    values = np.array([0.1, 0.2, 0.4])
    draws = np.repeat(values[:, None], 20_001, axis=1)
    # t(0.975, 2) = 4.302653; sd = 0.152753; half width 4.302653 * 0.152753 / sqrt(3) = 0.379459
    assert interval(draws) == pytest.approx((0.233333 - 0.379459, 0.233333 + 0.379459), abs=2e-3)


def test_seeds_that_agree_leave_the_interval_of_the_images():
    one = np.concatenate([[0.5], RNG.normal(0.5, 0.1, 5000)])
    assert interval(np.stack([one, one, one])) == pytest.approx(interval(one[None]), abs=1e-12)


def test_half_of_a_networks_own_luck_is_taken_off_what_differs_between_seeds():
    values = np.array([0.4, 0.5, 0.6])
    resampled = values[:, None] + RNG.normal(0, 0.1, (3, 40_000))
    draws = np.concatenate([values[:, None], resampled], axis=1)
    # Between seeds 0.01, own luck 0.1 ** 2: what is left is 0.005; t(0.975, 2) = 4.302653.
    student = spread_draws(draws) - resampled.mean(axis=0)
    assert np.quantile(student, 0.975) == pytest.approx(4.302653 * np.sqrt(0.005 / 3), rel=0.02)


def test_bounds_clip_the_interval_and_an_undefined_value_has_none():
    draws = np.concatenate([[0.5], np.linspace(-1, 2, 1001)])
    assert estimate(draws, n=9, bounds=(0, 1))[1:3] == (0, 1)
    assert np.isnan(estimate(np.array([np.nan, 0.1, 0.2]), n=9)[:3]).all()


def test_the_p_value_is_small_exactly_where_the_interval_excludes_zero():
    for shift in (0.0, 0.15, 0.25, 0.5):
        draws = np.concatenate([[shift], RNG.normal(shift, 0.1, 4000)])
        low, high = interval(draws[None])
        assert (p_value(draws) < 0.05) == (not low <= 0 <= high)


def test_networks_of_one_seed_are_averaged_under_it_and_never_called_one_seed():
    draws = np.stack([np.full(101, value) for value in (0.2, 0.4, 0.9)])
    found = estimate(draws, n=9, seeds=[0, 0, 1])
    assert found.value == pytest.approx((0.3 + 0.9) / 2)
    assert (found.seeds, found.repetitions) == (2, 2)
    assert "2 repetitions" in found.interval
    alone = estimate(draws[:2], n=9, seeds=[0, 0])
    assert (alone.seeds, alone.repetitions, alone.flags) == (1, 2, (Flag.ONE_PARENT,))
