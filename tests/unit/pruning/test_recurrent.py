"""Recurrent layers: a hidden unit goes with the rows of all its gates and with what reads it."""

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from prunekit.pruning.api import prune
from prunekit.pruning.masks import apply_, prune_ratio, total_parameters
from prunekit.pruning.shrink import shrink


class Sequence(nn.Module):
    """A recurrent layer between two linear ones; ``use`` takes its result to the head."""

    def __init__(self, memory, use=lambda found: found[0].mean(1), width=12):
        super().__init__()
        self.words, self.memory, self.head = nn.Linear(4, 16), memory, nn.Linear(width, 3)
        self.use = use

    def forward(self, x):
        return self.head(self.use(self.memory(torch.relu(self.words(x)))))


def test_a_unit_of_an_lstm_goes_with_its_four_gates_its_memory_and_its_readers():
    """By hand: the head reads the units with 3, 1 and 2, so that the second goes: 8 + 20 + 8 + 2 of 92 entries."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.memory, self.head = nn.LSTM(2, 3, batch_first=True), nn.Linear(3, 2)
            with torch.no_grad():
                self.head.weight.copy_(torch.tensor([[3.0, 1.0, 2.0]]).expand(2, 3))

        def forward(self, x):
            return self.head(self.memory(x)[0][:, -1])

    torch.manual_seed(0)
    model, signal = Net(), torch.randn(2, 5, 2)
    masks = prune(model, method="l2", prune_ratio=38 / 92, coupled=True, example=signal)
    gates = torch.tensor([True, False, True]).repeat(4)
    columns = torch.tensor([True, False, True])
    assert torch.equal(masks["memory.weight_ih_l0"], gates[:, None].expand(12, 2))
    assert torch.equal(masks["memory.weight_hh_l0"], gates[:, None] & columns)
    assert torch.equal(masks["memory.bias_ih_l0"], gates)
    assert torch.equal(masks["memory.bias_hh_l0"], gates)
    assert torch.equal(masks["head.weight"], columns.expand(2, 3))
    assert bool(masks["head.bias"].all())
    smaller = shrink(model, masks, example=signal)
    assert (smaller.memory.input_size, smaller.memory.hidden_size) == (2, 2)
    assert prune_ratio(masks, 92) == 38 / 92
    assert total_parameters(smaller) == 92 - 38
    apply_(model, masks)
    torch.testing.assert_close(smaller(signal), model.eval()(signal))


class Cells(nn.Module):
    """A cell over time; its width is written in this module, too."""

    def __init__(self, kind):
        super().__init__()
        self.cell, self.hidden = kind(16, 12), 12

    def forward(self, x):
        state = torch.zeros(len(x), self.hidden)
        for step in x.unbind(1):
            found = self.cell(step, (state, state) if isinstance(self.cell, nn.LSTMCell) else state)
            state = found if isinstance(found, torch.Tensor) else found[0]
        return state


class Packed(nn.Module):
    """Sequences of several lengths."""

    def __init__(self):
        super().__init__()
        self.memory = nn.LSTM(16, 12, batch_first=True)

    def forward(self, x):
        packed = pack_padded_sequence(x, torch.arange(len(x), 0, -1) + 1, batch_first=True)
        return pad_packed_sequence(self.memory(packed)[0], batch_first=True)


def own_states(found):
    return torch.cat([found[1][0][-1], found[1][1][-2]], 1)


KINDS = {
    "lstm": (lambda: nn.LSTM(16, 12, batch_first=True), {}),
    "lstm without biases": (lambda: nn.LSTM(16, 12, bias=False, batch_first=True), {}),
    "gru": (lambda: nn.GRU(16, 12, batch_first=True), {}),
    "rnn with relu": (lambda: nn.RNN(16, 12, nonlinearity="relu", batch_first=True), {}),
    "both directions": (lambda: nn.LSTM(16, 12, bidirectional=True, batch_first=True), {"width": 24}),
    "several layers, time first": (lambda: nn.LSTM(16, 12, num_layers=2), {}),
    "last states": (
        lambda: nn.LSTM(16, 12, num_layers=2, bidirectional=True, batch_first=True),
        {"use": own_states, "width": 24},
    ),
    "projected": (lambda: nn.LSTM(16, 24, proj_size=12, batch_first=True), {}),
    "lstm cell": (lambda: Cells(nn.LSTMCell), {"use": lambda found: found}),
    "gru cell": (lambda: Cells(nn.GRUCell), {"use": lambda found: found}),
    "rnn cell": (lambda: Cells(nn.RNNCell), {"use": lambda found: found}),
    "packed": (Packed, {}),
}


@pytest.mark.parametrize("name", KINDS)
def test_recurrent_layers_become_narrower_and_compute_the_same(name):
    torch.manual_seed(0)
    make, how = KINDS[name]
    model, signal = Sequence(make(), **how).eval(), torch.randn(3, 6, 4)
    masks = prune(model, method="l2", prune_ratio=0.5, coupled=True, example=signal)
    total = total_parameters(model)
    assert prune_ratio(masks, total) == pytest.approx(0.5, abs=0.02)
    smaller = shrink(model, masks, example=signal)
    assert total_parameters(smaller) / total == pytest.approx(1 - prune_ratio(masks, total))
    memory = next(part for part in smaller.modules() if isinstance(part, nn.RNNBase | nn.RNNCellBase))
    assert memory.hidden_size < 12 * (1 + (name == "projected"))
    apply_(model, masks)
    torch.testing.assert_close(smaller(signal), model(signal))


def test_an_initial_state_is_cut_with_the_layer():
    class Learned(nn.Module):
        def __init__(self):
            super().__init__()
            self.start, self.memory = nn.Parameter(torch.randn(1, 1, 12)), nn.GRU(16, 12, batch_first=True)

        def forward(self, x):
            return self.memory(x, self.start.expand(-1, len(x), -1).contiguous())

    torch.manual_seed(0)
    model, signal = Sequence(Learned()).eval(), torch.randn(3, 6, 4)
    masks = prune(model, method="l2", prune_ratio=0.5, coupled=True, example=signal)
    smaller = shrink(model, masks, example=signal)
    assert smaller.memory.start.shape == (1, 1, smaller.memory.memory.hidden_size)
    apply_(model, masks)
    torch.testing.assert_close(smaller(signal), model(signal))


def test_a_state_of_a_written_width_keeps_the_layer_whole_and_says_so():
    class Written(nn.Module):
        def __init__(self):
            super().__init__()
            self.memory = nn.GRU(16, 12, batch_first=True)

        def forward(self, x):
            return self.memory(x, torch.zeros(1, len(x), 4 * 3))

    torch.manual_seed(0)
    model, signal = Sequence(Written()).eval(), torch.randn(3, 6, 4)
    with pytest.warns(match="not pruned, because they do not run with fewer channels: memory.memory"):
        masks = prune(model, method="l2", prune_ratio=0.15, coupled=True, example=signal)
    assert shrink(model, masks, example=signal).memory.memory.hidden_size == 12


def test_words_and_units_between_recurrent_layers_are_really_taken_out():
    """The embedding is read by a recurrent layer and a convolution, and a norm lies between two recurrent layers."""

    class Words(nn.Module):
        def __init__(self):
            super().__init__()
            self.words, self.conv = nn.Embedding(30, 12), nn.Conv1d(12, 10, 3)
            self.first, self.norm = nn.LSTM(12, 24, batch_first=True), nn.BatchNorm1d(24)
            self.second, self.head = nn.GRU(24, 16, batch_first=True), nn.Linear(26, 3)

        def forward(self, x):
            x = self.words(x)
            seen = torch.relu(self.conv(x.transpose(1, 2))).amax(2)
            x = self.norm(self.first(x)[0].transpose(1, 2)).transpose(1, 2)
            return self.head(torch.cat([seen, self.second(x)[1][0]], 1))

    torch.manual_seed(0)
    model, signal = Words().eval(), torch.randint(0, 30, (3, 7))
    masks = prune(model, method="l2", prune_ratio=0.5, coupled=True, example=signal)
    smaller, total = shrink(model, masks, example=signal), total_parameters(model)
    assert total_parameters(smaller) == total - round(prune_ratio(masks, total) * total)
    assert smaller.words.embedding_dim == smaller.first.input_size == smaller.conv.in_channels < 12
    assert smaller.second.input_size == smaller.norm.num_features == smaller.first.hidden_size < 24
    apply_(model, masks)
    torch.testing.assert_close(smaller(signal), model(signal))
