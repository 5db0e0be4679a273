import pytest
import torch
from torch import nn

from prunekit.pruning.api import sensitivities


@pytest.mark.parametrize("offset", [0.0, 3.0])
@pytest.mark.parametrize(("filters", "columns"), [(1, 4), (2, 3), (40, 60), (64, 8)])
def test_fpgm_agrees_with_distances_taken_one_by_one(filters, columns, offset):
    layer = nn.Linear(columns, filters)
    values = torch.randn(filters, columns, generator=torch.Generator().manual_seed(0)) + offset
    layer.weight.data = values
    plain = torch.stack([(values.double() - row).norm(dim=1).sum() for row in values.double()]).float()
    found = sensitivities(nn.Sequential(layer), method="fpgm")["0"]
    torch.testing.assert_close(found, plain, rtol=1e-5, atol=1e-6)
