"""Bring a network made elsewhere into the store, measured on arrival as its owner measures it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from torch import nn

from prunekit.data.datasets import Dataset
from prunekit.data.preprocessing import Preprocessing, seen
from prunekit.errors import UsageError
from prunekit.models.archs import build
from prunekit.models.foreign import Brought, bring
from prunekit.models.narrow import is_narrower, narrow_
from prunekit.models.pretrained import pretrained, timm_preprocessing
from prunekit.models.state import load_arrays
from prunekit.params import ImportParams
from prunekit.steps.context import Context, dataset, save, seen_by
from prunekit.steps.deposit import deposited
from prunekit.steps.expect import check_expected
from prunekit.store.records import ModelRecord

PRETRAINED = "pretrained"


class Origin(NamedTuple):
    """What an import starts from: its parent (None: it is an unpruned one itself), and its data as it sees them."""

    parent: ModelRecord | None
    arch: str
    dataset: Dataset


def run(batch: Sequence[ImportParams], context: Context) -> None:
    """Import every network of the batch."""
    for params in batch:
        _one(params, context)


def _one(params: ImportParams, context: Context) -> None:
    origin = origin_of(params, context)
    parent = origin.parent
    model, brought = _network(params, origin, context)
    model.to(context.device)
    save(
        context,
        params,
        model,
        opened=origin.dataset,
        masks={name: mask.to(context.device) for name, mask in brought.masks.items()},
        ancestors=parent.lineage if parent else (),
        parameters=parent.parameters if parent else None,
        results={"error_before": parent.error} if parent else {},
        expected=lambda error: check_expected(params, error, model, origin.dataset, context),
        bytes=brought.bytes,
        bits=brought.bits,
    )


def origin_of(params: ImportParams, context: Context) -> Origin:
    """The parent, the architecture and the data set as the network sees it: own fields, else timm's or the parent's."""
    if params.parent is not None:
        parent = context.store.record(params.parent)
        base = seen_by(context, parent)
        if params.dataset not in (None, base.name):
            raise UsageError(
                f"dataset {params.dataset!r} is not that of the parent, {base.name}: leave it out, or the parent"
            )
        arch, preprocessing = params.arch or parent.arch, Preprocessing.of(base)
    else:
        parent, base, arch = None, dataset(str(params.dataset), context.data), params.arch or ""
        preprocessing = Preprocessing.of(base)._replace(**timm_preprocessing(arch))
    own = dataset(base.name, context.data)
    return Origin(parent, arch, seen(own, preprocessing.with_fields(params)))


def _network(params: ImportParams, origin: Origin, context: Context) -> tuple[nn.Module, Brought]:
    classes = len(origin.dataset.classes)
    if params.weights == PRETRAINED:
        model = pretrained(origin.arch, classes)
        return model, bring(model.state_dict(), model)
    if not origin.arch:
        raise UsageError(
            "arch: name the architecture that these are the weights of (see `prunekit list archs`)"
        )
    model = build(origin.arch, classes=classes)
    brought = bring(deposited(context.store, params.weights), model)
    if is_narrower(model, brought.weights):
        narrow_(model, brought.weights)
    load_arrays(model, brought.weights)
    return model, brought
