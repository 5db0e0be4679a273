"""Residual networks for small images (He et al. 2016): basic blocks, and the paper's bottleneck variant."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from prunekit.models.initial import conv1x1, conv3x3, he_initialise

WIDTHS = (16, 32, 64)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut."""

    expansion = 1

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = conv3x3(inputs, width, stride)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = conv3x3(width, width)
        self.bn2 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _projection(inputs, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        """``[N, inputs, H, W]`` to ``[N, width, H / stride, W / stride]``."""
        shortcut = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        total: Tensor = self.relu(self.bn2(self.conv2(out)) + shortcut)
        return total


class Bottleneck(nn.Module):
    """A 1x1 and a 3x3 convolution, a 1x1 convolution with four times the channels, and a shortcut."""

    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = width * self.expansion
        self.conv1 = conv1x1(inputs, width)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = conv3x3(width, width, stride)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = conv1x1(width, outputs)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _projection(inputs, outputs, stride)

    def forward(self, x: Tensor) -> Tensor:
        """``[N, inputs, H, W]`` to ``[N, 4 width, H / stride, W / stride]``."""
        shortcut = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        total: Tensor = self.relu(self.bn3(self.conv3(out)) + shortcut)
        return total


class ResNet(nn.Module):
    """Three stages of 16, 32 and 64 channels (times the block's expansion), average pooling, one linear layer."""

    def __init__(self, block: type[BasicBlock | Bottleneck], blocks: int, classes: int) -> None:
        super().__init__()
        channels = (WIDTHS[0], *(width * block.expansion for width in WIDTHS))
        self.conv1 = conv3x3(3, WIDTHS[0])
        self.bn1 = nn.BatchNorm2d(WIDTHS[0])
        self.relu = nn.ReLU(inplace=True)
        self.layer1, self.layer2, self.layer3 = (
            _stage(block, blocks, inputs, outputs, stride)
            for (inputs, outputs), stride in zip(pairwise(channels), (1, 2, 2), strict=True)
        )
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels[-1], classes)
        he_initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        """Images ``[N, 3, H, W]`` to logits ``[N, classes]``."""
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.layer3(self.layer2(self.layer1(out)))
        logits: Tensor = self.fc(torch.flatten(self.avgpool(out), 1))
        return logits


def basic(*, depth: int, classes: int) -> ResNet:
    """The CIFAR ResNet of depth 6n + 2, with n basic blocks per stage."""
    return ResNet(BasicBlock, (depth - 2) // 6, classes)


def bottleneck(*, depth: int, classes: int) -> ResNet:
    """The network that torchprune calls ResNet ``depth``: as many blocks as :func:`basic`, each a bottleneck.

    It has 9n + 2 layers, so the name understates its depth; the paper's ResNet56 and ResNet110 are these.
    """
    return ResNet(Bottleneck, (depth - 2) // 6, classes)


def _stage(
    block: type[BasicBlock | Bottleneck], blocks: int, inputs: int, outputs: int, stride: int
) -> nn.Sequential:
    width = outputs // block.expansion
    rest = [block(outputs, width, 1) for _ in range(blocks - 1)]
    return nn.Sequential(block(inputs, width, stride), *rest)


def _projection(inputs: int, outputs: int, stride: int) -> nn.Sequential | None:
    if stride == 1 and inputs == outputs:
        return None
    return nn.Sequential(conv1x1(inputs, outputs, stride), nn.BatchNorm2d(outputs))
