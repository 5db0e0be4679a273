"""Informative features: the order in which an image's pixels can be masked while the network stays confident.

Greedy backward selection (BackSelect, Carter et al. 2019): of the remaining pixels, mask the one without which the
network's confidence in its own prediction stays highest. A masked pixel is 0 in every channel of the normalised image.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from prunekit.analysis.features import kept_pixels
from prunekit.base.arithmetic import exact
from prunekit.base.memory import memory_kept
from prunekit.data.datasets import Dataset
from prunekit.data.examples import Examples
from prunekit.errors import UsageError
from prunekit.measure.batches import Guard, batches, checked_logits, default_batch_size, frozen_copy
from prunekit.progress import SILENT, Progress

# Images ordered together, so that a batch is full even when few pixels are left to try.
TOGETHER = {"cpu": 4}
TOGETHER_ELSEWHERE = 64


class Search(NamedTuple):
    """How to search for pixels to mask in images of ``size`` (H, W), ``batch_size`` images per forward pass."""

    model: nn.Module
    classes: int
    size: tuple[int, int]
    block: int
    candidates: int | None
    batch_size: int
    guard: Guard


@exact()
@memory_kept()
def informative_order(
    model: nn.Module,
    examples: Examples,
    *,
    dataset: Dataset,
    block: int = 1,
    candidates: int | None = None,
    batch_size: int | None = None,
    device: str | torch.device = "cpu",
    progress: Progress = SILENT,
) -> np.ndarray:
    """Per image, its pixels (row * width + column) from the first masked to the last: ``[images, H * W]``.

    int16, or int32 for more than 32,767 pixels; the last pixels of a row are the informative ones. With the
    defaults this is the exact greedy order, ties to the lowest pixel, at H * W * (H * W + 1) / 2 forward passes per
    image. ``block`` masks that many of the best pixels per step; ``candidates`` tries only that many pixels per step,
    those that matter least by the gradient. :class:`UsageError` if ``block`` is larger than ``candidates``.
    """
    if candidates is not None and block > candidates:
        raise UsageError(f"block: {block} pixels cannot be chosen among {candidates} candidates")
    rows = batch_size or default_batch_size(dataset.size, device)
    search = Search(
        frozen_copy(model, device), len(dataset.classes), dataset.size, block, candidates, rows, Guard()
    )
    together = TOGETHER.get(torch.device(device).type, TOGETHER_ELSEWHERE)
    orders = []
    with progress.bar("features", len(examples)) as bar:
        for batch in batches(examples, dataset=dataset, batch_size=together, device=device):
            orders.append(_order(search, batch.images))
            bar.advance(len(batch.images))
    search.guard.check()
    order = torch.cat(orders).cpu().numpy()
    return order.astype(np.int16 if order.shape[1] <= np.iinfo(np.int16).max else np.int32)


def _order(search: Search, images: Tensor) -> Tensor:
    """The order of every image: int64 ``[n, H * W]``."""
    pixels = as_pixels(images)
    predicted = checked_logits(search.model, images, search.classes, search.guard).argmax(dim=1)
    left = torch.arange(pixels.shape[1], device=pixels.device).repeat(len(pixels), 1)
    masked: list[Tensor] = []
    while left.shape[1]:
        masked.append(next_masked(search, pixels, left, predicted))
        pixels, left = without(pixels, masked[-1]), _others(left, masked[-1])
    return torch.cat(masked, dim=1)


def next_masked(search: Search, pixels: Tensor, left: Tensor, predicted: Tensor) -> Tensor:
    """One greedy step: of the pixels ``left`` ``[n, k]``, those to mask next ``[n, block]``, best first.

    ``pixels`` ``[n, P, C]`` are the images so far, ``predicted`` ``[n]`` the classes whose confidence counts.
    """
    tried = _candidates(search, pixels, left, predicted)
    confidence = _confidence_without(search, pixels, tried, predicted)
    best = confidence.sort(dim=1, descending=True, stable=True).indices[:, : search.block]
    return tried.gather(1, best)


def as_pixels(images: Tensor) -> Tensor:
    """Images ``[n, C, H, W]`` as ``[n, H * W, C]``; the way back is a channels-last view."""
    return images.permute(0, 2, 3, 1).flatten(1, 2)


def as_images(pixels: Tensor, size: Sequence[int]) -> Tensor:
    """The inverse of :func:`as_pixels`."""
    return pixels.view(len(pixels), *size, -1).permute(0, 3, 1, 2)


def without(pixels: Tensor, masked: Tensor) -> Tensor:
    """``pixels`` ``[n, P, C]`` with those at ``masked`` ``[n, k]`` set to 0."""
    return pixels.scatter(1, masked[:, :, None].expand(-1, -1, pixels.shape[2]), 0.0)


def _others(left: Tensor, masked: Tensor) -> Tensor:
    kept = (left[:, :, None] != masked[:, None, :]).all(dim=2)
    return left[kept].view(len(left), -1)


def _candidates(search: Search, pixels: Tensor, left: Tensor, predicted: Tensor) -> Tensor:
    """The pixels to try, in ascending order: all that are left, or those that matter least to first order."""
    if search.candidates is None or search.candidates >= left.shape[1]:
        return left
    point = pixels.clone().requires_grad_()
    logits = checked_logits(search.model, as_images(point, search.size), search.classes, search.guard)
    chosen = logits.log_softmax(dim=1).gather(1, predicted[:, None]).sum()
    (gradient,) = torch.autograd.grad(chosen, point)
    rise = -(gradient * pixels).sum(dim=2).gather(1, left)
    return left.gather(1, rise.topk(search.candidates, dim=1).indices.sort(dim=1).values)


@torch.inference_mode()
def _confidence_without(search: Search, pixels: Tensor, tried: Tensor, predicted: Tensor) -> Tensor:
    """Softmax probability ``[n, k]`` of the predicted class when one pixel of ``tried`` ``[n, k]`` is masked too."""
    image = torch.arange(len(pixels), device=pixels.device).repeat_interleave(tried.shape[1])
    parts = []
    rows = (torch.split(part, search.batch_size) for part in (image, tried.flatten()))
    for of, pixel in zip(*rows, strict=True):
        images = as_images(without(pixels[of], pixel[:, None]), search.size)
        logits = checked_logits(search.model, images, search.classes, search.guard)
        parts.append(logits.softmax(dim=1).gather(1, predicted[of, None]))
    return torch.cat(parts).view(tried.shape)


@exact()
@memory_kept()
@torch.inference_mode()
def transfer(
    order: np.ndarray,
    model: nn.Module,
    examples: Examples,
    *,
    dataset: Dataset,
    kept: Sequence[float],
    batch_size: int | None = None,
    device: str | torch.device = "cpu",
    progress: Progress = SILENT,
) -> np.ndarray:
    """The model's confidence in the true class if it sees only the last pixels of ``order``.

    float32 ``[images, len(kept)]``, per kept share of pixels (rounded, at least one; the paper's is 0.1). ``order`` is
    :func:`informative_order` of any model on the same examples; :class:`UsageError` if the examples differ.
    """
    pixels = dataset.size[0] * dataset.size[1]
    if order.shape != (len(examples), pixels):
        raise UsageError(
            f"the order belongs to {order.shape[0]} images of {order.shape[1]} pixels, not to these examples"
        )
    frozen, ordered, guard = frozen_copy(model, device), torch.from_numpy(order).long(), Guard()
    confidence = np.empty((len(examples), len(kept)), dtype=np.float32)
    with progress.bar("transfer", len(examples)) as bar:
        for batch in batches(examples, dataset=dataset, batch_size=batch_size, device=device):
            for column, share in enumerate(kept):
                masked = ordered[batch.indices, : pixels - kept_pixels(pixels, share)].to(batch.images.device)
                images = as_images(without(as_pixels(batch.images), masked), dataset.size)
                p = checked_logits(frozen, images, len(dataset.classes), guard).softmax(dim=1)
                confidence[batch.indices, column] = _of_true_class(p, batch.labels).cpu().numpy()
            bar.advance(len(batch.indices))
    guard.check()
    return confidence


def _of_true_class(p: Tensor, labels: Tensor) -> Tensor:
    """Probability ``[n]`` of the label, or of all accepted labels ``[n, K]`` (padded with -1) together."""
    accepted = labels if labels.ndim == 2 else labels[:, None]
    return p.gather(1, accepted.clamp(min=0)).masked_fill(accepted < 0, 0.0).sum(dim=1)


def order_agreement(exact: np.ndarray, fast: np.ndarray, *, share: float = 0.1) -> np.ndarray:
    """Per image, the fraction of the kept ``share`` of pixels that both orders keep: float64 ``[images]`` in [0, 1]."""
    count = kept_pixels(exact.shape[1], share)
    both = [np.intersect1d(*kept).size for kept in zip(exact[:, -count:], fast[:, -count:], strict=True)]
    return np.array(both) / count
