"""A captured step takes the steps that an eager one takes, and what cannot be captured is trained eagerly."""

import itertools

import pytest
import torch
from torch import nn

from prunekit.errors import PrunekitWarning
from prunekit.pruning.api import prune
from prunekit.training.captured import Graph, can_be_captured
from prunekit.training.distributed import ALONE, World


@pytest.fixture
def train(tiny, pretend_gpu, monkeypatch):
    """Train on the pretend GPU, masked, and count the graphs and the launches of the last steps."""

    def run(model=None, *, eager=False, **fields):
        sizes, launches = [], []
        made = Graph.__init__

        class Steps:
            def bar(self, label, total, unit="images"):
                return self

            def __enter__(self):
                return self

            def __exit__(self, *error):
                return None

            def advance(self, amount=1, *, note=""):
                launches.append(sum(gpu.launches.values()))

        def noted(graph, body, batch, *rest):
            sizes.append(len(batch.labels))
            made(graph, body, batch, *rest)

        network = tiny.network() if model is None else model
        masks = prune(tiny.network(), method="wt", prune_ratio=0.6) if model is None else None
        with pretend_gpu() as gpu, monkeypatch.context() as patch:
            patch.setattr(Graph, "__init__", noted)
            if eager:
                patch.setattr("prunekit.training.loop.can_be_captured", lambda *args: False)
            settings = tiny.settings(epochs=4, **fields)
            trained = tiny.train(network, settings, device="cuda", masks=masks, progress=Steps())
        return trained, sizes, [after - before for before, after in itertools.pairwise(launches)]

    return run


@pytest.mark.parametrize("fields", [{}, {"clip_norm": 0.5, "nesterov": True, "schedule": "cosine"}])
def test_captured_steps_give_the_bytes_of_eager_ones(train, same, fields):
    (ours, sizes, launches), (plain, none, many) = train(**fields), train(eager=True, **fields)
    assert same(ours.arrays, plain.arrays)
    assert ours.result.losses == plain.result.losses
    assert (sizes, none) == ([16, 8], [])  # one graph for whole batches, one for the last of an epoch
    assert launches[-2] < 60 < 150 < many[-2]  # cropping and normalising are left; the step is one call


def test_dropout_other_devices_and_several_processes_are_eager():
    gpu = torch.device("cuda")
    assert can_be_captured(nn.Linear(2, 2), gpu, ALONE)
    assert not can_be_captured(nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5)), gpu, ALONE)
    assert not can_be_captured(nn.Linear(2, 2), gpu, World(0, 2))
    assert not can_be_captured(nn.Linear(2, 2), torch.device("cpu"), ALONE)


class Looks(nn.Module):
    """A network that decides by its activations what to compute, which no graph can hold."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.last = nn.Linear(3, 3)

    def forward(self, x):
        seen = x.mean((2, 3))
        return self.last(seen) if float(seen.detach().sum()) > 0 else -self.last(seen)


def test_what_cannot_be_captured_is_trained_eagerly_with_a_word(train, same):
    with pytest.warns(PrunekitWarning, match="cannot be captured as a CUDA graph and is slower"):
        ours, _, _ = train(Looks())
    plain, _, _ = train(Looks(), eager=True)
    assert same(ours.arrays, plain.arrays)
