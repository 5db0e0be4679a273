import pytest
import torch
from torch import nn

from prunekit.models.archs import build
from prunekit.pruning.api import prune
from prunekit.pruning.graph.connectivity import lifelines
from prunekit.pruning.graph.remaining import room_of
from prunekit.pruning.graph.tracing import trace
from prunekit.pruning.masks import apply_, prune_ratio, total_parameters


class Branched(nn.Module):
    """A wide and a narrow branch side by side, as in the head of a segmentation network."""

    def __init__(self):
        super().__init__()
        self.stem, self.wide = nn.Linear(4, 2, bias=False), nn.Linear(2, 8, bias=False)
        self.side, self.head = nn.Linear(2, 2, bias=False), nn.Linear(10, 2, bias=False)

    def forward(self, x):
        x = torch.relu(self.stem(x))
        return self.head(torch.cat([torch.relu(self.wide(x)), torch.relu(self.side(x))], -1))


class Mixed(nn.Module):
    """Every way in which channels meet: sums, products, concatenations, chunks, groups, a depthwise layer, norms."""

    def __init__(self):
        super().__init__()
        self.stem, self.norm = nn.Conv2d(2, 4, 1), nn.BatchNorm2d(4)
        self.grouped, self.depthwise = nn.Conv2d(4, 4, 3, padding=1, groups=2), nn.Conv2d(4, 4, 1, groups=4)
        self.left, self.right = nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1)
        self.gate, self.halves, self.head = nn.Conv2d(8, 4, 1), nn.Conv2d(4, 6, 1), nn.Linear(12, 3)

    def forward(self, x):
        x = torch.relu(self.norm(self.stem(x)))
        x = x + self.depthwise(self.grouped(x))
        x = torch.cat([self.left(x) * torch.tanh(self.right(x)), x], 1)
        first, second = self.halves(torch.sigmoid(self.gate(x)) * x.chunk(2, 1)[0]).chunk(2, 1)
        return self.head(torch.cat([second, first[:, :, :1, :1] * second], 1).mean((2, 3)).repeat(1, 2))


class Unread(nn.Module):
    """An auxiliary head whose output is thrown away."""

    def __init__(self):
        super().__init__()
        self.body, self.aux, self.head = nn.Linear(8, 8), nn.Linear(8, 2), nn.Linear(8, 2)

    def forward(self, x):
        x = torch.relu(self.body(x))
        self.aux(x)
        return self.head(x)


def test_a_layer_whose_last_weight_reads_a_channel_that_goes_takes_the_channel_back():
    """The side branch has one weight left, and what feeds it is the first thing that the ranking drops."""
    torch.manual_seed(0)
    model, masks = Branched(), {"side.weight": torch.tensor([[False, True], [False, False]])}
    model.stem.weight.data[1] *= 1e-3
    model.side.weight.data *= 1e-4
    apply_(model, masks)
    found = prune(model, method="wt", prune_ratio=0.5, masks=masks)
    assert prune_ratio(found, total_parameters(model)) == 0.5
    assert found["side.weight"].tolist() == [[False, True], [False, False]]
    assert found["stem.weight"][1].sum() == 1
    assert found["head.weight"][:, 8].sum() >= 1


@pytest.mark.parametrize("ratio", [0.3, 0.5])
def test_a_layer_that_nobody_reads_is_no_obstacle(ratio):
    model = Unread()
    found = prune(model, method="wt", prune_ratio=ratio)
    assert prune_ratio(found, total_parameters(model)) == pytest.approx(
        ratio, abs=0.5 / total_parameters(model)
    )
    assert found["aux.weight"].any()


def alive(room, strengths, level, name):
    """Whether a layer does anything once all weights of at least this score are kept."""
    kept = {layer: (values >= level)[:, :, None] for layer, values in strengths.items()}
    return name not in room.left(room.stocks_of(kept)).emptied


@pytest.mark.parametrize("model", [Branched(), Mixed()], ids=["branched", "mixed"])
@pytest.mark.parametrize("seed", range(8))
def test_the_way_is_the_one_that_the_ranking_brings_back_first(model, seed):
    """The oracle lowers the level, weight by weight, until the layer is alive."""
    generator = torch.Generator().manual_seed(seed)
    graph = trace(model)
    room = room_of(model, graph, {})
    strengths = {name: torch.rand(layer.shape, generator=generator) for name, layer in graph.layers.items()}
    for name in graph.layers:
        found = lifelines(graph, [name], strengths)
        chosen = torch.cat([strengths[layer][places] for layer, places in found.items()])
        levels = torch.cat([values.flatten() for values in strengths.values()]).sort(descending=True).values
        first = next(level for level in levels if alive(room, strengths, level, name))
        assert chosen.min() == first
        only = {layer: torch.full_like(values, -1.0) for layer, values in strengths.items()}
        for layer, places in found.items():
            only[layer][places] = 1.0
        assert alive(room, only, 0.0, name)


def test_the_mixed_network_has_every_kind_of_operation():
    kinds = {op.kind for op in trace(Mixed()).ops}
    assert kinds == {"source", "read", "layer", "norm", "sum", "product", "cat", "index", "fresh"}


def test_what_is_kept_is_used_and_what_cannot_be_tied_back_gets_nothing():
    graph = trace(Branched())
    strengths = {name: torch.full(layer.shape, torch.inf) for name, layer in graph.layers.items()}
    strengths["side"] = torch.tensor([[0.1, 0.2], [0.3, 0.25]])
    assert {name: places.tolist() for name, places in lifelines(graph, ["side"], strengths).items()} == {
        "side": [[False, False], [True, False]]
    }
    strengths["side"].fill_(-torch.inf)
    assert lifelines(graph, ["side"], strengths) == {}


@pytest.mark.parametrize("seed", range(3))
def test_a_cascade_hits_every_ratio_and_empties_no_layer(seed):
    """Between the steps all weights change places in the ranking, as they may in retraining."""
    model, masks = build("resnet8", classes=10, seed=seed), None
    for ratio in (0.8, 0.95, 0.98, 0.99):
        masks = prune(model, method="wt", prune_ratio=ratio, masks=masks)
        assert prune_ratio(masks, total_parameters(model)) == pytest.approx(ratio, abs=1e-3)
        assert all(masks[layer.weight].any() for layer in trace(model).layers.values())
        for parameter in model.parameters():
            nn.init.normal_(parameter)
        apply_(model, masks)
