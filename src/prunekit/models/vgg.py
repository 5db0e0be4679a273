"""VGG for small images (Simonyan and Zisserman 2015): batch norm, and one linear layer after the convolutions."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from prunekit.models.initial import he_initialise

Stages = tuple[tuple[int, ...], ...]
CONFIGURATION_D: Stages = ((64, 64), (128, 128), (256,) * 3, (512,) * 3, (512,) * 3)


class Vgg(nn.Module):
    """Stages of 3x3 convolutions of the given widths; max pooling after each stage halves the image sides."""

    def __init__(self, stages: Stages, classes: int) -> None:
        super().__init__()
        self.features = nn.Sequential(*_features(stages))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(stages[-1][-1], classes)
        he_initialise(self)
        nn.init.normal_(self.classifier.weight, std=0.01)
        nn.init.zeros_(self.classifier.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Images ``[N, 3, H, W]`` with sides of at least 2^stages pixels to logits ``[N, classes]``."""
        logits: Tensor = self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))
        return logits


def vgg16(*, classes: int) -> Vgg:
    """VGG16 with batch norm (the paper's)."""
    return Vgg(CONFIGURATION_D, classes)


def _features(stages: Stages) -> list[nn.Module]:
    inputs = (3, *(stage[-1] for stage in stages))
    return [layer for first, stage in zip(inputs, stages, strict=False) for layer in _stage((first, *stage))]


def _stage(widths: tuple[int, ...]) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        convolution = nn.Conv2d(inputs, outputs, kernel_size=3, padding=1)
        layers += [convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]
    return [*layers, nn.MaxPool2d(2)]
