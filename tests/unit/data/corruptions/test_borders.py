import numpy as np
import pytest
import torch

from prunekit.data.corruptions.borders import edge, mirror, pad, symmetric


@pytest.mark.parametrize("width", [0, 1, 3, 9])
@pytest.mark.parametrize("size", [1, 2, 4, 7])
@pytest.mark.parametrize(("rule", "mode"), [(edge, "edge"), (mirror, "reflect"), (symmetric, "symmetric")])
def test_borders_are_numpys(rule, mode, size, width):
    line = np.arange(10, 10 + size)
    made = pad(torch.from_numpy(line)[None], 1, width, rule)[0]
    assert made.tolist() == np.pad(line, width, mode=mode).tolist()
