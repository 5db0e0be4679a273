import torch

from prunekit.data.corruptions.packing import pack, take, unpack

PIXELS = torch.randint(0, 256, (3, 5, 4, 6), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_there_and_back():
    assert torch.equal(unpack(pack(PIXELS), 5, 4), PIXELS)


def test_every_image_is_taken_from_its_own_places():
    place = torch.stack([torch.arange(20).roll(n) for n in range(6)])
    made = unpack(take(pack(PIXELS), place), 5, 4).flatten(1, 2)
    for n in range(6):
        assert torch.equal(made[..., n], PIXELS.flatten(1, 2)[..., n].roll(n, 1))
