"""Images as a network sees them: normalised, channels-last, in batches of a size that suits the device."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from prunekit.base.copying import copied_network
from prunekit.data.datasets import Dataset
from prunekit.data.examples import ArrayExamples, Examples, taken
from prunekit.data.normalise import Normaliser
from prunekit.errors import PrunekitError, UsageError

# Pixels per batch at which a CIFAR ResNet forwards fastest; on a CPU its activations then fit in the cache.
BATCH_PIXELS = {"cpu": 64 * 32 * 32}
BATCH_PIXELS_ELSEWHERE = 4096 * 32 * 32
# Below this, large images are up to a quarter slower.
LEAST_IMAGES = 8


class Batch(NamedTuple):
    """``indices`` int64 ``[n]`` among the examples, ``images`` normalised ``[n, C, H, W]``, ``labels``."""

    indices: Tensor
    images: Tensor
    labels: Tensor


def per_channel(values: Sequence[float], device: str | torch.device = "cpu") -> Tensor:
    """``values`` as float32 ``[C, 1, 1]``, which broadcasts over images."""
    return torch.tensor(values, dtype=torch.float32, device=device).view(-1, 1, 1)


def default_batch_size(size: Sequence[int], device: str | torch.device = "cpu") -> int:
    """Images per forward pass for images of ``size`` (H, W): just enough to fill the device."""
    pixels = BATCH_PIXELS.get(torch.device(device).type, BATCH_PIXELS_ELSEWHERE)
    return max(LEAST_IMAGES, pixels // (size[0] * size[1]))


def batches(
    examples: Examples,
    *,
    dataset: Dataset,
    indices: Tensor | None = None,
    batch_size: int | None = None,
    device: str | torch.device = "cpu",
) -> Iterator[Batch]:
    """The examples (or those at ``indices``) in order, ``batch_size`` at a time (unset: what suits the device).

    Examples held in memory move to the device as a whole, so that no batch waits for a copy.
    """
    wanted = torch.arange(len(examples)) if indices is None else indices
    if not len(wanted):
        raise UsageError("there are no images to measure")
    chosen = (examples if indices is None else examples.subset(indices)).to(device)
    normalise = Normaliser(dataset, device)
    step = batch_size or default_batch_size(dataset.size, device)
    read = (
        zip(torch.split(chosen.images, step), torch.split(chosen.labels, step), strict=True)
        if isinstance(chosen, ArrayExamples)
        else taken(chosen, torch.split(torch.arange(len(wanted)), step))
    )
    for part, (images, labels) in zip(torch.split(wanted, step), read, strict=True):
        yield Batch(part, normalise(images), labels.to(device))


def frozen_copy(model: nn.Module, device: str | torch.device = "cpu") -> nn.Module:
    """A copy in evaluation mode, channels-last, on ``device``; the caller's model is not touched."""
    copy = copied_network(model).eval().requires_grad_(False)
    return copy.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


class Guard:
    """Checks of one measurement: whether outputs are finite, and how many images fit in the device's memory.

    Finiteness is checked only once, by ``check`` at the end, because reading outputs waits for the GPU.
    """

    def __init__(self) -> None:
        self.most: int | None = None
        self._finite: Tensor | None = None

    def add(self, logits: Tensor) -> None:
        """Add the outputs of another batch."""
        finite = torch.isfinite(logits).all()
        self._finite = finite if self._finite is None else self._finite & finite
        if logits.device.type == "cpu":
            self.check()

    def check(self) -> None:
        """Raise a :class:`PrunekitError` if an output was not finite."""
        if self._finite is not None and not self._finite:
            raise PrunekitError(
                "the model's outputs are not finite (NaN or infinity): its weights are unusable"
            )


def checked_logits(model: nn.Module, images: Tensor, classes: int, guard: Guard) -> Tensor:
    """The model's outputs ``[n, classes, ...]``, also added to ``guard``, which the caller checks at the end.

    If the device has too little memory for all images, these and later ones are forwarded in halves.
    :class:`UsageError` if the model has another number of classes; :class:`PrunekitError` if it does not accept these
    images, or there is no memory for even one.
    """
    parts = [_forwarded(model, part, guard) for part in torch.split(images, guard.most or len(images))]
    logits = parts[0] if len(parts) == 1 else torch.cat(parts)
    if logits.shape[1] != classes:
        raise UsageError(f"the model has {logits.shape[1]} outputs, but the data set has {classes} classes")
    guard.add(logits)
    return logits


def _forwarded(model: nn.Module, images: Tensor, guard: Guard) -> Tensor:
    try:
        output = model(images)
    except torch.OutOfMemoryError as error:
        if len(images) == 1:
            raise PrunekitError(f"{images.device} has too little memory to forward a single image") from error
    except RuntimeError as error:
        shape, reason = " x ".join(map(str, images.shape[1:])), str(error).partition("\n")[0]
        raise PrunekitError(f"the model fails on images of {shape}: {reason}") from error
    else:
        # torchvision's segmentation networks name their outputs.
        logits: Tensor = output["out"] if isinstance(output, Mapping) else output
        return logits
    # Outside the handler, whose error keeps the tensors of the failed pass alive.
    guard.most = -(-len(images) // 2)
    torch.cuda.empty_cache()
    return torch.cat([_forwarded(model, part, guard) for part in torch.split(images, guard.most)])
