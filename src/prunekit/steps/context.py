"""The context of every step (store, data, device, progress), and the I/O that steps share."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, wraps
from pathlib import Path
from typing import Any, NamedTuple, ParamSpec, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

import prunekit
from prunekit import distribution as grammar
from prunekit.base.sizes import hold_
from prunekit.data.datasets import Dataset, open_dataset
from prunekit.data.examples import ArrayExamples, Examples
from prunekit.data.load import load_distribution, training_split
from prunekit.data.mixed import mixed_epoch
from prunekit.data.preprocessing import Preprocessing, View, seen, to_json
from prunekit.distribution import is_place
from prunekit.errors import UsageError
from prunekit.measure.outcomes import outcomes
from prunekit.models.archs import build
from prunekit.models.narrow import is_narrower, narrow_
from prunekit.models.predictors import FORMS
from prunekit.models.state import Arrays, load_arrays, to_arrays
from prunekit.params import ErrorParams, Params, Root
from prunekit.progress import SILENT, Progress
from prunekit.pruning.compact import lean
from prunekit.steps.check import check_module
from prunekit.steps.versions import check_parent, measurement_sources, model_sources
from prunekit.store.records import MODULE, PREDICTIONS, MeasurementRecord, ModelRecord, Sources, Step
from prunekit.store.remote import Remote
from prunekit.store.store import Store, digest_of_model
from prunekit.tasks import TASKS

Masks = dict[str, Tensor]
PROGRAM = "program"  # the name of the one array of a stored program: its bytes
HELD_SETS = 4  # distributions kept in memory between steps of one process


@dataclass(frozen=True)
class Context:
    """Where results and data are, the device, and the progress display.

    ``rank`` is this process's rank among those that train one network together; only rank 0 writes.
    """

    store: Store
    data: Path
    device: str = "cpu"
    progress: Progress = SILENT
    force: frozenset[str] = field(default_factory=frozenset)
    rank: int = 0
    remote: Remote | None = None


class Loaded(NamedTuple):
    """A stored model in memory, and its data set as this network sees it."""

    record: ModelRecord
    model: nn.Module
    masks: Masks
    dataset: Dataset

    def lean(self) -> nn.Module:
        """The network to measure in place of the model: without its dead channels if it has enough of them."""
        return lean(self.model, self.masks)


class TrainingData(NamedTuple):
    """The training images and the held-out images."""

    dataset: Dataset
    train: Examples
    valid: Examples


P = ParamSpec("P")
R = TypeVar("R")


def _held(load: Callable[P, R]) -> Callable[P, R]:
    """Keep what was loaded last in this process, from the folder where it runs: names of folders may be relative."""

    @lru_cache(maxsize=HELD_SETS)
    def found(where: Path, *args: P.args, **fields: P.kwargs) -> R:
        return load(*args, **fields)

    @wraps(load)
    def here(*args: P.args, **fields: P.kwargs) -> R:
        return found(Path.cwd(), *args, **fields)  # type: ignore[arg-type]

    return here


@_held
def dataset(name: str, root: Path) -> Dataset:
    """The data set of this name, opened once per process."""
    return open_dataset(name, root)


@_held
def examples(
    distribution: str,
    root: Path,
    seed: int = 0,
    split_seed: int = 0,
    valid_fraction: float = 0.0,
    view: View | None = None,
    few: bool = False,
) -> Examples:
    """The images of a distribution as a network sees them, kept in memory for the next step that needs them.

    ``few``: only some of them will be read.
    """
    parsed = grammar.parse(distribution)
    opened = None if parsed.published else dataset(parsed.dataset, root)
    return load_distribution(
        parsed,
        root,
        seed=seed,
        split_seed=split_seed,
        valid_fraction=valid_fraction,
        dataset=opened,
        view=view,
        few=few,
    )


def view_of(opened: Dataset) -> View:
    """The pixels that a network sees, from the data set as it sees it."""
    return Preprocessing.of(opened).view


def seen_by(context: Context, record: ModelRecord) -> Dataset:
    """The data set of a stored network as that network sees it."""
    opened = dataset(record.param("dataset"), context.data)
    return seen(opened, Preprocessing.read(record.preprocessing)) if record.preprocessing else opened


def training_data(context: Context, root: Root, opened: Dataset) -> TrainingData:
    """The training images of a lineage as a network sees them (``opened``), split as the root step says."""
    train, valid = training_split(
        opened, seed=root.seed, valid_fraction=root.valid_fraction, view=view_of(opened)
    )
    return TrainingData(opened, train.to(context.device), valid.to(context.device))


def epoch_images(root: Root, data: TrainingData) -> Callable[[int], Tensor] | None:
    """For robust training: the freshly corrupted images of an epoch; None if the training set is not shifted."""
    if root.train_distribution is None:
        return None
    if not isinstance(data.train, ArrayExamples):
        raise UsageError(f"{root.dataset} is too large for training on images that change every epoch")
    mixture, images = str(grammar.parse(root.train_distribution).mixture), data.train.images
    return lambda epoch: mixed_epoch(images, mixture=mixture, seed=root.seed, epoch=epoch)


def valid_error(context: Context, model: nn.Module, data: TrainingData) -> float | None:
    """Error on the held-out training images; None if none are held out."""
    if not len(data.valid):
        return None
    arrays = outcomes(model, data.valid, dataset=data.dataset, device=context.device)
    return TASKS[data.dataset.task].error(arrays)


def load(context: Context, key: str) -> Loaded:
    """A model from the store, on the device, with its masks; UsageError if its data or code have changed."""
    record = context.store.record(key)
    if record.form == PREDICTIONS:
        raise UsageError(f"{record.key}: only its predictions are stored, so there is no network to run")
    check_parent(record, context.data)
    opened = seen_by(context, record)
    weights, masks = context.store.tensors(key)
    model = model_of(record, weights)
    on_device = {name: torch.from_numpy(mask).to(context.device) for name, mask in masks.items()}
    return Loaded(record, model.to(context.device), on_device, opened)


def model_of(record: ModelRecord, weights: Arrays) -> nn.Module:
    """The network in stored arrays: a program's bytes, or the weights of an architecture, perhaps narrower."""
    if record.form != MODULE:
        return FORMS[record.form].open(weights[PROGRAM].tobytes(), record.key).module
    model = build(record.arch, classes=len(record.classes))
    hold_(model, weights)
    if is_narrower(model, weights):
        narrow_(model, weights, record.sizes)
    load_arrays(model, weights)
    return model


def load_module(context: Context, key: str) -> Loaded:
    """A model that can be pruned and trained; a :class:`UsageError` for a program, which can only be measured."""
    check_module(context.store.record(key))
    return load(context, key)


def save(
    context: Context,
    params: Params,
    model: nn.Module,
    *,
    opened: Dataset,
    masks: Mapping[str, Tensor],
    weights: Arrays | None = None,
    ancestors: tuple[Step, ...] = (),
    parameters: int | None = None,
    results: Mapping[str, Any] | None = None,
    expected: Callable[[float], None] | None = None,
    **facts: Any,
) -> ModelRecord:
    """Store a model: its nominal test outcomes first, then itself, so that every stored model is measured.

    ``opened`` is its data set as the model sees it. ``expected`` raises if the measured error is not as expected;
    nothing is stored then. ``weights`` are stored in place of the model's own; ``facts`` override fields of the
    record.
    """
    lineage = (*ancestors, Step.of(params))
    sources = model_sources(lineage, context.store, context.data)
    check_unchanged(opened, sources)
    found = nominal_outcomes(context, lean(model, dict(masks)), opened)
    if expected is not None:
        expected(TASKS[opened.task].error(found))
    weights = to_arrays(model) if weights is None else weights
    arrays = {name: mask.cpu().numpy() for name, mask in masks.items()}
    itself = sources._replace(inputs={params.key: digest_of_model(weights, arrays)})
    nominal = ErrorParams(model=params.key, distribution=opened.name)
    error = save_outcomes(context, nominal, found, opened, itself)
    made = provenance(context.device) | sources.noted()
    fields: dict[str, Any] = {"error": error, "results": dict(results or {}), "provenance": made}
    if ancestors:
        fields["sizes"] = context.store.record(ancestors[-1].key).sizes
    fields |= _sizes(model, masks, parameters) | _seeing(opened) | facts
    record = ModelRecord(key=params.key, lineage=lineage, **fields)
    context.store.save_model(record, weights, arrays)
    return record


def check_unchanged(opened: Dataset, sources: Sources) -> None:
    """Refuse to store a result whose data changed while it was made."""
    if opened.contents and sources.data.get(opened.name) != opened.contents:
        raise UsageError(f"{opened.name} changed while it was in use: no result is stored (run again)")


def _seeing(opened: Dataset) -> dict[str, Any]:
    return {"classes": opened.classes, "preprocessing": to_json(Preprocessing.of(opened))}


def _sizes(model: nn.Module, masks: Mapping[str, Tensor], unpruned: int | None) -> dict[str, Any]:
    """The unpruned parent's parameter count, the nonzero parameters, and the size of the model's weights."""
    tensors = list(model.parameters())
    total, stored = sum(tensor.numel() for tensor in tensors), sum(tensor.nbytes for tensor in tensors)
    parameters = unpruned or total
    removed = sum(int((~mask).sum()) for mask in masks.values())
    nonzero = min(total - removed, parameters)
    bits = 8 * stored / max(total, 1)
    return {"parameters": parameters, "nonzero": nonzero, "bytes": stored, "bits": bits}


def nominal_outcomes(context: Context, model: nn.Module, opened: Dataset) -> dict[str, np.ndarray]:
    """A model's outcomes on the test set of ``opened``, its data set as it sees it."""
    return outcomes(
        model,
        examples(opened.name, context.data, view=view_of(opened)),
        dataset=opened,
        device=context.device,
        progress=context.progress,
    )


def save_outcomes(
    context: Context,
    params: ErrorParams,
    arrays: Mapping[str, np.ndarray],
    opened: Dataset,
    sources: Sources | None = None,
    among: Sequence[int] | None = None,
) -> float:
    """Store per-example outcomes and a summary (error, n, the classes in ``among``); returns the error."""
    error = TASKS[opened.task].error(arrays)
    count = len(next(iter(arrays.values())))
    summary: dict[str, Any] = {"error": error, "n": count, "task": opened.task}
    if among is not None:
        summary["among"] = [opened.classes[place] for place in among]
    save_measurement(context, params, arrays, summary, sources)
    return error


def save_measurement(
    context: Context,
    params: Params,
    arrays: Mapping[str, np.ndarray],
    summary: Mapping[str, Any],
    sources: Sources | None = None,
) -> None:
    """Store a measurement and its summary; ``sources`` is what it was made from if its model is not stored yet."""
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
    """What computed a result: versions, device and threads, but neither the time nor which of several equal GPUs."""
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
