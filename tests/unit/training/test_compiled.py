"""torch.compile as an option: part of the key, the same training to rounding, one line where it cannot be."""

import shutil

import pytest
import torch

from prunekit.errors import UsageError
from prunekit.params import TrainParams
from prunekit.training import compiled as module


def test_it_is_part_of_the_key():
    plain = TrainParams(arch="resnet8", dataset="digits")
    assert plain.key == TrainParams(arch="resnet8", dataset="digits", compiled=False).key
    assert plain.key != TrainParams(arch="resnet8", dataset="digits", compiled=True).key


def test_the_compiled_network_is_trained_and_its_parameters_are_the_models(tiny, monkeypatch, same):
    calls = []

    def fake(network):
        def forward(images):
            calls.append(len(images))
            return network(images)

        return forward

    monkeypatch.setattr(torch, "compile", fake)
    through = tiny.train(settings=tiny.settings(compiled=True))
    assert sum(calls) == 40 * through.result.steps // 3
    assert same(through.arrays, tiny.train().arrays)


def test_what_cannot_be_compiled_is_one_line_with_the_remedy(tiny, monkeypatch):
    from torch._dynamo.exc import TorchDynamoException

    def fake(network):
        def forward(images):
            raise TorchDynamoException("No C++ compiler\nand a long story")

        return forward

    monkeypatch.setattr(torch, "compile", fake)
    with pytest.raises(UsageError, match=r"torch.compile here \(No C\+\+ compiler\).*without --compiled"):
        tiny.train(settings=tiny.settings(compiled=True))


def test_without_the_option_nothing_is_caught():
    with pytest.raises(ZeroDivisionError), module.compiling(False):
        raise ZeroDivisionError


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
def test_compiled_training_is_the_eager_one_to_rounding(tiny):
    compiled, eager = (tiny.train(settings=tiny.settings(epochs=1, compiled=on)) for on in (True, False))
    assert compiled.result.losses == pytest.approx(eager.result.losses, rel=1e-3)
    assert not compiled.arrays.keys() ^ eager.arrays.keys()
