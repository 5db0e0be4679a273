"""Every method on weights of every precision: half-precision ones are scored as their values in float32 are."""

import copy

import pytest
import torch
from torch import nn

from prunekit.pruning.api import prune, sensitivities
from prunekit.pruning.masks import prune_ratio, total_parameters
from prunekit.pruning.methods import METHODS
from prunekit.pruning.repair import repair

INPUTS = torch.randn(6, 3, 8, 8, generator=torch.Generator().manual_seed(1))
BATCHES = [(INPUTS, torch.tensor([0, 1, 2, 0, 1, 2]))]
DTYPES = {"float16": torch.float16, "bfloat16": torch.bfloat16, "float64": torch.float64}


def network(dtype):
    torch.manual_seed(0)
    model = nn.Sequential(
        *(nn.Conv2d(3, 24, 3, padding=1), nn.BatchNorm2d(24), nn.ReLU()),
        *(
            nn.Conv2d(24, 24, 3, padding=1),
            nn.BatchNorm2d(24),
            nn.ReLU(),
            nn.AdaptiveMaxPool2d(2),
            nn.Flatten(),
        ),
        *(nn.Linear(96, 20), nn.ReLU(), nn.Linear(20, 3)),
    )
    return model.to(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("method", METHODS)
def test_every_precision_gives_the_masks_of_float32(method, dtype):
    model = network(DTYPES[dtype])
    before = copy.deepcopy(model.state_dict())
    ratio, whole = (0.4, ("0",)) if method == "nm" else (0.5, ())  # its four do not divide three channels
    how = {"method": method, "prune_ratio": ratio, "skip_layers": whole, "batches": BATCHES}
    masks = prune(model, **how, example=INPUTS)
    same = prune(copy.deepcopy(model).float(), **how, example=INPUTS)
    agreeing = sum(int((masks[name] == mask).sum()) for name, mask in same.items())
    # In float64 scores that float32 cannot tell apart may change places: a filter or two.
    assert agreeing >= (0.9 if dtype == "float64" else 1.0) * total_parameters(model)
    assert prune_ratio(masks, total_parameters(model)) == pytest.approx(ratio, abs=0.02)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("method", METHODS)
def test_scores_have_at_least_the_digits_of_float32(method, dtype):
    found = sensitivities(network(DTYPES[dtype]), method=method, batches=BATCHES)
    assert all(values.dtype in (torch.float32, torch.float64) for values in found.values())


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_repair_is_that_of_float32(dtype):
    model = network(DTYPES[dtype])
    masks = prune(model, method="ft", prune_ratio=0.5)
    found = repair(model, masks=masks, batches=BATCHES)
    same = repair(copy.deepcopy(model).float(), masks=masks, batches=BATCHES)
    for name, values in same.items():
        torch.testing.assert_close(
            found[name].float(),
            values.to(DTYPES[dtype]).float(),
            rtol=1e-3,
            atol=1e-3 if dtype == "float64" else 1e-6,
        )
