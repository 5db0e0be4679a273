"""Wide residual networks for small images (Zagoruyko and Komodakis 2016), with batch norm before convolutions."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from prunekit.models.initial import conv1x1, conv3x3, he_initialise


class Block(nn.Module):
    """Batch norm, ReLU and a 3x3 convolution, twice; if the width changes, the shortcut is a 1x1 convolution."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = conv3x3(inputs, outputs, stride)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.conv2 = conv3x3(outputs, outputs)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = None if inputs == outputs else nn.Sequential(conv1x1(inputs, outputs, stride))

    def forward(self, x: Tensor) -> Tensor:
        """``[N, inputs, H, W]`` to ``[N, outputs, H / stride, W / stride]``."""
        active = self.relu(self.bn1(x))
        shortcut = x if self.downsample is None else self.downsample(active)
        out = self.relu(self.bn2(self.conv1(active)))
        total: Tensor = self.conv2(out) + shortcut
        return total


class WideResNet(nn.Module):
    """Three stages of 16, 32 and 64 times ``width`` channels, average pooling, one linear layer."""

    def __init__(self, blocks: int, width: int, classes: int) -> None:
        super().__init__()
        channels = (16, 16 * width, 32 * width, 64 * width)
        self.conv1 = conv3x3(3, channels[0])
        self.layer1, self.layer2, self.layer3 = (
            nn.Sequential(
                Block(inputs, outputs, stride), *(Block(outputs, outputs, 1) for _ in range(blocks - 1))
            )
            for (inputs, outputs), stride in zip(pairwise(channels), (1, 2, 2), strict=True)
        )
        self.bn1 = nn.BatchNorm2d(channels[-1])
        self.relu = nn.ReLU(inplace=True)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels[-1], classes)
        he_initialise(self)
        nn.init.zeros_(self.fc.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Images ``[N, 3, H, W]`` to logits ``[N, classes]``."""
        out = self.layer3(self.layer2(self.layer1(self.conv1(x))))
        out = self.avgpool(self.relu(self.bn1(out)))
        logits: Tensor = self.fc(torch.flatten(out, 1))
        return logits


def wrn(*, depth: int, width: int, classes: int) -> WideResNet:
    """The wide ResNet of depth 6n + 4, with n blocks per stage."""
    return WideResNet((depth - 4) // 6, width, classes)
