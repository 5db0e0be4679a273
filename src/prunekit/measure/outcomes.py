"""The outcomes of one model on one distribution, example by example: measured once, analysed any number of times."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from prunekit.base.arithmetic import exact
from prunekit.base.memory import memory_kept
from prunekit.data.datasets import Dataset
from prunekit.data.examples import Examples
from prunekit.data.normalise import as_input
from prunekit.measure.batches import Batch, Guard, batches, checked_logits, frozen_copy
from prunekit.measure.noise import PLANES, unit_noise
from prunekit.progress import SILENT, Progress
from prunekit.tasks import TASKS

# Logits and labels of some images.
Answers = tuple[Tensor, Tensor]
MANY_LOGITS = 2**16


@exact()
@memory_kept()
@torch.inference_mode()
def outcomes(
    model: nn.Module,
    examples: Examples,
    *,
    dataset: Dataset,
    noise: tuple[str, float] | None = None,
    seed: int = 0,
    classes: Sequence[int] | None = None,
    kept: list[Tensor] | None = None,
    batch_size: int | None = None,
    device: str | torch.device = "cpu",
    progress: Progress = SILENT,
) -> dict[str, np.ndarray]:
    """The task's outcomes of every example, in the examples' order (``prunekit.tasks``).

    ``classes``: the network's classes for the labels 0, 1, ..., if the images have only some of its classes; the
    prediction is then the likeliest of these. ``kept`` collects each batch's logits.

    ``noise`` is (kind, ε): U[-ε, ε] or N(0, ε²) added to inputs normalised by the data set's own statistics,
    unclipped, the same pixels for every model and ``batch_size``.
    :class:`UsageError` if the model and the data set differ in classes,
    :class:`PrunekitError` if the model's outputs are not finite.
    """
    frozen, task = frozen_copy(model, device), TASKS[dataset.task]
    guard = Guard()

    def answers() -> Iterator[Answers]:
        for batch in batches(examples, dataset=dataset, batch_size=batch_size, device=device):
            images = noisy(batch, noise, dataset=dataset, seed=seed)
            logits = checked_logits(frozen, images, len(dataset.classes), guard)
            if kept is not None:
                kept.append(logits.float().cpu())
            yield logits if classes is None else logits[:, list(classes)], batch.labels
            bar.advance(len(batch.indices))

    with progress.bar("measure", len(examples)) as bar:
        parts = [task.outcomes(logits, labels) for logits, labels in _together(answers())]
    guard.check()
    return _joined(parts if classes is None else [_renamed(part, classes) for part in parts])


def _together(answers: Iterator[Answers]) -> Iterator[Answers]:
    """Small batches as one: an operation on few numbers takes as long as one on many."""
    few: list[Answers] = []
    for answer in answers:
        few.append(answer)
        if sum(logits.numel() for logits, _ in few) >= MANY_LOGITS:
            yield _as_one(few)
            few = []
    if few:
        yield _as_one(few)


def _as_one(answers: list[Answers]) -> Answers:
    logits, labels = zip(*answers, strict=True)
    return torch.cat(logits), torch.cat(labels)


def _renamed(found: dict[str, Tensor], classes: Sequence[int]) -> dict[str, Tensor]:
    """Outcomes among some classes, renumbered to their places among all of the network's classes."""
    places = torch.tensor(classes, dtype=torch.int32, device=found["predicted"].device)
    return found | {name: places[found[name].long()] for name in ("predicted", "label")}


def noisy(batch: Batch, noise: tuple[str, float] | None, *, dataset: Dataset, seed: int) -> Tensor:
    """The batch's images, with draw 0 of the noise (kind, ε) added if one is given."""
    if noise is None:
        return batch.images
    kind, epsilon = noise
    shape = (PLANES, *batch.images.shape[2:])
    unit = unit_noise(kind, seed=seed, draw=0, indices=batch.indices, shape=shape)
    return batch.images + epsilon * as_input(unit.to(batch.images.device), dataset)


def _joined(parts: list[dict[str, Tensor]]) -> dict[str, np.ndarray]:
    return {name: torch.cat([part[name] for part in parts]).cpu().numpy() for name in parts[0]}
