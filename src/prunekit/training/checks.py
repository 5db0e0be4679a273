"""Detect before the first step that a training cannot work, and why."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from prunekit.base.arithmetic import exact
from prunekit.base.copying import copied_network
from prunekit.base.kernels import sound
from prunekit.errors import PrunekitWarning, UsageError
from prunekit.params import TrainParams
from prunekit.training.feed import Feed

# The loss of a network's output, or outputs by name, on labels.
Loss = Callable[[Tensor | Mapping[str, Tensor], Tensor], Tensor]
PROBED = 2  # images of a trial step: a network that cannot be trained on two cannot be trained on more


def check_start(model: nn.Module, settings: TrainParams, start_epoch: int) -> None:
    """Refuse a kept or first epoch that lies after the last one, and weights that cannot be trained."""
    if settings.keep_epoch is not None and settings.keep_epoch > settings.epochs:
        raise UsageError(f"keep_epoch: {settings.keep_epoch} is after the last epoch ({settings.epochs})")
    if start_epoch >= settings.epochs:
        raise UsageError(f"epochs: {settings.epochs} leave nothing to train from epoch {start_epoch} on")
    check_weights(model)


@exact()
def checked(model: nn.Module, feed: Feed, loss: Loss) -> Feed:
    """The feed, after checking that network and data match: parameters, classes, sizes, a trial step on a copy.

    If the network cannot be trained on one image (batch norm), a last batch of one joins the batch before it.
    :class:`UsageError` if they do not match.
    """
    check_data(model, feed)
    check_parameters(model)
    last = len(feed.examples) % feed.batch_size or feed.batch_size
    why = _trial(model, feed, loss, min(last, PROBED))
    if why and last == 1 and feed.steps_per_epoch > 1 and not _trial(model, feed, loss, PROBED):
        warnings.warn(
            "the last batch would hold one image, on which this network cannot be trained: it is "
            "merged with the batch before it",
            PrunekitWarning,
            stacklevel=3,
        )
        return feed.joined()
    if why:
        raise UsageError(f"the network cannot be trained on a batch of {min(last, PROBED)} images: {why}")
    return feed


def check_weights(model: nn.Module) -> None:
    """Refuse weights that are uninitialised (lazy) or not float32."""
    parameters = dict(model.named_parameters())
    lazy = next((name for name, parameter in parameters.items() if is_lazy(parameter)), None)
    if lazy is not None:
        raise UsageError(f"the network's {lazy} has no size yet: run a lazy layer once in the builder")
    wrong = next(
        ((name, each.dtype) for name, each in parameters.items() if each.dtype != torch.float32), None
    )
    if wrong is not None:
        raise UsageError(
            f"the network's {wrong[0]} is {str(wrong[1]).removeprefix('torch.')}, but weights must be "
            'float32 (call .float() in the builder; precision = "bfloat16" computes in half '
            "precision)"
        )


def check_parameters(model: nn.Module) -> None:
    """Refuse a network with nothing to train."""
    parameters = list(model.parameters())
    if not any(parameter.requires_grad for parameter in parameters):
        why = "all are frozen (requires_grad is False)" if parameters else "it has no parameters"
        raise UsageError(f"the network has no parameters to train: {why}")


def check_data(model: nn.Module, feed: Feed) -> None:
    """Refuse data that the network cannot be trained on: too few images, other classes or another image size."""
    count, classes = len(feed.examples), len(feed.dataset.classes)
    if feed.batch_size > count:
        raise UsageError(f"batch_size: {feed.batch_size} is more than the {count} training images")
    largest = int(feed.examples.strata.max())
    if largest >= classes:
        raise UsageError(
            f"{feed.dataset.name} has {classes} classes, but a label {largest} (labels count from 0)"
        )
    outputs = _probe(model, feed)
    if not isinstance(outputs, Tensor):
        raise UsageError(
            f"the network returns a {type(outputs).__name__} in evaluation mode, not a tensor of logits"
        )
    if outputs.ndim < 2 or outputs.shape[1] != classes:
        raise UsageError(
            f"the network's outputs have the shape {list(outputs.shape)} for one image, but "
            f"{feed.dataset.name} has {classes} classes"
        )


@torch.no_grad()
def _probe(model: nn.Module, feed: Feed) -> object:
    """The network's output for one black image."""
    height, width = feed.dataset.size
    was_training = model.training
    try:
        return model.eval()(torch.zeros(1, feed.dataset.planes, height, width, device=feed.device))
    except torch.OutOfMemoryError:
        raise
    except (Exception, SystemExit) as error:
        raise UsageError(
            f"the network cannot take images of {height}x{width} pixels: {_why(error)}"
        ) from error
    finally:
        model.train(was_training)


def _trial(model: nn.Module, feed: Feed, loss: Loss, images: int) -> str:
    """Why a copy of the network cannot be trained on ``images`` images; empty if it can."""
    tried = copied_network(model).train()
    (height, width), device = feed.dataset.size, feed.device
    shape = (images, height, width) if feed.dataset.task == "segmentation" else (images,)
    gpus = list(range(torch.cuda.device_count())) if device.type == "cuda" else []
    with torch.random.fork_rng(devices=gpus), sound(tried):
        torch.manual_seed(0)
        noise = torch.rand(images, feed.dataset.planes, height, width, device=device)
        try:
            outputs = tried(noise)
            if not isinstance(outputs, Tensor | Mapping):
                return (
                    f"in training mode it returns a {type(outputs).__name__}, not logits (nor a dict with "
                    "`out` and `aux`)"
                )
            labels = torch.zeros(shape, dtype=torch.long, device=device)
            torch.autograd.backward(loss(outputs, labels))
        except torch.OutOfMemoryError:
            raise
        except (Exception, SystemExit) as error:
            return _why(error)
    return ""


def _why(error: BaseException) -> str:
    text = str(error).strip().partition("\n")[0]
    return (
        text
        if isinstance(error, RuntimeError | ValueError | AssertionError) and text
        else f"{type(error).__name__}: {text}"
    )
