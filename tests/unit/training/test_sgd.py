"""Masks hold after every step, in the weights and in the momentum; otherwise it is torch's SGD."""

import pytest
import torch
from torch import nn

from prunekit.errors import PrunekitError
from prunekit.training.sgd import MaskedSgd, hold


def _masks(model: nn.Module) -> dict[str, torch.Tensor]:
    draw = torch.Generator().manual_seed(1)
    return {name: torch.rand(p.shape, generator=draw) > 0.6 for name, p in model.named_parameters()}


def _loss(model: nn.Module, step: int) -> torch.Tensor:
    draw = torch.Generator().manual_seed(step)
    images = torch.randn(4, 3, 8, 8, generator=draw)
    return nn.functional.cross_entropy(model(images), torch.tensor([0, 1, 2, 0]))


@pytest.mark.parametrize("changes", [{}, {"nesterov": True}, {"weight_decay": 0.1}, {"clip_norm": 0.5}])
def test_masked_entries_and_their_momentum_stay_zero(tiny, changes: dict) -> None:
    model = tiny.network().train()
    masks = _masks(model)
    sgd = MaskedSgd(model, tiny.settings(**changes), masks)
    for step in range(4):
        sgd.set_rate(0.1)
        sgd.step(_loss(model, step))
        assert set(sgd.momentum()) == set(masks)
        for name, parameter in model.named_parameters():
            assert not parameter[~masks[name]].any(), name
            assert not sgd.momentum()[name][~masks[name]].any(), name
            assert parameter[masks[name]].any(), name


def test_without_masks_it_is_torchs_sgd(tiny) -> None:
    ours, theirs = tiny.network().train(), tiny.network().train()
    settings = tiny.settings(weight_decay=0.01)
    sgd = MaskedSgd(ours, settings, {})
    plain = torch.optim.SGD(theirs.parameters(), lr=1.0, momentum=0.9, weight_decay=0.01, foreach=False)
    for step, rate in enumerate((0.1, 0.05, 0.2)):
        sgd.set_rate(rate)
        sgd.step(_loss(ours, step))
        plain.zero_grad()
        _loss(theirs, step).backward()
        plain.param_groups[0]["lr"] = rate
        plain.step()
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-6)


def test_a_clipped_step_is_no_longer_than_the_norm(tiny) -> None:
    model = tiny.network().train()
    before = [parameter.detach().clone() for parameter in model.parameters()]
    settings = tiny.settings(clip_norm=0.01, weight_decay=0.0, momentum=0.0)
    sgd = MaskedSgd(model, settings, {})
    sgd.set_rate(1.0)
    sgd.step(_loss(model, 0))
    moved = torch.cat([(p - b).flatten() for p, b in zip(model.parameters(), before, strict=True)])
    assert moved.norm().item() == pytest.approx(0.01, rel=1e-3)


def test_momentum_survives_a_round_trip(tiny) -> None:
    first, second = tiny.network().train(), tiny.network().train()
    a, b = MaskedSgd(first, tiny.settings(), {}), MaskedSgd(second, tiny.settings(), {})
    a.set_rate(0.1)
    a.step(_loss(first, 0))
    second.load_state_dict(first.state_dict())
    b.load_momentum({name: tensor.numpy().copy() for name, tensor in a.momentum().items()})
    a.set_rate(0.1)
    a.step(_loss(first, 1))
    b.set_rate(0.1)
    b.step(_loss(second, 1))
    assert all(torch.equal(p, q) for p, q in zip(first.parameters(), second.parameters(), strict=True))


@pytest.mark.parametrize(("name", "shape"), [("conv9.weight", (1,)), ("fc.bias", (4,))])
def test_a_mask_that_fits_no_parameter_is_refused(tiny, name: str, shape: tuple) -> None:
    with pytest.raises(PrunekitError, match=f"{name}.*matches no parameter"):
        hold(tiny.network(), {name: torch.zeros(shape, dtype=torch.bool)})
