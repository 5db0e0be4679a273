"""The weights of the unpruned network at the root of a lineage, against which a program's weights are counted."""

from __future__ import annotations

from torch import nn

from prunekit.errors import PrunekitError
from prunekit.models.archs import build
from prunekit.models.predictors import FORMS
from prunekit.models.predictors.weights import Weight, removed
from prunekit.steps.context import PROGRAM, Context, model_of
from prunekit.store.records import MODULE, ModelRecord


def nonzero_of(own: tuple[Weight, ...], parent: ModelRecord, context: Context) -> int:
    """The number of weights of the parent's unpruned root that a program still has."""
    root = _unpruned(parent.root.key, context)
    gone = sum(each.zeros for each in own) if root is None else removed(root, own)
    return max(0, parent.parameters - gone)


def _unpruned(key: str, context: Context) -> tuple[Weight, ...] | None:
    """The weights of a stored network; None if neither they nor their architecture are available any more."""
    try:
        record = context.store.record(key)
        if record.dropped and record.form == MODULE:
            return _weights(build(record.arch, classes=len(record.classes)), record)
        arrays, _ = context.store.tensors(key)
        if record.form != MODULE:
            return FORMS[record.form].open(arrays[PROGRAM].tobytes(), key).weights
        return _weights(model_of(record, arrays), record)
    except PrunekitError:
        return None


def _weights(model: nn.Module, record: ModelRecord) -> tuple[Weight, ...] | None:
    found = tuple(Weight.of(each.shape, 8 * each.element_size()) for each in model.parameters())
    return found if sum(each.size for each in found) == record.parameters else None
