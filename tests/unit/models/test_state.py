"""Tensors as arrays and back."""

import numpy as np
import pytest
import torch

from prunekit.errors import UsageError
from prunekit.models.archs import build
from prunekit.models.state import copied, load_arrays, to_arrays


def test_a_round_trip_gives_the_same_function() -> None:
    first, second = build("resnet8", seed=0).eval(), build("resnet8", seed=1).eval()
    images = torch.randn(2, 3, 32, 32)
    load_arrays(second, to_arrays(first))
    with torch.no_grad():
        assert torch.equal(first(images), second(images))


def test_arrays_are_copies() -> None:
    model = build("resnet8", seed=0)
    arrays = to_arrays(model)
    before = arrays["fc.bias"].copy()
    with torch.no_grad():
        model.fc.bias.add_(1)
    np.testing.assert_array_equal(arrays["fc.bias"], before)


def test_channels_last_weights_come_out_in_order() -> None:
    model = build("resnet8", seed=0)
    plain = to_arrays(model)["conv1.weight"]
    arrays = to_arrays(model.to(memory_format=torch.channels_last))
    assert arrays["conv1.weight"].flags["C_CONTIGUOUS"]
    np.testing.assert_array_equal(arrays["conv1.weight"], plain)


def test_bfloat16_comes_out_as_float32() -> None:
    assert to_arrays(torch.nn.Linear(2, 2).bfloat16())["weight"].dtype == np.float32


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda arrays: arrays.pop("fc.bias"), "no tensor 'fc.bias'"),
        (lambda arrays: arrays.update({"fc.extra": np.zeros(1)}), "'fc.extra' that the network lacks"),
        (lambda arrays: arrays.update({"fc.weight": np.zeros((11, 64))}), r"'fc.weight' differs.*\[11, 64\]"),
    ],
)
def test_weights_of_another_network_are_refused_and_nothing_changes(change, said: str) -> None:
    model = build("resnet8", seed=0)
    before = to_arrays(model)
    arrays = to_arrays(build("resnet8", seed=1))
    change(arrays)
    with pytest.raises(UsageError, match=said):
        load_arrays(model, arrays)
    after = to_arrays(model)
    assert all((before[name] == after[name]).all() for name in before)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2])
def test_floats_that_numpy_lacks_become_float32_without_loss(dtype):
    values = torch.tensor([0.5, -2.0, 0.0]).to(dtype)
    (found,) = copied({"w": values}).values()
    assert (found.dtype, found.tolist()) == (np.float32, [0.5, -2.0, 0.0])
