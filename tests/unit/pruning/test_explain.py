import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from prunekit.errors import UsageError
from prunekit.pruning.explain import explain, rows
from prunekit.pruning.graph.tracing import trace


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.unused = nn.Linear(6, 8), nn.Linear(8, 8), nn.Linear(6, 6)
        self.c, self.norm, self.head = nn.Linear(8, 8), nn.LayerNorm(8), nn.Linear(8, 2)

    def forward(self, x):
        x = torch.relu(self.a(x))
        return self.head(self.norm(self.c(torch.relu(x + self.b(x)))))


def test_every_layer_says_what_it_goes_with_or_why_it_stays():
    model = Net()
    found = {row.name: row for row in rows(model, trace(model))}
    assert (found["a"].with_, found["a"].stays) == (("b",), "")
    assert found["c"].stays == "norm needs all of its channels"
    assert found["head"].stays == "it produces the network's outputs"
    assert found["unused"].stays == "it does not run in evaluation mode"
    assert "with b" in explain(model).splitlines()[0]


def test_weights_that_are_computed_are_listed_with_the_remedy():
    model = nn.Sequential(nn.Linear(4, 4), parametrizations.weight_norm(nn.Linear(4, 4)))
    assert "remove_parametrizations" in explain(model)


def test_a_chart_has_an_arrow_for_every_reader():
    lines = explain(Net(), form="mermaid").splitlines()
    assert lines[0] == "flowchart TD"
    assert [line.strip() for line in lines if "-->" in line] == [
        "n0 --> n1", "n0 --> n3", "n1 --> n3", "n3 --> n4",
    ]  # fmt: skip
    with pytest.raises(UsageError, match="unknown form 'dot'"):
        explain(Net(), form="dot")


def test_recurrent_layers_are_listed_with_what_holds_them():
    class Two(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.free, self.held = torch.nn.Linear(4, 6), torch.nn.LSTM(6, 8), torch.nn.GRUCell(8, 5)
            self.head = torch.nn.Linear(8, 2)

        def forward(self, x):
            x = self.free(self.a(x).unsqueeze(0))[0][0]
            return self.head(x), self.held(x)

    said = explain(Two(), example=torch.randn(2, 4))
    assert "free                                     8 x 6        alone" in said
    assert (
        "held                                     5 x 8        stays: the network itself needs all of its channels"
        in said
    )
    drawn = explain(Two(), example=torch.randn(2, 4), form="mermaid").splitlines()
    assert [line.strip() for line in drawn if "-->" in line] == ["n0 --> n2", "n2 --> n1", "n2 --> n3"]
