"""Prepare a model, a sample and a method for pruning: what is ranked, by which row, and what must stay whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from prunekit.errors import PrunekitError, UsageError, unknown
from prunekit.pruning.given import check_example, check_values
from prunekit.pruning.graph.examples import Example, arguments
from prunekit.pruning.graph.tracing import trace
from prunekit.pruning.layers import Layer
from prunekit.pruning.methods import METHODS, Chosen, Function, Method, chosen
from prunekit.pruning.options import Value
from prunekit.pruning.scores.magnitude import check_finite
from prunekit.pruning.subject import Batch, Scores, Subject, as_weights, inputs_of, read_batches, single

# Weights or filters scored by a user's own function are chosen as these methods choose them.
_LIKE = {"weight": "wt", "filter": "ft"}


class Opened(NamedTuple):
    """The subject of a method, its row, its name, and the layers that it gives no score."""

    subject: Subject
    row: Method
    name: str
    unnamed: frozenset[str] = frozenset()


def opened(
    model: nn.Module,
    method: str | Method | Function,
    options: Mapping[str, Value] | None,
    batches: Iterable[Any],
    seed: int,
    example: Example | None = None,
) -> Opened:
    """Look up the method, read the sample it needs, trace the model; a function is called to see what it ranks.

    The model was checked (:func:`check_model`).
    """
    check_example(example)
    check_values(options=options)
    asked, model = chosen(method, options or {}), single(model)
    batches = () if batches is None else batches
    sample = read_batches(batches, model) if asked.looks_at_data else []
    _check_sample(asked, sample)
    given = example if example is not None else sample[0].inputs if sample else _listed(batches)
    inputs = tuple(as_weights(each, model) for each in arguments(given)) or None
    graph = trace(model, inputs, strict=example is not None)
    subject = Subject(model, graph, sample, seed, asked.options)
    check_finite({name: layer.tensor() for name, layer in subject.layers.items()}, "weights")
    if isinstance(asked.row, Method):
        return Opened(subject, asked.row, asked.name)
    return _called(asked.row, asked.name, subject)


def _listed(batches: Iterable[Any]) -> Tensor | None:
    """Two images of a list of batches, which are there to trace the model even if its method looks at no data."""
    first = next(iter(batches), None) if isinstance(batches, list | tuple) else None
    inputs = inputs_of(first)
    return inputs[:2] if isinstance(inputs, Tensor) and inputs.numel() else None


def _check_sample(asked: Chosen, sample: list[Batch]) -> None:
    row = asked.row
    if isinstance(row, Method) and row.data_informed and not sample:
        raise UsageError(f"{asked.name} needs data: pass batches")
    if isinstance(row, Method) and row.needs_labels and any(batch.labels is None for batch in sample):
        raise UsageError(f"{asked.name} needs the loss: pass batches of (inputs, labels)")


def scores_of(subject: Subject, row: Method) -> Scores:
    """The row's scores of this subject, all of them finite except those of weights that the row holds."""
    found: Scores = row.sensitivity(subject)
    finite = {name: values[values < torch.inf] if row.holds else values for name, values in found.items()}
    check_finite(finite, "activations, gradients or norms")
    return found


def check_layers(subject: Subject, names: Iterable[str]) -> None:
    """Refuse a name that no layer has."""
    for name in names:
        if name not in subject.layers:
            raise unknown("layer", name, subject.layers)


def check_fits(found: Opened, skipped: frozenset[str]) -> None:
    """Refuse a method on layers that it does not fit, unless they are skipped."""
    if found.row.unfit is None:
        return
    unfit = {name: why for name, why in found.row.unfit(found.subject).items() if name not in skipped}
    if unfit:
        name, why = next(iter(unfit.items()))
        more = f" (and {len(unfit) - 1} more layers)" if len(unfit) > 1 else ""
        raise UsageError(
            f"{found.name} does not fit layer {name!r}: {why}{more}; skip the layers that it does not "
            f"fit: --skip-layers {','.join([*sorted(skipped), *unfit])}"
        )


def _called(function: Function, name: str, subject: Subject) -> Opened:
    """The row for a function; the shapes that it returns show whether it scores weights or filters."""
    try:
        found = function(subject)
    except PrunekitError:
        raise
    except Exception as error:  # a user's own code
        reason = str(error).strip().partition("\n")[0]
        raise UsageError(f"method {name} failed: {type(error).__name__}: {reason}") from error
    if not isinstance(found, dict) or not found:
        raise UsageError(f"method {name} returned a {type(found).__name__}: return {{layer name: tensor}}")
    check_layers(subject, found)
    kinds = {_kind(name, layer, found[layer], subject) for layer in found}
    if len(kinds) > 1:
        raise UsageError(f"method {name} scores weights in some layers and filters in others: choose one")
    kind = kinds.pop()
    ones = {layer: each.tensor().new_ones(_shape(kind, each)) for layer, each in subject.layers.items()}
    row = METHODS[_LIKE[kind]]._replace(
        data_informed=bool(subject.batches),
        sensitivity=lambda _: {layer: found.get(layer, ones[layer]).detach() for layer in ones},
        source="a function of the user's own",
    )
    return Opened(subject, row, name, frozenset(subject.layers) - set(found))


def _shape(kind: str, layer: Layer) -> tuple[int, ...]:
    return tuple(layer.tensor().shape) if kind == "weight" else (layer.outputs,)


def _kind(method: str, name: str, scores: Any, subject: Subject) -> str:
    layer = subject.layers[name]
    given = tuple(scores.shape) if isinstance(scores, Tensor) else ()
    if isinstance(scores, Tensor) and scores.is_complex():
        raise UsageError(f"method {method} returned complex scores for layer {name!r}: return real numbers")
    for kind in _LIKE:
        if given == _shape(kind, layer):
            return kind
    raise UsageError(
        f"method {method} returned {given or type(scores).__name__} for layer {name!r}: return a "
        f"tensor of shape {_shape('weight', layer)} (weights) or {_shape('filter', layer)} "
        "(filters)"
    )
