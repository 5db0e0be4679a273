"""Losses and per-example outcomes of the tasks, on whole batches of logits."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from prunekit.tasks.segmentation import IGNORED


def classification_loss(logits: Tensor, labels: Tensor, *, label_smoothing: float = 0.0) -> Tensor:
    """Mean cross entropy of logits [N, C] and labels [N]."""
    return F.cross_entropy(logits, labels, label_smoothing=label_smoothing)


def classification_outcomes(logits: Tensor, labels: Tensor) -> dict[str, Tensor]:
    """The network's answer to each image, and how good it is.

    ``logits`` [N, C]; ``labels`` [N], or [N, K] padded with -1 where any of several classes is right (ObjectNet): then
    ``label`` and ``rank`` are those of the best-ranked right class, ``loss`` and ``brier`` of their joint probability.
    """
    logits = logits.float()
    accepted = labels if labels.ndim == 2 else labels[:, None]
    ranks = _ranks(logits, accepted)
    rank, best = ranks.min(dim=1)
    log_probability = logits.log_softmax(dim=1)
    right = log_probability.gather(1, accepted.clamp(min=0)).masked_fill(accepted < 0, -torch.inf)
    right = right.logsumexp(dim=1)
    return {
        "predicted": logits.argmax(dim=1).int(),
        "label": accepted.gather(1, best[:, None])[:, 0].int(),
        "rank": rank.int(),
        "loss": -right,
        "confidence": log_probability.amax(dim=1).exp(),
        "brier": _brier(log_probability.exp(), accepted, right.exp()),
    }


def _brier(p: Tensor, accepted: Tensor, right: Tensor) -> Tensor:
    """Squared distance [N], in [0, 2], of probabilities [N, C] to the one-hot truth, its classes counted as one.

    ``accepted`` [N, K] are the right classes, ``right`` [N] their joint probability.
    """
    index = accepted.where(accepted >= 0, accepted.amax(dim=1, keepdim=True))
    return p.scatter(1, index, 0.0).square().sum(dim=1) + (1 - right).square()


def _ranks(logits: Tensor, accepted: Tensor) -> Tensor:
    """Ranks [N, K] of the accepted classes, 0 is best; ties go to the lower class, and NaN never counts as a hit."""
    classes = logits.shape[1]
    index = torch.arange(classes, device=logits.device)
    places = []
    for label in accepted.unbind(dim=1):
        own = logits.gather(1, label.clamp(min=0)[:, None])
        after = (logits < own) | ((logits == own) & (index > label[:, None])) | (index == label[:, None])
        places.append((classes - after.sum(dim=1)).masked_fill(label < 0, classes))
    return torch.stack(places, dim=1)


def segmentation_loss(logits: Tensor, labels: Tensor, *, label_smoothing: float = 0.0) -> Tensor:
    """Mean cross entropy over the labelled pixels of logits [N, C, H, W] and labels [N, H, W]."""
    return F.cross_entropy(logits, labels, ignore_index=IGNORED, label_smoothing=label_smoothing)


def segmentation_outcomes(logits: Tensor, labels: Tensor) -> dict[str, Tensor]:
    """Per image, the pixels of each class: intersection, union, truth; the wrong and the counted pixels; the mean loss.

    ``logits`` [N, C, H, W], ``labels`` [N, H, W] with 255 ignored. Counts per image let intervals resample images.
    """
    classes = logits.shape[1]
    counted = labels != IGNORED
    predicted = logits.argmax(dim=1)
    truth = _class_counts(labels, counted, classes)
    said = _class_counts(predicted, counted, classes)
    intersection = _class_counts(predicted, predicted == labels, classes)
    pixels = counted.sum(dim=(1, 2))
    loss = F.cross_entropy(logits.float(), labels, ignore_index=IGNORED, reduction="none").sum(dim=(1, 2))
    return {
        "intersection": intersection,
        "union": truth + said - intersection,
        "truth": truth,
        "wrong": pixels - intersection.sum(dim=1),
        "pixels": pixels,
        "loss": loss / pixels.clamp(min=1),
    }


def _class_counts(classes_of: Tensor, counted: Tensor, classes: int) -> Tensor:
    """Pixels [N, classes] of each class in each image, where ``counted``."""
    images = len(classes_of)
    image = torch.arange(images, device=classes_of.device)[:, None, None]
    cell = (classes_of + image * classes)[counted]
    return torch.bincount(cell, minlength=images * classes).reshape(images, classes)
