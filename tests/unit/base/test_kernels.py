"""Training comes through where torch's own kernel writes outside its memory."""

import os
import subprocess
import sys

import pytest
import torch
from torch import nn

from prunekit.base.kernels import sound

SCRIPT = """
import torch
from torch import nn
from prunekit.base.kernels import sound
model = nn.Sequential(nn.Conv2d({channels}, 29, 1, stride=2, bias=False)).to(memory_format=torch.channels_last)
images = torch.randn(25, {channels}, 32, 32).to(memory_format=torch.channels_last)
for _ in range(8):
    with sound(model):
        model(images).square().mean().backward()
assert model[0].weight.grad.isfinite().all()
"""


@pytest.mark.parametrize("channels", [3, 8, 14, 15])
def test_the_weight_gradient_of_a_narrow_strided_convolution_ends_no_process(channels):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(channels=channels)],
        capture_output=True,
        text=True,
        timeout=100,
        env=os.environ | {"OMP_NUM_THREADS": "2"},
    )
    assert done.returncode == 0, done.stderr


def test_only_narrow_strided_convolutions_of_one_pixel_are_changed():
    model = nn.Sequential(
        nn.Conv2d(8, 32, 3, 2, 1), nn.Conv2d(32, 8, 1, 2), nn.Conv2d(8, 8, 1), nn.Conv2d(8, 8, 1, (2, 1))
    )
    with sound(model):
        assert [part.stride for part in model] == [(2, 2), (2, 2), (1, 1), (1, 1)]
    assert [part.stride for part in model] == [(2, 2), (2, 2), (1, 1), (2, 1)]


def test_the_outputs_are_the_same_and_the_hooks_are_gone_afterwards():
    model = nn.Sequential(nn.Conv2d(8, 32, 1, 2)).to(memory_format=torch.channels_last)
    inputs = torch.randn(4, 8, 15, 16).to(memory_format=torch.channels_last)
    before = model(inputs)
    with sound(model):
        assert torch.allclose(model(inputs), before, atol=1e-6)
        assert torch.allclose(model[0](input=inputs), before, atol=1e-6)
    assert torch.equal(model(inputs), before)
    assert not model[0]._forward_pre_hooks
