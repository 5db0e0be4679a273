"""How close networks are to a reference as functions: all forward the same noisy images, in one pass.

Noise is drawn once per image and draw and scaled to every level (common random numbers: docs/decisions/060).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from prunekit.base.arithmetic import exact
from prunekit.base.memory import memory_kept
from prunekit.data.datasets import Dataset
from prunekit.data.examples import Examples
from prunekit.data.normalise import as_input
from prunekit.errors import UsageError
from prunekit.measure.batches import Batch, Guard, batches, checked_logits, frozen_copy, per_channel
from prunekit.measure.noise import PLANES, unit_noise
from prunekit.params import NoiseParams
from prunekit.progress import SILENT, Progress
from prunekit.tasks import TASKS


class Outputs(NamedTuple):
    """One network on one batch: logits, softmax and its log ``[n, classes]``; predicted class and wrong ``[n]``."""

    logits: Tensor
    log_p: Tensor
    p: Tensor
    predicted: Tensor
    wrong: Tensor


def outputs_of(logits: Tensor, labels: Tensor) -> Outputs:
    """The inputs of the metrics, in float64: √JS would show float32 rounding as a distance."""
    outcomes = TASKS["classification"].outcomes(logits, labels)
    log_p = logits.double().log_softmax(dim=1)
    return Outputs(logits.double(), log_p, log_p.exp(), outcomes["predicted"], outcomes["rank"] > 0)


def _kl(log_p: Tensor, log_q: Tensor) -> Tensor:
    return (log_p.exp() * (log_p - log_q)).sum(dim=1)


def probability_loyalty(model: Outputs, reference: Outputs) -> Tensor:
    """1 - √JS, with the Jensen-Shannon divergence in bits: 1 for equal softmax outputs, 0 for disjoint ones.

    Xu et al. 2021, "Beyond Preserved Accuracy" (arXiv 2109.03228).
    """
    middle = ((model.p + reference.p) / 2).clamp_min(torch.finfo(torch.float64).tiny).log()
    bits = (_kl(model.log_p, middle) + _kl(reference.log_p, middle)) / (2 * np.log(2))
    loyalty: Tensor = 1 - bits.clamp(0, 1).sqrt()
    return loyalty


METRICS: dict[str, Callable[[Outputs, Outputs], Tensor]] = {
    "agreement": lambda model, reference: model.predicted == reference.predicted,
    "softmax_l2": lambda model, reference: (model.p - reference.p).norm(dim=1),
    "softmax_linf": lambda model, reference: (model.p - reference.p).abs().amax(dim=1),
    "logit_l2": lambda model, reference: (model.logits - reference.logits).norm(dim=1),
    "kl": lambda model, reference: _kl(reference.log_p, model.log_p),
    "probability_loyalty": probability_loyalty,
    "wrong": lambda model, reference: model.wrong,
    "reference_wrong": lambda model, reference: reference.wrong,
}


def compare(model: Outputs, reference: Outputs) -> Tensor:
    """Every metric of every image: float64 ``[metrics, n]``, in the order of ``METRICS``."""
    return torch.stack([metric(model, reference).double() for metric in METRICS.values()])


class Tally:
    """Sums over draws per image ``[metrics, levels, images]`` and over images per draw ``[metrics, levels, draws]``."""

    def __init__(self, *, levels: int, images: int, draws: int, device: str | torch.device) -> None:
        self.images = torch.zeros(len(METRICS), levels, images, dtype=torch.float64, device=device)
        self.draws = torch.zeros(len(METRICS), levels, draws, dtype=torch.float64, device=device)

    def add(self, values: Tensor, *, level: int, draws: slice, rows: slice) -> None:
        """Count ``values`` ``[metrics, n]`` of the images at ``rows`` for each of the ``draws``."""
        self.images[:, level, rows] += values * (draws.stop - draws.start)
        self.draws[:, level, draws] += values.sum(dim=1, keepdim=True)

    def means(self) -> dict[str, np.ndarray]:
        """Per metric, its mean over draws ``[levels, images]``; under ``<metric>_by_draw``, its mean over images."""
        per_image = (self.images / self.draws.shape[2]).float().cpu().numpy()
        per_draw = (self.draws / self.images.shape[2]).float().cpu().numpy()
        by_draw = {f"{name}_by_draw": mean for name, mean in zip(METRICS, per_draw, strict=True)}
        return dict(zip(METRICS, per_image, strict=True)) | by_draw


@exact()
@memory_kept()
@torch.inference_mode()
def noise_similarity(
    models: Mapping[str, nn.Module],
    reference: nn.Module,
    examples: Examples,
    *,
    params: NoiseParams,
    dataset: Dataset,
    batch_size: int | None = None,
    device: str | torch.device = "cpu",
    progress: Progress = SILENT,
) -> dict[str, dict[str, np.ndarray]]:
    """Compare each model with ``reference`` under noise of every level, all on the same noisy images.

    Per model: ``index`` int64 ``[images]`` (which examples); per metric of ``METRICS`` float32 ``[levels, images]``,
    averaged over draws, and ``<metric>_by_draw`` ``[levels, draws]``, averaged over images. KL is from the reference
    to the model, in nats. ``batch_size`` does not change the noise. :class:`UsageError` for fewer examples than
    ``params.images`` or models whose classes differ from those of ``dataset``.
    """
    if dataset.task != "classification":
        raise UsageError(f"similarity compares classifiers; this data set's task is {dataset.task}")
    chosen, draws = choose(len(examples), params), draws_at(params)
    frozen = {name: frozen_copy(model, device) for name, model in models.items()}
    target = frozen_copy(reference, device)
    sizes = {"levels": len(params.levels), "images": params.images, "draws": params.draws}
    tallies = {name: Tally(**sizes, device=device) for name in models}
    classes, guard = len(dataset.classes), Guard()
    with progress.bar("similarity", params.images * sum(draws), "noisy images") as bar:
        start = 0
        for batch in batches(examples, dataset=dataset, indices=chosen, batch_size=batch_size, device=device):
            rows = slice(start, start := start + len(batch.indices))
            for level, which, images in noisy_images(batch, params=params, dataset=dataset):
                expected = outputs_of(checked_logits(target, images, classes, guard), batch.labels)
                for name, model in frozen.items():
                    found = outputs_of(checked_logits(model, images, classes, guard), batch.labels)
                    values = compare(found, expected)
                    tallies[name].add(values, level=level, draws=which, rows=rows)
                bar.advance(len(batch.indices))
    guard.check()
    return {name: {"index": chosen.numpy()} | tally.means() for name, tally in tallies.items()}


def choose(available: int, params: NoiseParams) -> Tensor:
    """The examples to compare: the first ``params.images`` of a permutation drawn with the seed."""
    if available < params.images:
        raise UsageError(f"images: {params.images} requested, but the distribution has {available}")
    generator = torch.Generator().manual_seed(params.seed)
    return torch.randperm(available, generator=generator)[: params.images]


def draws_at(params: NoiseParams) -> list[int]:
    """How often each level is drawn: once without noise, because every draw is then the same."""
    return [params.draws if epsilon else 1 for epsilon in params.levels]


def noisy_images(
    batch: Batch, *, params: NoiseParams, dataset: Dataset
) -> Iterator[tuple[int, slice, Tensor]]:
    """Every noisy version of a batch: the level's index, the draws it represents, the images."""
    shape, device = (PLANES, *batch.images.shape[2:]), batch.images.device
    for draw in range(params.draws):
        unit = unit_noise(params.noise, seed=params.seed, draw=draw, indices=batch.indices, shape=shape).to(
            device
        )
        if params.space == "pixel":
            unit = unit / per_channel(dataset.unit or dataset.std, device)
        step = as_input(unit, dataset)
        for level, epsilon in enumerate(params.levels):
            if epsilon:
                images = batch.images + epsilon * step
                yield level, slice(draw, draw + 1), in_range(images, dataset) if params.clip else images
            elif draw == 0:
                yield level, slice(0, params.draws), batch.images


def in_range(images: Tensor, dataset: Dataset) -> Tensor:
    """Normalised images clipped to the range of normalised pixels in [0, 1]."""
    mean, std = per_channel(dataset.mean, images.device), per_channel(dataset.std, images.device)
    return images.clamp(-mean / std, (1 - mean) / std)
