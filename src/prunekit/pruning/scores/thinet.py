"""ThiNet: drop the input channels whose removal changes a layer's output least (Luo et al. 2017, arXiv:1707.06342)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from prunekit.pruning.layers import Layer
from prunekit.pruning.scores.patches import patches, rows
from prunekit.pruning.subject import Scores, Subject, observe

# Output entries drawn per image and layer, as in the paper (section 4: 10 instances of each image).
DRAWS = 10


def thinet(subject: Subject) -> Scores:
    """Per input channel: how late the paper's greedy search (section 3.2.2, algorithm 1) drops it, in (0, 1].

    Each step drops the channel that keeps the sum of squares of the dropped contributions smallest, over a seeded draw
    of output entries.
    """
    generator = torch.Generator().manual_seed(subject.seed)
    drawn = {name: [layer.tensor().new_zeros(0, layer.inputs)] for name, layer in subject.layers.items()}

    def visit(layer: Layer, module: nn.Module, inputs: Tensor) -> None:
        for image in torch.split(inputs, 1):
            drawn[layer.name].append(_contributions(layer, patches(layer, module, image)[0], generator))

    observe(subject, visit)
    return {name: drop_order(torch.cat(parts)) for name, parts in drawn.items()}


def _contributions(layer: Layer, seen: Tensor, generator: torch.Generator) -> Tensor:
    """The contribution of each input channel to randomly drawn output entries: ``[draws, channels]``."""
    weight = rows(layer, layer.tensor().float())
    groups, filters, _ = weight.shape
    positions, channels = seen.shape[-1], layer.shape[1]
    places = torch.randint(groups * filters * positions, (DRAWS,), generator=generator).to(seen.device)
    group, position = places // (filters * positions), places % positions
    products = weight[group, places // positions % filters] * seen[group, :, position]
    found = seen.new_zeros(DRAWS, groups, channels)
    found[torch.arange(DRAWS, device=seen.device), group] = products.view(DRAWS, channels, -1).sum(2)
    return found.flatten(1)


def drop_order(parts: Tensor) -> Tensor:
    """The place of each channel in the greedy order of dropping, divided by the number of channels.

    ``parts``: the contribution of each channel to output entries, ``[entries, channels]``.
    """
    entries, count = parts.shape
    # The inner products of all channels are computed at once only if there are fewer channels than entries.
    products = parts.T @ parts if count < entries else None
    cost, order = parts.square().sum(0), torch.empty(count, device=parts.device)
    for step in range(count):
        channel = int(cost.argmin())
        order[channel] = (step + 1) / count
        cost += 2 * (parts[:, channel] @ parts if products is None else products[channel])
        cost[channel] = torch.inf
    return order
