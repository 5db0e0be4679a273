"""A tiny network, a tiny data set, and one way to train."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from prunekit.data.datasets import Dataset
from prunekit.data.examples import ArrayExamples
from prunekit.models.archs import build
from prunekit.models.state import to_arrays
from prunekit.params import TrainParams
from prunekit.training.loop import FitResult, fit


def tiny_examples(count: int = 40, side: int = 8, classes: int = 3) -> ArrayExamples:
    """Random images whose brightness tells their class."""
    draw = torch.Generator().manual_seed(0)
    labels = torch.arange(count) % classes
    images = torch.randint(0, 60, (count, 3, side, side), generator=draw) + 80 * labels[:, None, None, None]
    return ArrayExamples(images.to(torch.uint8), labels)


def tiny_dataset(augment: str = "crop-flip", side: int = 8, classes: int = 3) -> Dataset:
    """The data set of :func:`tiny_examples`."""
    return Dataset(
        name="tiny",
        task="classification",
        classes=tuple(f"class {number}" for number in range(classes)),
        mean=(0.4, 0.4, 0.4),
        std=(0.3, 0.3, 0.3),
        size=(side, side),
        augment=augment,
        splits=("train",),
        load=lambda split: tiny_examples(side=side, classes=classes),
    )


def tiny_network(seed: int = 0, classes: int = 3) -> nn.Module:
    """The smallest ResNet."""
    return build("resnet8", classes=classes, seed=seed)


def tiny_settings(**changes: object) -> TrainParams:
    """Three epochs of three steps, the last one smaller."""
    fields = {
        "arch": "resnet8",
        "dataset": "tiny",
        "epochs": 3,
        "batch_size": 16,
        "lr": 0.05,
        "warmup_epochs": 0.0,
    }
    return TrainParams(**{**fields, **changes})


def train(
    model: nn.Module | None = None, settings: TrainParams | None = None, **work: object
) -> SimpleNamespace:
    """Train the tiny network: its arrays afterwards and what ``fit`` returned."""
    model = tiny_network() if model is None else model
    given = {"dataset": tiny_dataset(), "seed": 0, **work}
    examples = given.pop("examples", tiny_examples())
    result: FitResult = fit(model, examples, settings=settings or tiny_settings(), **given)
    return SimpleNamespace(model=model, arrays=to_arrays(model), result=result)


@pytest.fixture
def tiny() -> SimpleNamespace:
    """The builders above, as one object."""
    return SimpleNamespace(
        examples=tiny_examples,
        dataset=tiny_dataset,
        network=tiny_network,
        settings=tiny_settings,
        train=train,
    )


@pytest.fixture
def same() -> Callable[[dict, dict], bool]:
    """Whether two models' arrays are the same bytes."""
    return lambda first, second: all(first[name].tobytes() == second[name].tobytes() for name in first)
