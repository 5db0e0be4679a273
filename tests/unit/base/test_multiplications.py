"""Multiplications worked by hand."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from prunekit.base.multiplications import multiplied


def counted(model, *inputs):
    with multiplied(model.eval()) as found:
        model(*inputs)
    return found


class Own(nn.Module):
    """Computes a function of its modules and parameters and the input."""

    def __init__(self, function, **parts):
        super().__init__()
        self.function = function
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, x):
        return self.function(self, x)


def weight(*shape):
    return nn.Parameter(torch.randn(*shape))


X = torch.randn(2, 5, 12)  # two sequences of five steps
IMAGES = torch.randn(2, 3, 8, 8)
MHA = 5 * 3 * 12 * 12 + 5 * 12 * 12
BY_HAND = {
    "linear": (nn.Linear(12, 4), X, 2 * 5 * 12 * 4),
    "conv": (nn.Conv2d(3, 6, 3), IMAGES, 2 * 36 * 6 * 3 * 9),
    "grouped": (nn.Conv2d(3, 6, 3, groups=3), IMAGES, 2 * 36 * 6 * 9),
    "depthwise": (nn.Conv1d(5, 5, 3, groups=5), X, 2 * 10 * 5 * 3),
    "transposed": (nn.ConvTranspose2d(3, 4, 2, 2), IMAGES, 2 * 64 * 3 * 4 * 4),
    "attention": (Own(lambda own, x: own.mha(x, x, x)[0], mha=nn.MultiheadAttention(12, 3, batch_first=True)), X, 2 * MHA),
    "attention without weights": (Own(lambda own, x: own.mha(x, x, x, need_weights=False)[0], mha=nn.MultiheadAttention(12, 3, batch_first=True)), X, 2 * MHA),
    "cross attention": (
        Own(lambda own, x: own.mha(x[:, :2], x, x)[0], mha=nn.MultiheadAttention(12, 3, batch_first=True)),
        X,
        2 * (2 * 144 + 2 * 5 * 144 + 2 * 144),
    ),
    "encoder": (nn.TransformerEncoderLayer(12, 3, 20, batch_first=True), X, 2 * (MHA + 5 * 2 * 12 * 20)),
    "lstm": (nn.LSTM(12, 7, batch_first=True), X, 2 * 5 * 4 * 7 * (12 + 7)),
    "two layers, two directions": (
        nn.LSTM(12, 7, 2, batch_first=True, bidirectional=True),
        X,
        2 * 5 * 2 * 4 * 7 * (12 + 7 + 14 + 7),
    ),
    "projected": (nn.LSTM(12, 7, proj_size=3, batch_first=True), X, 2 * 5 * (4 * 7 * (12 + 3) + 3 * 7)),
    "gru": (nn.GRU(12, 7, batch_first=True), X, 2 * 5 * 3 * 7 * (12 + 7)),
    "rnn": (nn.RNN(12, 7, batch_first=True), X, 2 * 5 * 7 * (12 + 7)),
    "cell": (nn.LSTMCell(12, 7), X[:, 0], 2 * 4 * 7 * (12 + 7)),
    "twice": (Own(lambda own, x: own.one(own.one(x)), one=nn.Linear(12, 12)), X, 2 * 2 * 5 * 144),
    "bilinear": (Own(lambda own, x: own.one(x, x), one=nn.Bilinear(12, 12, 3)), X, 2 * 5 * 12 * 12 * 3),
    "functional": (Own(lambda own, x: F.linear(x, own.w), w=weight(4, 12)), X, 2 * 5 * 48),
    "einsum": (Own(lambda own, x: torch.einsum("btc,dc->btd", x, own.w), w=weight(4, 12)), X, 2 * 5 * 48),
    "from the left": (Own(lambda own, x: own.w @ x.transpose(1, 2), w=weight(4, 12)), X, 2 * 5 * 48),
    "per head": (Own(lambda own, x: x @ own.w, w=weight(2, 12, 4)), X, 2 * 5 * 48),
    "standardised": (Own(lambda own, x: F.linear(x, own.w - own.w.mean()), w=weight(4, 12)), X, 2 * 5 * 48),
    "low rank": (Own(lambda own, x: F.linear(x, own.a @ own.b), a=weight(4, 2), b=weight(2, 12)), X, 2 * 5 * 48),
    "weight norm": (nn.utils.parametrizations.weight_norm(nn.Linear(12, 4)), X, 2 * 5 * 48),
    "spectral norm": (nn.utils.parametrizations.spectral_norm(nn.Linear(12, 4)), X, 2 * 5 * 48),
    "a layer on a constant": (Own(lambda own, x: x + own.one(torch.ones(5, 3)), one=nn.Linear(3, 12)), X, 5 * 36),
    "two activations": (Own(lambda own, x: x @ x.transpose(1, 2) * own.scale, scale=weight(5)), X, 0),
    "an embedding": (nn.Embedding(9, 4), torch.zeros(2, 5, dtype=torch.int64), 0),
    "into a buffer": (Own(lambda own, x: torch.zeros(2, 5, 12).copy_(x) @ own.w, w=weight(12, 4)), X, 2 * 5 * 48),
}  # fmt: skip


@pytest.mark.parametrize("name", BY_HAND)
def test_every_weight_counts_as_often_as_it_is_used(name):
    model, inputs, expected = BY_HAND[name]
    found = counted(model, inputs)
    assert found.total == found.nonzero == expected
    assert not found.uncounted
    sizes = dict(model.named_parameters())
    uses = sum(float((torch.ones(sizes[own].shape) * each).sum()) for own, each in found.uses.items())
    assert uses == pytest.approx(expected)


def test_parts_of_a_weight_are_used_differently():
    found = counted(BY_HAND["cross attention"][0], X)
    uses = found.uses["mha.in_proj_weight"]
    assert uses.shape == (36, 12)
    assert (uses[:12] == 2 * 2).all()
    assert (uses[12:] == 2 * 5).all()


def test_zeros_are_left_out():
    model = nn.Sequential(nn.LSTM(12, 7, batch_first=True))
    with torch.no_grad():
        model[0].weight_hh_l0[:7] = 0
    found = counted(model, X)
    assert found.total - found.nonzero == 2 * 5 * 49


def test_an_operation_that_is_not_known_is_named():
    from torchvision.ops import DeformConv2d

    layer = DeformConv2d(3, 4, 3)
    found = counted(Own(lambda own, x: own.one(x, torch.zeros(2, 18, 6, 6)), one=layer), IMAGES)
    assert (found.total, found.uncounted) == (0, {"torchvision::deform_conv2d"})
    distance = Own(
        lambda own, x: torch.cdist(x, own.w, compute_mode="donot_use_mm_for_euclid_dist"), w=weight(4, 12)
    )
    assert counted(distance, X).uncounted == {"aten::_cdist_forward"}


def test_counting_leaves_torch_as_it_was():
    before = torch.backends.mha.get_fastpath_enabled()
    with pytest.raises(RuntimeError), multiplied(nn.Linear(3, 3)):
        raise RuntimeError
    assert torch.backends.mha.get_fastpath_enabled() == before
