import pytest
import torch

from prunekit.data.corruptions.pixels import luma, to_bytes, to_unit


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_bytes_survive_the_round_trip(dtype):
    every = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(to_bytes(to_unit(every, dtype)), every)


def test_bytes_are_truncated_and_clipped():
    values = torch.tensor([-0.5, 0.9999 / 255, 1.5 / 255, 0.99999, 1.0, 7.0], dtype=torch.float64)
    assert to_bytes(values).tolist() == [0, 0, 1, 254, 255, 255]


def test_luma_of_grey_is_its_level():
    grey = torch.linspace(0, 1, 5).expand(3, 1, 1, 5)
    torch.testing.assert_close(luma(grey), grey[0])
    green = torch.tensor([0.0, 1.0, 0.0]).view(3, 1, 1, 1)
    assert luma(green).item() == pytest.approx(0.587)
