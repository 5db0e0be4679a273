"""Pruning, training and measuring on the device that they are given; the GPU's rows run with ``-m gpu``."""

import numpy as np
import pytest
import torch

from prunekit.data.datasets import Dataset
from prunekit.data.examples import ArrayExamples
from prunekit.measure.outcomes import outcomes
from prunekit.measure.similarity import noise_similarity
from prunekit.models.archs import build
from prunekit.params import NoiseParams, TrainParams
from prunekit.pruning.api import prune
from prunekit.pruning.masks import apply_, prune_ratio, total_parameters
from prunekit.training.loop import fit

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]
METHODS = ("wt", "sipp", "ft", "pfp", "taylor", "thinet")
CLASSES = ("a", "b", "c")


def images(count=24):
    draws = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (count, 3, 16, 16), dtype=torch.uint8, generator=draws)
    return ArrayExamples(pixels, torch.arange(count) % len(CLASSES))


def dataset(examples):
    half = (0.5, 0.5, 0.5)
    return Dataset(
        "random", "classification", CLASSES, half, half, (16, 16), "crop-flip", ("train",), lambda _: examples
    )


def network():
    return build("resnet8", classes=len(CLASSES), seed=0)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("device", DEVICES)
def test_pruning_stays_on_the_device(device, method):
    model = network().to(device)
    batch = torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(1)), torch.tensor([0, 1, 2, 0])
    masks = prune(model, method=method, prune_ratio=0.5, batches=[batch])
    assert {mask.device.type for mask in masks.values()} == {device}
    assert prune_ratio(masks, total_parameters(model)) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("device", DEVICES)
def test_training_holds_masks_on_the_device(device, precision):
    model = network()
    masks = prune(model, method="wt", prune_ratio=0.5)
    settings = TrainParams(arch="resnet8", dataset="random", epochs=2, batch_size=8, precision=precision)
    examples = images()
    result = fit(
        model, examples, settings=settings, dataset=dataset(examples), seed=0, device=device, masks=masks
    )
    assert np.isfinite(result.losses).all()
    parameters = dict(model.named_parameters())
    assert {parameter.device.type for parameter in parameters.values()} == {device}
    assert all(not parameters[name][~mask.to(device)].any() for name, mask in masks.items())


@pytest.mark.parametrize("device", DEVICES)
def test_measurements_on_the_device_are_those_of_the_cpu(device):
    """The same images and the same noise; sums in another order differ in last digits."""
    parent, pruned, examples = network(), network(), images()
    apply_(pruned, prune(pruned, method="wt", prune_ratio=0.5))
    params = NoiseParams(model="pruned", to="parent", images=12, draws=2, levels=(0.0, 0.3))
    of = dataset(examples)

    def measured(place):
        similar = noise_similarity(
            {"pruned": pruned}, parent, examples, params=params, dataset=of, device=place
        )
        return outcomes(pruned, examples, dataset=of, device=place)["loss"], similar["pruned"]["softmax_l2"]

    for found, expected in zip(measured(device), measured("cpu"), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)
