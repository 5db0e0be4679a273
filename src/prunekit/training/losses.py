"""The training loss: averaged per epoch, checked to be finite, read without waiting for the device at every step."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from prunekit.errors import PrunekitError
from prunekit.training.distributed import summed

# Steps between reads of the loss: each read waits for the device.
LOOK_EVERY = {"cpu": 1}
LOOK_EVERY_ELSEWHERE = 20


class LossLog:
    """The mean loss of every finished epoch, and the sum over the images of the current one."""

    def __init__(self, images: int, steps_per_epoch: int, device: torch.device) -> None:
        self.epochs: list[float] = []
        self.running = 0.0
        self.note = ""
        self._images = images
        self._steps_per_epoch = steps_per_epoch
        self._every = LOOK_EVERY.get(device.type, LOOK_EVERY_ELSEWHERE)
        self._unseen: list[tuple[int, Tensor, int]] = []

    def add(self, step: int, loss: Tensor, images: int) -> None:
        """Record this process's share of the loss of a step over ``images`` images."""
        self._unseen.append((step, loss, images))
        if len(self._unseen) >= self._every:
            self.look()

    @property
    def seen(self) -> bool:
        """Whether every recorded loss has been read."""
        return not self._unseen

    def look(self) -> None:
        """Read the recorded losses; a :class:`PrunekitError` names the first step whose loss is not finite."""
        if not self._unseen:
            return
        values = summed(torch.stack([loss for _, loss, _ in self._unseen])).tolist()
        for (step, _, images), value in zip(self._unseen, values, strict=True):
            self._check(step, value)
            self.running += value * images
        self._unseen = []
        self.note = f"loss {values[-1]:.3f}"

    def end_epoch(self) -> None:
        """Close the current epoch."""
        self.look()
        self.epochs.append(self.running / self._images)
        self.running = 0.0

    def _check(self, step: int, value: float) -> None:
        if not math.isfinite(value):
            epoch, within = divmod(step, self._steps_per_epoch)
            raise PrunekitError(
                f"the loss became {value} in epoch {epoch + 1}, step {within + 1} (iteration {step}): lower lr, "
                "lengthen warmup_epochs or set clip_norm"
            )
