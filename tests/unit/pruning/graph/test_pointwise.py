import pytest
import torch
import torch.nn.functional as F
from torch import nn

from prunekit.pruning.graph.tracing import trace

KEEP = {
    "relu": torch.relu,
    "hardtanh": lambda h: F.hardtanh(h, -1, 6),
    "hardswish": F.hardswish,
    "tanh": torch.tanh,
    "square": lambda h: h**2,
    "scaled": lambda h: 3 * h / 2,
    "dropout": lambda h: F.dropout(h, 0.5, training=False),
    "float": lambda h: h.double().float(),
    "clamp": lambda h: h.clamp(0, 6),
    "0 + x": lambda h: 0 + h,
}
FRESH = {
    "sigmoid": torch.sigmoid,
    "hardtanh that starts above zero": lambda h: F.hardtanh(h, 0.5, 6),
    "clamp that starts above zero": lambda h: h.clamp(min=0.1),
    "softplus": F.softplus,
    "plus one": lambda h: h + 1,
    "exp": torch.exp,
}
READ = {
    "log": torch.log,
    "reciprocal": lambda h: 1 / h,
    "rsqrt": torch.rsqrt,
    "softmax over channels": lambda h: h.softmax(1),
    "sorted": lambda h: h.sort(1).values,
    "normalised": lambda h: F.normalize(h, dim=1),
    "cumulated": lambda h: h.cumsum(1),
}


class Between(nn.Module):
    def __init__(self, step):
        super().__init__()
        self.a, self.b, self.step = nn.Linear(4, 6), nn.Linear(6, 2), step

    def forward(self, x):
        return self.b(self.step(self.a(x)))


def kinds(step):
    return [op.kind for op in trace(Between(step)).ops][2:-1]


@pytest.mark.parametrize("name", KEEP)
def test_zero_stays_zero(name):
    assert kinds(KEEP[name])[0] == "layer"


@pytest.mark.parametrize("name", FRESH)
def test_zero_becomes_something_else(name):
    assert kinds(FRESH[name])[0] == "fresh"


@pytest.mark.parametrize("name", READ)
def test_channels_that_meet_or_blow_up_are_read(name):
    assert "read" in kinds(READ[name])
    assert "a" not in trace(Between(READ[name])).free_filters


def test_a_product_is_zero_where_either_side_is_and_a_sum_where_both_are():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c = nn.Linear(4, 6), nn.Linear(4, 6), nn.Linear(6, 2)

        def forward(self, x):
            left, right = self.a(x), self.b(x)
            return self.c(left * right + right)

    kinds = [op.kind for op in trace(Two()).ops]
    assert kinds == ["source", "layer", "layer", "product", "sum", "layer", "read", "read"]
