import pytest
import torch
from torch import nn

from prunekit.pruning import moments
from prunekit.pruning.layers import prunable_layers
from prunekit.pruning.moments import is_product, moments_of

LAYERS = {
    "conv": nn.Conv2d(4, 6, 3, stride=2, padding=1),
    "grouped": nn.Conv2d(4, 6, 3, groups=2, bias=False),
    "transposed": nn.ConvTranspose2d(4, 6, 3, stride=2),
    "linear": nn.Linear(7, 6),
}


def case(name):
    module = LAYERS[name]
    inputs = torch.randn(5, 4, 7, 7, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        return prunable_layers(nn.Sequential(module))["0"], module, inputs, module(inputs)


def test_moments_by_hand():
    # two images of two numbers and their sum as output: inputs (1, 2) and (3, 4), outputs 3 and 7
    module = nn.Linear(2, 1)
    layer = prunable_layers(nn.Sequential(module))["0"]
    found = moments_of(layer, module, torch.tensor([[1.0, 2], [3, 4]]), torch.tensor([[3.0], [7]]))
    assert found.gram.tolist() == [[[10, 14], [14, 20]]]
    assert found.cross.tolist() == [[[24], [34]]]
    assert (found.inputs.tolist(), found.outputs.tolist(), found.positions) == ([[4, 6]], [[10]], 2)
    about = found.about_means()  # inputs (-1, -1) and (1, 1), outputs -2 and 2
    assert about.gram.tolist() == [[[2, 2], [2, 2]]]
    assert about.cross.tolist() == [[[4], [4]]]


@pytest.mark.parametrize("name", LAYERS)
def test_images_taken_a_few_at_a_time_make_the_same_sums(name, monkeypatch):
    layer, module, inputs, outputs = case(name)
    whole = moments_of(layer, module, inputs, outputs)
    monkeypatch.setattr(moments, "CHUNK_ELEMENTS", 1)
    for part, other in zip(whole, moments_of(layer, module, inputs, outputs), strict=True):
        torch.testing.assert_close(part, other, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_is_the_product_of_its_weight_and_no_other(name):
    layer, module, inputs, outputs = case(name)
    assert is_product(layer, module, inputs, outputs)
    assert not is_product(layer, module, inputs, 1.1 * outputs)
    assert not is_product(layer, module, inputs, outputs[..., :-1])
