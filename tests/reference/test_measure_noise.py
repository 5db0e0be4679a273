"""Noise similarity of two thresholds on one pixel, whose agreement under noise is known in closed form."""

from math import sqrt

import numpy as np
import pytest
import torch
from scipy.stats import norm
from torch import nn

from prunekit.data.datasets import Dataset
from prunekit.data.examples import ArrayExamples
from prunekit.measure.noise import unit_noise
from prunekit.measure.similarity import noise_similarity
from prunekit.params import NoiseParams

IMAGES, DRAWS = 40, 50
LEVELS = (0.0, 0.25, 0.5, 1.0)


class Threshold(nn.Module):
    """Class 1 where the only pixel, normalised, is above ``bound``."""

    def __init__(self, bound):
        super().__init__()
        self.bound = bound

    def forward(self, images):
        above = images[:, 0, 0, 0] - self.bound
        return torch.stack([-above, above], dim=1)


def compared(*, reference=0.1, **changed):
    # The pixel 51 normalises to (0.2 - 0.1) / 0.5 = 0.2.
    examples = ArrayExamples(
        torch.full((IMAGES, 3, 1, 1), 51, dtype=torch.uint8), torch.ones(IMAGES, dtype=torch.int64)
    )
    dataset = Dataset(
        "one pixel",
        "classification",
        ("low", "high"),
        (0.1,) * 3,
        (0.5,) * 3,
        (1, 1),
        "none",
        ("test",),
        None,
    )
    params = NoiseParams(model="m", to="r", images=IMAGES, draws=DRAWS, **{"levels": LEVELS} | changed)
    models = {"other": Threshold(0.3)}
    return noise_similarity(models, Threshold(reference), examples, params=params, dataset=dataset)["other"]


def uniform_cdf(value, size):
    return min(1.0, max(0.0, (value + size) / (2 * size)))


def gaussian_cdf(value, size):
    return norm.cdf(value / size)


# The thresholds are 0.1 below and 0.1 above the pixel: they disagree while the noise is between -0.1 and 0.1.
@pytest.mark.parametrize(("noise", "cdf"), [("uniform", uniform_cdf), ("gaussian", gaussian_cdf)])
@pytest.mark.parametrize(("space", "stretch"), [("normalised", 1), ("pixel", 2)])
def test_agreement_and_error_follow_the_closed_form(noise, cdf, space, stretch):
    found = compared(noise=noise, space=space)
    for level, epsilon in enumerate(LEVELS[1:], start=1):
        size = epsilon * stretch
        expected = {
            "agreement": 1 - (cdf(0.1, size) - cdf(-0.1, size)),
            "wrong": cdf(0.1, size),
            "reference_wrong": cdf(-0.1, size),
        }
        for name, share in expected.items():
            spread = sqrt(share * (1 - share) / (IMAGES * DRAWS))
            assert found[name][level].mean() == pytest.approx(share, abs=4 * spread), (name, epsilon)


def test_without_noise_the_thresholds_disagree_everywhere():
    found = compared()
    np.testing.assert_array_equal(found["agreement"][0], 0)
    np.testing.assert_array_equal(found["wrong"][0], 1)
    np.testing.assert_array_equal(found["reference_wrong"][0], 0)


@pytest.mark.parametrize(("clip", "expected"), [(True, 0.0), (False, 0.5)])
def test_clipped_noise_never_passes_below_black(clip, expected):
    # Black normalises to -0.2, so that no clipped pixel is below a threshold of -0.3.
    found = compared(reference=-0.3, levels=(50.0,), clip=clip)
    assert found["reference_wrong"].mean() == pytest.approx(expected, abs=0.05)
    assert found["wrong"].mean() == pytest.approx(0.5, abs=0.05)


# Noise is part of what a stored measurement's key names: these numbers must not change.
@pytest.mark.parametrize(
    ("noise", "first"),
    [
        ("uniform", [-0.59815, -0.315248, -0.491848, 0.990464, 0.744855, 0.658066]),
        ("gaussian", [0.377374, 0.978216, 0.33211, -0.554085, -1.199015, 1.699447]),
    ],
)
def test_noise_is_what_it_was(noise, first):
    found = unit_noise(noise, seed=5, draw=2, indices=[7], shape=(3, 1, 2))
    np.testing.assert_allclose(found.flatten(), first, atol=1e-6)
