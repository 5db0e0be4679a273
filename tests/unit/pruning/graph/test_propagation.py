import copy

import pytest
import torch
from torch import nn

from prunekit.pruning.graph.remaining import room_of
from prunekit.pruning.graph.tracing import trace
from prunekit.pruning.masks import apply_


class Residual(nn.Module):
    """Two branches that meet in a sum, then flattening into a linear layer."""

    def __init__(self):
        super().__init__()
        self.stem, self.left, self.right = (
            nn.Conv2d(1, 4, 1),
            nn.Conv2d(4, 3, 1),
            nn.Conv2d(4, 3, 1, bias=False),
        )
        self.norm, self.head = nn.BatchNorm2d(3), nn.Linear(12, 2)

    def forward(self, x):
        x = torch.relu(self.stem(x))
        return self.head(torch.relu(self.norm(self.left(x) + self.right(x))).flatten(1))


class Dense(nn.Module):
    """Channels side by side, normalised together."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(1, 2, 1), nn.Conv2d(2, 3, 1)
        self.norm, self.c = nn.BatchNorm2d(5), nn.Conv2d(5, 1, 1)

    def forward(self, x):
        a = self.a(x)
        return self.c(torch.relu(self.norm(torch.cat([a, self.b(a)], 1))))


class Depthwise(nn.Module):
    """A depthwise convolution between two pointwise ones."""

    def __init__(self):
        super().__init__()
        self.a, self.n = nn.Conv2d(1, 3, 1, bias=False), nn.BatchNorm2d(3)
        self.d, self.m = nn.Conv2d(3, 3, 3, padding=1, groups=3), nn.BatchNorm2d(3)
        self.b = nn.Conv2d(3, 2, 1)

    def forward(self, x):
        return self.b(torch.relu(self.m(self.d(torch.relu(self.n(self.a(x)))))))


def masks_without(model, **removed):
    """The masks that follow from removing filters of layers: ``layer=[filters]``, or ``layer_in=[channels]``."""
    room = room_of(model, trace(model), {})
    kept = {name: entries.clone() for name, entries in room.present.items()}
    for name, places in removed.items():
        if name.endswith("_in"):
            kept[name.removesuffix("_in")][:, places] = False
        else:
            kept[name][places] = False
    return room.masks(kept)


def gone(masks, name):
    """Places of a vector, or filters and columns of a weight, that are masked whole."""
    mask = masks[name]
    if mask.dim() == 1:
        return (~mask).nonzero().flatten().tolist()
    return [(~mask.flatten(1).any(1)).nonzero().flatten().tolist(), (~mask.transpose(0, 1).flatten(1).any(1)).nonzero().flatten().tolist()]  # fmt: skip


def test_a_sum_is_zero_only_where_both_branches_are():
    one = masks_without(Residual(), left=[1])
    assert gone(one, "left.weight") == [[1], []]
    assert gone(one, "left.bias") == [1]
    assert gone(one, "norm.weight") == []
    both = masks_without(Residual(), left=[1], right=[1])
    assert gone(both, "norm.weight") == gone(both, "norm.bias") == [1]
    assert gone(both, "head.weight") == [[], [4, 5, 6, 7]]


def test_a_filter_that_nobody_reads_goes():
    masks = masks_without(Residual(), left_in=[2], right_in=[2])
    assert gone(masks, "stem.weight") == [[2], []]
    assert gone(masks, "stem.bias") == [2]
    assert masks["norm.weight"].all()


def test_a_removed_filter_takes_its_places_in_a_concatenation():
    masks = masks_without(Dense(), b=[0])
    assert gone(masks, "norm.bias") == [2]
    assert gone(masks, "c.weight") == [[], [2]]
    # a's filter 1 feeds b and the concatenation: all three places follow
    masks = masks_without(Dense(), a=[1])
    assert gone(masks, "norm.bias") == [1]
    assert gone(masks, "b.weight") == [[], [1]]


def test_a_depthwise_filter_goes_with_its_channel():
    masks = masks_without(Depthwise(), a=[0])
    assert gone(masks, "d.weight")[0] == gone(masks, "d.bias") == gone(masks, "m.weight") == [0]
    assert gone(masks, "b.weight") == [[], [0]]
    back = masks_without(Depthwise(), b_in=[2])
    assert gone(back, "a.weight")[0] == gone(back, "n.weight") == gone(back, "d.weight")[0] == [2]


def test_the_networks_outputs_keep_their_biases():
    masks = masks_without(Residual(), head=[0])
    assert masks["head.bias"].all()


@pytest.mark.parametrize("make", [Residual, Dense, Depthwise])
@pytest.mark.parametrize("seed", range(5))
def test_what_follows_moves_no_output(make, seed):
    """Random filters removed with their biases and norms: masking what follows as well changes nothing."""
    torch.manual_seed(seed)
    model = make().eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.bias)
            nn.init.normal_(module.running_mean)
    graph = trace(model)
    removed = {
        name: torch.randperm(layer.outputs)[:1].tolist()
        for name, layer in graph.layers.items()
        if name in graph.free_filters
    }
    masks = masks_without(model, **removed)
    loose = dict(masks)
    for layer in graph.layers.values():
        empty = ~layer.blocks(masks[layer.weight]).flatten(1).any(1)
        loose[layer.weight] = layer.unblocks(
            (~empty)[:, None, None].expand_as(layer.blocks(masks[layer.weight]))
        )
    inputs = torch.randn(3, 1, 2, 2)
    found = []
    for chosen in (masks, loose):
        copied = copy.deepcopy(model)
        apply_(copied, chosen)
        found.append(copied(inputs))
    assert sum(int((~mask).sum()) for mask in masks.values()) > sum(
        int((~mask).sum()) for mask in loose.values()
    )
    torch.testing.assert_close(*found, rtol=0, atol=1e-5)
