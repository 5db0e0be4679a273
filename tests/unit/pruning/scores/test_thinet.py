import pytest
import torch

from prunekit.pruning.scores.thinet import drop_order


def plain_drop_order(parts):
    """The greedy search as the paper has it: the summed contributions of every choice, worked out anew."""
    dropped, order = [], torch.empty(parts.shape[1])
    while len(dropped) < parts.shape[1]:
        left = [channel for channel in range(parts.shape[1]) if channel not in dropped]
        dropped.append(min(left, key=lambda channel: parts[:, [*dropped, channel]].sum(1).square().sum()))
        order[dropped[-1]] = len(dropped) / parts.shape[1]
    return order


@pytest.mark.parametrize(("entries", "channels"), [(0, 3), (1, 1), (4, 9), (9, 4), (8, 8)])
@pytest.mark.parametrize("seed", range(3))
def test_the_fast_search_drops_in_the_order_of_the_plain_one(entries, channels, seed):
    """With fewer channels than entries, and with more."""
    parts = torch.randn(entries, channels, generator=torch.Generator().manual_seed(seed))
    assert torch.equal(drop_order(parts), plain_drop_order(parts.double()))
