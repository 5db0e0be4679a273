"""Whole heads of nn.MultiheadAttention: which entries go with one, and what is left is the same function."""

import copy
import warnings

import pytest
import torch
from torch import nn
from torchvision.models import VisionTransformer

from prunekit.base.attention import PrunedAttention
from prunekit.errors import PrunekitWarning
from prunekit.pruning.api import prune
from prunekit.pruning.compact import compacted, without_dead
from prunekit.pruning.explain import explain
from prunekit.pruning.masks import apply_, prune_ratio, total_parameters
from prunekit.pruning.shrink import shrink


class Attending(nn.Module):
    """Attention, hidden units and a head; ``call`` gives the attention's arguments, from the network and its input."""

    def __init__(
        self, call=lambda net, x: {"need_weights": False}, width=32, heads=4, hidden=64, norm=None, **how
    ):
        super().__init__()
        self.first, self.head = nn.Linear(8, width), nn.Linear(width, 5)
        self.norm = norm or nn.LayerNorm(width)
        self.up, self.down = (nn.Linear(width, hidden), nn.Linear(hidden, width)) if hidden else (None, None)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True, **how)
        kdim, vdim = self.attention.kdim, self.attention.vdim
        self.keys, self.values = (nn.Linear(8, kdim), nn.Linear(8, vdim)) if how.get("kdim") else (None, None)
        self.call = call

    def forward(self, x):
        y = self.norm(self.first(x))
        key, value = (y, y) if self.keys is None else (self.keys(x), self.values(x))
        y = y + self.attention(y, key, value, **self.call(self, x))[0]
        y = y if self.up is None else y + self.down(torch.relu(self.up(y)))
        return self.head(y.mean(1))


def example(*shape, seed=1):
    return torch.randn(shape or (4, 6, 8), generator=torch.Generator().manual_seed(seed))


def masked(model, masks):
    copied = copy.deepcopy(model).eval()
    apply_(copied, masks)
    return copied


def shrunk(model, x, **how):
    """The masks of half of the network, and the smaller network, of the same function."""
    masks = prune(model, **{"method": "ft", "prune_ratio": 0.5, "coupled": True, "example": x} | how)
    smaller, zeros = shrink(model, masks, example=x), masked(model, masks)
    for given in (x, torch.cat([x, x + 1])):
        torch.testing.assert_close(smaller(given), zeros(given), rtol=0, atol=1e-5)
    assert not torch.allclose(zeros(x), model.eval()(x), atol=1e-3)
    ratio = prune_ratio(masks, total_parameters(model))
    assert 1 - total_parameters(smaller) / total_parameters(model) == pytest.approx(ratio, abs=1e-9)
    return masks, smaller


def heads_of(model):
    return [module.num_heads for module in model.modules() if isinstance(module, nn.MultiheadAttention)]


@pytest.mark.parametrize("separate", [False, True])
def test_a_head_goes_with_its_rows_its_biases_and_the_columns_that_read_it(separate):
    """By hand: out_proj reads the three heads of two with 3, 1 and 2, so that the second goes, and nothing else can."""
    torch.manual_seed(0)
    kdim = 6 if separate else None
    model = Attending(width=6, heads=3, hidden=0, add_bias_kv=True, kdim=kdim, vdim=5 if separate else None)
    own = model.attention
    with torch.no_grad():
        own.out_proj.weight.copy_(torch.tensor([3.0, 3, 1, 1, 2, 2]).expand(6, 6))
    # per head: two rows each of queries, keys and values, with biases, bias_k, bias_v, and two columns of six
    widths = (6, kdim or 6, 5 if separate else 6)
    gone = 2 * sum(widths) + 3 * 2 + 2 + 2 + 2 * 6
    masks = prune(
        model,
        method="l2",
        prune_ratio=gone / total_parameters(model),
        coupled=True,
        example=example(),
        skip_layers=["keys", "values"] if separate else [],
    )
    cut = {name.removeprefix("attention."): mask for name, mask in masks.items() if not mask.all()}
    row = torch.tensor([True, True, False, False, True, True])
    expected = {"bias_k": row.expand(1, 1, 6), "bias_v": row.expand(1, 1, 6), "in_proj_bias": row.repeat(3)}
    expected["out_proj.weight"] = row.expand(6, 6)
    if separate:
        for name, width in zip(("q", "k", "v"), widths, strict=True):
            expected[f"{name}_proj_weight"] = row[:, None].expand(6, width)
    else:
        expected["in_proj_weight"] = row.repeat(3)[:, None].expand(18, 6)
    assert sorted(cut) == sorted(expected)
    for name, mask in expected.items():
        assert torch.equal(cut[name], mask), name
    smaller = shrink(model, masks, example=example()).attention
    assert (smaller.num_heads, smaller.head_dim) == (2, 2)
    for name, mask in expected.items():
        whole = own.get_parameter(name)
        assert torch.equal(smaller.get_parameter(name).flatten(), whole[mask]), name


CAUSAL = torch.ones(6, 6).triu(1).bool()
CALLS = {
    "weights that nothing uses": lambda net, x: {},
    "weights of heads that nothing uses": lambda net, x: {"average_attn_weights": False},
    "padding": lambda net, x: {"key_padding_mask": torch.arange(6).expand(x.shape[0], 6) > 4},
    "mask": lambda net, x: {"attn_mask": CAUSAL},
    "float mask": lambda net, x: {"attn_mask": CAUSAL.float(), "need_weights": False},
    "mask for every head": lambda net, x: {
        "attn_mask": CAUSAL.expand(x.shape[0] * net.attention.num_heads, 6, 6),
        "need_weights": False,
    },
    "causal": lambda net, x: {"attn_mask": CAUSAL, "is_causal": True, "need_weights": False},
}
KINDS = {
    "plain": {},
    "bias_kv": {"add_bias_kv": True},
    "zero_attn": {"add_zero_attn": True},
    "no_bias": {"bias": False},
    "other_widths": {"kdim": 12, "vdim": 20},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("call", CALLS)
def test_heads_go_whatever_the_call(kind, call):
    torch.manual_seed(0)
    model = Attending(CALLS[call], **KINDS[kind])
    with warnings.catch_warnings():
        warnings.simplefilter("error", PrunekitWarning)
        _, smaller = shrunk(model, example())
    assert type(smaller.attention) is PrunedAttention
    assert 1 <= smaller.attention.num_heads < 4


def test_heads_stay_where_their_weights_are_used():
    """The mean over heads would be another one without a head."""

    class Seen(Attending):
        def forward(self, x):
            y = self.norm(self.first(x))
            y, seen = self.attention(y, y, y)
            return self.head((y + self.down(torch.relu(self.up(y)))).mean(1)), seen

    torch.manual_seed(0)
    model = Seen()
    assert "attention                                4 x 32       stays: " in explain(
        model, example=example()
    )
    masks = prune(model, method="ft", prune_ratio=0.3, coupled=True, example=example())
    smaller = shrink(model, masks, example=example())
    assert smaller.attention.num_heads == 4
    assert smaller.attention.out_proj.out_features < 32  # nothing adds to its output
    for found, expected in zip(smaller(example()), masked(model, masks)(example()), strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def test_heads_stay_where_the_network_makes_masks_for_a_fixed_number_of_them():
    torch.manual_seed(0)
    model = Attending(lambda net, x: {"attn_mask": CAUSAL.expand(4 * len(x), 6, 6), "need_weights": False})
    with pytest.warns(PrunekitWarning, match="they do not run with fewer channels: attention$"):
        masks = prune(model, method="ft", prune_ratio=0.3, coupled=True, example=example())
    assert type(shrink(model, masks, example=example()).attention) is nn.MultiheadAttention


@pytest.mark.parametrize("call", ["weights that nothing uses", "mask", "causal"])
def test_a_single_head_stays(call):
    torch.manual_seed(0)
    model = Attending(CALLS[call], heads=1)
    assert "attention                                1 x 32       stays: " in explain(
        model, example=example()
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error", PrunekitWarning)
        _, smaller = shrunk(model, example(), prune_ratio=0.3)
    assert type(smaller.attention) is nn.MultiheadAttention


class Turned(nn.BatchNorm1d):
    def forward(self, x):
        return super().forward(x.transpose(1, 2)).transpose(1, 2)


@pytest.mark.parametrize("norm", [nn.Identity(), Turned(32)])
def test_the_width_goes_too_without_a_norm_over_it(norm):
    torch.manual_seed(0)
    _, smaller = shrunk(Attending(norm=norm), example())
    width, attention = len(smaller.first.weight), smaller.attention
    assert width < 32
    assert attention.num_heads < 4
    assert (attention.embed_dim, attention.kdim, attention.vdim, attention.head_dim) == (width,) * 3 + (8,)
    assert attention.in_proj_weight.shape == (3 * 8 * attention.num_heads, width)
    assert attention.out_proj.weight.shape == (width, 8 * attention.num_heads)
    assert attention.out_proj.out_features == width


def test_a_network_that_lost_heads_can_lose_more():
    torch.manual_seed(0)
    _, once = shrunk(Attending(), example(), prune_ratio=0.3)
    _, twice = shrunk(once, example(), prune_ratio=0.3)
    assert 4 > once.attention.num_heads > twice.attention.num_heads > 0
    _, other = shrunk(once, example(), prune_ratio=0.3, method="l2")
    assert other.attention.num_heads < once.attention.num_heads
    with warnings.catch_warnings():
        warnings.simplefilter("error", PrunekitWarning)
        _, last = shrunk(twice, example(), prune_ratio=0.3)
    assert last.attention.num_heads == 1


@pytest.mark.parametrize("ratio", [0.3, 0.5, 0.7])
def test_a_vision_transformer_loses_heads_and_hidden_units(ratio):
    torch.manual_seed(0)
    model, images = VisionTransformer(32, 8, 2, 4, 64, 128, num_classes=10), example(2, 3, 32, 32)
    nn.init.normal_(model.heads.head.weight)  # torchvision starts it at zero
    masks, smaller = shrunk(model, images, prune_ratio=ratio)
    assert prune_ratio(masks, total_parameters(model)) == pytest.approx(ratio, abs=0.02)
    assert all(1 <= heads < 4 for heads in heads_of(smaller))
    assert [layer.mlp[0].out_features < 128 for layer in smaller.encoder.layers] == [True, True]


class Sequences(nn.Module):
    """torch's own layers between two linear ones."""

    def __init__(self, inner, use):
        super().__init__()
        self.first, self.inner, self.head, self.use = nn.Linear(8, 32), inner, nn.Linear(32, 5), use

    def forward(self, x):
        return self.head(self.use(self.inner, self.first(x)).mean(1))


HOW = {"batch_first": True, "dropout": 0.0}
LATER = nn.Transformer.generate_square_subsequent_mask(6)
TORCHS = {
    "encoder": (
        lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(32, 4, 64, **HOW), 2),
        lambda inner, x: inner(x),
    ),
    "causal encoder, norm first": (
        lambda: nn.TransformerEncoder(
            nn.TransformerEncoderLayer(32, 4, 64, norm_first=True, **HOW), 2, enable_nested_tensor=False
        ),
        lambda inner, x: inner(x, mask=LATER, is_causal=True),
    ),
    "padded encoder": (
        lambda: nn.TransformerEncoder(
            nn.TransformerEncoderLayer(32, 4, 64, **HOW), 2, enable_nested_tensor=False
        ),
        lambda inner, x: inner(x, src_key_padding_mask=torch.arange(6).expand(x.shape[0], 6) > 4),
    ),
    "decoder": (
        lambda: nn.TransformerDecoder(nn.TransformerDecoderLayer(32, 4, 64, **HOW), 2),
        lambda inner, x: inner(x, x[:, :4], tgt_mask=LATER, tgt_is_causal=True),
    ),
    "both": (
        lambda: nn.Transformer(32, 4, 1, 1, 64, **HOW),
        lambda inner, x: inner(x, x[:, :4]),
    ),
}


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
@pytest.mark.parametrize("name", TORCHS)
def test_torchs_own_transformers_lose_heads(name):
    torch.manual_seed(0)
    make, use = TORCHS[name]
    model, x = Sequences(make(), use), example()
    with warnings.catch_warnings():
        warnings.simplefilter("error", PrunekitWarning)
        masks, smaller = shrunk(model, x)
    assert all(1 <= heads < 4 for heads in heads_of(smaller))
    with torch.no_grad():  # torch's kernels, where there are some
        torch.testing.assert_close(smaller(x), masked(model, masks)(x), rtol=0, atol=1e-5)
    zeros = masked(model, masks).train()
    torch.testing.assert_close(smaller.train()(x), zeros(x), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "model",
    [
        *(pytest.param(lambda kind=kind: Attending(**KINDS[kind]), id=kind) for kind in KINDS),
        *(pytest.param(lambda call=call: Attending(CALLS[call]), id=call) for call in CALLS),
        *(
            pytest.param(lambda name=name: Sequences(TORCHS[name][0](), TORCHS[name][1]), id=name)
            for name in TORCHS
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
def test_programs_of_any_batch_are_made_of_them(model):
    torch.manual_seed(0)
    network, x = model(), example()
    _, smaller = shrunk(network, x)
    assert min(heads_of(smaller)) < 4
    batch = torch.export.Dim("batch", min=1)
    program = torch.export.export(smaller, (x,), dynamic_shapes=({0: batch},)).module()
    for given in (x[:1], torch.cat([x, -x])):
        torch.testing.assert_close(program(given), smaller(given), rtol=0, atol=1e-5)


def test_other_precisions():
    for dtype, allowed in ((torch.float64, 1e-12), (torch.bfloat16, 5e-2)):
        torch.manual_seed(0)
        model, x = Attending().to(dtype), example().to(dtype)
        masks = prune(model, method="ft", prune_ratio=0.5, coupled=True, example=x)
        smaller = shrink(model, masks, example=x)
        assert smaller.attention.num_heads < 4
        torch.testing.assert_close(smaller(x), masked(model, masks)(x), rtol=0, atol=allowed)


def steps(model, masks, count=4):
    """SGD with momentum and weight decay, the masked entries held at zero."""
    sgd = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-3)
    model.train()
    for step in range(count):
        sgd.zero_grad()
        nn.functional.cross_entropy(model(example(seed=step)), torch.arange(4)).backward()
        sgd.step()
        apply_(model, masks)


@pytest.mark.parametrize("kind", KINDS)
def test_training_without_the_heads_is_training_under_the_masks(kind):
    torch.manual_seed(0)
    model = Attending(**KINDS[kind])
    masks = prune(model, method="ft", prune_ratio=0.5, coupled=True, example=example())
    apply_(model, masks)
    found = compacted(model, masks, training=True)
    assert found.network.attention.num_heads < 4
    whole = copy.deepcopy(model)
    steps(whole, masks)
    steps(found.network, found.masks)
    found.write_back(model)
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(model.state_dict()[name], value, rtol=0, atol=2e-6, msg=name)


def test_the_number_of_heads_is_not_rounded_for_a_gpu():
    """What is rounded are the sizes of weights: three heads of eight have 24 rows."""
    torch.manual_seed(0)
    model = Attending(hidden=64)
    masks = prune(model, method="ft", prune_ratio=0.5, coupled=True, example=example())
    apply_(model, masks)
    exact, found = (without_dead(model, masks, multiple=multiple).network for multiple in (1, 8))
    assert exact.attention.num_heads == found.attention.num_heads < 4
    assert exact.up.out_features % 8 > 0
    assert found.up.out_features % 8 == 0


def test_attention_with_dropout_is_left_alone_in_training_only():
    torch.manual_seed(0)
    model = Attending(dropout=0.1)
    masks = prune(model, method="ft", prune_ratio=0.5, coupled=True, example=example())
    apply_(model, masks)
    assert compacted(model, masks, training=True) is None
    assert compacted(model, masks, training=False) is not None


def test_heads_are_listed():
    said = explain(Attending(), example=example())
    assert "attention                                4 x 32       alone" in said
    drawn = [line.strip() for line in explain(Attending(), example=example(), form="mermaid").splitlines()]
    number = next(line[:2] for line in drawn if '["attention"]' in line)
    out = next(line[:2] for line in drawn if '"attention.out_proj"' in line)
    assert f"{number} --> {out}" in drawn
