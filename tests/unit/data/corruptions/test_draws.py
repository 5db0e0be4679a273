import pytest
import torch
from scipy import stats

from prunekit.data.corruptions.draws import Draws


def draws(count=4, stream="test", **given):
    return Draws(torch.arange(count), stream, given)


def test_uniform_numbers_are_uniform():
    values = draws(50).uniform("u", 4000)
    assert values.min() >= 0
    assert values.max() < 1
    assert stats.kstest(values.flatten().numpy(), "uniform").pvalue > 1e-3


def test_a_range_is_kept():
    values = draws().uniform("u", 5000, low=-45, high=45)
    assert -45 <= values.min() < -44
    assert 44 < values.max() < 45


def test_normal_numbers_are_normal():
    values = draws(50).normal("z", 4001, mean=2, std=3).double()
    assert values.shape == (4001, 50)
    assert stats.kstest(((values - 2) / 3).flatten().numpy(), "norm").pvalue > 1e-3
    assert values.isfinite().all()


@pytest.mark.parametrize("bit", range(32))
def test_every_bit_is_fair(bit):
    ones = ((draws(64).bits("b", 2048) >> bit) & 1).double().mean()
    # Six standard deviations of the mean of 131072 fair coins.
    assert abs(ones - 0.5) < 6 * 0.5 / 131072**0.5


def test_images_and_streams_and_names_are_independent():
    base = draws(200).uniform("u", 500).double()
    others = [draws(200).uniform("v", 500), draws(200, "other").uniform("u", 500)]
    for other in others:
        together = torch.stack([base.flatten(), other.double().flatten()])
        assert torch.corrcoef(together)[0, 1].abs() < 0.02
    between = torch.corrcoef(base.T) - torch.eye(200)
    # Of 19900 pairs of 500 numbers the largest correlation is about 4.3 / sqrt(500).
    assert between.abs().max() < 6 / 500**0.5
    along = torch.corrcoef(base) - torch.eye(500)
    assert along.abs().max() < 6 / 200**0.5


def test_neighbouring_seeds_share_no_run_of_numbers():
    first, second = draws(2).bits("b", 20000).unbind(1)
    assert len(set(first.tolist()) & set(second.tolist())) < 5


def test_a_number_depends_on_its_seed_alone():
    many = draws(10).normal("z", 7)
    alone = Draws(torch.tensor([6]), "test").normal("z", 7)
    assert torch.equal(many[:, 6:7], alone)


def test_what_is_given_is_not_drawn():
    given = torch.ones(3, 4)
    for method in ("uniform", "normal"):
        assert getattr(draws(u=given), method)("u", 3) is given
    assert torch.equal(draws(u=given).choice("u", 3, high=9), given.long())


def test_choices_cover_their_range_evenly():
    values = draws(100).choice("c", 500, low=-2, high=3)
    assert (values + 2).flatten().bincount().sub(10000).abs().max() < 600


def test_a_choice_may_have_a_range_of_its_own():
    high = torch.tensor([1, 10, 100, 1000])
    values = draws(4).choice("c", 300, high=high)
    assert (values < high).all()
    assert values[:, 0].unique().tolist() == [0]
    assert values[:, 3].max() > 900
