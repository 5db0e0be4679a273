import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from prunekit.errors import PrunekitWarning, UsageError
from prunekit.pruning.api import prune
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


class Scaled(nn.Linear):
    def forward(self, x):
        return nn.functional.linear(x, self.weight * 0.5, self.bias)


def test_what_is_said_of_computed_weights_is_what_pruning_does():
    torch.manual_seed(0)
    model = nn.Sequential(
        *(
            nn.Linear(10, 24),
            nn.ReLU(),
            Scaled(24, 32),
            nn.ReLU(),
            nn.Linear(32, 24),
            nn.ReLU(),
            nn.Linear(24, 5),
        )
    )
    example = torch.randn(2, 10)
    said = {line.split()[0]: line for line in explain(model, example=example).splitlines()}
    assert said["2"].endswith("32 x 24      alone")
    with pytest.warns(
        PrunekitWarning, match="not ranked themselves, though their channels may go with others"
    ):
        masks = prune(model, method="ft", prune_ratio=0.5, coupled=True, example=example)
    assert 0 < int(masks["2.weight"].any(1).sum()) < 32
    with pytest.raises(
        UsageError, match="layer '2' has no share of its own, because the network does not multiply"
    ):
        prune(model, method="ft", prune_ratio=0.5, coupled=True, example=example, layer_ratios={"2": 0.5})


def test_a_layer_whose_input_cannot_be_followed_is_not_said_to_stand_still():
    class Out(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.f = nn.Linear(3, 12), nn.Linear(24, 12), nn.Linear(12, 5)

        @torch.no_grad()
        def forward(self, x):
            joined = torch.empty(0)
            torch.cat([self.a(x), self.a(x)], 1, out=joined)
            return self.f(self.b(joined).relu())

    said = explain(Out(), example=torch.randn(2, 3))
    assert "evaluation mode" not in said
    assert "what reaches it cannot be followed" in said


class Waves(nn.Module):
    """A residual stream whose last sum nothing reads, if ``unused``; skips are summed."""

    def __init__(self, unused):
        super().__init__()
        self.unused = unused
        self.i, self.p = nn.Linear(4, 16), nn.Linear(16, 2)
        self.r = nn.ModuleList(nn.Linear(16, 16) for _ in range(2))

    def forward(self, x):
        x, skip = self.i(x), 0
        for number, layer in enumerate(self.r):
            y = layer(x.tanh())
            skip = skip + y
            if number == 0 or self.unused:
                x = x + y
        return self.p(skip.relu())


def test_a_sum_that_nothing_reads_holds_nothing():
    read, unread = (explain(Waves(unused), example=torch.randn(2, 4)) for unused in (False, True))
    assert read == unread
    assert "needs all of its channels" not in unread
