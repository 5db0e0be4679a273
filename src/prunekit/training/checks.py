"""What is wrong with a training that cannot work, said before its first step."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from prunekit.arithmetic import exact
from prunekit.errors import UsageError
from prunekit.params import TrainParams
from prunekit.training.feed import Feed


def check_epochs(settings: TrainParams, start_epoch: int) -> None:
    """Refuse epochs to keep, or to begin at, that lie after the last one."""
    if settings.keep_epoch is not None and settings.keep_epoch > settings.epochs:
        raise UsageError(f"keep_epoch: {settings.keep_epoch} is after the last epoch ({settings.epochs})")
    if start_epoch >= settings.epochs:
        raise UsageError(f"epochs: {settings.epochs} leave nothing to train from epoch {start_epoch} on")


@exact()
def check_data(model: nn.Module, feed: Feed) -> None:
    """Refuse data that the network cannot be trained on: too few images, other classes, images of another size."""
    count, classes = len(feed.examples), len(feed.dataset.classes)
    if feed.batch_size > count:
        raise UsageError(f"batch_size: {feed.batch_size} is more than the {count} training images")
    largest = int(feed.examples.strata.max())
    if largest >= classes:
        raise UsageError(
            f"{feed.dataset.name} has {classes} classes, but a label {largest} (they count from 0)"
        )
    outputs = _probe(model, feed)
    if not isinstance(outputs, Tensor):
        raise UsageError(
            f"the network gives a {type(outputs).__name__} in evaluation mode, not a tensor of logits"
        )
    if outputs.ndim < 2 or outputs.shape[1] != classes:
        raise UsageError(
            f"the network's outputs are {list(outputs.shape)} for one image, {feed.dataset.name} has {classes} classes"
        )


@torch.no_grad()
def _probe(model: nn.Module, feed: Feed) -> object:
    """What the network says of one black image."""
    height, width = feed.dataset.size
    was_training = model.training
    try:
        return model.eval()(torch.zeros(1, feed.dataset.planes, height, width, device=feed.device))
    except torch.OutOfMemoryError:
        raise
    except (RuntimeError, ValueError, AssertionError) as error:
        reason = str(error).partition("\n")[0]
        raise UsageError(f"the network cannot take images of {height}x{width} pixels: {reason}") from error
    finally:
        model.train(was_training)
