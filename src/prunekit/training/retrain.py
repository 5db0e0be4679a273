"""Retraining modes around the one training loop (Renda et al. 2020), and two modes without training."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from prunekit.base.arithmetic import exact
from prunekit.base.memory import memory_kept
from prunekit.data.datasets import Dataset
from prunekit.data.examples import Examples
from prunekit.data.normalise import Normaliser
from prunekit.errors import UsageError, unknown
from prunekit.models.archs import build
from prunekit.models.state import Arrays, load_arrays, to_arrays
from prunekit.params import BATCHNORM_IMAGES, REPAIR_IMAGES, TrainParams
from prunekit.progress import SILENT, Progress
from prunekit.pruning.compact import compacted
from prunekit.pruning.masks import write_
from prunekit.pruning.repair import repair
from prunekit.training.checkpoint import Checkpoint
from prunekit.training.feed import EpochImages, derived_seed, generator
from prunekit.training.loop import FitResult, fit
from prunekit.training.schedules import last_learning_rate
from prunekit.training.sgd import hold

BATCHNORM_BATCH = 128
REPAIR_BATCH = 64


class Pruned(NamedTuple):
    """The inputs of a mode: the parent's settings, its kept early weights, and the sizes of the work."""

    settings: TrainParams
    kept: Arrays | None
    classes: int
    images: int
    seed: int


class Plan(NamedTuple):
    """How a mode trains: changed settings, first epoch, and initial weights (``None``: the pruned ones)."""

    changes: Mapping[str, Any] = {}
    start_epoch: int = 0
    weights: Arrays | None = None


def retrain(
    model: nn.Module,
    examples: Examples,
    *,
    mode: str,
    settings: TrainParams,
    dataset: Dataset,
    seed: int,
    epochs: int | None = None,
    kept: Arrays | None = None,
    before: Arrays | None = None,
    device: str | torch.device = "cpu",
    masks: Mapping[str, Tensor] | None = None,
    checkpoint: Checkpoint | None = None,
    epoch_images: EpochImages | None = None,
    progress: Progress = SILENT,
) -> FitResult:
    """Train the pruned ``model`` again in place by one of ``MODES``, with ``masks`` (True = kept) held.

    ``settings``: the unpruned parent's; ``kept``: its weights after ``keep_epoch``; ``before``: the weights before the
    last pruning. With ``epochs``, set milestones stay at their epoch and unset ones move. Errors: as :func:`fit`.
    """
    if mode in UNTRAINED:
        sample = Sample(examples, dataset, seed, torch.device(device))
        return UNTRAINED[mode](model, sample, masks or {}, before)
    plan = plan_of(mode, Pruned(settings, kept, len(dataset.classes), len(examples), seed))
    load_arrays(model, to_arrays(model) if plan.weights is None else plan.weights)
    train = partial(
        fit,
        examples=examples,
        settings=_changed(settings, plan, epochs),
        dataset=dataset,
        seed=seed,
        device=device,
        start_epoch=plan.start_epoch,
        checkpoint=checkpoint,
        epoch_images=epoch_images,
        progress=progress,
    )
    return _compact(model, masks or {}, train, torch.device(device))


def _compact(
    model: nn.Module, masks: Mapping[str, Tensor], train: Callable[..., FitResult], device: torch.device
) -> FitResult:
    """Train the model in its compact form if it has one (docs/decisions/046), else unchanged."""
    hold(model, masks)
    compact = compacted(model, dict(masks), training=True, device=device)
    if compact is None:
        return train(model, masks=masks)
    result = train(compact.network, masks=compact.masks)
    model.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    compact.write_back(model)
    return result._replace(compact=compact.parameters)


def _changed(settings: TrainParams, plan: Plan, epochs: int | None) -> TrainParams:
    length = {"epochs": settings.epochs if epochs is None else epochs, "keep_epoch": None}
    return settings.model_copy(update={**length, **plan.changes})


def plan_of(mode: str, pruned: Pruned) -> Plan:
    """The plan of ``mode``; a :class:`UsageError` for a mode that is not in the table."""
    if mode not in PLANS:
        raise unknown("retraining mode", mode, MODES)
    return PLANS[mode](pruned)


def _lr_rewind(pruned: Pruned) -> Plan:
    return Plan()


def _weight_rewind(pruned: Pruned) -> Plan:
    if pruned.kept is None or pruned.settings.keep_epoch is None:
        raise UsageError("weight-rewind: the unpruned parent kept no early weights: train it with keep_epoch")
    return Plan(start_epoch=pruned.settings.keep_epoch, weights=pruned.kept)


def _fine_tune(pruned: Pruned) -> Plan:
    steps_per_epoch = -(-pruned.images // pruned.settings.batch_size)
    rate = last_learning_rate(pruned.settings, steps_per_epoch)
    return Plan({"schedule": "constant", "warmup_epochs": 0.0, "lr": rate})


def _scratch(pruned: Pruned) -> Plan:
    seed = derived_seed(pruned.seed, "scratch")
    return Plan(weights=to_arrays(build(pruned.settings.arch, classes=pruned.classes, seed=seed)))


PLANS: dict[str, Callable[[Pruned], Plan]] = {
    "lr-rewind": _lr_rewind,
    "weight-rewind": _weight_rewind,
    "fine-tune": _fine_tune,
    "scratch": _scratch,
}


@exact()
@memory_kept()
def recompute_batchnorm(model: nn.Module, batches: Iterable[Tensor]) -> None:
    """Set the running statistics of every batch norm to the mean over ``batches`` of normalised images, in place."""
    norms = [
        module for module in model.modules() if isinstance(module, _BatchNorm) and module.track_running_stats
    ]
    momenta = [norm.momentum for norm in norms]
    was_training = model.training
    model.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain mean over all batches
        norm.train()
    with torch.no_grad():
        for images in batches:
            model(images)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    model.train(was_training)


class Sample(NamedTuple):
    """Training images for the modes that do not train: a seeded sample, normalised, without labels."""

    examples: Examples
    dataset: Dataset
    seed: int
    device: torch.device

    def batches(self, purpose: str, images: int, size: int) -> Iterator[Tensor]:
        """Up to ``images`` images in full batches of ``size``, or in one smaller batch if there are fewer."""
        chosen = torch.randperm(len(self.examples), generator=generator(self.seed, purpose))[:images]
        normalise, size = Normaliser(self.dataset, self.device), min(size, len(chosen))
        for part in torch.split(chosen[: len(chosen) // size * size], size):
            yield normalise(self.examples.take(part)[0])


def _recalibrated(
    model: nn.Module, sample: Sample, masks: Mapping[str, Tensor], before: Arrays | None
) -> FitResult:
    started = time.monotonic()
    model.to(device=sample.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    hold(model, masks)
    recompute_batchnorm(model, sample.batches("batchnorm", BATCHNORM_IMAGES, BATCHNORM_BATCH))
    return FitResult((), None, 0, time.monotonic() - started)


def _least_squares(
    model: nn.Module, sample: Sample, masks: Mapping[str, Tensor], before: Arrays | None
) -> FitResult:
    if before is None:
        raise UsageError("least-squares needs the weights before pruning: retrain the result of a prune step")
    started = time.monotonic()
    load_arrays(model.to(sample.device), before)
    batches = sample.batches("repair", REPAIR_IMAGES, REPAIR_BATCH)
    values = repair(model, masks=dict(masks), batches=batches)
    hold(model, masks)
    write_(model, values)
    return FitResult((), None, 0, time.monotonic() - started)


# The modes that do not train; the network is changed in place.
UNTRAINED: dict[str, Callable[[nn.Module, Sample, Mapping[str, Tensor], Arrays | None], FitResult]] = {
    "none": _recalibrated,
    "least-squares": _least_squares,
}
MODES = (*PLANS, *UNTRAINED)
