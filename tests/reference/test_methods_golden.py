"""The four methods against a run of the authors' code (tests/data/methods/README.md)."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from prunekit.models.archs import build
from prunekit.pruning.allocation import bound_count, global_top, uniform_count
from prunekit.pruning.api import sensitivities
from prunekit.pruning.masks import apply_

DATA = Path(__file__).resolve().parents[1] / "data" / "methods"
NETS = ("miniconv", "resnet20", "vgg_narrow")


class MiniConv(nn.Module):
    """The recorded run's smallest network."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(8)
        self.conv2 = nn.Conv2d(8, 16, 3, stride=2, padding=1)
        self.fc = nn.Linear(16, 10)

    def forward(self, x):
        x = torch.relu(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return self.fc(x.mean((2, 3)))


class NarrowVgg(nn.Module):
    """The recorded run's VGG: convolutions with biases, batch norms, max pooling."""

    def __init__(self):
        super().__init__()
        layers, inputs = [], 3
        for width in (16, "M", 32, "M", 48, 48, "M", 64, 64, "M", 64, 64, "M"):
            if width == "M":
                layers.append(nn.MaxPool2d(2))
                continue
            layers += [nn.Conv2d(inputs, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU()]
            inputs = width
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Linear(64, 10)

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


def network(net):
    made = {"miniconv": MiniConv, "vgg_narrow": NarrowVgg, "resnet20": lambda: build("resnet20", classes=10)}[
        net
    ]()
    made.load_state_dict(load_file(DATA / net / "weights.safetensors"))
    return made


@cache
def sample():
    return load_file(DATA / "S.safetensors")["x"]


@cache
def cases(net):
    return json.loads((DATA / net / "cases.json").read_text())


@cache
def recorded(net, name):
    """Recorded sensitivities by layer name."""
    found = load_file(DATA / net / f"{name}.safetensors")
    return {key.partition("/")[2].removesuffix(".weight"): value for key, value in found.items()}


def masks(net, case, stage):
    """Recorded masks of one case: parameter name to bool tensor."""
    start = f"{case['method']}/{case['tag']}/{stage}/"
    shapes = {name: value.shape for name, value in network(net).named_parameters()}
    found = {}
    for key, packed in load_file(DATA / net / "masks.safetensors").items():
        if key.startswith(start):
            shape = shapes[key.removeprefix(start)]
            bits = np.unpackbits(packed.numpy())[: shape.numel()]
            found[key.removeprefix(start)] = torch.from_numpy(bits).bool().reshape(shape)
    return found


def half_pruned(net, method):
    """The network after the first step of the recorded cascade."""
    first = next(
        case for case in cases(net)["cases"] if case["method"] == method and case["tag"] == "cascade0_kr0.5"
    )
    model = network(net)
    apply_(model, masks(net, first, "final_after"))
    return model


def recorded_cases(method, cascade):
    return [
        pytest.param(net, case, id=f"{net}-{case['tag']}")
        for net in NETS
        for case in cases(net)["cases"]
        if case["method"] == method and case["tag"].startswith("cascade1") == cascade
    ]


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize(("method", "file"), [("sipp", "sens_SiPPNet"), ("pfp", "sens_PFPNet")])
def test_sensitivities_are_the_recorded_ones(net, method, file):
    if not (DATA / net / f"{file}.safetensors").exists():
        pytest.skip(f"{file} of {net} is not among the copied files")
    found = sensitivities(network(net), method=method, batches=sample().split(32))
    for layer, expected in recorded(net, file).items():
        torch.testing.assert_close(found[layer], expected, rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize(
    ("net", "method", "name"),
    [("miniconv", "sipp", "SiPPNet"), *((net, "pfp", "PFPNet") for net in NETS)],
)
def test_sensitivities_of_the_second_cascade_step_are_the_recorded_ones(net, method, name):
    found = sensitivities(half_pruned(net, name), method=method, batches=[sample()])
    for layer, expected in recorded(net, f"sens_{name}_cascade1").items():
        torch.testing.assert_close(found[layer], expected, rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize(("net", "case"), recorded_cases("ThresNet", cascade=False))
def test_wt_keeps_the_recorded_weights(net, case):
    assert_same_masks(net, case, sensitivities(network(net), method="wt"))


@pytest.mark.parametrize(("net", "case"), recorded_cases("ThresNet", cascade=True))
def test_wt_keeps_the_recorded_weights_in_the_second_cascade_step(net, case):
    assert_same_masks(net, case, sensitivities(half_pruned(net, "ThresNet"), method="wt"))


@pytest.mark.parametrize(
    ("net", "case"),
    [each for each in recorded_cases("SiPPNet", cascade=False) if each.values[0] != "vgg_narrow"],
)
def test_sipp_keeps_the_recorded_weights(net, case):
    assert_same_masks(net, case, recorded(net, "sens_SiPPNet"))


def test_sipp_keeps_the_recorded_weights_from_its_own_sensitivities():
    found = sensitivities(network("miniconv"), method="sipp", batches=[sample()])
    for each in recorded_cases("SiPPNet", cascade=False):
        if each.values[0] == "miniconv":
            assert_same_masks("miniconv", each.values[1], found)


def test_sipp_keeps_the_recorded_weights_in_the_second_cascade_step():
    found = recorded("miniconv", "sens_SiPPNet_cascade1")
    assert_same_masks("miniconv", recorded_cases("SiPPNet", cascade=True)[0].values[1], found)


def assert_same_masks(net, case, scores):
    order = [layer["name"] for layer in cases(net)["layers"]]
    found = global_top({name: scores[name] for name in order}, case["budget_available"])
    expected = masks(net, case, "final_before")
    assert [int(found[name].sum()) for name in order] == case["allocation"]
    for name in order:
        assert torch.equal(found[name], expected[f"{name}.weight"]), name


@pytest.mark.parametrize(("net", "case"), recorded_cases("FilterThresNet", cascade=False))
def test_ft_keeps_the_recorded_counts(net, case):
    filters = [layer["weight_shape"][0] for layer in cases(net)["layers"]]
    assert [uniform_count(count, case["arg_opt"]) for count in filters[:-1]] == case["allocation"][:-1]


@pytest.mark.parametrize(("net", "case"), recorded_cases("FilterThresNet", cascade=True))
def test_ft_keeps_the_recorded_counts_in_the_second_cascade_step(net, case):
    scores = sensitivities(half_pruned(net, "FilterThresNet"), method="ft")
    there = [int((scores[layer["name"]] > 0).sum()) for layer in cases(net)["layers"]]
    assert [uniform_count(count, case["arg_opt"]) for count in there[:-1]] == case["allocation"][:-1]


@pytest.mark.parametrize("cascade", [False, True])
@pytest.mark.parametrize("net", NETS)
def test_pfp_keeps_the_recorded_counts(net, cascade):
    scores = recorded(net, "sens_PFPNet_cascade1" if cascade else "sens_PFPNet")
    checked = 0
    for case in cases(net)["cases"]:
        if case["method"] == "PFPNet" and case["tag"].startswith("cascade1") == cascade:
            assert [counted(scores, layer, case["arg_opt"]) for layer in cases(net)["layers"]] == case[
                "allocation"
            ]
            checked += 1
    assert checked == (1 if cascade else 4)


def counted(scores, layer, epsilon):
    there = scores[layer["name"]][scores[layer["name"]] > 0]
    return bound_count(there, int(np.prod(layer["weight_shape"][2:])), layer["num_patches"], epsilon)
