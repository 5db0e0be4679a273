import copy

import pytest
import torch
from torch import nn

from prunekit.errors import PrunekitWarning, UsageError
from prunekit.models.archs import build
from prunekit.pruning.api import prune
from prunekit.pruning.masks import apply_, write_
from prunekit.pruning.repair import repair

DRAWS = torch.Generator().manual_seed(0)
IMAGES = torch.randn(96, 3, 16, 16, generator=DRAWS).cumsum(-1) / 4  # neighbouring pixels are alike


def linear(rows, bias=None):
    layer = nn.Linear(len(rows[0]), len(rows), bias=bias is not None)
    layer.weight.data = torch.tensor(rows, dtype=torch.float32)
    if bias is not None:
        layer.bias.data = torch.tensor(bias, dtype=torch.float32)
    return layer


def repaired(model, masks, batches, **more):
    found = copy.deepcopy(model)
    values = repair(model, masks=masks, batches=batches, **more)
    apply_(found, masks)
    write_(found, values)
    return found


def test_a_kept_weight_takes_over_what_a_removed_one_did():
    # y = x0 + x1; x1 is 2 x0 + 1: without x1, y = 3 x0 + 1, of which 1 goes into the bias 5
    model = nn.Sequential(linear([[1, 1]], bias=[5]))
    x0 = torch.tensor([[-1.0], [0], [1], [2]])
    masks = {"0.weight": torch.tensor([[True, False]])}
    values = repair(model, masks=masks, batches=[torch.cat([x0, 2 * x0 + 1], 1)], ridge=0)
    assert values["0.weight"][0].tolist() == pytest.approx([3, 0], abs=1e-5)
    assert values["0.bias"].tolist() == pytest.approx([6], abs=1e-5)


def test_without_a_bias_the_fit_goes_through_the_origin():
    # inputs (1, 1) and (2, 1): least squares of y = x0 + x1 = 2, 3 on x0 alone is (1*2 + 2*3) / (1 + 4)
    model = nn.Sequential(linear([[1, 1]]))
    masks = {"0.weight": torch.tensor([[True, False]])}
    values = repair(model, masks=masks, batches=[torch.tensor([[1.0, 1], [2, 1]])], ridge=0)
    assert values["0.weight"][0].tolist() == pytest.approx([8 / 5, 0], rel=1e-6)


def test_the_ridge_pulls_towards_the_pruned_weights():
    # inputs about their mean -1/2, 1/2, outputs the same, so gram 1/2, cross 1/2; a pull of 1 * 1/2 towards 4
    model = nn.Sequential(linear([[4, 3]], bias=[0]))
    batch = torch.tensor([[1.0, -1], [2, -2]])  # y = 4 x0 + 3 x1 = x0
    masks = {"0.weight": torch.tensor([[True, False]])}
    found = repair(model, masks=masks, batches=[batch], ridge=1.0)["0.weight"]
    assert found[0, 0].item() == pytest.approx((0.5 * 1 + 0.5 * 4) / 1)


def test_a_later_layer_is_fitted_on_what_the_repaired_ones_before_it_make():
    # The first layer's second filter is gone; the second layer reads (h0, h1) = (x, x / 2) and makes h0 + 2 h1 = 2 x.
    model = nn.Sequential(linear([[1], [0.5]], bias=[0, 0]), linear([[1, 2]], bias=[0]))
    masks = {
        "0.weight": torch.tensor([[True], [False]]),
        "0.bias": torch.tensor([True, False]),
        "1.weight": torch.tensor([[True, False]]),
    }
    found = repaired(model, masks, [torch.tensor([[1.0], [2], [4]])], ridge=1e-9)
    assert found[1].weight[0].tolist() == pytest.approx([2, 0], abs=1e-5)
    assert found[0].weight.flatten().tolist() == pytest.approx([1, 0], abs=1e-5)


def test_the_mean_of_a_batch_norm_takes_the_intercept_of_a_layer_without_bias():
    # y = x0 + x1 with x1 = 3: the fit is y = x0 + 3, and the norm has to take 3 less away.
    model = nn.Sequential(linear([[1, 1]]), nn.BatchNorm1d(1)).eval()
    batch = torch.tensor([[1.0, 3], [2, 3], [5, 3]])
    masks = {"0.weight": torch.tensor([[True, False]])}
    values = repair(model, masks=masks, batches=[batch], ridge=1e-9)
    assert values["1.running_mean"].tolist() == pytest.approx([-3], abs=1e-5)
    found = repaired(model, masks, [batch], ridge=1e-9)
    torch.testing.assert_close(found(batch), model(batch), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("method", ["ft", "wt"])
def test_a_repaired_network_is_nearer_to_the_dense_one_on_other_images(method):
    model = build("resnet8", classes=10, seed=0).eval()
    masks = prune(model, method=method, prune_ratio=0.5)
    before = copy.deepcopy(model.state_dict())
    found = repaired(model, masks, IMAGES[:64].split(16)).eval()
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    for name, parameter in found.named_parameters():
        assert name not in masks or not parameter[~masks[name]].any()
    pruned = copy.deepcopy(model)
    apply_(pruned, masks)
    with torch.no_grad():
        gaps = [(network(IMAGES[64:]) - model(IMAGES[64:])).norm() for network in (found, pruned)]
    assert gaps[0] < 0.7 * gaps[1]


def test_grouped_transposed_and_shared_layers_give_the_dense_outputs_where_nothing_is_pruned():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a = nn.Conv2d(3, 6, 3, groups=3, padding=1)
            self.b = nn.ConvTranspose2d(6, 4, 2, stride=2, groups=2)
            self.c = nn.Conv2d(4, 4, 1)
            self.head = nn.Linear(4, 2)

        def forward(self, x):
            x = torch.relu(self.b(torch.relu(self.a(x))))
            return self.head(self.c(torch.relu(self.c(input=x))).mean((2, 3)))

    torch.manual_seed(0)
    model = Net()
    masks = {name: torch.ones_like(value, dtype=torch.bool) for name, value in model.named_parameters()}
    found = repaired(model, masks, [IMAGES[:32]])
    torch.testing.assert_close(found(IMAGES[32:48]), model(IMAGES[32:48]), rtol=1e-3, atol=1e-3)


def test_a_layer_that_computes_something_else_keeps_its_weights_and_is_named():
    class Standardised(nn.Conv2d):
        def forward(self, x):
            return nn.functional.conv2d(x, self.weight * 3, self.bias)

    torch.manual_seed(0)
    model = nn.Sequential(Standardised(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 14 * 14, 2))
    masks = {"0.weight": torch.ones(4, 3, 3, 3, dtype=torch.bool)}
    with pytest.warns(PrunekitWarning, match="not repaired, because they compute more than a product: 0"):
        values = repair(model, masks=masks, batches=[IMAGES[:16]])
    assert set(values) == {"3.weight", "3.bias"}


def test_it_needs_images():
    model = nn.Sequential(nn.Linear(2, 2))
    with pytest.raises(UsageError, match="pass batches"):
        repair(model, masks={}, batches=[])


class Routed(nn.Module):
    """Two experts, each of which sees the rows for which a gate chooses it."""

    def __init__(self):
        super().__init__()
        self.gate, self.experts = nn.Linear(16, 2), nn.ModuleList(nn.Linear(16, 16) for _ in range(2))

    def forward(self, x):
        chosen, found = self.gate(x).argmax(-1), torch.zeros_like(x)
        for number, expert in enumerate(self.experts):
            if (chosen == number).any():
                found[chosen == number] = expert(x[chosen == number])
        return found


@pytest.mark.filterwarnings("ignore:not pruned")
def test_layers_whose_rows_the_data_chooses_keep_their_weights_and_are_named():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(8, 16), nn.ReLU(), Routed(), nn.Linear(16, 48), nn.ReLU(), nn.Linear(48, 5)
    )
    inputs = torch.randn(512, 8)
    masks = prune(model, method="wt", prune_ratio=0.5, batches=[inputs])
    with pytest.warns(
        PrunekitWarning, match=r"other rows in the pruned network.*: 2\.experts\.0, 2\.experts\.1"
    ):
        values = repair(model, masks=masks, batches=[inputs])
    assert {"0.weight", "3.weight", "5.weight"} <= values.keys()
    assert not any("experts" in name for name in values)


def test_a_weight_that_is_an_embedding_too_stays():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.e, self.a, self.o = nn.Embedding(20, 24), nn.Linear(24, 24), nn.Linear(24, 20, bias=False)
            self.o.weight = self.e.weight

        def forward(self, tokens):
            return self.o(self.e(tokens) + self.a(self.e(tokens)).relu())

    torch.manual_seed(0)
    model, tokens = Tied(), torch.randint(0, 20, (8, 7))
    masks = {"a.weight": torch.rand(24, 24) > 0.5}
    with pytest.warns(PrunekitWarning, match="their weights are used elsewhere too: o"):
        values = repair(model, masks=masks, batches=[tokens])
    assert values.keys() == {"a.weight", "a.bias"}


BAD = [
    (nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1)), torch.tensor([[1.0, torch.nan]]), "'0' gets inputs that are not"),
    (nn.Sequential(linear([[1, 1]]), linear([[torch.inf]])), torch.ones(4, 2), "'1' has weights that are not finite"),
    (nn.ReLU(), torch.ones(4, 2), "no parameters"),
    (nn.LazyLinear(3), torch.ones(4, 2), "not initialised"),
]  # fmt: skip


@pytest.mark.parametrize(("model", "inputs", "message"), BAD)
def test_what_cannot_be_repaired_is_refused_as_for_pruning(model, inputs, message):
    with pytest.raises(UsageError, match=message):
        repair(model, masks={}, batches=[inputs])


class Drifting(nn.Module):
    """Keeps a running mean of its inputs, also in evaluation mode, and draws noise."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.h = nn.Linear(8, 32), nn.Linear(32, 32), nn.Linear(32, 5)
        self.register_buffer("centre", torch.zeros(8))

    def forward(self, x):
        self.centre.data.mul_(0.9).add_(0.1 * x.mean(0).detach())  # which counts as no change of the buffer
        hidden = self.b(self.a(x - self.centre).relu())
        return self.h(nn.functional.dropout(hidden.relu(), 0.5, training=True))


@pytest.mark.parametrize("method", ["ft", "pfp", "taylor-filter", "wanda", "hessian", "thinet"])
@pytest.mark.filterwarnings("ignore:not pruned")
def test_the_model_and_the_callers_random_state_stay_and_the_masks_are_the_same_again(method):
    torch.manual_seed(0)
    model, batches = Drifting(), [(torch.randn(16, 8) + 1, torch.randint(0, 5, (16,)))]
    state = torch.get_rng_state()
    first, again = (prune(model, method=method, prune_ratio=0.3, batches=batches) for _ in range(2))
    repair(model, masks=first, batches=batches)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert model.centre.tolist() == [0] * 8
    assert torch.equal(state, torch.get_rng_state())
    assert model.training


@pytest.mark.parametrize("method", ["snip", "taylor-filter", "hessian", "synflow"])
def test_networks_without_gradients_are_refused_by_methods_that_need_them(method):
    class Frozen(nn.Sequential):
        @torch.no_grad()
        def forward(self, x):
            return super().forward(x)

    batches = [(torch.randn(4, 8), torch.arange(4))]
    with pytest.raises(UsageError, match="forward records none"):
        prune(Frozen(nn.Linear(8, 9), nn.Linear(9, 5)), method=method, prune_ratio=0.3, batches=batches)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_new_weights_have_the_networks_own_type(dtype):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(12, 24), nn.ReLU(), nn.Linear(24, 5)).to(dtype)
    inputs = torch.randn(32, 12)
    masks = prune(model, method="wt", prune_ratio=0.5)
    values = repair(model, masks=masks, batches=[inputs])
    assert {value.dtype for value in values.values()} == {dtype}


@pytest.mark.parametrize("ridge", [-1.0, float("nan"), float("inf")])
def test_a_ridge_that_is_none_is_refused(ridge):
    with pytest.raises(UsageError, match="ridge must be a number of at least 0"):
        repair(nn.Linear(2, 1), masks={}, batches=[torch.ones(4, 2)], ridge=ridge)
