import pytest
import torch
from torch import nn

from prunekit.errors import UsageError
from prunekit.pruning.masks import apply_, masked, prune_ratio, removed, total_parameters, write_

MASKS = {"weight": torch.tensor([[True, False], [False, True]])}


def test_removed_entries_over_all_parameters_of_the_parent():
    assert removed(MASKS) == 2
    assert prune_ratio(MASKS, 8) == 0.25
    assert total_parameters(nn.Linear(2, 2)) == 6


def test_apply_zeroes_what_is_masked_and_nothing_else():
    layer = nn.Linear(2, 2)
    nn.init.ones_(layer.weight)
    layer.weight.data[0, 1] = float("inf")
    apply_(layer, MASKS)
    assert layer.weight.tolist() == [[1, 0], [0, 1]]
    assert layer.weight.requires_grad


def test_apply_refuses_masks_of_another_shape_before_it_changes_anything():
    layer = nn.Linear(2, 2)
    nn.init.ones_(layer.weight)
    with pytest.raises(UsageError, match=r"mask 'bias' has shape \(3,\), but its parameter has \(2,\)"):
        apply_(layer, MASKS | {"bias": torch.zeros(3, dtype=torch.bool)})
    assert bool((layer.weight == 1).all())


def test_values_are_written_into_parameters_and_buffers():
    model = nn.Sequential(nn.BatchNorm1d(1))
    write_(model, {"0.weight": torch.tensor([3.0]), "0.running_mean": torch.tensor([4.0])})
    assert (model[0].weight.item(), model[0].running_mean.item(), model[0].bias.item()) == (3, 4, 0)


def test_masks_are_bool():
    model = nn.Linear(2, 2)
    with pytest.raises(UsageError, match=r"mask 'weight' has dtype torch.float32: masks must be torch.bool"):
        apply_(model, {"weight": torch.ones(2, 2)})


def test_masks_hold_within_a_block_and_never_write_the_models_memory():
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2))
    model[2].weight = model[0].weight
    nn.init.ones_(model[0].weight)
    memory = model[0].weight.data
    with masked(model, {"0.weight": MASKS["weight"]}):
        assert model[2].weight.tolist() == [[1, 0], [0, 1]]
        assert bool((memory == 1).all())
    assert model[2].weight.data_ptr() == memory.data_ptr()
    assert bool((memory == 1).all())
