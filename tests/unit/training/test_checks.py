"""Trainings that cannot work are refused before their first step, in one line, and nothing is changed."""

import sys
import warnings

import pytest
import torch
from torch import nn

from prunekit.base.copying import copied_network
from prunekit.data.examples import ArrayExamples
from prunekit.errors import PrunekitWarning, UsageError
from prunekit.models.state import to_arrays
from prunekit.models.vgg import Vgg
from prunekit.training.checks import checked
from prunekit.training.feed import Feed


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
        (
            lambda tiny: tiny.network(classes=5),
            r"outputs have the shape \[1, 5\] for one image, but tiny has 3 classes",
        ),
        (lambda tiny: Vgg(((4,),) * 5, classes=3), "cannot take images of 8x8 pixels"),
        (lambda tiny: nn.Sequential(nn.Flatten(), nn.Linear(7, 3)), "cannot take images of 8x8 pixels"),
        (lambda tiny: Pair(), "returns a tuple in evaluation mode"),
    ],
)
def test_networks_that_do_not_fit(tiny, network, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        tiny.train(network(tiny))
    assert "\n" not in str(caught.value)


def test_labels_that_do_not_count_from_zero(tiny) -> None:
    with pytest.raises(UsageError, match="tiny has 3 classes, but a label 3"):
        tiny.train(examples=_labels_from_one(tiny))


class Flat(nn.Module):
    """A network of the user's own: batch norm over one number per image and channel."""

    def __init__(self, **changes: nn.Module) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.norm, self.head = nn.BatchNorm1d(4), nn.Linear(4, 3)
        for name, module in changes.items():
            setattr(self, name, module)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits."""
        return self.head(self.norm(self.body(x)))


class Changing(Flat):
    """Two outputs, in training alone."""

    def forward(self, x: torch.Tensor) -> object:
        """Logits, or twice the same."""
        found = super().forward(x)
        return (found, found) if self.training else found


class Leaving(Flat):
    """A network that ends the process, in training alone."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits, or nothing at all."""
        return sys.exit(3) if self.training else super().forward(x)


class Hungry(Flat):
    """A network that wants more than images."""

    def forward(self, x: torch.Tensor, more: torch.Tensor) -> torch.Tensor:
        """Logits."""
        return super().forward(x + more)


class Closed(Flat):
    """A network that cannot be copied."""

    def __deepcopy__(self, memo: dict) -> nn.Module:
        raise ValueError("there is one of me")


@pytest.mark.parametrize(
    ("network", "said"),
    [
        (lambda: Flat().double(), "body.0.weight is float64, but weights must be float32"),
        (lambda: Flat().half(), "body.0.weight is float16"),
        (lambda: Flat().bfloat16(), "body.0.weight is bfloat16"),
        (lambda: Flat(head=nn.Linear(4, 3, dtype=torch.cfloat)), "head.weight is complex64"),
        (lambda: Flat(head=nn.LazyLinear(3)), "head.weight has no size yet"),
        (lambda: Flat().requires_grad_(False), "no parameters to train: all are frozen"),
        (lambda: Changing(), "in training mode it returns a tuple, not logits"),
        (lambda: Leaving(), "SystemExit: 3"),
        (lambda: Hungry(), "cannot take images of 8x8 pixels: TypeError"),
        (lambda: Closed(), "the network cannot be copied: ValueError: there is one of me"),
    ],
)
def test_networks_that_cannot_be_trained(tiny, network, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        tiny.train(network())
    assert "\n" not in str(caught.value)


def test_the_trial_changes_nothing(tiny, same) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    model = tiny.network()
    before = to_arrays(model)
    feed = Feed(tiny.examples(), tiny.dataset(), 16, 0, torch.device("cpu"))
    assert checked(model, feed, lambda outputs, labels: outputs.sum()) is feed
    assert same(before, to_arrays(model))
    assert torch.equal(torch.rand(3), expected)


def test_a_last_batch_of_one_image_joins_the_one_before_where_it_could_not_be_trained_on(tiny) -> None:
    settings = tiny.settings(batch_size=13, epochs=1)  # 40 = 3 x 13 + 1
    with pytest.warns(PrunekitWarning, match="it is merged with the batch before it"):
        assert tiny.train(Flat(), settings).result.steps == 3
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert tiny.train(tiny.network(), settings).result.steps == 4  # as it always was


def test_the_batches_of_a_joined_feed_hold_every_image_once(tiny) -> None:
    feed = Feed(tiny.examples(), tiny.dataset(), 13, 0, torch.device("cpu"))
    assert [batch.total for batch in feed.epoch(0)] == [13, 13, 13, 1]
    assert [batch.total for batch in feed.joined().epoch(0)] == [13, 13, 14]
    assert [batch.total for batch in feed.joined().epoch(0, 2)] == [14]
    even = Feed(tiny.examples(), tiny.dataset(), 20, 0, torch.device("cpu")).joined()
    assert (even.steps_per_epoch, [batch.total for batch in even.epoch(0)]) == (2, [20, 20])


@pytest.mark.parametrize("normed", [nn.utils.weight_norm, nn.utils.spectral_norm])
def test_weights_that_a_hook_computes_are_trained_and_measured(tiny, normed) -> None:
    trained = tiny.train(Flat(head=normed(nn.Linear(4, 3))))
    copy = copied_network(trained.model).eval()
    images = torch.rand(2, 3, 8, 8)
    assert torch.equal(copy(images), trained.model.eval()(images))
    assert trained.result.losses[-1] < trained.result.losses[0] + 1
