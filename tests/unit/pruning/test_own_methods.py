"""Methods as users bring them: functions, rows, code by name; and options."""

import pytest
import torch
from torch import nn

from prunekit.errors import UsageError
from prunekit.models.archs import build
from prunekit.pruning.api import prune, sensitivities
from prunekit.pruning.masks import prune_ratio, total_parameters
from prunekit.pruning.methods import METHODS, Method
from prunekit.pruning.options import Option

BATCHES = [(torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(0)), torch.arange(4))]


def small():
    return build("resnet8", classes=10, seed=0)


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in other)


def sizes(subject):
    return {name: layer.tensor().abs() for name, layer in subject.layers.items()}


def filter_sizes(subject):
    return {name: layer.tensor().abs().flatten(1).sum(1) for name, layer in subject.layers.items()}


@pytest.mark.parametrize(("function", "name"), [(sizes, "wt"), (filter_sizes, "ft")])
@pytest.mark.parametrize("more", [{}, {"skip_layers": ["conv1"]}])
def test_a_function_is_a_method(function, name, more):
    model = small()
    found = prune(model, method=function, prune_ratio=0.5, **more)
    assert same(found, prune(model, method=name, prune_ratio=0.5, **more))


def test_a_function_of_filters_can_be_coupled():
    model = small()
    found = prune(model, method=filter_sizes, prune_ratio=0.5, coupled=True)
    assert same(found, prune(model, method="ft", prune_ratio=0.5, coupled=True))


def test_a_function_sees_the_sample_and_layers_that_it_gives_no_score_stay_whole():
    seen = []

    def some(subject):
        seen.append(len(subject.batches))
        return {name: values for name, values in sizes(subject).items() if name != "conv1"}

    model = small()
    found = prune(model, method=some, prune_ratio=0.5, batches=BATCHES)
    assert seen == [1]
    assert same(found, prune(model, method="wt", prune_ratio=0.5, skip_layers=["conv1"]))


def test_a_row_is_a_method_with_options():
    def powers(subject):
        power = subject.options["power"]
        return {name: layer.tensor().abs() ** power for name, layer in subject.layers.items()}

    options = {"power": Option(1.0, "of the size", least=0)}
    row = Method("weight", "global", False, powers, METHODS["wt"].allocate, "here", options=options)
    assert sensitivities(small(), method=row, options={"power": 0})["conv1"].eq(1).all()
    assert same(
        prune(small(), method=row, prune_ratio=0.5, options={"power": 2}),
        prune(small(), method="wt", prune_ratio=0.5),
    )


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda subject: 3, "returned a int: return {layer name: tensor}"),
        (lambda subject: {"nowhere": torch.ones(3)}, "unknown layer 'nowhere'"),
        (lambda subject: {"conv1": torch.ones(3)}, r"returned \(3,\) for layer 'conv1'"),
        (lambda subject: sizes(subject) | {"conv1": torch.ones(16)}, "choose one"),
        (lambda subject: {"conv1": torch.full((16,), torch.nan)}, "layer 'conv1' has .* not finite"),
    ],
)
def test_a_function_that_returns_something_else_is_refused(function, message):
    with pytest.raises(UsageError, match=message):
        prune(small(), method=function, prune_ratio=0.5)


@pytest.mark.parametrize(
    ("method", "options", "message"),
    [
        ("wt", {"n": 2}, "method wt has no options"),
        ("nm", {"k": 2}, r"unknown option of method nm 'k' \(one of: n, m, score\)"),
        ("nm", {"n": 0}, "option n of method nm must be a value of type int of at least 1"),
        ("nm", {"n": True}, "option n of method nm must be a value of type int"),
        ("nm", {"n": 4}, "option n of method nm must be below m"),
        ("nm", {"score": "ft"}, "cannot use the scores of ft: it can use those of wt"),
        ("nm", {"score": "wanda"}, "nm needs data"),
        ("module:nowhere_at_all:f", {}, "cannot be imported"),
    ],
)
def test_what_a_method_does_not_take_is_refused(method, options, message):
    with pytest.raises(UsageError, match=message):
        prune(small(), method=method, prune_ratio=0.5, options=options)


def test_nm_keeps_n_of_every_m_inputs_in_all_layers():
    model = small()
    masks = prune(model, method="nm", prune_ratio=0.5, skip_layers=["conv1"])
    for name, mask in masks.items():
        if name.endswith("weight") and mask.dim() > 1 and name != "conv1.weight":
            kept = mask.reshape(len(mask), -1, 4, *mask.shape[2:]).sum(2)
            assert kept.le(2).all(), name
            # A channel that the head reads nowhere goes altogether.
            assert name.startswith("layer3") or kept.eq(2).all(), name
    # Batch norms, biases and the first convolution have no pattern.
    assert prune_ratio(masks, total_parameters(model)) == pytest.approx(0.4968, abs=1e-4)


def test_nm_below_the_pattern_hits_the_ratio_and_above_it_is_refused():
    model = small()
    masks = prune(model, method="nm", prune_ratio=0.3, skip_layers=["conv1"])
    assert prune_ratio(masks, total_parameters(model)) == pytest.approx(0.3, abs=1e-4)
    with pytest.raises(UsageError, match=r"reachable: 0.000 to 0.496"):
        prune(model, method="nm", prune_ratio=0.6, skip_layers=["conv1"])


def test_nm_takes_the_scores_of_another_method_and_its_own_numbers():
    model = small()
    options = {"n": 1, "m": 4, "score": "wanda"}
    masks = prune(
        model, method="nm", prune_ratio=0.745, skip_layers=["conv1"], options=options, batches=BATCHES
    )
    kept = masks["layer3.0.conv2.weight"].reshape(64, 16, 4, 9).sum(2)
    assert kept.le(1).all()


def test_nm_refuses_layers_that_it_does_not_fit_with_the_remedy():
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3, groups=8), nn.ReLU(), nn.Conv2d(8, 4, 1)
    )
    with pytest.raises(UsageError) as caught:
        prune(model, method="nm", prune_ratio=0.1)
    assert str(caught.value) == (
        "nm does not fit layer '0': its filters read 3 channels (and 1 more layers); skip the layers that it does not fit: "
        "--skip-layers 0,2"
    )


def test_what_nm_leaves_is_packed_by_torch_and_unpacked_to_the_same():
    conversions = pytest.importorskip("torch.sparse._semi_structured_conversions")
    layer = nn.Linear(64, 32, bias=False)
    model = nn.Sequential(layer, nn.ReLU(), nn.Linear(32, 4, bias=False))
    masks = prune(model, method="nm", prune_ratio=0.48, skip_layers=["2"])
    weight = (layer.weight.detach() * masks["0.weight"]).half()
    packed, meta = conversions.sparse_semi_structured_from_dense_cutlass(weight)
    assert packed.shape == (32, 32)
    assert torch.equal(conversions.sparse_semi_structured_to_dense_cutlass(packed, meta), weight)


def test_a_function_that_fails_is_named():
    def mine(subject):
        raise KeyError("x")

    with pytest.raises(UsageError, match=r"method .*mine failed: KeyError: 'x'"):
        prune(small(), method=mine, prune_ratio=0.5)
