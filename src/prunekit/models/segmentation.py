"""Segmentation networks whose evaluation output is one tensor of logits, as for all other networks."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models.segmentation import LRASPP


class Segmenter(nn.Module):
    """The parts of a torchvision segmentation network, under the same names.

    Maps images ``[N, 3, H, W]`` to logits ``[N, classes, H, W]``; in training mode with an auxiliary classifier, to
    ``{"out": logits, "aux": its logits}``.
    """

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.backbone: nn.Module = network.backbone
        self.classifier: nn.Module = network.classifier
        self.aux_classifier: nn.Module | None = getattr(network, "aux_classifier", None)
        # LR-ASPP's classifier takes all features.
        self.output = None if isinstance(network, LRASPP) else "out"

    def forward(self, x: Tensor) -> Tensor | dict[str, Tensor]:
        """Logits at the images' own size."""
        features = self.backbone(x)
        logits = _enlarge(self.classifier(features if self.output is None else features[self.output]), x)
        if not self.training or self.aux_classifier is None:
            return logits
        return {"out": logits, "aux": _enlarge(self.aux_classifier(features["aux"]), x)}


def _enlarge(logits: Tensor, images: Tensor) -> Tensor:
    return F.interpolate(logits, size=images.shape[-2:], mode="bilinear", align_corners=False)
