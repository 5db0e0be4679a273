"""Learning-rate schedules: pure functions of the step, counted per iteration."""

from __future__ import annotations

import math
from collections.abc import Callable

from prunekit.params import TrainParams

WARMUP_EPOCHS = 5
WARMUP_SHARE = 0.1


def learning_rate(settings: TrainParams, step: int, steps_per_epoch: int) -> float:
    """The learning rate of iteration ``step`` (from 0): the schedule's rate times the completed share of the warm-up.

    The warm-up rises linearly from 0 at the first step; milestones count from the start of training.
    """
    warmup_steps = warmup_epochs(settings) * steps_per_epoch
    risen = min(1.0, step / warmup_steps) if warmup_steps else 1.0
    return settings.lr * risen * DECAYS[settings.schedule](settings, step, steps_per_epoch)


def last_learning_rate(settings: TrainParams, steps_per_epoch: int) -> float:
    """The learning rate of the last iteration: the rate of fine-tuning (Renda et al. 2020, section 2)."""
    return learning_rate(settings, settings.epochs * steps_per_epoch - 1, steps_per_epoch)


def warmup_epochs(settings: TrainParams) -> float:
    """Epochs of warm-up; unset: 5, but at most a tenth of the epochs."""
    if settings.warmup_epochs is not None:
        return settings.warmup_epochs
    return min(WARMUP_EPOCHS, WARMUP_SHARE * settings.epochs)


def milestones(settings: TrainParams) -> tuple[int, ...]:
    """The epochs at which ``multistep`` drops; unset: half and three quarters (91 and 136 of 182)."""
    if settings.milestones is not None:
        return settings.milestones
    return settings.epochs // 2, settings.epochs * 3 // 4


def _multistep(settings: TrainParams, step: int, steps_per_epoch: int) -> float:
    passed = sum(step >= milestone * steps_per_epoch for milestone in milestones(settings))
    return math.pow(settings.gamma, passed)


def _step(settings: TrainParams, step: int, steps_per_epoch: int) -> float:
    return math.pow(settings.gamma, step // (settings.step_epochs * steps_per_epoch))


def _poly(settings: TrainParams, step: int, steps_per_epoch: int) -> float:
    return math.pow(1 - _done(settings, step, steps_per_epoch), settings.power)


def _cosine(settings: TrainParams, step: int, steps_per_epoch: int) -> float:
    return (1 + math.cos(math.pi * _done(settings, step, steps_per_epoch))) / 2


def _constant(settings: TrainParams, step: int, steps_per_epoch: int) -> float:
    return 1.0


def _done(settings: TrainParams, step: int, steps_per_epoch: int) -> float:
    return min(1.0, step / (settings.epochs * steps_per_epoch))


DECAYS: dict[str, Callable[[TrainParams, int, int], float]] = {
    "multistep": _multistep,
    "step": _step,
    "poly": _poly,
    "cosine": _cosine,
    "constant": _constant,
}
