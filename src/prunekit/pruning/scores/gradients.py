"""Sensitivities from gradients, mostly of the loss on the sample: the effect of a removal on it, to first order."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map_only

from prunekit.base.kernels import sound
from prunekit.errors import UsageError
from prunekit.pruning.given import check_gradients
from prunekit.pruning.graph.tracing import evaluation
from prunekit.pruning.layers import Layer, prunable_layers
from prunekit.pruning.subject import Batch, Scores, Subject, fitting, run


def snip(subject: Subject) -> Scores:
    """``|W dL/dW|`` per weight, with the gradient of the mean loss over the sample, over the sum of all scores."""
    products = {
        name: (gradient * layer.tensor()).abs() for layer, name, gradient in _whole_gradients(subject)
    }
    total = sum(float(values.sum(dtype=torch.float64)) for values in products.values())
    return {name: values / max(total, 1e-300) for name, values in products.items()}


def taylor(subject: Subject) -> Scores:
    """``(W dL/dW)^2`` per weight, averaged over batches."""
    return _mean_over_batches(subject, lambda layer, product: product.square())


def taylor_filter(subject: Subject) -> Scores:
    """The square of the sum of ``W dL/dW`` over each filter, averaged over batches."""
    return _mean_over_batches(subject, lambda layer, product: layer.blocks(product).sum((1, 2)).square())


def group_taylor(subject: Subject) -> Scores:
    """The sum of ``|W dL/dW|`` over each filter, averaged over batches."""
    return _mean_over_batches(subject, lambda layer, product: layer.blocks(product).abs().sum((1, 2)))


def hessian(subject: Subject) -> Scores:
    """Half the sum over each filter of ``W^2`` times the Hessian's diagonal, estimated by the mean squared gradient.

    The gradients are those of single images; their mean square is the diagonal of the empirical Fisher matrix.
    """
    single = [
        Batch(batch.inputs[place : place + 1], cast(Tensor, batch.labels)[place : place + 1])
        for batch in subject.batches
        for place in range(len(batch.inputs))
    ]
    each = subject._replace(batches=single)
    return _mean_over_batches(each, lambda layer, product: layer.blocks(product).square().sum((1, 2)) / 2)


def synflow(subject: Subject) -> Scores:
    """``W dR/dW``, with R the sum of the network's outputs for an input of ones, and |W| in place of all weights W.

    Buffers are made positive too. The network runs in evaluation mode and in float64, so that products over many layers
    stay in range.
    """
    check_gradients(subject.model)
    if subject.graph.example is None:
        raise UsageError("synflow runs the network once, but no suitable input was found: pass example=")
    positive = copy.deepcopy(subject.model).double()
    with torch.no_grad():
        for value in positive.state_dict().values():
            value.abs_()
    layers = prunable_layers(positive)
    weights = [cast(Tensor, layer.modules[0].weight).requires_grad_(True) for layer in layers.values()]
    ones = tree_map_only(Tensor, _ones, subject.graph.example)
    with evaluation(positive), torch.enable_grad():
        flow = sum(leaf.sum() for leaf in tree_leaves(positive(*ones)) if isinstance(leaf, Tensor))
        found = _derived(cast(Tensor, flow), weights)
    pairs = zip(layers, weights, found, strict=True)
    return {name: (weight * (0 if g is None else g)).detach() for name, weight, g in pairs}


def _ones(inputs: Tensor) -> Tensor:
    return torch.ones_like(inputs, dtype=torch.float64) if inputs.is_floating_point() else inputs


def _mean_over_batches(subject: Subject, score: Callable[[Layer, Tensor], Tensor]) -> Scores:
    found: Scores = {}
    for gradients in _gradients(subject):
        for name, layer in subject.layers.items():
            value = score(layer, gradients[name] * layer.tensor()) / len(subject.batches)
            found[name] = found[name] + value if name in found else value
    return found


def _whole_gradients(subject: Subject) -> list[tuple[Layer, str, Tensor]]:
    """The gradient of the mean loss over all images, by layer."""
    images = sum(len(batch.inputs) for batch in subject.batches)
    sums: Scores = {name: torch.zeros_like(layer.tensor()) for name, layer in subject.layers.items()}
    for batch, gradients in zip(subject.batches, _gradients(subject), strict=True):
        sums = {name: total + gradients[name] * (len(batch.inputs) / images) for name, total in sums.items()}
    return [(layer, name, sums[name]) for name, layer in subject.layers.items()]


def _gradients(subject: Subject) -> Iterator[Scores]:
    """Per batch, the gradient of its mean cross entropy for every prunable weight; ``.grad`` is unchanged."""
    check_gradients(subject.model)
    weights = [cast(Tensor, layer.modules[0].weight) for layer in subject.layers.values()]
    flags = [weight.requires_grad for weight in weights]
    try:
        for weight in weights:
            weight.requires_grad_(True)
        for batch in subject.batches:
            with evaluation(subject.model), sound(subject.model), torch.enable_grad():
                loss = _loss(logits(run(subject.model, batch.inputs)), cast(Tensor, batch.labels))
                found = _derived(loss, weights)
            pairs = zip(subject.layers.items(), found, strict=True)
            yield {name: torch.zeros_like(layer.tensor()) if g is None else g for (name, layer), g in pairs}
    finally:
        for weight, flag in zip(weights, flags, strict=True):
            weight.requires_grad_(flag)


def _derived(value: Tensor, weights: list[Tensor]) -> tuple[Tensor | None, ...]:
    """The gradients of a number; None for weights that it does not depend on."""
    if not value.requires_grad:
        raise UsageError(
            "this method computes gradients, but the network's forward records none: it runs in torch.no_grad() or "
            "torch.inference_mode(), or detaches its output"
        )
    return torch.autograd.grad(value, weights, allow_unused=True)


def _loss(outputs: Tensor, labels: Tensor) -> Tensor:
    with fitting(f"a batch of labels of shape {tuple(labels.shape)}"):
        return F.cross_entropy(outputs, labels)


def logits(output: Any) -> Tensor:
    """The logits in a model's output: the output itself, its ``out`` (torchvision's segmentation) or its first part."""
    if isinstance(output, dict):
        output = output["out"] if "out" in output else next(iter(output.values()))
    found: Tensor = output[0] if isinstance(output, list | tuple) else output
    return found
