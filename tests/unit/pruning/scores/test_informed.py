import pytest
import torch
from torch import nn

from prunekit.pruning.api import sensitivities
from prunekit.pruning.layers import prunable_layers
from prunekit.pruning.scores import informed
from prunekit.pruning.scores import patches as patching
from prunekit.pruning.scores.patches import patches, rows

LAYERS = {
    "conv": nn.Conv2d(4, 6, 3, stride=2, padding=1),
    "grouped": nn.Conv2d(4, 6, 3, groups=2, dilation=2),
    "depthwise": nn.Conv2d(4, 8, 3, groups=4),
    "conv1d": nn.Conv1d(4, 6, 3, padding="same", padding_mode="circular"),
    "conv3d": nn.Conv3d(4, 6, 2),
    "transposed": nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1),
    "transposed-grouped": nn.ConvTranspose2d(4, 6, 2, groups=2, dilation=2),
    "linear": nn.Linear(4, 6),
}


def inputs_of(module, seed=0):
    rank = {nn.Conv1d: 1, nn.Conv3d: 3, nn.Linear: 0}.get(type(module), 2)
    return torch.randn(5, 4, *[7] * rank, generator=torch.Generator().manual_seed(seed))


def layer_of(module):
    return prunable_layers(nn.Sequential(module))["0"]


@pytest.mark.parametrize("short", [0, 8], ids=["rows", "elements"])
@pytest.mark.parametrize("name", LAYERS)
def test_patches_make_every_layer_a_matrix_product(name, short, monkeypatch):
    monkeypatch.setattr(patching, "_SHORT", short)
    module, layer, inputs = LAYERS[name], layer_of(LAYERS[name]), inputs_of(LAYERS[name])
    product = rows(layer, module.weight) @ patches(layer, module, inputs)
    plain = module(inputs)
    bias = module.bias.reshape(1, -1, *[1] * (plain.dim() - 2))
    torch.testing.assert_close(product.reshape(plain.shape), plain - bias, rtol=1e-4, atol=1e-5)


def plain_shares(layer, module, inputs):
    """Every share, by the formula: ``[sign halves · images, groups, filters, J, positions]``."""
    weight = rows(layer, module.weight.detach())[None]
    found = []
    for half in (inputs.clamp(min=0), (-inputs).clamp(min=0)):
        seen = patches(layer, module, half)
        for part in (weight.clamp(min=0), (-weight).clamp(min=0)):
            sums = (part @ seen)[:, :, :, None]
            found.append(
                torch.where(sums > informed.SMALLEST_SUM, part[..., None] * seen[:, :, None] / sums, 0)
            )
    positive, negative = torch.stack(found[::2]), torch.stack(found[1::2])
    return (positive + negative).flatten(0, 1)


@pytest.mark.parametrize("elements", [10, 1_000, 1_000_000], ids=["blocks", "images", "at once"])
@pytest.mark.parametrize("convolves", [True, False], ids=["convolutions", "products"])
@pytest.mark.parametrize("name", LAYERS)
def test_sipp_agrees_with_its_formula(name, convolves, elements, monkeypatch):
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: convolves)
    monkeypatch.setattr(informed, "PRODUCT_ELEMENTS", elements)
    module, layer, inputs = LAYERS[name], layer_of(LAYERS[name]), inputs_of(LAYERS[name])
    expected = plain_shares(layer, module, inputs).mean(-1).amax(0)
    found = rows(layer, sensitivities(nn.Sequential(module), method="sipp", batches=[inputs])["0"])
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-7)


def test_sipp_takes_inputs_with_the_channels_last_in_memory():
    module, inputs = LAYERS["conv"], inputs_of(LAYERS["conv"]).abs()
    last = inputs.contiguous(memory_format=torch.channels_last)
    expected, found = (
        sensitivities(nn.Sequential(module), method="sipp", batches=[each])["0"] for each in (inputs, last)
    )
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
@pytest.mark.parametrize(
    ("elements", "few"),
    [(1, 0), (250_000, 0), (250_000, 4)],
    ids=["filter by filter", "bounds", "every share"],
)
@pytest.mark.parametrize("name", LAYERS)
def test_pfp_agrees_with_its_formula(name, few, elements, scale, seed, monkeypatch):
    monkeypatch.setattr(informed, "_FEW", few)
    monkeypatch.setattr(informed, "_MANY", 10)
    monkeypatch.setattr(informed, "PRODUCT_ELEMENTS", elements)
    module, layer, inputs = LAYERS[name], layer_of(LAYERS[name]), inputs_of(LAYERS[name], seed) * scale
    shares = plain_shares(layer, module, inputs).amax((0, 2, 4))
    expected = shares.reshape(layer.inputs, -1).amax(1)
    found = sensitivities(nn.Sequential(module), method="pfp", batches=inputs.split(2))["0"]
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-7)
