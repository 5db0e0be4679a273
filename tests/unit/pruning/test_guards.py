import copy
import warnings

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrizations

from prunekit.errors import PrunekitWarning, UsageError
from prunekit.pruning.api import prune
from prunekit.pruning.graph.tracing import trace
from prunekit.pruning.guards import masked_outputs
from prunekit.pruning.subject import Batch, Subject, unlike_products

X = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))


class Doubled(nn.Conv2d):
    """A convolution that is not weight × patches + bias, though its class is one."""

    def forward(self, x):
        return 2 * super().forward(x)


def test_a_layer_that_does_something_else_than_its_class_is_found():
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1, groups=1), Doubled(4, 4, 3), nn.ConvTranspose2d(4, 4, 2, groups=2), nn.Flatten(), nn.Linear(196, 2)
    )  # fmt: skip
    subject = Subject(model, trace(model, X), [Batch(X, None)], 0)
    assert unlike_products(subject) == {"1"}


def test_a_layer_that_the_sample_does_not_pass_through_has_no_score():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(8, 16), nn.TransformerEncoderLayer(16, 2, 64, batch_first=True), nn.Linear(16, 4)
    )
    with pytest.warns(PrunekitWarning, match=r"separate layers: 1\.self_attn\.out_proj"):
        masks = prune(model, method="sipp", prune_ratio=0.4, batches=[torch.randn(3, 5, 8)])
    assert masks["1.self_attn.out_proj.weight"].all()


@pytest.mark.parametrize("method", ["pfp", "thinet"])
def test_coupled_heads_go_with_the_columns_of_their_projection(method):
    """The projection has no score of its own, so the heads have those of their values' weights, without a warning."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(8, 16), nn.TransformerEncoderLayer(16, 4, 64, batch_first=True), nn.Linear(16, 4)
    )
    own = model[1].self_attn
    with torch.no_grad():
        own.in_proj_weight.view(3, 4, 4, 16)[:, :2] *= 0.01
        own.out_proj.weight.view(16, 4, 4)[:, :2] *= 0.01
    with warnings.catch_warnings():
        warnings.simplefilter("error", PrunekitWarning)
        masks = prune(model, method=method, prune_ratio=0.5, coupled=True, batches=[torch.randn(3, 5, 8)])
    left = masks["1.self_attn.out_proj.weight"].any(0).view(4, 4)
    assert torch.equal(left.any(1), left.all(1))
    assert left[2:].all()
    assert not left[:2].all()


def test_weights_that_are_computed_from_others_are_named():
    model = nn.Sequential(
        nn.Conv2d(3, 8, 1), parametrizations.weight_norm(nn.Conv2d(8, 8, 1)), nn.ReLU(), nn.Conv2d(8, 4, 1)
    )
    with pytest.warns(
        PrunekitWarning, match=r"computed from other parameters .*remove_parametrizations.*: 1"
    ):
        masks = prune(model, method="wt", prune_ratio=0.2)
    assert not any("parametrizations" in name for name in masks)
    alone = nn.Sequential(parametrizations.weight_norm(nn.Linear(4, 4)))
    with pytest.raises(
        UsageError, match=r"the weights of 0 are computed from other parameters, .*remove_parametrizations"
    ):
        prune(alone, method="wt", prune_ratio=0.2)


def test_dead_weights_that_are_not_dead_are_found():
    model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    graph = trace(model, torch.randn(2, 4))
    kept = {name: torch.ones(*layer.shape, 1, dtype=torch.bool) for name, layer in graph.layers.items()}
    wrong = {"0.weight": torch.ones(3, 4, dtype=torch.bool), "2.weight": torch.ones(2, 3, dtype=torch.bool)}
    (found,) = masked_outputs(model, graph, kept, copy.deepcopy(wrong))
    assert torch.equal(found, graph.outputs[0])
    wrong["2.weight"][0, 0] = False
    assert masked_outputs(model, graph, kept, wrong) is None


@pytest.mark.parametrize("method", ["wt", "ft"])
def test_a_constant_output_is_told_where_the_dense_network_has_none(method):
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    model[0].bias.data.fill_(-100.0)
    model[0].weight.data[:3] *= 9.0
    model[0].weight.data[3], model[0].bias.data[3] = (
        1e-3,
        50.0,
    )  # the only unit that is ever on, and a weak one
    images = torch.randn(4, 8, generator=torch.Generator().manual_seed(0))
    with pytest.warns(PrunekitWarning, match="the same for all inputs: ask for a smaller ratio"):
        prune(model, method=method, prune_ratio=0.8, batches=[images])


class Counting(nn.Module):
    """Counts its calls in a buffer that its output depends on, and forbids copies."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(4, 8), nn.Linear(8, 2)
        self.register_buffer("calls", torch.zeros(()))

    def __deepcopy__(self, memo):
        raise RuntimeError("no copies")

    def forward(self, x):
        self.calls += 1
        return self.b(self.a(x).relu()) + self.calls


def test_the_guard_runs_the_network_itself_and_leaves_it_unchanged():
    model = Counting()
    before = [value.clone() for value in model.state_dict().values()]
    with warnings.catch_warnings():
        warnings.simplefilter(
            "error"
        )  # two runs that differ only by the count would count as a contradiction
        masks = prune(model, method="ft", prune_ratio=0.36)
    assert not masks["a.weight"].all()
    after = list(model.state_dict().values())
    assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))


def test_slim_refuses_a_network_without_batch_norm():
    model = nn.Sequential(nn.Conv2d(3, 8, 1), nn.ReLU(), nn.Conv2d(8, 2, 1))
    with pytest.raises(UsageError, match=r"batch norm .*use ft or l2"):
        prune(model, method="slim", prune_ratio=0.3)


def test_an_input_may_be_named():
    class Named(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.f = nn.Conv2d(3, 8, 3), nn.Linear(8, 2)

        def forward(self, x):
            return self.f(input=F.relu(self.a(input=x)).mean((2, 3)))

    assert prune(Named(), method="sipp", prune_ratio=0.3, batches=[X])["f.weight"].any()
