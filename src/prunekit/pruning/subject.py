"""The input of a sensitivity: a model, its graph and its sample, read once; and forward passes with hooks."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from types import MappingProxyType
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from prunekit.errors import PrunekitError, UsageError
from prunekit.pruning.graph.graph import Graph
from prunekit.pruning.graph.tracing import evaluation
from prunekit.pruning.layers import Layer
from prunekit.pruning.moments import is_product
from prunekit.pruning.options import Value

Scores = dict[str, Tensor]
Visit = Callable[[Layer, nn.Module, Tensor], None]
Look = Callable[[nn.Module, tuple[Any, ...], dict[str, Any], Any], None]


class Batch(NamedTuple):
    """Inputs ``[N, ...]`` and, where the sample has them, labels."""

    inputs: Tensor
    labels: Tensor | None


class Subject(NamedTuple):
    """A model to prune, with its graph and sample; ``batches`` is empty for methods that use no data.

    ``ranked``: the layers whose scores are needed (default: all); the scores of others need not be computed.
    """

    model: nn.Module
    graph: Graph
    batches: list[Batch]
    seed: int
    options: Mapping[str, Value] = MappingProxyType({})
    ranked: frozenset[str] | None = None

    @property
    def layers(self) -> dict[str, Layer]:
        """The prunable layers by name."""
        return self.graph.layers

    @property
    def asked(self) -> dict[str, Layer]:
        """The layers whose scores are needed."""
        return {
            name: layer for name, layer in self.layers.items() if self.ranked is None or name in self.ranked
        }


def single(model: nn.Module) -> nn.Module:
    """The model itself, or a float32 copy of a half-precision one, whose gradients and sums would lose most digits."""
    half = any(value.dtype in (torch.float16, torch.bfloat16) for value in model.parameters())
    return copy.deepcopy(model).float() if half else model


def read_batches(batches: Iterable[Any], model: nn.Module) -> list[Batch]:
    """Batches of inputs, or of (inputs, labels), on the model's device and in its precision, without empty batches."""
    if isinstance(batches, Tensor | str) or not isinstance(batches, Iterable):
        kind = "one tensor" if isinstance(batches, Tensor) else f"a {type(batches).__name__}"
        raise UsageError(f"batches must be a list of batches, not {kind}")
    found = []
    for batch in batches:
        inputs = inputs_of(batch)
        labels = batch[1] if isinstance(batch, list | tuple) and len(batch) > 1 else None
        if not isinstance(inputs, Tensor):
            raise UsageError(f"a batch must be a tensor or (inputs, labels), not {type(inputs).__name__}")
        labels = labels.to(device_of(model)) if isinstance(labels, Tensor) else None
        found.append(Batch(as_weights(inputs, model), labels))
    return [batch for batch in found if batch.inputs.numel()]


def inputs_of(batch: Any) -> Any:
    """The inputs of a batch of inputs, or of (inputs, labels)."""
    whole = batch[0] if isinstance(batch, list | tuple) and len(batch) > 1 else batch
    return whole[0] if isinstance(whole, list | tuple) and whole else whole


def as_weights(inputs: Tensor, model: nn.Module) -> Tensor:
    """An input on the model's device; a floating-point one also in its precision."""
    precision = next(value.dtype for value in model.parameters() if value.is_floating_point())
    return inputs.to(device_of(model), precision if inputs.is_floating_point() else None)


def device_of(model: nn.Module) -> torch.device:
    """The device of the model's parameters."""
    return next(model.parameters()).device


class _VisitError(Exception):
    """Carries an error of our own visit out of a forward pass, so that it is not reported as the model's."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


def observe(subject: Subject, visit: Visit, *, images: int | None = None) -> None:
    """Run the sample (or its first ``images``) in evaluation mode; ``visit`` sees the input of every layer call.

    Afterwards the hooks are removed and the training mode is restored. A sample that does not fit the model is a
    :class:`UsageError`; errors in ``visit`` itself are raised unchanged.
    """
    with ExitStack() as stack:
        stack.enter_context(evaluation(subject.model))
        stack.enter_context(torch.no_grad())
        for layer in subject.layers.values():
            for module in layer.modules:
                # The hook runs after the layer's forward, so that the layer itself refuses inputs that do not fit.
                hook = module.register_forward_hook(_hook(visit, layer), with_kwargs=True)
                stack.callback(hook.remove)
        for batch in subject.batches[: None if images is None else 1]:
            run(subject.model, batch.inputs[:images])


def run(model: nn.Module, inputs: Tensor) -> Any:
    """The model's output on these inputs, which must fit it."""
    with fitting(f"a batch of shape {tuple(inputs.shape)}"):
        return model(inputs)


@contextmanager
def fitting(what: str) -> Iterator[None]:
    """Turn a failure in this block into a :class:`UsageError`: ``what`` does not fit this model.

    Errors of our own hooks, and running out of memory, are raised unchanged.
    """
    try:
        yield
    except (PrunekitError, torch.OutOfMemoryError):
        raise
    except _VisitError as failure:
        raise failure.error from None
    except (RuntimeError, ValueError, TypeError, IndexError, AssertionError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise UsageError(f"{what} does not fit this model: {reason}") from error


def _hook(visit: Visit, layer: Layer) -> Look:
    def hook(module: nn.Module, args: tuple[Any, ...], named: dict[str, Any], output: Any) -> None:
        inputs = _batched(module, _given(args, named).float())
        if not finite(inputs):
            raise UsageError(f"layer {layer.name!r} gets inputs that are not finite")
        try:
            visit(layer, module, inputs)
        except Exception as error:
            raise _VisitError(error) from error

    return hook


def finite(values: Tensor) -> bool:
    """Whether no value is infinite or NaN; a finite sum proves it fast, else each is checked, as sums may overflow."""
    return bool(torch.isfinite(values.sum()) or torch.isfinite(values).all())


def _batched(module: nn.Module, inputs: Tensor) -> Tensor:
    """The inputs with a batch axis, which is added if the layer was called without one."""
    rank = 2 if isinstance(module, nn.Linear) else len(module.kernel_size) + 2  # type: ignore[arg-type]
    return inputs.unsqueeze(0) if inputs.dim() < rank else inputs


def unlike_products(subject: Subject) -> frozenset[str]:
    """The layers, of any class, whose output on the sample's first image is not weight × patches + bias."""
    found: set[str] = set()

    def look(layer: Layer) -> Look:
        def hook(module: nn.Module, args: tuple[Any, ...], named: dict[str, Any], output: Any) -> None:
            given = _batched(module, _given(args, named))[:1]
            if not (
                isinstance(output, Tensor) and is_product(layer, module, given, _batched(module, output)[:1])
            ):
                found.add(layer.name)

        return hook

    _first_image(subject, look)
    return frozenset(found)


def _first_image(subject: Subject, look: Callable[[Layer], Look]) -> None:
    """Run the sample's first image in evaluation mode, with a hook on every layer."""
    with ExitStack() as stack:
        stack.enter_context(evaluation(subject.model))
        stack.enter_context(torch.no_grad())
        for layer in subject.layers.values():
            for module in layer.modules:
                stack.callback(module.register_forward_hook(look(layer), with_kwargs=True).remove)
        inputs = subject.batches[0].inputs
        with fitting(f"a batch of shape {tuple(inputs.shape)}"):
            subject.model(inputs[:1])


def _given(args: tuple[Any, ...], named: dict[str, Any]) -> Tensor:
    """The layer's input, passed by position or by keyword."""
    given: Tensor = args[0] if args else next(iter(named.values()))
    return given


def output_positions(subject: Subject) -> dict[str, int]:
    """Output positions per image of every layer (H · W of a convolution, 1 of a linear layer on vectors).

    Found by running the first image of the sample; layers that it does not reach are absent.
    """
    found: dict[str, int] = {}

    def look(layer: Layer) -> Look:
        def hook(module: nn.Module, args: tuple[Any, ...], named: dict[str, Any], output: Any) -> None:
            images = len(_batched(module, _given(args, named)))
            found[layer.name] = output.numel() // (layer.outputs * max(1, images))

        return hook

    _first_image(subject, look)
    return found
