"""Kinds of networks: what goes with a channel, by hand where it can be, and what a network keeps that cannot be cut."""

from dataclasses import dataclass

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from prunekit.errors import PrunekitWarning, UsageError
from prunekit.pruning.api import prune
from prunekit.pruning.explain import explain
from prunekit.pruning.masks import apply_, prune_ratio, total_parameters
from prunekit.pruning.shrink import shrink

KEPT = torch.tensor([True, False, True])


def rows(layer, *sizes):
    """Weights whose rows have these sizes."""
    with torch.no_grad():
        layer.weight.copy_(
            torch.tensor(sizes).reshape(-1, *[1] * (layer.weight.dim() - 1)).expand_as(layer.weight)
        )
    return layer


def pruned(model, ratio, inputs):
    """The masks of coupled pruning and the smaller network, which computes what the masked one does."""
    masks = prune(model.eval(), method="ft", prune_ratio=ratio, coupled=True, example=inputs)
    smaller, total = shrink(model, masks, example=inputs), total_parameters(model)
    assert total_parameters(smaller) == total - round(prune_ratio(masks, total) * total)
    apply_(model, masks)
    torch.testing.assert_close(smaller(inputs), model(inputs))
    return masks, smaller


def test_a_layer_that_runs_three_times_loses_the_channels_of_all_its_uses():
    """By hand: unit 1 is the weakest of both layers; it goes with its rows, its column and the head's: 10 of 25."""

    class Again(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.again, self.head = (
                rows(nn.Linear(2, 3), 3.0, 1.0, 2.0),
                nn.Linear(3, 3),
                nn.Linear(3, 1),
            )
            rows(self.again, 2.0, 1.0, 3.0)

        def forward(self, x):
            x = self.first(x)
            for _ in range(3):
                x = torch.tanh(self.again(x))
            return self.head(x)

    torch.manual_seed(0)
    model = Again()
    masks, smaller = pruned(model, 0.4, torch.randn(2, 2))
    assert torch.equal(masks["first.weight"], KEPT[:, None].expand(3, 2))
    assert torch.equal(masks["again.weight"], KEPT[:, None] & KEPT)
    assert torch.equal(masks["again.bias"], KEPT)
    assert torch.equal(masks["head.weight"], KEPT[None])
    assert smaller.again.out_features == 2
    assert "again                                    3 x 3        with first" in explain(
        model, example=torch.randn(2, 2)
    )


def test_a_bilinear_layer_reads_both_its_inputs():
    """By hand: the weakest unit of either input goes, with a slice of the 3 x 3 x 3 weights each; the outputs stay."""

    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = rows(nn.Linear(2, 3), 3.0, 1.0, 2.0), rows(nn.Linear(2, 3), 3.0, 1.0, 2.0)
            self.both = nn.Bilinear(3, 3, 3)

        def forward(self, x):
            return self.both(self.a(x), self.b(x))

    torch.manual_seed(0)
    masks, smaller = pruned(Two(), 21 / 48, torch.randn(2, 2))
    assert torch.equal(masks["both.weight"], (KEPT[:, None] & KEPT).expand(3, 3, 3))
    assert (smaller.both.in1_features, smaller.both.in2_features, smaller.both.out_features) == (2, 2, 3)


def test_an_embedding_becomes_narrower_with_what_reads_it():
    """By hand: the readers' columns decide: 1 is the smallest; 4 words and 2 weights go of 3 · 4 + 2 · 3 + 2."""

    class Words(nn.Module):
        def __init__(self):
            super().__init__()
            self.words, self.head = nn.Embedding(4, 3), nn.Linear(3, 2)
            with torch.no_grad():
                self.head.weight.copy_(torch.tensor([[3.0, 1.0, 2.0]]).expand(2, 3))

        def forward(self, x):
            return self.head(self.words(x).mean(1))

    masks, smaller = pruned(Words(), 0.3, torch.randint(0, 4, (2, 5)))
    assert torch.equal(masks["words.weight"], KEPT.expand(4, 3))
    assert smaller.words.embedding_dim == 2


def test_whole_groups_of_a_group_norm_go_and_the_module_knows():
    torch.manual_seed(0)
    model = nn.Sequential(
        rows(nn.Conv2d(3, 8, 1), 3.0, 3.0, 1.0, 1.0, 2.0, 2.0, 4.0, 4.0),
        nn.GroupNorm(4, 8),
        nn.ReLU(),
        nn.Conv2d(8, 2, 1),
    )
    masks, smaller = pruned(model, 16 / 66, torch.randn(2, 3, 4, 4))
    assert masks["0.bias"].tolist() == [True, True, False, False, True, True, True, True]
    assert (smaller[1].num_groups, smaller[1].num_channels) == (3, 6)


@dataclass
class Answer:
    logits: torch.Tensor
    hidden: torch.Tensor


def test_what_a_network_returns_in_an_object_is_its_output():
    class Returns(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c = nn.Linear(4, 16), nn.Linear(16, 8), nn.Linear(8, 2)

        def forward(self, x):
            hidden = torch.relu(self.b(torch.relu(self.a(x))))
            return Answer(self.c(hidden), hidden)

    torch.manual_seed(0)
    model, inputs = Returns().eval(), torch.randn(3, 4)
    for coupled in (False, True):
        masks = prune(model, method="ft", prune_ratio=65 / 234, coupled=coupled, example=inputs)
        smaller = shrink(model, masks, example=inputs)
        assert smaller(inputs).hidden.shape == (3, 8)
        assert smaller.a.out_features < 16
        assert bool(masks["c.weight"].all())


def test_channels_chosen_by_stored_places_stay():
    class Chosen(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c = nn.Linear(4, 8), nn.Linear(6, 12), nn.Linear(12, 2)
            self.register_buffer("places", torch.tensor([7, 1, 2, 4, 3, 0]))

        def forward(self, x):
            return self.c(torch.relu(self.b(self.a(x).index_select(1, self.places))))

    torch.manual_seed(0)
    _, smaller = pruned(Chosen(), 0.3, torch.randn(3, 4))
    assert smaller.a.out_features == 8
    assert smaller.b.out_features < 12


class Between(nn.Module):
    """A convolution, a function of its channels, another convolution, and a head."""

    def __init__(self, between, width=16, **modules):
        super().__init__()
        self.a, self.b, self.f = nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(width, 24, 3), nn.Linear(24, 5)
        self.between = between
        for name, module in modules.items():
            setattr(self, name, module)

    def forward(self, x):
        x = self.between(self, torch.relu(self.a(x)))
        return self.f(torch.relu(self.b(x)).mean((2, 3)))


def spatial_gate(self, x):
    return x * torch.sigmoid(self.gate(x))


def windows(self, x):
    columns = self.inner(F.unfold(x, 2, stride=2).transpose(1, 2)).transpose(1, 2)
    return F.fold(columns, x.shape[2:], 2, stride=2)


def spectral(self, x):
    seen = torch.fft.rfft2(x) * torch.view_as_complex(self.filters)
    return torch.fft.irfft2(seen, s=x.shape[2:])


def shared(self, x):
    return self.norm(self.inner(self.norm(self.inner(x)))) + x


KINDS = {
    "one gate for all channels": (spatial_gate, lambda: {"gate": nn.Conv2d(16, 1, 3, padding=1)}),
    "windows taken apart and put together": (windows, lambda: {"inner": nn.Linear(64, 64)}),
    "a filter in the frequency domain": (
        spectral,
        lambda: {"filters": nn.Parameter(torch.randn(16, 8, 5, 2))},
    ),
    "a norm and a layer used twice": (
        shared,
        lambda: {"inner": nn.Conv2d(16, 16, 1), "norm": nn.BatchNorm2d(16)},
    ),
    "maxout": (
        lambda self, x: self.wide(x).unflatten(1, (-1, 2)).max(2)[0],
        lambda: {"wide": nn.Conv2d(16, 32, 1)},
    ),
}


@pytest.mark.parametrize("name", KINDS)
def test_channels_of_this_kind_are_taken_out(name):
    torch.manual_seed(0)
    between, modules = KINDS[name]
    _, smaller = pruned(Between(between, **modules()), 0.5, torch.randn(2, 3, 8, 8))
    assert smaller.a.out_channels < 16
    assert smaller.b.in_channels < 16


def test_a_network_that_writes_a_width_itself_keeps_that_layer_whole_and_names_it():
    class Written(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c = nn.Linear(4, 24), nn.Linear(12, 30), nn.Linear(30, 2)

        def forward(self, x):
            return self.c(torch.relu(self.b(self.a(x).view(-1, 12, 2).amax(2))))

    torch.manual_seed(0)
    with pytest.warns(match="not pruned, because they do not run with fewer channels: a$"):
        _, smaller = pruned(Written(), 0.4, torch.randn(3, 4))
    assert (smaller.a.out_features, smaller.b.in_features) == (24, 12)
    assert smaller.b.out_features < 30


def test_a_network_that_makes_a_distribution_is_followed_and_one_that_decides_is_refused_with_the_reason():
    class Draws(nn.Module):
        def __init__(self, decides):
            super().__init__()
            self.a, self.b, self.decides = nn.Linear(4, 24), nn.Linear(24, 4), decides

        def forward(self, x):
            mean, spread = self.b(torch.relu(self.a(x))).chunk(2, 1)
            if self.decides and float(mean.sum()) > 100:
                return mean
            return torch.distributions.Normal(mean, spread.exp()).mean

    torch.manual_seed(0)
    _, smaller = pruned(Draws(decides=False), 0.5, torch.randn(3, 4))
    assert smaller.a.out_features < 24
    inputs = torch.randn(3, 4)
    with (
        pytest.warns(PrunekitWarning),
        pytest.raises(UsageError, match="move that part into a module of its own"),
    ):
        prune(Draws(decides=True), method="ft", prune_ratio=0.5, coupled=True, example=inputs)


def test_shuffled_pixels_lose_the_channels_of_a_whole_block():
    """By hand: of three blocks of four filters, the second is the weakest; 8 + 4 and 4 of 62 entries go with it."""

    class Enlarged(nn.Module):
        def __init__(self):
            super().__init__()
            blocks = [3.0] * 4 + [1.0] * 4 + [2.0] * 4
            self.a, self.pixels, self.b = (
                rows(nn.Conv2d(2, 12, 1), *blocks),
                nn.PixelShuffle(2),
                nn.Conv2d(3, 4, 1),
            )
            self.head = nn.Linear(4, 2)

        def forward(self, x):
            return self.head(self.b(self.pixels(self.a(x)).relu()).relu().mean((2, 3)))

    torch.manual_seed(0)
    masks, smaller = pruned(Enlarged(), 16 / 62, torch.randn(2, 2, 4, 4))
    assert masks["a.weight"].flatten(1).any(1).tolist() == [True] * 4 + [False] * 4 + [True] * 4
    assert masks["b.weight"].flatten(1).any(0).tolist() == KEPT.tolist()
    assert (smaller.a.out_channels, smaller.b.in_channels) == (8, 2)
