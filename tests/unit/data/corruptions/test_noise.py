import numpy as np
import pytest
import torch
from scipy import stats

from prunekit.data.corruptions.draws import Draws
from prunekit.data.corruptions.noise import _alias_tables as alias_tables
from prunekit.data.corruptions.noise import impulse_noise, poisson, shot_noise


def flat(level, count=40):
    return torch.full((3, 32, 32, count), level, dtype=torch.uint8)


def draws(count=40):
    return Draws(torch.arange(count), "noise")


@pytest.mark.parametrize("photons", [500, 60, 3])
@pytest.mark.parametrize("level", [0, 1, 90, 255])
def test_photons_are_poisson(level, photons):
    made = shot_noise(flat(level), draws=draws(), photons=photons).flatten().numpy()
    counts = np.arange(4 * photons + 60)
    bytes_of = np.trunc(np.clip(counts / photons, 0, 1) * 255).astype(int)
    wanted = (
        np.bincount(bytes_of, stats.poisson.pmf(counts, level / 255 * photons), minlength=256) * made.size
    )
    # Six standard deviations in every one of the 256 levels.
    gap = np.abs(np.bincount(made, minlength=256) - wanted)
    assert (gap <= 6 * np.sqrt(wanted) + 3).all()


@pytest.mark.parametrize("photons", [500, 60, 3])
def test_the_chances_of_counts_are_those_of_scipy_bit_for_bit(photons):
    counts, rate = np.arange(photons + 200)[None], np.arange(256)[:, None] / 255 * photons
    assert np.array_equal(poisson(counts, rate), stats.poisson.pmf(counts, rate))


def test_alias_tables_restore_the_probabilities():
    wanted = np.random.default_rng(6).dirichlet(np.full(16, 0.3), size=5)
    share, alias = alias_tables(wanted)
    made = share / 16
    for row in range(5):
        np.add.at(made[row], alias[row], (1 - share[row]) / 16)
    np.testing.assert_allclose(made, wanted, atol=1e-12)


@pytest.mark.parametrize("amount", [0.01, 0.27, 0.7])
def test_values_are_hit_one_by_one_half_of_them_white(amount):
    made = impulse_noise(flat(100), draws=draws(), amount=amount)
    hit = made != 100
    deviation = (amount * (1 - amount) / hit.numel()) ** 0.5
    assert abs(hit.float().mean() - amount) < 6 * deviation
    assert abs((made[hit] == 255).float().mean() - 0.5) < 3 / hit.sum() ** 0.5
    both = (hit[0] & hit[1]).float().mean()
    assert abs(both - amount**2) < 0.01
