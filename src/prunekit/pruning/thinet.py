"""ThiNet: drop the input channels without which a layer's output changes least (Luo et al. 2017, arXiv:1707.06342)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from prunekit.pruning.layers import Layer
from prunekit.pruning.patches import patches, rows
from prunekit.pruning.subject import Scores, Subject, observe

# Output entries drawn per image and layer, as in the paper (section 4: 10 instances of each image).
DRAWS = 10


def thinet(subject: Subject) -> Scores:
    """Per input channel: how late the greedy search of the paper (section 3.2.2, algorithm 1) drops it, in (0, 1].

    Each step drops the channel with which the squared sum of all dropped contributions, over a seeded draw of output
    entries, stays smallest.
    """
    generator = torch.Generator().manual_seed(subject.seed)
    grams = {
        name: layer.tensor().new_zeros(layer.inputs, layer.inputs) for name, layer in subject.layers.items()
    }

    def visit(layer: Layer, module: nn.Module, inputs: Tensor) -> None:
        for image in torch.split(inputs, 1):
            parts = _contributions(layer, patches(layer, module, image)[0], generator)
            grams[layer.name] += parts.T @ parts

    observe(subject, visit)
    return {name: drop_order(gram) for name, gram in grams.items()}


def _contributions(layer: Layer, seen: Tensor, generator: torch.Generator) -> Tensor:
    """What every input channel adds to some drawn output entries: ``[draws, channels]``."""
    weight = rows(layer, layer.tensor().float())
    groups, filters, columns = weight.shape
    channels = layer.shape[1]
    found = seen.new_zeros(DRAWS, groups, channels)
    for draw in range(DRAWS):
        place = int(torch.randint(groups * filters * seen.shape[-1], (), generator=generator))
        (group, filter_), position = divmod(place // seen.shape[-1], filters), place % seen.shape[-1]
        products = weight[group, filter_] * seen[group, :, position]
        found[draw, group] = products.reshape(channels, columns // channels).sum(1)
    return found.flatten(1)


def drop_order(gram: Tensor) -> Tensor:
    """The place of every channel in the greedy order of dropping, over their number; ``gram``: their inner products."""
    count = len(gram)
    cost, order = gram.diagonal().clone(), torch.empty(count, device=gram.device)
    for step in range(count):
        channel = int(cost.argmin())
        order[channel] = (step + 1) / count
        cost = cost + 2 * gram[:, channel]
        cost[channel] = torch.inf
    return order
