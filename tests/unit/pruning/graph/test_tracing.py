import pytest
import torch
from torch import nn

from prunekit.pruning.graph.tracing import evaluation, trace


class Gate(nn.Module):
    """A gate by a sigmoid: its layer's channels are never zero; the gated ones may be."""

    def __init__(self):
        super().__init__()
        self.body, self.gate, self.out = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 1), nn.Conv2d(4, 2, 1)

    def forward(self, x):
        x = self.body(x)
        return self.out(x * torch.sigmoid(self.gate(x.mean((2, 3), keepdim=True))))


class Halves(nn.Module):
    """Channels cut in two and put back the other way round."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 2, 1)

    def forward(self, x):
        left, right = self.a(x).chunk(2, 1)
        return self.b(torch.cat([right, left], 1))


class Refusing(nn.Module):
    """Decides by what it is given, inside a model that does not."""

    def forward(self, x):
        return x if float(x.sum()) > 0 else -x


def test_a_gate_is_left_alone_and_what_it_gates_is_not():
    graph = trace(Gate())
    assert graph.free_filters == {"body"}
    assert graph.heads == {"out"}
    assert graph.entries == {"body"}


def test_channels_are_followed_through_chunks():
    graph = trace(Halves())
    assert graph.free_filters == {"a"}
    assert [op.picks.tolist() for op in graph.ops if op.kind == "index"] == [[2, 3], [0, 1]]


@pytest.mark.filterwarnings("ignore::prunekit.errors.PrunekitWarning")
def test_a_module_that_decides_by_its_activations_is_one_unknown_operation():
    graph = trace(nn.Sequential(nn.Linear(4, 4), Refusing(), nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2)))
    assert graph.traced
    assert graph.free_filters == {"2"}
    assert graph.free_channels == {"4"}


def test_evaluation_restores_every_modules_own_mode():
    model = nn.Sequential(nn.Dropout(), nn.Dropout()).train()
    model[1].eval()
    with evaluation(model):
        assert not any(module.training for module in model.modules())
    assert [module.training for module in model] == [True, False]


def test_pixels_that_are_laid_side_by_side_first_are_found():
    class Unshuffled(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.head = nn.Conv2d(48, 8, 3), nn.Linear(8, 2)

        def forward(self, x):
            return self.head(torch.relu(self.conv(nn.functional.pixel_unshuffle(x, 4))).mean((2, 3)))

    graph = trace(Unshuffled().eval())
    assert graph.traced
    assert graph.example[0].shape == (2, 3, 64, 64)
