"""Trainings that cannot work are refused before their first step, in one line, and nothing is changed."""

import pytest
import torch
from torch import nn

from prunekit.data.examples import ArrayExamples
from prunekit.errors import UsageError
from prunekit.models.state import to_arrays
from prunekit.models.vgg import Vgg


class Pair(nn.Module):
    """A network that gives two things."""

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Twice the same."""
        return x, x


def _labels_from_one(tiny) -> ArrayExamples:
    examples = tiny.examples()
    return ArrayExamples(examples.images, examples.labels + 1)


@pytest.mark.parametrize(
    ("settings", "work", "said"),
    [
        ({"batch_size": 41}, {}, "batch_size: 41 is more than the 40 training images"),
        ({"keep_epoch": 4}, {}, "keep_epoch: 4 is after the last epoch"),
        ({}, {"start_epoch": 3}, "epochs: 3 leave nothing to train from epoch 3 on"),
    ],
)
def test_settings_that_do_not_fit(tiny, same, settings: dict, work: dict, said: str) -> None:
    model = tiny.network()
    before = to_arrays(model)
    with pytest.raises(UsageError, match=said):
        tiny.train(model, tiny.settings(**settings), **work)
    assert same(before, to_arrays(model))


@pytest.mark.parametrize(
    ("network", "said"),
    [
        (lambda tiny: tiny.network(classes=5), r"outputs are \[1, 5\] for one image, tiny has 3 classes"),
        (lambda tiny: Vgg(((4,),) * 5, classes=3), "cannot take images of 8x8 pixels"),
        (lambda tiny: nn.Sequential(nn.Flatten(), nn.Linear(7, 3)), "cannot take images of 8x8 pixels"),
        (lambda tiny: Pair(), "gives a tuple in evaluation mode"),
    ],
)
def test_networks_that_do_not_fit(tiny, network, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        tiny.train(network(tiny))
    assert "\n" not in str(caught.value)


def test_labels_that_do_not_count_from_zero(tiny) -> None:
    with pytest.raises(UsageError, match="tiny has 3 classes, but a label 3"):
        tiny.train(examples=_labels_from_one(tiny))
