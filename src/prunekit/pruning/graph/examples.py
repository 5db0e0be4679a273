"""Inputs that a network may take, tried in turn until one runs, for callers who pass none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from prunekit.base.seeding import seeded
from prunekit.pruning.layers import CONVS, TRANSPOSED

# What a network is run on: one input, or all its positional arguments.
Example = Tensor | tuple[Tensor, ...] | list[Tensor]

_LIKELY = (64, 32, 28, 224, 96, 128, 256, 299, 16, 8, 384, 448, 512)
_SIDES = (*_LIKELY, 4, 2, 1, 48, 80, 112, 14, 7, 10, 12, 20, 24, 40, 6, 5, 3)
_SHORT = (16, 32, 8, 24, 28, 64)
_SMALLEST_TOKENS = (8, 16, 64)


def examples(
    model: nn.Module, given: Example | None = None, *, guess: bool = True
) -> Iterator[tuple[Any, ...]]:
    """Argument lists to try: ``given``, then shapes that fit the first layer, with two images wherever possible."""
    with seeded(0):
        device = next(model.parameters()).device
        kind = next((value.dtype for value in model.parameters() if value.is_floating_point()), torch.float32)
        for several in _given(given):
            yield tuple(inputs.to(device) for inputs in several)
        if not guess:
            return
        for inputs in _guesses(model):
            yield (inputs.to(device, kind) if inputs.is_floating_point() else inputs.to(device),)
        if _pictures(model):
            yield ([torch.rand(3, 96, 96, device=device), torch.rand(3, 96, 96, device=device)],)


def arguments(example: Example | None) -> tuple[Tensor, ...]:
    """The network's positional arguments that an example stands for; none for None."""
    if example is None:
        return ()
    return (example,) if isinstance(example, Tensor) else tuple(example)


def _given(example: Example | None) -> Iterator[tuple[Tensor, ...]]:
    """The example with two images, if all its tensors have as many, and as it is.

    The second of a single one is its mirror image: two that are the same would tell nothing about what differs.
    """
    several = arguments(example)
    if not several:
        return
    counts = {len(inputs) if inputs.dim() else 0 for inputs in several}
    if len(counts) == 1 and 0 not in counts:
        yield tuple(inputs[:2] if len(inputs) > 1 else _and_mirrored(inputs) for inputs in several)
    yield several


def _and_mirrored(inputs: Tensor) -> Tensor:
    return torch.cat([inputs, inputs.flip(list(range(1, inputs.dim())))])


def _first(model: nn.Module) -> nn.Module | None:
    kinds = (*CONVS, *TRANSPOSED, nn.Linear, nn.Embedding, nn.RNNBase)
    return next((module for module in model.modules() if isinstance(module, kinds)), None)


def _pictures(model: nn.Module) -> bool:
    first = _first(model)
    return isinstance(first, nn.Conv2d) and first.in_channels == 3


def _guesses(model: nn.Module) -> Iterator[Tensor]:
    first = _first(model)
    sizes = _declared(model)
    if isinstance(first, nn.Embedding):
        yield torch.randint(0, first.num_embeddings, (2, 16))
    elif isinstance(first, nn.RNNBase):
        yield torch.randn(2, 16, first.input_size)
    elif isinstance(first, nn.Linear):
        yield torch.randn(2, first.in_features)
        yield from (torch.randn(2, count, first.in_features) for count in _SMALLEST_TOKENS)
    elif first is not None:
        rank = len(first.kernel_size)  # type: ignore[arg-type]
        for side in (*sizes, *(_SIDES if rank < 3 else _SHORT)):
            shape = side if isinstance(side, tuple) else (side,) * rank
            if len(shape) == rank:
                yield torch.randn(2, int(first.in_channels), *shape)  # type: ignore[arg-type]
    yield from _images_behind(first)


def _images_behind(first: nn.Module | None) -> Iterator[Tensor]:
    """Images for networks that flatten them, or that rearrange pixels into channels before the first convolution."""
    if isinstance(first, nn.Linear):
        for channels in (1, 3):
            side = round((first.in_features / channels) ** 0.5)
            if side * side * channels == first.in_features:
                yield torch.randn(2, channels, side, side)
    if isinstance(first, nn.Linear | nn.Conv2d):
        yield from (torch.randn(2, 3, side, side) for side in (64, 32, 224))


def _declared(model: nn.Module) -> tuple[int | tuple[int, ...], ...]:
    """The image sizes that a network declares in its attributes."""
    found: list[int | tuple[int, ...]] = []
    for name in ("image_size", "img_size", "input_size"):
        value = getattr(model, name, None)
        if isinstance(value, int) or (
            isinstance(value, tuple) and all(isinstance(part, int) for part in value)
        ):
            found.append(value)
    patches = getattr(getattr(model, "patch_embed", None), "img_size", None)
    if isinstance(patches, tuple):
        found.append(tuple(int(part) for part in patches))
    settings = getattr(model, "default_cfg", None)
    if not found and isinstance(settings, dict) and settings.get("fixed_input_size"):
        found.append(tuple(int(part) for part in settings["input_size"][1:]))
    return tuple(found)
