import numpy as np
import pytest
import torch
from scipy import stats

from prunekit.distribution import NOISES
from prunekit.errors import UsageError
from prunekit.measure.noise import KINDS, unit_noise

SHAPE = (3, 8, 8)


def noise(kind="uniform", *, seed=0, draw=0, indices=(0,)):
    return unit_noise(kind, seed=seed, draw=draw, indices=indices, shape=SHAPE)


def test_an_image_s_noise_does_not_depend_on_its_company():
    together = noise(indices=torch.tensor([4, 7, 2]))
    assert together[1].equal(noise(indices=[7])[0])
    assert together.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("changed", [{"seed": 1}, {"draw": 1}, {"indices": (1,)}, {"kind": "gaussian"}])
def test_another_seed_draw_image_or_kind_is_other_noise(changed):
    correlation = np.corrcoef(noise().flatten(), noise(**changed).flatten())[0, 1]
    assert abs(correlation) < 0.25


@pytest.mark.parametrize(("kind", "law"), [("uniform", stats.uniform(-1, 2)), ("gaussian", stats.norm())])
def test_noise_follows_its_law(kind, law):
    values = noise(kind, indices=range(50)).flatten().numpy()
    assert stats.kstest(values, law.cdf).pvalue > 0.001


def test_an_unknown_kind_names_the_nearest():
    with pytest.raises(UsageError, match="'uniform'"):
        noise("unifrom")


def test_every_noise_of_the_grammar_can_be_made():
    assert set(KINDS) == set(NOISES)
