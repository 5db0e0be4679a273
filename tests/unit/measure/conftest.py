"""A small data set and small networks: 24 real-valued images of 3 x 6 x 6, four classes."""

import pytest
import torch
from torch import nn

from prunekit.data.datasets import Dataset
from prunekit.data.examples import ArrayExamples


@pytest.fixture
def examples():
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (24, 3, 6, 6), dtype=torch.uint8, generator=generator)
    return ArrayExamples(images, torch.arange(24) % 4)


@pytest.fixture
def dataset(examples):
    return Dataset(
        name="toy",
        task="classification",
        classes=("a", "b", "c", "d"),
        mean=(0.5, 0.4, 0.3),
        std=(0.2, 0.25, 0.5),
        size=(6, 6),
        augment="none",
        splits=("test",),
        load=lambda split: examples,
    )


@pytest.fixture
def network():
    def make(seed=0, classes=4):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(3, 5, 3),
            nn.BatchNorm2d(5),
            nn.ReLU(),
            nn.Dropout(),
            nn.Flatten(),
            nn.Linear(80, classes),
        )

    return make
