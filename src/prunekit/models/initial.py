"""Initial weights: their distribution."""

from __future__ import annotations

from torch import nn


def he_initialise(model: nn.Module) -> None:
    """Draw the weights of convolutions as in He et al. 2015 (fan-out, ReLU) and zero their biases, in place."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def conv3x3(inputs: int, outputs: int, stride: int = 1) -> nn.Conv2d:
    """A 3x3 convolution that keeps the image size (divided by the stride), without a bias."""
    return nn.Conv2d(inputs, outputs, kernel_size=3, stride=stride, padding=1, bias=False)


def conv1x1(inputs: int, outputs: int, stride: int = 1) -> nn.Conv2d:
    """A 1x1 convolution without a bias."""
    return nn.Conv2d(inputs, outputs, kernel_size=1, stride=stride, bias=False)
