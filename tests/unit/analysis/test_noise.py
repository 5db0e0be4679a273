import numpy as np
import pytest

from prunekit.analysis.noise import noise_potentials
from prunekit.analysis.similarity import Compared, Protocol
from prunekit.analysis.variant import Variant


def network(ratio, errors, reference, n=200):
    """A network whose error on three draws of the noise is given, of 200 images; per image the mean over draws."""
    drawn = np.array([np.arange(n) < round(each * n) for each in errors]).mean(axis=0)
    parent = np.array([np.arange(n) < round(each * n) for each in reference]).mean(axis=0)
    return Compared(
        Variant(method="wt"),
        0,
        ratio,
        f"wt-{ratio}",
        "parent",
        Protocol("digits", (0.1,), draws=3),
        {
            "wrong": drawn[None].astype(np.float32),
            "reference_wrong": parent[None].astype(np.float32),
            "wrong_by_draw": np.array([errors], dtype=np.float32),
            "reference_wrong_by_draw": np.array([reference], dtype=np.float32),
        },
        asked=ratio,
    )


def test_the_papers_potential_judges_each_draw_strictly_and_averages():
    """Rises of 0, 2 and 1 points with a margin of 1: below it on one draw of three; at most it in the mean."""
    networks = [network(0.6, (0.10, 0.12, 0.11), (0.10, 0.10, 0.10))]
    (by_draw,) = noise_potentials(networks, margin=0.01, resamples=200)
    (mean,) = noise_potentials(networks, margin=0.01, by_draw=False, resamples=200)
    assert by_draw["value"] == pytest.approx(0.2)
    assert mean["value"] == pytest.approx(0.6)
    assert (by_draw["by_draw"], mean["by_draw"]) == (True, False)
    assert by_draw["low"] <= 0.2 <= by_draw["high"]


def test_a_larger_ratio_counts_on_the_draws_on_which_it_passes():
    reference = (0.10, 0.10, 0.10)
    networks = [network(0.6, reference, reference), network(0.9, (0.10, 0.2, 0.2), reference)]
    (row,) = noise_potentials(networks, margin=0.01, resamples=100)
    assert row["value"] == pytest.approx((0.9 + 0.6 + 0.6) / 3)


def test_without_single_draws_the_mean_is_judged():
    one = network(0.6, (0.10, 0.12, 0.11), (0.10, 0.10, 0.10))
    metrics = {name: one.metrics[name] for name in ("wrong", "reference_wrong")}
    (row,) = noise_potentials([one._replace(metrics=metrics)], margin=0.01, resamples=100)
    assert (row["value"], row["by_draw"]) == (pytest.approx(0.6), False)


@pytest.mark.parametrize("by_draw", [True, False])
def test_where_no_image_differs_the_potential_is_not_known(by_draw):
    """Of 20 images three made-up ones may be all broken; of 20,000 they may not move the error by a point."""
    for n, ends in ((20, (0.0, 1.0)), (20_000, (0.6, 1.0))):
        (row,) = noise_potentials(
            [network(0.6, [0.1] * 3, [0.1] * 3, n=n)], margin=0.01, resamples=200, by_draw=by_draw
        )
        assert row["low"] == ends[0]
        assert row.draws.ends() == pytest.approx(ends)
