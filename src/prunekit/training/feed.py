"""Batches for training: order, augmentation and noise are pure functions of (seed, epoch) or (seed, step).

No state is kept between steps, so an interrupted run resumes exactly where it stopped.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from prunekit.data.augment import AUGMENTS, Draws, rows
from prunekit.data.datasets import Dataset
from prunekit.data.examples import ArrayExamples, Examples, taken
from prunekit.data.normalise import Normaliser
from prunekit.errors import UsageError
from prunekit.training.distributed import ALONE, World, share

# The images of one epoch, uint8 [N, 3, H, W], for training on images that change per epoch (robust training).
EpochImages = Callable[[int], Tensor]


def derived_seed(seed: int, *place: int | str) -> int:
    """A separate seed for every place (``"order", 3``) of a run: 63 bits of a hash."""
    text = "/".join(str(part) for part in (seed, *place))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) >> 1


def generator(seed: int, *place: int | str) -> torch.Generator:
    """A random generator for one place of a run."""
    return torch.Generator().manual_seed(derived_seed(seed, *place))


class Batch(NamedTuple):
    """This process's normalised images ``[n, 3, H, W]`` and labels, and the number of images of all processes."""

    images: Tensor
    labels: Tensor
    total: int


@dataclass(frozen=True)
class Feed:
    """The training batches of one process."""

    examples: Examples
    dataset: Dataset
    batch_size: int
    seed: int
    device: torch.device
    place: World = ALONE
    epoch_images: EpochImages | None = None
    join_last: bool = False  # a last batch of one image joins the one before

    def joined(self) -> Feed:
        """The same feed, with a last batch of one image joined to the one before it."""
        return replace(self, join_last=True)

    @property
    def steps_per_epoch(self) -> int:
        """Steps of one epoch; the last batch may be smaller, or larger by one."""
        return len(self._sizes)

    @property
    def _sizes(self) -> list[int]:
        """Images of every batch of an epoch."""
        whole, rest = divmod(len(self.examples), self.batch_size)
        if rest == 1 and whole and self.join_last:
            return [*[self.batch_size] * (whole - 1), self.batch_size + 1]
        return [self.batch_size] * whole + [rest] * bool(rest)

    def images_before(self, step: int) -> int:
        """Images seen in the first ``step`` steps of a run."""
        epochs, steps = divmod(step, self.steps_per_epoch)
        return epochs * len(self.examples) + steps * self.batch_size

    def epoch(self, epoch: int, first_step: int = 0) -> Iterator[Batch]:
        """The batches of ``epoch``, from ``first_step`` on."""
        order = torch.randperm(len(self.examples), generator=generator(self.seed, "order", epoch))
        if isinstance(self.examples, ArrayExamples):
            order = order.to(self.device)
        wholes = torch.split(order, self._sizes)[first_step:]
        parts = [share(whole, self.place) for whole in wholes]
        examples, draws = self._of(epoch), self._draws(epoch)
        augment = AUGMENTS[self.dataset.augment]
        normalise = Normaliser(self.dataset, self.device)
        for whole, part, (images, labels) in zip(wholes, parts, taken(examples, parts), strict=True):
            images, labels = images.to(self.device), labels.to(self.device)
            images, labels = augment.apply(images, labels, rows(draws, part.to(self.device)))
            yield Batch(normalise(images), labels, len(whole))

    def _of(self, epoch: int) -> Examples:
        if self.epoch_images is None:
            return self.examples
        if not isinstance(self.examples, ArrayExamples):
            raise UsageError(
                f"{self.dataset.name} is too large for training on images that change every epoch"
            )
        return ArrayExamples(self.epoch_images(epoch).to(self.device), self.examples.labels)

    def _draws(self, epoch: int) -> Draws:
        drawn = generator(self.seed, "augment", epoch)
        draws = AUGMENTS[self.dataset.augment].draw(len(self.examples), self.dataset.size, drawn)
        return {name: values.to(self.device) for name, values in draws.items()}
