"""Counts worked by hand on a small network."""

import torch
from torch import nn

from prunekit.models.cost import cost, forward_flops, latency


def _network() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(4),
        nn.Conv2d(4, 4, 3, padding=1, groups=4, bias=False),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, 2),
    )


def test_counts_by_hand() -> None:
    network = _network()
    counted = cost(network, (8, 8))
    # 4x4 places of the first two layers; grouped weights see one channel each.
    assert counted.multiplications == 16 * 108 + 16 * 36 + 8
    assert counted.flops == 2 * counted.multiplications
    assert counted.parameters == 108 + 8 + 36 + 8 + 2


def test_operations_are_counted_on_shapes_alone() -> None:
    network = _network().train()
    assert forward_flops(network, (8, 8)) == cost(network, (8, 8)).flops
    assert network.training
    assert network[0].weight.device.type == "cpu"


def test_zeros_are_not_counted() -> None:
    network = _network()
    with torch.no_grad():
        network[0].weight[0] = 0
        network[5].bias.zero_()
    counted = cost(network, (8, 8))
    assert counted.multiplications - counted.nonzero_multiplications == 16 * 27
    # Batch norm's shift is zero in a new network.
    assert counted.parameters - counted.nonzero == 27 + 2 + 4


def test_a_layer_used_twice_counts_twice() -> None:
    shared = nn.Linear(4, 4)
    network = nn.Sequential(nn.AdaptiveAvgPool2d((1, 4)), nn.Conv2d(3, 1, 1), nn.Flatten(), shared, shared)
    assert cost(network, (8, 8)).multiplications == 4 * 3 + 2 * 16


def test_counting_changes_nothing() -> None:
    network = _network().train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    cost(network, (8, 8))
    assert network.training
    assert not any(module._forward_hooks for module in network.modules())
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def test_latency_says_what_it_measured() -> None:
    measured = latency(_network(), (8, 8), batch=3, repeats=5)
    assert 0 < measured.low <= measured.median <= measured.high
    assert (measured.batch, measured.threads, measured.device) == (3, torch.get_num_threads(), "cpu")


def test_a_layer_whose_weight_is_computed_counts_as_one_with_a_weight_of_its_own():
    plain = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten())
    computed = nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 4, 3)), nn.Flatten())
    assert cost(computed, (8, 8)).multiplications == cost(plain, (8, 8)).multiplications > 0
