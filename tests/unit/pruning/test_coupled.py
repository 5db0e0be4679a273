import itertools

import pytest
import torch
from torch import nn
from torch.nn import functional

from prunekit.errors import PrunekitWarning, UsageError
from prunekit.pruning.api import prune
from prunekit.pruning.explain import explain
from prunekit.pruning.masks import apply_, prune_ratio, total_parameters
from prunekit.pruning.methods import METHODS
from prunekit.pruning.shrink import shrink


class Residual(nn.Module):
    """Two convolutions of four filters whose outputs are summed, and a head: 4 · (3 + 1) + 4 · (4 + 1) + 2 · (4 + 1)."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.f = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 1), nn.Linear(4, 2)
        for layer, sizes in ((self.a, (1.0, 2.0, 3.0, 4.0)), (self.b, (9.0, 1.0, 1.0, 9.0))):
            with torch.no_grad():
                layer.weight.copy_(torch.tensor(sizes)[:, None, None, None].expand_as(layer.weight))

    def forward(self, x):
        x = torch.relu(self.a(x))
        return self.f(torch.relu(x + self.b(x)).mean((2, 3)))


def left(masks, name):
    return masks[name].flatten(1).any(1).nonzero().flatten().tolist()


def test_channels_of_a_sum_are_scored_and_removed_together():
    """By hand: shares of the layers' means are (.4, .8, 1.2, 1.6) and (1.8, .2, .2, 1.8); their means decide."""
    model = Residual()
    masks = prune(model, method="ft", prune_ratio=0.3, coupled=True)
    assert left(masks, "a.weight") == left(masks, "b.weight") == [0, 2, 3]
    assert masks["b.weight"].flatten(1).any(0).tolist() == [True, False, True, True]
    assert masks["f.weight"].any(0).tolist() == [True, False, True, True]
    total = total_parameters(model)
    assert prune_ratio(masks, total) == 1 - (12 + 12 + 8) / total
    assert total_parameters(shrink(model, masks)) == 12 + 12 + 8


def body():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.Conv2d(32, 32, 3, padding=1, groups=16),
        nn.ReLU(), nn.Conv2d(32, 48, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(48, 4),
    )  # fmt: skip


@pytest.mark.parametrize("method", ["ft", "l2", "fpgm", "slim", "taylor-filter", "pfp", "random-filter"])
def test_what_is_masked_is_taken_out(method):
    model = body()
    batches = [(torch.randn(4, 3, 16, 16), torch.arange(4))]
    masks = prune(model, method=method, prune_ratio=0.5, coupled=True, batches=batches)
    total = total_parameters(model)
    assert prune_ratio(masks, total) == pytest.approx(0.5, abs=0.02)
    assert total_parameters(shrink(model, masks)) == total - sum(
        int((~mask).sum()) for mask in masks.values()
    )


def test_channels_left_are_multiples_of_what_was_asked():
    masks = prune(body(), method="ft", prune_ratio=0.64, coupled=True, round_to=8)
    assert len(left(masks, "0.weight")) % 8 == len(left(masks, "5.weight")) % 8 == 0


class Gated(nn.Module):
    """A layer whose output is cut into two equal pieces, each read by a layer of its own."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = nn.Linear(6, 64), nn.Linear(32, 16), nn.Linear(32, 16)

    def forward(self, x):
        left, right = torch.relu(self.a(x)).chunk(2, 1)
        return self.b(left) + self.c(right)


def test_pieces_of_a_layer_keep_multiples_too():
    """By hand: of 1,504 entries, 46 go with a channel of either piece; steps of 8 remove 0, 0.245, 0.489 .."""
    masks = prune(Gated(), method="ft", prune_ratio=0.25, coupled=True, round_to=8)
    assert int(masks["b.weight"].any(0).sum()) == int(masks["c.weight"].any(0).sum()) == 24
    with pytest.raises(UsageError, match=r"the nearest possible ratios are 0\.000 and 0\.245"):
        prune(Gated(), method="ft", prune_ratio=0.12, coupled=True, round_to=8)


def test_a_layer_loses_its_own_share_and_none_more_than_the_cap():
    masks = prune(body(), method="ft", prune_ratio=0.5, coupled=True, layer_ratios={"5": 0.25})
    assert len(left(masks, "5.weight")) == 36
    masks = prune(body(), method="random-filter", prune_ratio=0.3, coupled=True, max_layer_ratio=0.5)
    assert len(left(masks, "5.weight")) >= 24
    assert len(left(masks, "0.weight")) >= 16


def test_a_ratio_of_multiplications():
    """The first two layers see 256 positions, the third 196, the last one: their products with the kept weights halve."""
    model = body()
    positions = {"0.weight": 256, "3.weight": 256, "5.weight": 196, "9.weight": 1}
    masks = prune(model, method="ft", prune_ratio=0.5, coupled=True, target="multiplications")
    kept = sum(int(masks[name].sum()) * count for name, count in positions.items())
    assert kept / sum(masks[name].numel() * count for name, count in positions.items()) == pytest.approx(
        0.5, abs=0.02
    )


def test_a_second_pruning_revives_nothing():
    model = body()
    first = prune(model, method="ft", prune_ratio=0.3, coupled=True)
    again = prune(model, method="l2", prune_ratio=0.5, coupled=True, masks=first)
    assert not any((again[name] & ~mask).any() for name, mask in first.items())
    assert prune_ratio(again, total_parameters(model)) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"method": "wt", "coupled": True}, "use a filter method, not wt"),
        ({"method": "ft", "round_to": 8}, r"need coupled=True \(--coupled\)"),
        ({"method": "ft", "coupled": True, "layer_ratios": {"55": 0.5}}, "unknown layer '55'"),
    ],
)
def test_a_mistake_is_one_clear_line(given, message):
    with pytest.raises(UsageError, match=message):
        prune(body(), prune_ratio=0.5, **given)


@pytest.mark.parametrize("kind", [nn.Conv2d, nn.ConvTranspose2d])
def test_wide_groups_of_a_convolution_lose_the_same_places_each(kind):
    """By hand: 2 groups of 4 channels; place 1 of both groups has the smallest filters, so filters 1 and 5 go."""
    model = nn.Sequential(
        nn.Conv2d(3, 8, 1), nn.ReLU(), kind(8, 8, 1, groups=2), nn.ReLU(), nn.Conv2d(8, 2, 1)
    )
    torch.manual_seed(0)
    for module in model:
        if hasattr(module, "bias"):
            nn.init.uniform_(module.bias, 0.1, 1)
    sizes = torch.tensor([3.0, 1, 4, 5, 6, 2, 8, 7])
    with torch.no_grad():
        for layer in (model[0], model[2]):
            rows = layer.weight if layer is model[0] or kind is nn.Conv2d else None
            if rows is not None:
                rows.copy_(sizes[:, None, None, None].expand_as(rows))
            else:
                layer.weight.copy_(sizes.reshape(2, 1, 4).expand(2, 4, 4).reshape(8, 4, 1, 1))
    masks = prune(model, method="ft", prune_ratio=0.3, coupled=True)
    assert left(masks, "0.weight") == [0, 2, 3, 4, 6, 7]
    assert masks["4.weight"].any(0).flatten().tolist() == [True, False, True, True, True, False, True, True]
    small = shrink(model, masks)
    assert (small[2].weight.shape, small[2].groups) == ((6, 3, 1, 1), 2)
    # 6 · 4 + (6 · 3 + 6) + 2 · 7
    assert total_parameters(small) == sum(int(mask.sum()) for mask in masks.values()) == 62


class Stream(nn.Module):
    """Patches of width 4, a class token, positions and one hidden layer of 8, with or without a norm over the width."""

    def __init__(self, norm):
        super().__init__()
        self.patches, self.token = nn.Conv2d(3, 4, 4, 4), nn.Parameter(torch.randn(1, 1, 4))
        self.positions, self.norm = nn.Parameter(torch.randn(1, 5, 4)), norm
        self.up, self.down, self.head = nn.Linear(4, 8), nn.Linear(8, 4), nn.Linear(4, 2)
        with torch.no_grad():
            self.patches.weight.copy_(
                torch.tensor([1.0, 4.0, 2.0, 3.0])[:, None, None, None].expand(4, 3, 4, 4)
            )
            self.down.weight.fill_(1.0)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(len(x), -1, -1), x], 1) + self.positions
        return self.head((x + self.down(torch.relu(self.up(self.norm(x)))))[:, 0])


def test_an_embedding_is_cut_with_its_class_token_and_positions():
    """By hand: shares of the layers' means are (.4, 1.6, .8, 1.2) and four ones, so channels 1 and 3 stay."""
    torch.manual_seed(0)
    model, images = Stream(nn.Identity()).eval(), torch.randn(2, 3, 8, 8)
    masks = prune(model, method="l2", prune_ratio=0.53, coupled=True, example=images)
    smaller = shrink(model, masks, example=images)
    assert left(masks, "patches.weight") == left(masks, "down.weight") == [1, 3]
    assert torch.equal(smaller.token, model.token[:, :, [1, 3]])
    assert torch.equal(smaller.positions, model.positions[:, :, [1, 3]])
    apply_(model, masks)
    torch.testing.assert_close(smaller(images), model(images))


@pytest.mark.parametrize("norm", [nn.LayerNorm, nn.RMSNorm])
def test_a_norm_over_the_width_keeps_it(norm):
    torch.manual_seed(0)
    model, images = Stream(norm(4)).eval(), torch.randn(2, 3, 8, 8)
    masks = prune(model, method="l2", prune_ratio=0.1, coupled=True, example=images)
    smaller = shrink(model, masks, example=images)
    assert smaller.token.shape == model.token.shape
    assert smaller.up.out_features < 8
    assert "stays: norm needs all of its channels" in explain(model, example=images)


class TiedText(nn.Module):
    """A language model whose words are read and written by one weight."""

    def __init__(self):
        super().__init__()
        self.words, self.conv = nn.Embedding(20, 12), nn.Conv1d(12, 16, 3, padding=1)
        self.memory, self.project = nn.GRU(16, 12, batch_first=True), nn.Linear(12, 12)

    def forward(self, x):
        x = torch.relu(self.conv(self.words(x).transpose(1, 2))).transpose(1, 2)
        return functional.linear(torch.tanh(self.project(self.memory(x)[0])), self.words.weight)


class Backwards(nn.Module):
    """Every weight is used forwards by its module and backwards by a function."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv1d(2, 8, 3, padding=1), nn.Conv1d(8, 16, 3, padding=1)

    def forward(self, x):
        x = torch.relu(self.b(torch.relu(self.a(x))))
        x = torch.relu(functional.conv_transpose1d(x, self.b.weight, padding=1))
        return functional.conv_transpose1d(x, self.a.weight, padding=1)


def test_words_that_are_read_and_written_by_one_weight_are_cut_on_both_sides():
    torch.manual_seed(0)
    model, words = TiedText().eval(), torch.randint(0, 20, (2, 6))
    masks = prune(model, method="l2", prune_ratio=0.2, coupled=True, example=words)
    smaller, width = shrink(model, masks, example=words), len(left(masks, "project.weight"))
    assert smaller.words.weight.shape == (20, width)
    assert width == smaller.project.out_features == smaller.conv.in_channels < 12
    removed = prune_ratio(masks, total_parameters(model))
    assert 1 - total_parameters(smaller) / total_parameters(model) == pytest.approx(removed)
    apply_(model, masks)
    torch.testing.assert_close(smaller(words), model(words))


def test_weights_that_are_used_forwards_and_backwards_are_refused_for_what_they_are():
    torch.manual_seed(0)
    model, signal = Backwards().eval(), torch.randn(2, 2, 16)
    refused = pytest.raises(UsageError, match="no channels of this model can be removed together")
    with refused, pytest.warns(PrunekitWarning, match="stored weights directly: a, b"):
        prune(model, method="l2", prune_ratio=0.48, coupled=True, example=signal)


@pytest.mark.parametrize("kind", [nn.GRU, nn.RNN])
def test_what_feeds_a_recurrent_layer_is_cut_with_its_weights(kind):
    class Sequence(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.memory, self.head = (
                nn.Conv1d(4, 16, 3),
                kind(16, 12, batch_first=True),
                nn.Linear(12, 3),
            )

        def forward(self, x):
            return self.head(self.memory(torch.relu(self.conv(x)).transpose(1, 2))[0].mean(1))

    torch.manual_seed(0)
    model, signal = Sequence().eval(), torch.randn(2, 4, 8)
    masks = prune(model, method="l2", prune_ratio=0.15, coupled=True, example=signal)
    smaller, total = shrink(model, masks, example=signal), total_parameters(model)
    assert smaller.memory.input_size == len(left(masks, "conv.weight")) < 16
    assert 1 - total_parameters(smaller) / total == pytest.approx(prune_ratio(masks, total))
    apply_(model, masks)
    torch.testing.assert_close(smaller(signal), model(signal))


def dying(*hidden):
    """Linear layers with ReLUs; of the last hidden one, the unit with the largest weights is always off."""
    torch.manual_seed(0)
    sizes = (3, *hidden, 2)
    parts = [part for two in itertools.pairwise(sizes) for part in (nn.Linear(*two), nn.ReLU())]
    with torch.no_grad():
        parts[-4].weight[0] *= 100
        parts[-4].bias[0] = -1e6
    return nn.Sequential(*parts[:-1])


def test_no_layer_is_left_with_units_that_are_always_off_if_others_can_go():
    """By hand: of 206 entries, 7 and 1 units leave 40, of which the last is off; 5 and 2 leave 38."""
    model, inputs = dying(24, 4), torch.randn(2, 3)
    masks = prune(model, method="ft", prune_ratio=0.8, coupled=True, example=inputs)
    assert len(left(masks, "0.weight")) == 5
    assert left(masks, "2.weight") == [0, 3]
    apply_(model, masks)
    answers = model(inputs)
    assert not torch.equal(answers[0], answers[1])


@pytest.mark.parametrize("images", [1, 2])
def test_a_network_that_answers_the_same_to_everything_is_named(images):
    with pytest.warns(PrunekitWarning, match="the same for all inputs: ask for a smaller ratio"):
        masks = prune(dying(4), method="ft", prune_ratio=0.7, coupled=True, example=torch.randn(images, 3))
    assert left(masks, "0.weight") == [0]


def test_layers_whose_channels_all_stay_are_not_scored():
    asked = []

    def sensitivity(subject):
        asked.append(subject.ranked)
        return METHODS["pfp"].sensitivity(subject)

    model = nn.Sequential(nn.Conv2d(3, 8, 1), nn.ReLU(), nn.Conv2d(8, 8, 1), nn.ReLU(), nn.Conv2d(8, 2, 1))
    method = METHODS["pfp"]._replace(sensitivity=sensitivity)
    prune(model, method=method, prune_ratio=0.5, batches=[torch.randn(4, 3, 4, 4)], coupled=True)
    assert asked == [{"2", "4"}]
