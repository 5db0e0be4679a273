"""What every step works with: the store, the data, the device, and a watcher; and the I/O that steps share."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

import prunekit
from prunekit import distribution as grammar
from prunekit.data.datasets import Dataset, open_dataset
from prunekit.data.examples import ArrayExamples, Examples
from prunekit.data.load import load_distribution, training_split
from prunekit.data.mixed import mixed_epoch
from prunekit.data.tasks import TASKS
from prunekit.distribution import is_place
from prunekit.errors import UsageError
from prunekit.measure.outcomes import outcomes
from prunekit.models.archs import build
from prunekit.models.state import load_arrays, to_arrays
from prunekit.params import ErrorParams, Params
from prunekit.progress import SILENT, Progress
from prunekit.steps.versions import check_parent, measurement_sources, model_sources
from prunekit.store.records import MeasurementRecord, ModelRecord, Sources, Step
from prunekit.store.remote import Remote
from prunekit.store.store import Store, digest_of_model

Masks = dict[str, Tensor]
HELD_SETS = 4  # distributions kept in memory between steps of one process


@dataclass(frozen=True)
class Context:
    """Where results and data are, what computes, and who watches.

    ``rank`` is this process's among those that train one network together: only rank 0 writes.
    """

    store: Store
    data: Path
    device: str = "cpu"
    progress: Progress = SILENT
    force: frozenset[str] = field(default_factory=frozenset)
    rank: int = 0
    remote: Remote | None = None


class Loaded(NamedTuple):
    """A stored model in memory."""

    record: ModelRecord
    model: nn.Module
    masks: Masks


class TrainingData(NamedTuple):
    """The images to fit, and those held out of them."""

    dataset: Dataset
    train: Examples
    valid: Examples


@lru_cache(maxsize=HELD_SETS)
def dataset(name: str, root: Path) -> Dataset:
    """The data set of this name, opened once per process."""
    return open_dataset(name, root)


@lru_cache(maxsize=HELD_SETS)
def examples(
    distribution: str, root: Path, seed: int = 0, split_seed: int = 0, valid_fraction: float = 0.0
) -> Examples:
    """The images of a distribution, kept in memory for the next step that wants them."""
    parsed = grammar.parse(distribution)
    opened = None if parsed.published else dataset(parsed.dataset, root)
    return load_distribution(
        parsed, root, seed=seed, split_seed=split_seed, valid_fraction=valid_fraction, dataset=opened
    )


def check_classes(distribution: str, opened: Dataset, root: Path) -> None:
    """A :class:`UsageError` where a distribution's images are of other classes than the models of ``opened`` know."""
    parsed = grammar.parse(distribution)
    if not parsed.published and dataset(parsed.dataset, root).classes != opened.classes:
        raise UsageError(
            f"distribution {distribution}: {parsed.dataset} has other classes than {opened.name}, "
            "on which the network was trained"
        )


def training_data(context: Context, root: Any) -> TrainingData:
    """The training images of a lineage, split as its root step says (``dataset``, ``valid_fraction``, ``seed``)."""
    opened = dataset(root.dataset, context.data)
    train, valid = training_split(opened, seed=root.seed, valid_fraction=root.valid_fraction)
    return TrainingData(opened, train.to(context.device), valid.to(context.device))


def epoch_images(root: Any, data: TrainingData) -> Callable[[int], Tensor] | None:
    """For robust training: the images that an epoch trains on, corrupted anew; None where nothing is shifted."""
    if root.train_distribution is None:
        return None
    if not isinstance(data.train, ArrayExamples):
        raise UsageError(f"{root.dataset} is too large to be trained on images that change every epoch")
    mixture, images = str(grammar.parse(root.train_distribution).mixture), data.train.images
    return lambda epoch: mixed_epoch(images, mixture=mixture, seed=root.seed, epoch=epoch)


def valid_error(context: Context, model: nn.Module, data: TrainingData) -> float | None:
    """Error on the held-out training images; None where none are held out."""
    if not len(data.valid):
        return None
    arrays = outcomes(model, data.valid, dataset=data.dataset, device=context.device)
    return TASKS[data.dataset.task].error(arrays)


def load(context: Context, key: str) -> Loaded:
    """A model out of the store, on the device, with its masks; UsageError where its data or code have changed."""
    record = context.store.record(key)
    check_parent(record, context.data)
    weights, masks = context.store.tensors(key)
    model = build(record.param("arch"), classes=len(record.classes))
    load_arrays(model, weights)
    on_device = {name: torch.from_numpy(mask).to(context.device) for name, mask in masks.items()}
    return Loaded(record, model.to(context.device), on_device)


def save(
    context: Context,
    params: Params,
    model: nn.Module,
    *,
    masks: Mapping[str, Tensor],
    ancestors: tuple[Step, ...] = (),
    parameters: int | None = None,
    results: Mapping[str, Any] | None = None,
) -> ModelRecord:
    """Store a model whole: its nominal test outcomes first, then itself, so that a model in the store is measured."""
    lineage = (*ancestors, Step.of(params))
    opened = dataset(getattr(lineage[0].read(), "dataset", ""), context.data)
    sources = model_sources(lineage, context.store, context.data)
    check_unchanged(opened, sources)
    weights, arrays = to_arrays(model), {name: mask.cpu().numpy() for name, mask in masks.items()}
    itself = sources._replace(inputs={params.key: digest_of_model(weights, arrays)})
    error = measure_nominal(context, params.key, model, opened, itself)
    total = sum(parameter.numel() for parameter in model.parameters())
    removed = sum(int((~mask).sum()) for mask in masks.values())
    record = ModelRecord(
        key=params.key,
        lineage=lineage,
        classes=opened.classes,
        parameters=parameters or total,
        nonzero=total - removed,
        error=error,
        results=dict(results or {}),
        provenance=provenance(context.device) | sources.noted(),
    )
    context.store.save_model(record, weights, arrays)
    return record


def check_unchanged(opened: Dataset, sources: Sources) -> None:
    """Refuse to store what was made of data that changed while it was made."""
    if opened.contents and sources.data.get(opened.name) != opened.contents:
        raise UsageError(
            f"{opened.name} has changed while it was in use: nothing made of it is stored (run again)"
        )


def measure_nominal(context: Context, key: str, model: nn.Module, opened: Dataset, sources: Sources) -> float:
    """Error of a model on its own test set; the outcomes are stored as the measurement that they are."""
    params = ErrorParams(model=key, distribution=opened.name)
    arrays = outcomes(
        model,
        examples(opened.name, context.data),
        dataset=opened,
        device=context.device,
        progress=context.progress,
    )
    return save_outcomes(context, params, arrays, opened, sources)


def save_outcomes(
    context: Context,
    params: ErrorParams,
    arrays: Mapping[str, np.ndarray],
    opened: Dataset,
    sources: Sources | None = None,
) -> float:
    """Store per-example outcomes with their error and n as summary; returns the error."""
    error = TASKS[opened.task].error(arrays)
    count = len(next(iter(arrays.values())))
    summary = {"error": error, "n": count, "task": opened.task}
    save_measurement(context, params, arrays, summary, sources)
    return error


def save_measurement(
    context: Context,
    params: Params,
    arrays: Mapping[str, np.ndarray],
    summary: Mapping[str, Any],
    sources: Sources | None = None,
) -> None:
    """Store a measurement and its summary; ``sources`` is what it was made of, where its model is not stored yet."""
    found = sources or measurement_sources(params, context.store, context.data)
    for name in found.data:
        if is_place(name):
            check_unchanged(dataset(name, context.data), found)
    record = MeasurementRecord(
        key=params.key,
        step=Step.of(params),
        summary=dict(summary),
        provenance=provenance(context.device) | found.noted(),
    )
    context.store.save_outcomes(record, arrays)


def provenance(device: str) -> dict[str, Any]:
    """What computed a result: versions, device and threads; not when, nor on which of several equal GPUs."""
    kind = torch.device(device).type
    name, more = platform.machine(), {}
    if kind == "cuda":
        name = torch.cuda.get_device_name(device)
        more = {"cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version()}  # type: ignore[no-untyped-call]
    return {
        "prunekit": prunekit.__version__,
        "torch": str(torch.__version__),
        "numpy": np.__version__,
        "device": f"{kind} ({name})",
        "threads": torch.get_num_threads(),
        **more,
    }
