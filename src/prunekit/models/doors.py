"""Networks from other libraries and from the user's modules. Weights are always new: nothing is downloaded."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from contextlib import redirect_stdout
from difflib import get_close_matches
from typing import Any

from torch import nn

from prunekit.base.code import imported, why
from prunekit.errors import UsageError
from prunekit.models.segmentation import Segmenter

# Networks that return a tuple of outputs in training unless their auxiliary classifiers are omitted.
SINGLE_OUTPUT: dict[str, dict[str, Any]] = {
    name: {"aux_logits": False, "init_weights": True} for name in ("googlenet", "inception_v3")
}


def torchvision(name: str, *, classes: int, **settings: Any) -> nn.Module:
    """The torchvision classification or segmentation network of this name."""
    from torchvision import models

    segmentation = models.list_models(module=models.segmentation)
    _check("torchvision", name, [*models.list_models(module=models), *segmentation])
    settings |= {"weights": None, "num_classes": classes, **SINGLE_OUTPUT.get(name, {})}
    if name not in segmentation:
        return _built(name, models.get_model, name, **settings)
    return Segmenter(_built(name, models.get_model, name, weights_backbone=None, **settings))


def timm(name: str, *, classes: int) -> nn.Module:
    """The timm network of this name."""
    from timm import create_model, list_models

    _check("timm", name, list_models())
    return _built(name, create_model, name, pretrained=False, num_classes=classes)


def module(target: str, *, classes: int) -> nn.Module:
    """The network that the user's ``package.file:builder`` returns for ``builder(classes=classes)``."""
    return _built(target, imported(target, "architecture"), classes=classes)


def _check(library: str, name: str, known: Iterable[str]) -> None:
    names = list(known)
    if name not in names:
        near = ", ".join(get_close_matches(name, names, n=3)) or "none is similar"
        raise UsageError(f"{library} has no architecture {name!r} (nearest: {near})")


def _built(name: str, builder: Callable[..., Any], *args: Any, **settings: Any) -> nn.Module:
    try:
        with redirect_stdout(sys.stderr):
            model = builder(*args, **settings)
    except (Exception, SystemExit) as error:
        raise UsageError(f"architecture {name!r} cannot be built: {why(error)}") from error
    if not isinstance(model, nn.Module):
        raise UsageError(f"architecture {name!r} built a {type(model).__name__}, not a torch.nn.Module")
    return model
