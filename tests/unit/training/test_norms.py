"""Batch norm of few channels on a CPU: torch's function and gradients, its own kernel where packing is no gain."""

import copy

import pytest
import torch
from torch import nn

from prunekit.training import norms
from prunekit.training.norms import PackedBatchNorm, packed


def images(channels: int, side: int = 16, count: int = 48, offset: float = 3.0) -> torch.Tensor:
    """Channels-last images whose mean is far from zero."""
    draw = torch.Generator().manual_seed(channels)
    values = torch.randn(count, channels, side, side, generator=draw) + offset
    return values.to(memory_format=torch.channels_last)


def norm(channels: int, **settings: object) -> nn.BatchNorm2d:
    """A batch norm with weights of its own."""
    made = nn.BatchNorm2d(channels, **settings)
    if made.affine:
        nn.init.uniform_(made.weight, 0.5, 2)
        nn.init.normal_(made.bias)
    return made


def passed(layer: nn.Module, x: torch.Tensor) -> dict[str, torch.Tensor]:
    """The outputs, gradients and buffers of one forward and backward pass."""
    x = x.detach().requires_grad_()
    out = layer(x)
    weights = torch.randn(out.shape, generator=torch.Generator().manual_seed(1)).to(out.dtype)
    (out * weights).sum().backward()
    gradients = {name: parameter.grad for name, parameter in layer.named_parameters()}
    return {"out": out.detach(), "x": x.grad, **gradients, **dict(layer.named_buffers())}


@pytest.mark.parametrize(("channels", "momentum"), [(6, 0.1), (13, 0.1), (25, None), (50, 0.1)])
def test_outputs_gradients_and_statistics_are_those_of_float64_and_no_farther_off_than_torch(
    channels, momentum
):
    layer, x = norm(channels, momentum=momentum), images(channels)
    exact = passed(copy.deepcopy(layer).double(), x.double())
    plain = passed(copy.deepcopy(layer), x)
    with packed(layer):
        assert type(layer) is PackedBatchNorm
        found = passed(layer, x)
    for name, value in exact.items():
        own, torchs = (float((each[name] - value).abs().max() / value.abs().max()) for each in (found, plain))
        assert own <= max(5e-6, 2 * torchs), name
    assert found["x"].is_contiguous(memory_format=torch.channels_last)


def test_equal_inputs_give_equal_bytes():
    first = norm(13)
    second = copy.deepcopy(first)
    with packed(first), packed(second):
        one, other = passed(first, images(13)), passed(second, images(13))
    assert all(torch.equal(value, other[name]) for name, value in one.items())


def test_the_class_is_torchs_again_afterwards_and_wide_layers_are_never_changed():
    model = nn.Sequential(norm(13), norm(16), norm(70), norm(13, affine=False))
    with packed(model):
        assert [type(layer) is PackedBatchNorm for layer in model] == [True, False, False, False]
    with packed(model, asked=False):
        assert all(type(layer) is nn.BatchNorm2d for layer in model)
    assert all(type(layer) is nn.BatchNorm2d for layer in model)


@pytest.mark.parametrize(
    "x",
    [
        images(13).contiguous(),
        images(13, side=7, count=107),  # 5,243 pixels: no multiple of 16
        images(13, side=4, count=16),  # few numbers
        images(13).double(),
    ],
)
def test_other_images_go_through_torchs_kernel(x, monkeypatch):
    monkeypatch.setattr(norms, "_Packed", None)
    layer = norm(13).to(x.dtype)
    with packed(layer):
        layer(x)


def test_in_evaluation_mode_torchs_kernel_is_used(monkeypatch):
    monkeypatch.setattr(norms, "_Packed", None)
    with packed(layer := norm(13).eval()):
        layer(images(13))
    with packed(layer.train()), pytest.raises(AttributeError):
        layer(images(13))


def test_a_gradient_in_another_layout_is_accepted():
    layer, x = norm(6), images(6).requires_grad_()
    gradient = torch.randn(x.shape)
    with packed(layer):
        found = torch.autograd.grad(layer(x), x, gradient.to(memory_format=torch.channels_last))[0]
        other = torch.autograd.grad(layer(x), x, gradient)[0]
    assert torch.equal(found, other)


def test_without_tracked_statistics_it_only_normalises():
    layer = norm(13, track_running_stats=False)
    with packed(layer):
        found = layer(images(13))
    torch.testing.assert_close(found, layer(images(13)), rtol=1e-4, atol=1e-4)
