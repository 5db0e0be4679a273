"""Densely connected networks for small images (Huang et al. 2017): bottleneck layers and halving transitions."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from prunekit.models.initial import conv1x1, conv3x3, he_initialise


class DenseLayer(nn.Module):
    """A 1x1 and a 3x3 convolution whose ``growth`` output channels are appended to the inputs."""

    def __init__(self, inputs: int, growth: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = conv1x1(inputs, 4 * growth)
        self.bn2 = nn.BatchNorm2d(4 * growth)
        self.conv2 = conv3x3(4 * growth, growth)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """``[N, inputs, H, W]`` to ``[N, inputs + growth, H, W]``."""
        out = self.conv1(self.relu(self.bn1(x)))
        out = self.conv2(self.relu(self.bn2(out)))
        return torch.cat((x, out), 1)


class Transition(nn.Module):
    """Halves the channels with a 1x1 convolution, and the image sides with average pooling."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = conv1x1(inputs, inputs // 2)
        self.relu = nn.ReLU(inplace=True)
        self.pool = nn.AvgPool2d(2)

    def forward(self, x: Tensor) -> Tensor:
        """``[N, inputs, H, W]`` to ``[N, inputs / 2, H / 2, W / 2]``."""
        halved: Tensor = self.pool(self.conv1(self.relu(self.bn1(x))))
        return halved


class DenseNet(nn.Module):
    """Three dense blocks of ``layers`` layers with transitions between them, average pooling, one linear layer."""

    def __init__(self, layers: int, growth: int, classes: int) -> None:
        super().__init__()
        added = layers * growth
        first = 2 * growth
        second = (first + added) // 2
        third = (second + added) // 2
        self.conv1 = conv3x3(3, first)
        self.dense1 = _dense_block(first, layers, growth)
        self.trans1 = Transition(first + added)
        self.dense2 = _dense_block(second, layers, growth)
        self.trans2 = Transition(second + added)
        self.dense3 = _dense_block(third, layers, growth)
        self.bn = nn.BatchNorm2d(third + added)
        self.relu = nn.ReLU(inplace=True)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(third + added, classes)
        he_initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        """Images ``[N, 3, H, W]`` to logits ``[N, classes]``."""
        out = self.trans1(self.dense1(self.conv1(x)))
        out = self.dense3(self.trans2(self.dense2(out)))
        out = self.avgpool(self.relu(self.bn(out)))
        logits: Tensor = self.fc(torch.flatten(out, 1))
        return logits


def densenet22(*, classes: int) -> DenseNet:
    """DenseNet-BC with 22 layers: three dense layers per block, growth 12 (the paper's)."""
    return DenseNet(layers=3, growth=12, classes=classes)


def _dense_block(inputs: int, layers: int, growth: int) -> nn.Sequential:
    return nn.Sequential(*(DenseLayer(inputs + index * growth, growth) for index in range(layers)))
