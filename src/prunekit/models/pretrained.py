"""timm's networks as published: trained weights, and the preprocessing that they were trained with."""

from __future__ import annotations

import math
from typing import Any

from torch import nn

from prunekit.base.environment import offline
from prunekit.errors import UsageError

DOOR = "timm:"


def pretrained(arch: str, classes: int) -> nn.Module:
    """timm's trained network; :class:`UsageError` if ``classes`` differs, as timm would then draw a new last layer."""
    from timm import create_model

    if not arch.startswith(DOOR):
        raise UsageError(f"--pretrained uses timm: name the architecture as timm:NAME, not {arch!r}")
    if offline():
        raise UsageError("--pretrained needs a network connection, and PRUNEKIT_OFFLINE forbids one")
    model: nn.Module = create_model(arch.removeprefix(DOOR), pretrained=True)
    found = getattr(model, "num_classes", None)
    if found != classes:
        raise UsageError(f"{arch} was trained on {found} classes, but the data set has {classes}")
    return model


def timm_preprocessing(arch: str) -> dict[str, Any]:
    """The preprocessing fields from timm's configuration of ``timm:NAME``; empty for other networks.

    timm scales the shorter side to the input size divided by the crop share (rounded down), then crops the centre.
    :class:`UsageError` for the few configurations that do something else.
    """
    from timm.models import get_pretrained_cfg, is_model

    name = arch.removeprefix(DOOR)
    if not arch.startswith(DOOR) or not is_model(name.partition(".")[0]):
        return {}
    found = get_pretrained_cfg(name)
    if found is None:
        return {}
    _, height, width = found.input_size
    share, mode = found.crop_pct or 1.0, found.crop_mode or "center"
    plain = (
        height == width and mode in ("center", "squash") and not getattr(found, "crop_border_pixels", None)
    )
    if not plain or len(found.mean) != 3:
        raise UsageError(
            f"timm's crop for {arch} is not available in prunekit ({mode}, {height}x{width}): set its "
            "preprocessing with image_size, resize, crop and interpolation"
        )
    return {
        "mean": tuple(found.mean),
        "std": tuple(found.std),
        "size": (height, width),
        "resize": math.floor(height / share),
        "crop": mode,
        "interpolation": found.interpolation,
    }
