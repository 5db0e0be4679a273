"""Networks written in ways that a graph may not expect: what the forward pass reads is read in the graph, too."""

import copy
import warnings

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from prunekit.pruning.api import prune
from prunekit.pruning.graph.tracing import trace
from prunekit.pruning.masks import apply_


class Net(nn.Module):
    """``a`` and ``b`` read the image, ``c`` what becomes of both, ``f`` makes the outputs."""

    def __init__(self, width=8):
        super().__init__()
        self.a, self.b = nn.Conv2d(3, width, 3), nn.Conv2d(3, width, 3)
        self.c, self.f = nn.Conv2d(width, width, 3), nn.Linear(width, 5)

    def head(self, h):
        return self.f(torch.relu(self.c(h)).mean((2, 3)))

    def forward(self, x):
        return self.head(self.meet(self.a(x), self.b(x)))


def network(meet):
    return type("Met", (Net,), {"meet": staticmethod(meet)})()


def in_place(h, g):
    h.add_(g)
    return h


def in_place_under_another_name(h, g):
    same = h.view(h.shape)
    same.mul_(0.5).add_(g)
    return h


def out_argument(h, g):
    return torch.add(h, g, out=torch.empty_like(h))


def written_into_a_slice(h, g):
    h[:, :4] += g[:, :4]
    return torch.relu(h) + g


def copied(h, g):
    room = torch.empty_like(h)
    room.copy_(h)
    return room + g


def scripted(h, g):
    return _scripted(h, g)


@torch.jit.script
def _scripted(h: torch.Tensor, g: torch.Tensor) -> torch.Tensor:
    return torch.relu(h) + g


class _Function(torch.autograd.Function):
    @staticmethod
    def forward(context, h, g):
        return h.clamp(min=0) + g

    @staticmethod
    def backward(context, gradient):
        return gradient, gradient


WAYS = {
    "in place": in_place,
    "in place under another name": in_place_under_another_name,
    "out=": out_argument,
    "written into a slice": written_into_a_slice,
    "copy_": copied,
    "named arguments": lambda h, g: torch.add(input=h, other=g),
    "cat by name": lambda h, g: torch.cat(tensors=[h[:, 4:], h[:, :4]], dim=1) + g,
    "attributes": lambda h, g: (h.mT + g.data.transpose(-1, -2)).mT,
    "a scripted function": scripted,
    "an autograd function": lambda h, g: _Function.apply(h, g),
    "einsum": lambda h, g: torch.einsum("bchw,bchw->bchw", h, g) + h + g,
    "a quotient": lambda h, g: h / (g.abs() + 1),
    "where": lambda h, g: torch.where(h > 0, h, g),
    "lerp": lambda h, g: torch.lerp(h, g, 0.3),
    "stacked and summed": lambda h, g: torch.stack([h, g]).sum(0),
    "batch and channels in one axis": lambda h, g: (
        (h + g).view(h.shape[0] * h.shape[1], -1).softmax(1).view(h.shape)
    ),
    "a quotient of the two": lambda h, g: h / g,
    "numpy": lambda h, g: h + torch.from_numpy(g.detach().numpy()),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("method", ["wt", "ft"])
def test_whatever_reads_a_branch_is_seen(way, method):
    """Masking what the graph takes for dead moves no output, and no branch goes that the forward pass reads."""
    torch.manual_seed(0)
    model, x = network(WAYS[way]), torch.randn(4, 3, 8, 8)
    graph = trace(model)
    assert graph.traced
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*disagrees")
        masks = prune(model, method=method, prune_ratio=0.2)
    for name in "abc":
        assert masks[f"{name}.weight"].flatten(1).any(1).sum() >= 4, name
    chosen = copy.deepcopy(model).eval()
    apply_(chosen, masks)
    with torch.no_grad():
        assert torch.isfinite(chosen(x)).all() or way == "a quotient of the two"


class Later(nn.Module):
    """Has a branch for training with a target, an output for it, and a layer whose output is dropped."""

    def __init__(self):
        super().__init__()
        self.body, self.aux, self.h = nn.Conv2d(3, 8, 3), nn.Linear(8, 5), nn.Linear(8, 8)
        self.head, self.unused = nn.Linear(8, 5), nn.Linear(8, 3)

    def forward(self, x, target=None):
        z = torch.relu(self.body(x)).mean((2, 3))
        if target is not None:
            return F.cross_entropy(self.aux(z), target)
        self.unused(z)
        return self.head(torch.relu(self.h(z)))


def test_the_path_that_runs_is_the_one_that_is_followed():
    graph = trace(Later())
    assert graph.called == {"body", "h", "head", "unused"}
    assert graph.heads == {"head"}
    assert graph.free_filters == {"body", "h"}


class Shuffled(nn.Module):
    """The layer that makes the outputs is registered first, behind a softmax."""

    def __init__(self):
        super().__init__()
        self.head, self.body = nn.Linear(8, 5), nn.Linear(6, 8)

    def forward(self, x):
        return F.log_softmax(self.head(torch.relu(self.body(x))), dim=1)


def test_the_head_is_what_the_outputs_come_from():
    assert trace(Shuffled(), torch.randn(2, 6)).heads == {"head"}


class Standardised(nn.Conv2d):
    def forward(self, x):
        v = self.weight
        v = (v - v.mean((1, 2, 3), keepdim=True)) / (v.std((1, 2, 3), keepdim=True) + 1e-5)
        return F.conv2d(x, v, self.bias, self.stride, self.padding)


def test_a_layer_that_computes_its_weights_is_found():
    model = nn.Sequential(nn.Conv2d(3, 4, 1), Standardised(4, 4, 1), nn.ReLU(), nn.Conv2d(4, 2, 1))
    graph = trace(model)
    assert graph.computed == {"1"}
    assert graph.free_filters == set()


def test_buffers_random_state_modes_and_hooks_are_left_as_they_were():
    class Counting(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(4, 2)
            self.register_buffer("count", torch.zeros(1))

        def forward(self, x):
            self.count += 1
            return self.layer(x) + torch.rand(1)

    model = Counting().train()
    state = torch.random.get_rng_state()
    trace(model)
    assert model.count == 0
    assert model.training
    assert torch.equal(state, torch.random.get_rng_state())
    assert not nn.modules.module._global_forward_hooks
    assert not nn.modules.module._global_forward_pre_hooks
