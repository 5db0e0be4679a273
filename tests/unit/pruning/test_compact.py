import copy

import pytest
import torch
from torch import nn

from prunekit.models.archs import build
from prunekit.pruning.api import prune
from prunekit.pruning.compact import compacted, lean, without_dead
from prunekit.pruning.masks import apply_


def pruned(arch="resnet20", method="ft", ratio=0.8):
    model = build(arch, classes=10, seed=0)
    draws = torch.Generator().manual_seed(0)
    for norm in model.modules():  # as in a trained network, statistics and biases are not those of a new one
        if isinstance(norm, nn.BatchNorm2d):
            norm.running_mean.normal_(generator=draws)
            norm.running_var.uniform_(0.5, 2, generator=draws)
            nn.init.uniform_(norm.bias, -1, 1, generator=draws)
    batch = torch.randn(4, 3, 32, 32, generator=draws), torch.arange(4)
    masks = prune(model, method=method, prune_ratio=ratio, batches=[batch])
    apply_(model, masks)
    return model, masks


@pytest.mark.parametrize(
    ("arch", "method", "ratio"),
    [("resnet20", "ft", 0.8), ("resnet20", "pfp", 0.5), ("densenet22", "ft", 0.7)],
)
def test_it_computes_the_same_to_rounding_with_less(arch, method, ratio):
    model, masks = pruned(arch, method, ratio)
    found = compacted(model, masks, training=True)
    images = torch.randn(16, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected, here = model.eval()(images), found.network.eval()(images)
    assert float((expected - here).abs().max()) <= 1e-5 * float(expected.abs().max())
    assert torch.equal(expected.argmax(1), here.argmax(1))
    assert found.parameters < 0.65 * sum(parameter.numel() for parameter in model.parameters())
    assert sum(int(mask.numel() - mask.sum()) for mask in found.masks.values()) < found.parameters


def test_what_is_written_back_comes_from_its_own_place_and_the_rest_stays():
    model, masks = pruned()
    found, before = compacted(model, masks, training=True), copy.deepcopy(model.state_dict())
    found.write_back(model)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    with torch.no_grad():
        for tensor in found.network.state_dict().values():
            tensor.add_(1)
    found.write_back(model)
    for name, value in model.state_dict().items():
        moved = value != before[name]
        assert int(moved.sum()) == found.places[name].numel(), name
        assert torch.equal(moved.flatten().nonzero().flatten(), found.places[name].flatten().sort().values), (
            name
        )
        assert name not in masks or not bool((moved & ~masks[name]).any()) or name in found.masks


def test_a_network_of_single_weights_or_without_masks_stays_as_it_is():
    model, masks = pruned(method="wt", ratio=0.5)
    assert compacted(model, masks, training=True) is None
    assert lean(model, masks) is model
    assert compacted(model, {}, training=True) is None


@pytest.mark.parametrize("arch", ["resnet20", "densenet22"])
def test_dead_channels_stay_until_every_layer_has_a_multiple(arch):
    model, masks = pruned(arch)
    exact, rounded = without_dead(model, masks), without_dead(model, masks, multiple=8)
    widths = {
        name: (module.out_channels, dict(model.named_modules())[name].out_channels)
        for name, module in rounded.network.named_modules()
        if isinstance(module, nn.Conv2d)
    }
    assert exact.parameters < rounded.parameters < sum(each.numel() for each in model.parameters())
    assert [name for name, (width, whole) in widths.items() if width % 8 and width != whole] == []
    images = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected, here = model.eval()(images), rounded.network.eval()(images)
    assert float((expected - here).abs().max()) <= 1e-5 * float(expected.abs().max())
    dead = sum(int(mask.numel() - mask.sum()) for mask in rounded.masks.values())
    assert dead > sum(int(mask.numel() - mask.sum()) for mask in exact.masks.values())


def test_on_a_gpu_small_networks_stay_and_large_ones_keep_multiples_of_eight():
    model, masks = pruned()
    assert compacted(model, masks, training=True, device=torch.device("cuda")) is None
    model, masks = pruned("wrn16_8")
    found = compacted(model, masks, training=True, device=torch.device("cuda"))
    widths = [module.out_channels for module in found.network.modules() if isinstance(module, nn.Conv2d)]
    assert len(set(widths)) > 4
    assert [width for width in widths if width % 8] == []


def test_dropout_is_left_alone_in_training_only():
    model, masks = pruned()
    model.fc = nn.Sequential(nn.Dropout(0.5), model.fc)
    masks = {name.replace("fc.", "fc.1."): mask for name, mask in masks.items()}
    assert compacted(model, masks, training=True) is None
    assert compacted(model, masks, training=False) is not None


def test_dropout_between_recurrent_layers_is_left_alone_in_training_only():
    class Words(nn.Module):
        def __init__(self):
            super().__init__()
            self.memory, self.head = nn.LSTM(4, 16, 2, batch_first=True, dropout=0.1), nn.Linear(16, 3)

        def forward(self, x):
            return self.head(self.memory(x)[0][:, -1])

    torch.manual_seed(0)
    model = Words()
    masks = prune(model, method="ft", prune_ratio=0.5, coupled=True, example=torch.randn(2, 5, 4))
    apply_(model, masks)
    assert compacted(model, masks, training=True) is None
    assert compacted(model, masks, training=False) is not None
    model.memory.dropout = 0.0
    assert compacted(model, masks, training=True) is not None


def test_an_entry_that_still_trains_is_never_taken_out():
    model, masks = pruned()
    vectors = {name: mask for name, mask in masks.items() if not mask.all() and mask.ndim == 1}
    free = {name: mask for name, mask in masks.items() if name not in vectors}
    found = compacted(model, free, training=True)
    if found is not None:  # then every entry that is gone is held by the masks that were given
        gone = torch.ones_like(masks["bn1.weight"]).flatten()
        gone[found.places["bn1.weight"]] = False
        assert not gone.any()
