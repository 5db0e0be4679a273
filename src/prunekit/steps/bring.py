"""Import a network made elsewhere and measure it with its own preprocessing."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from prunekit.base.sizes import hold_
from prunekit.data.datasets import Dataset
from prunekit.data.predictions.outcomes import UNIT_SUM
from prunekit.data.preprocessing import Preprocessing
from prunekit.errors import PrunekitWarning, UsageError
from prunekit.measure.batches import batches
from prunekit.models.archs import build
from prunekit.models.foreign import bring, read_sizes, read_tensors
from prunekit.models.narrow import is_narrower, narrow_
from prunekit.models.predictors import FORMS
from prunekit.models.pretrained import pretrained, timm_preprocessing
from prunekit.models.state import Arrays, load_arrays
from prunekit.params import ImportParams
from prunekit.steps.classes import seen_with
from prunekit.steps.context import PROGRAM, Context, dataset, examples, save, seen_by, view_of
from prunekit.steps.deposit import Deposited, deposited
from prunekit.steps.expect import check_expected
from prunekit.steps.unpruned import nonzero_of
from prunekit.store.records import ModelRecord

PRETRAINED = "pretrained"
PROBED = 16  # images used to distinguish probabilities from logits


class Origin(NamedTuple):
    """What an import starts from: its parent (None for an unpruned network), and its data as it sees them."""

    parent: ModelRecord | None
    arch: str
    dataset: Dataset


class Arrived(NamedTuple):
    """A network to store; ``weights`` and ``total`` of None mean the model's own; ``facts`` are record fields."""

    model: nn.Module
    weights: Arrays | None
    masks: dict[str, Tensor]
    facts: dict[str, Any]
    total: int | None = None


def run(batch: Sequence[ImportParams], context: Context) -> None:
    """Import every network of the batch."""
    for params in batch:
        _one(params, context)


def _one(params: ImportParams, context: Context) -> None:
    origin = origin_of(params, context)
    found = None if params.weights == PRETRAINED else deposited(context.store, params.weights)
    if found is not None and found.form is not None:
        arrived = _program(found, origin, context)
    else:
        arrived = _network(origin, found, context)
    parent = origin.parent
    save(
        context,
        params,
        arrived.model,
        opened=origin.dataset,
        masks=arrived.masks,
        weights=arrived.weights,
        ancestors=parent.lineage if parent else (),
        parameters=parent.parameters if parent else arrived.total,
        results={"error_before": parent.error} if parent else {},
        expected=lambda error: check_expected(params, error, arrived.model, origin.dataset, context),
        **arrived.facts,
    )


def origin_of(params: ImportParams, context: Context) -> Origin:
    """The parent, the architecture and the data set as the network sees it: own fields, else timm's or the parent's."""
    if params.parent is not None:
        parent = context.store.record(params.parent)
        base = seen_by(context, parent)
        if params.dataset not in (None, base.name):
            raise UsageError(
                f"dataset {params.dataset!r} differs from the parent's, {base.name}: omit the dataset or "
                "the parent"
            )
        arch, preprocessing = params.arch or parent.arch, Preprocessing.of(base)
    else:
        parent, base, arch = None, dataset(str(params.dataset), context.data), params.arch or ""
        preprocessing = Preprocessing.of(base)._replace(**timm_preprocessing(arch))
    own = dataset(base.name, context.data)
    return Origin(parent, arch, seen_with(own, preprocessing, params))


def _network(origin: Origin, found: Deposited | None, context: Context) -> Arrived:
    """A network of an architecture with the imported weights."""
    if not origin.arch:
        raise UsageError("arch: name the architecture of these weights (see `prunekit list archs`)")
    classes = len(origin.dataset.classes)
    sizes: dict[str, Any] = {}
    if found is None:
        model = pretrained(origin.arch, classes)
        brought = bring(model.state_dict(), model)
    else:
        model, sizes = build(origin.arch, classes=classes), read_sizes(found.data, found.name)
        tensors = read_tensors(found.data, found.name)
        hold_(model, tensors)
        brought = bring(tensors, model)
    if is_narrower(model, brought.weights):
        narrow_(model, brought.weights, sizes)
    else:
        sizes = {}
    load_arrays(model, brought.weights)
    masks = {name: mask.to(context.device) for name, mask in brought.masks.items()}
    facts = {"bytes": brought.bytes, "bits": brought.bits, "sizes": sizes}
    return Arrived(model.to(context.device), None, masks, facts)


def _program(found: Deposited, origin: Origin, context: Context) -> Arrived:
    """A program, unchanged; the weights it lacks of its unpruned root are counted if it has one."""
    form = str(found.form)
    opened = FORMS[form].open(found.data, found.name)
    check_takes(opened.module, origin.dataset)
    check_gives(opened.module, origin.dataset, context)
    if not opened.parameters:
        raise UsageError(f"{found.name} contains no weights")
    parent = origin.parent
    facts = {
        "form": form,
        "nonzero": nonzero_of(opened.weights, parent, context) if parent else opened.nonzero,
        "bytes": opened.bytes,
        "bits": opened.bits,
        "sizes": {},
    }
    weights = {PROGRAM: np.frombuffer(found.data, np.uint8)}
    return Arrived(opened.module, weights, {}, facts, opened.parameters)


def check_takes(module: nn.Module, dataset: Dataset) -> None:
    """Refuse a normalisation for a program that takes bytes, because it has its own."""
    if getattr(module, "takes_bytes", False) and (any(dataset.mean) or set(dataset.std) != {1.0}):
        raise UsageError(
            "this network takes pixels as bytes and normalises them itself: import it with --mean 0,0,0 --std 1,1,1"
        )


@torch.inference_mode()
def check_gives(module: nn.Module, dataset: Dataset, context: Context) -> None:
    """Report that a program outputs probabilities; refuse one that does so without declaring it."""
    if getattr(module, "gives_probabilities", False):
        warnings.warn(
            "this network returns probabilities (it ends in Softmax): their logarithms are used as logits",
            PrunekitWarning,
            stacklevel=2,
        )
        return
    images = examples(dataset.name, context.data, view=view_of(dataset))
    first = next(batches(images, dataset=dataset, indices=torch.arange(min(PROBED, len(images)))))
    output = module(first.images)
    if output.ndim == 2 and (output >= 0).all() and ((output.sum(dim=1) - 1).abs() < UNIT_SUM).all():
        raise UsageError(
            "this network returns probabilities, not logits: its outputs are at least 0 and sum to 1 "
            "(export it without its last softmax)"
        )
