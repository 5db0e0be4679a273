"""Sensitivities that look at the weights alone; the sources are in ``methods``."""

from __future__ import annotations

import torch
from torch import Tensor

from prunekit.errors import UsageError
from prunekit.pruning.layers import Layer
from prunekit.pruning.subject import Scores, Subject


def magnitude(subject: Subject) -> Scores:
    """``|W|`` per weight."""
    return {name: layer.tensor().abs() for name, layer in subject.layers.items()}


def filter_l1(subject: Subject) -> Scores:
    """The sum of absolute weights of every filter."""
    return {name: _filters(layer).abs().sum(1) for name, layer in subject.layers.items()}


def _filters(layer: Layer) -> Tensor:
    """Every filter as one row."""
    return layer.blocks(layer.tensor()).flatten(1)


def check_finite(scores: Scores) -> Scores:
    """The same scores, or a :class:`UsageError` that names the first layer where one is not a number."""
    for name, values in scores.items():
        if not torch.isfinite(values.sum(dtype=torch.float64)):
            raise UsageError(f"layer {name!r} has weights or activations that are not finite")
    return scores
