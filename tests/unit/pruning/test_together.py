"""Coupled pruning keeps its word: what is masked goes when the network is shrunk, and a refusal names true ratios."""

import re
import warnings

import pytest
import torch
from torch import nn

from prunekit import prune, shrink
from prunekit.errors import UsageError
from prunekit.pruning.masks import prune_ratio, total_parameters

TOKENS = torch.randn(8, 10, 32, generator=torch.Generator().manual_seed(0))


class Positions(nn.Module):
    """Attention of torch's own over positions or a class token, without a norm over the width."""

    def __init__(self, token: bool) -> None:
        super().__init__()
        self.embed, self.head = nn.Linear(32, 24), nn.Linear(24, 5)
        self.stored = nn.Parameter(torch.randn(1, 1 if token else 10, 24))
        self.attend = nn.MultiheadAttention(24, 4, batch_first=True)
        self.token = token

    def forward(self, tokens):
        x = self.embed(tokens)
        x = torch.cat([self.stored.expand(len(x), -1, -1), x], 1) if self.token else x + self.stored
        return self.head((x + self.attend(x, x, x)[0]).mean(1))


class LinearAttention(nn.Module):
    """Attention without a softmax over pairs, with its heads written as a number, which nothing can make fewer."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.out, self.head = nn.Linear(32, 96), nn.Linear(32, 24), nn.Linear(24, 5)

    def forward(self, tokens):
        q, k, v = self.qkv(tokens).reshape(len(tokens), -1, 3, 4, 8).permute(2, 0, 3, 4, 1)
        context = torch.einsum("bhdn,bhen->bhde", k.exp(), v)
        mixed = torch.einsum("bhde,bhdn->bhen", context, q.exp()).flatten(1, 2)
        return self.head(self.out(mixed.transpose(1, 2)).mean(1))


class InBatch(nn.Module):
    """Attention whose heads are in the batch, with a bias for a fixed number of them."""

    def __init__(self) -> None:
        super().__init__()
        for name in ("q", "k", "v", "out"):
            self.add_module(name, nn.Linear(32, 32))
        self.head, self.bias = nn.Linear(32, 5), nn.Parameter(torch.randn(4, 10, 10))

    def forward(self, tokens):
        count = len(tokens)
        q, k, v = (
            layer(tokens).view(count, 10, 4, 8).transpose(1, 2).reshape(count * 4, 10, 8)
            for layer in (self.q, self.k, self.v)
        )
        scores = torch.baddbmm(self.bias.repeat(count, 1, 1), q, k.transpose(1, 2)).softmax(-1)
        mixed = torch.bmm(scores, v).view(count, 4, 10, 8).transpose(1, 2).reshape(count, 10, 32)
        return self.head(self.out(mixed).mean(1))


def ratios(model, asked):
    """The masked and the physical ratio."""
    masks = prune(model, method="l2", prune_ratio=asked, batches=[TOKENS], coupled=True)
    total = total_parameters(model)
    return prune_ratio(masks, total), 1 - total_parameters(shrink(model, masks, example=TOKENS)) / total


@pytest.mark.parametrize("token", [False, True], ids=["positions", "class token"])
def test_the_width_goes_with_the_positions_in_front_of_attention(token):
    torch.manual_seed(0)
    masked, physical = ratios(Positions(token).eval(), 0.5)
    assert masked == pytest.approx(0.5, abs=0.02)
    assert physical == pytest.approx(masked, abs=0.005)


def test_channels_that_would_stay_after_shrinking_are_not_masked():
    torch.manual_seed(0)
    model = LinearAttention().eval()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        masked, physical = ratios(model, 0.15)
    assert physical == pytest.approx(masked, abs=0.005)
    assert any("they do not run with fewer channels: qkv" in str(each.message) for each in caught)


@pytest.mark.filterwarnings("ignore::prunekit.errors.PrunekitWarning")
@pytest.mark.parametrize("network", [LinearAttention, InBatch])
def test_the_largest_ratio_in_a_refusal_can_be_had(network):
    torch.manual_seed(0)
    model = network().eval()
    with pytest.raises(UsageError, match=r"reachable: 0\.000 to") as refused:
        ratios(model, 0.9)
    most = float(re.search(r"to ([\d.]+)\)", str(refused.value))[1])
    masked, physical = ratios(model, most - 0.01)
    assert masked == pytest.approx(most, abs=0.03)
    assert physical == pytest.approx(masked, abs=0.005)
