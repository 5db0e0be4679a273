import copy

import pytest
import torch
import torchvision

from prunekit.errors import UsageError
from prunekit.models.archs import build
from prunekit.pruning.api import prune
from prunekit.pruning.masks import apply_, total_parameters
from prunekit.pruning.shrink import shrink

MODELS = {
    "resnet20": lambda: build("resnet20", classes=10, seed=0),
    "densenet22": lambda: build("densenet22", classes=10, seed=0),
    "mobilenet_v2": lambda: torchvision.models.mobilenet_v2(num_classes=10),
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("method", ["ft", "pfp"])
def test_a_shrunken_model_is_smaller_and_the_same_function(name, method):
    torch.manual_seed(0)
    model, inputs = MODELS[name](), torch.randn(2, 3, 32, 32)
    masks = prune(model, method=method, prune_ratio=0.5, batches=[inputs])
    before = copy.deepcopy(model.state_dict())
    smaller = shrink(model, masks)
    assert total_parameters(smaller) < 0.75 * total_parameters(model)
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    apply_(model, masks)
    torch.testing.assert_close(smaller(inputs), model.eval()(inputs), rtol=0, atol=1e-5)


def test_single_weights_stay_as_zeros():
    model = build("resnet8", classes=10, seed=0)
    smaller = shrink(model, prune(model, method="wt", prune_ratio=0.3))
    assert total_parameters(smaller) == total_parameters(model)


class Carried(torch.nn.Module):
    """Two convolutions with something between them that carries the first one's channels."""

    def __init__(self, between):
        super().__init__()
        nn = torch.nn
        self.a, self.b, self.f = nn.Conv2d(3, 16, 3), nn.Conv2d(16, 16, 3), nn.Linear(16, 5)
        self.scale, self.between = nn.Parameter(torch.rand(16, 1, 1)), between
        self.register_buffer("held", torch.rand(16))
        self.down, self.up, self.side = nn.Linear(16, 4), nn.Linear(4, 16), nn.Conv2d(8, 8, 3, padding=1)
        self.slopes, self.instance, self.groups = nn.PReLU(16), nn.InstanceNorm2d(16, affine=True), 4

    def forward(self, x):
        return self.f(torch.relu(self.b(self.between(self, torch.relu(self.a(x))))).mean((2, 3)))


def squeezed(net, h):
    gate = torch.sigmoid(net.up(torch.relu(net.down(h.mean((2, 3))))))
    return h * gate.view(h.shape[0], -1, 1, 1)


def halves(net, h):
    left, right = h.chunk(2, 1)
    return torch.cat([left, net.side(right)], 1)


def shuffled(net, h):
    return h.view(h.shape[0], net.groups, -1, *h.shape[2:]).transpose(1, 2).flatten(1, 2)


def shuffled_by_number(net, h):
    return h.view(h.shape[0], 4, 4, 6, 6).transpose(1, 2).reshape(h.shape[0], 16, 6, 6)


CARRIERS = {
    "slopes": lambda net, h: net.slopes(h - 1),
    "a parameter": lambda net, h: h * net.scale,
    "a buffer": lambda net, h: h * net.held.view(1, -1, 1, 1),
    "instance norm": lambda net, h: net.instance(h),
    "squeeze and excitation": squeezed,
    "halves": halves,
    "a shuffle": shuffled,
    "a shuffle by number": shuffled_by_number,
    "stochastic depth": lambda net, h: torchvision.ops.stochastic_depth(h, 0.5, "row", training=False) + 0,
    "slices": lambda net, h: torch.cat([h[:, 8:], h[:, :8]], 1),
}
# What the network's code gives as a number can be no other one.
WHOLE = {"a shuffle by number", "slices"}


@pytest.mark.filterwarnings("ignore::prunekit.errors.PrunekitWarning")
@pytest.mark.parametrize("carrier", CARRIERS)
def test_everything_that_carries_a_channel_is_cut_or_the_channel_stays(carrier):
    torch.manual_seed(0)
    model, inputs = Carried(CARRIERS[carrier]).eval(), torch.randn(2, 3, 8, 8)
    masks = {name: torch.ones_like(value, dtype=torch.bool) for name, value in model.named_parameters()}
    for gone in (1, 5, 9, 13, 2, 6, 10, 14):
        for name in ("a.weight", "a.bias", "instance.weight", "instance.bias"):
            masks[name][gone] = False
        masks["b.weight"][:, [gone]] = False
        masks["up.weight"][gone] = masks["up.bias"][gone] = False
        masks["down.weight"][:, gone] = False
    if carrier in ("halves", "slices", "a shuffle"):
        masks["b.weight"] = torch.ones_like(masks["b.weight"])
    smaller = shrink(model, masks, example=inputs)
    apply_(model, masks)
    torch.testing.assert_close(smaller(inputs), model(inputs), rtol=0, atol=1e-5)
    if carrier not in ("halves",):
        assert (smaller.a.weight.shape[0] == 16) == (carrier in WHOLE)


class Attention(torch.nn.Module):
    """One attention with a fused or three separate projections, as timm writes it."""

    def __init__(self, fused):
        super().__init__()
        self.heads, self.width, self.fused = 4, 3, fused
        self.embed, self.qkv, self.proj = (
            torch.nn.Linear(6, 12),
            torch.nn.Linear(12, 36),
            torch.nn.Linear(12, 12),
        )
        self.q, self.k, self.v = (torch.nn.Linear(12, 12) for _ in range(3))
        self.head = torch.nn.Linear(12, 2)

    def parts(self, x):
        shape = (*x.shape[:2], self.heads, self.width)
        if self.fused:
            return (
                self.qkv(x).reshape(*x.shape[:2], 3, self.heads, self.width).permute(2, 0, 3, 1, 4).unbind(0)
            )
        return [layer(x).view(shape).transpose(1, 2) for layer in (self.q, self.k, self.v)]

    def forward(self, x):
        x = torch.relu(self.embed(x))
        q, k, v = self.parts(x)
        x = torch.nn.functional.scaled_dot_product_attention(q, k, v)
        return self.head(self.proj(x.transpose(1, 2).flatten(2)).mean(1))


@pytest.mark.parametrize("fused", [True, False])
def test_a_dead_head_is_taken_out_whole(fused):
    torch.manual_seed(0)
    model, inputs = Attention(fused).eval(), torch.randn(2, 5, 6)
    masks = {name: torch.ones_like(value, dtype=torch.bool) for name, value in model.named_parameters()}
    for start in (3, 15, 27) if fused else (3,):
        for name in ("qkv",) if fused else ("q", "k", "v"):
            masks[f"{name}.weight"][start : start + 3] = masks[f"{name}.bias"][start : start + 3] = False
    masks["proj.weight"][:, 3:6] = False
    smaller = shrink(model, masks, example=inputs)
    apply_(model, masks)
    torch.testing.assert_close(smaller(inputs), model(inputs), rtol=0, atol=1e-5)
    assert smaller.heads == 3
    assert (smaller.width, smaller.proj.in_features, smaller.proj.out_features) == (3, 9, 12)


class Forked(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.a = torch.nn.Linear(2, 2)

    def forward(self, x):
        return self.a(x) if x.sum() > 0 else x


@pytest.mark.filterwarnings("ignore::prunekit.errors.PrunekitWarning")
def test_an_untraceable_model_is_refused():
    with pytest.raises(UsageError, match="cannot be traced"):
        shrink(Forked(), {})


class Strict(torch.nn.Module):
    """Two layers, one of which is cut into pieces of a written size, while the other one's width is checked."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = (torch.nn.Linear(*sizes) for sizes in ((16, 16), (16, 16), (32, 8)))

    def forward(self, x):
        first = torch.relu(self.a(x))
        first = first.view(len(x), 4, 4).transpose(1, 2).reshape(len(x), -1)
        second = torch.relu(self.b(x))
        if second.shape[1] != 16:
            raise ValueError("sixteen channels, please")
        return self.c(torch.cat([first, second], 1))


def test_a_module_that_fails_again_keeps_all_channels_that_it_uses():
    """Its written sizes are one reason to fail, and its check another one."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(5, 16), torch.nn.ReLU(), Strict(), torch.nn.Linear(8, 30))
    model = torch.nn.Sequential(model, torch.nn.ReLU(), torch.nn.Linear(30, 2))
    inputs = torch.randn(3, 5)
    masks = prune(model, method="ft", prune_ratio=0.3, batches=[inputs])
    smaller = shrink(model, masks, example=inputs)
    assert smaller[0][3].out_features == smaller[2].in_features < 30
    assert (smaller[0][2].a.out_features, smaller[0][2].b.out_features) == (16, 16)
    apply_(model, masks)
    torch.testing.assert_close(smaller(inputs), model(inputs))


class Moody(torch.nn.Module):
    """Its output grows with every call, in this network (``held``) or in all of them."""

    calls = 0

    def __init__(self, held):
        super().__init__()
        self.a, self.b, self.held = torch.nn.Linear(5, 8), torch.nn.Linear(8, 2), held
        self.register_buffer("mine", torch.zeros(()))

    def forward(self, x):
        if self.held:
            self.mine += 1
        else:
            Moody.calls += 1
        return self.b(torch.relu(self.a(x))) + (self.mine if self.held else Moody.calls)


def test_a_network_that_counts_its_calls_is_shrunk_and_one_that_answers_differently_is_refused():
    torch.manual_seed(0)
    inputs = torch.randn(3, 5)
    model = Moody(held=True)
    masks = prune(model, method="ft", prune_ratio=0.364, example=inputs)
    assert shrink(model, masks, example=inputs).a.out_features < 8
    assert model.mine == 0
    with pytest.raises(UsageError, match="its outputs differ from run to run, even with all channels"):
        shrink(Moody(held=False), masks, example=inputs)
