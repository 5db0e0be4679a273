"""The work of a step: the images it trains on and forwards, and its epochs. Pure; no torch."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from prunekit.data.datasets import SHIFTED
from prunekit.distribution import parse
from prunekit.errors import UsageError
from prunekit.params import (
    BATCHNORM_IMAGES,
    REPAIR_IMAGES,
    ErrorParams,
    FeaturesParams,
    NoiseParams,
    Params,
    RetrainParams,
    Root,
    TransferParams,
)

# Forward passes that a training image costs: the backward pass is two (Kaplan et al. 2020, section 2.1).
TRAINING_PASSES = 3
# Forward passes over its images that a least-squares repair takes: one per layer, and the fits (33 for resnet20).
REPAIR_PASSES = 33
# Networks that share the reference's passes over the noisy images.
NOISE_AT_ONCE = 8


class Work(NamedTuple):
    """The images that a step trains on, and those that it forwards."""

    trained: float = 0.0
    forwarded: float = 0.0


@lru_cache
def counted_as(distribution: str) -> tuple[str, str]:
    """The data set and split with as many images as a distribution, before any are held out."""
    wanted = parse(distribution)
    return (SHIFTED[wanted.dataset].of if wanted.published else wanted.dataset), wanted.split


class Known(NamedTuple):
    """What the work of a step depends on besides its fields: its root, other steps of the plan, images, pixels."""

    root: Root
    steps: Mapping[str, Params]
    images: Mapping[str, Mapping[str, int]]
    pixels: int

    def images_of(self, distribution: str) -> float:
        """The number of images of a distribution; :class:`UsageError` if it is unknown."""
        name, split = counted_as(distribution)
        published, share = self.images.get(name, {}), 1.0
        if split in ("train", "valid") and "valid" not in published:
            held: float = self.root.valid_fraction
            split, share = "train", held if split == "valid" else 1 - held
        if split not in published:
            raise UsageError(f"{name}: the number of images of its {split} split is not known")
        return published[split] * share

    @property
    def train(self) -> float:
        """The number of images that the lineage is trained on."""
        return self.images_of(f"{self.root.dataset}:train")

    @property
    def test(self) -> float:
        """The number of images that every new network is measured on."""
        return self.images_of(str(self.root.dataset))

    @property
    def checked(self) -> float:
        """The number of images that a newly trained network is measured on: the held-out ones and the test set."""
        return self.images_of(f"{self.root.dataset}:valid") + self.test


def of_training(params: Root, known: Known) -> Work:
    """The work of training: every epoch, and the first measurement."""
    return Work(params.epochs * known.train, known.checked)


def of_retraining(params: RetrainParams, known: Known) -> Work:
    """The work of training from the rewind epoch; for modes without training, passes over some images."""
    if params.mode == "none":
        return Work(0, min(BATCHNORM_IMAGES, known.train) + known.checked)
    if params.mode == "least-squares":
        return Work(0, REPAIR_PASSES * min(REPAIR_IMAGES, known.train) + known.checked)
    done = known.root.kept_epoch or 0 if params.mode == "weight-rewind" else 0
    return Work((epochs_retrained(params, known.root) - done) * known.train, known.checked)


def of_test(params: Params, known: Known) -> Work:
    """The work of a step without training: the new network is measured once."""
    return Work(forwarded=known.test)


def of_error(params: ErrorParams, known: Known) -> Work:
    """The work of a measurement: every image, unless the outcomes were made with the model."""
    made_with_the_model = (params.distribution, params.seed) == (known.root.dataset, 0)
    return Work() if made_with_the_model else Work(forwarded=known.images_of(params.distribution))


def of_noise(params: NoiseParams, known: Known) -> Work:
    """The work of a noise comparison: every draw of every level, and a share of the reference's."""
    passes = sum(params.draws if level else 1 for level in params.levels)
    return Work(forwarded=params.images * passes * (1 + 1 / NOISE_AT_ONCE))


def of_features(params: FeaturesParams, known: Known) -> Work:
    """The work of ordering the pixels of every image."""
    return Work(forwarded=params.images * feature_passes(known.pixels, params.block, params.candidates))


def of_transfer(params: TransferParams, known: Known) -> Work:
    """The work of a transfer: every image at every share of its pixels."""
    features = known.steps.get(params.features)
    if not isinstance(features, FeaturesParams):
        raise UsageError(f"{params.features}: the number of its images is not known")
    return Work(forwarded=features.images * len(params.kept))


@lru_cache
def feature_passes(pixels: int, block: int, candidates: int | None) -> int:
    """Forward passes to order the ``pixels`` of one image; a gradient counts as ``TRAINING_PASSES``."""
    passes, left = 1, pixels
    while left > 0:
        tried = min(left, candidates or left)
        passes += tried + (TRAINING_PASSES if tried < left else 0)
        left -= min(block, tried)
    return passes


def epochs_trained(params: Root, root: Root | None) -> int:
    """The epochs of a step that trains a new network."""
    return params.epochs


def epochs_retrained(params: RetrainParams, root: Root | None) -> int:
    """The epochs of the step, else of its root; 1 if neither is known."""
    return params.epochs or (root.epochs if root else 1)


def one_pass(params: Params, root: Root | None) -> int:
    """One pass, for a step without epochs."""
    return 1
