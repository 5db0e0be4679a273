import copy

import pytest
import torch
import torchvision

from prunekit.errors import UsageError
from prunekit.models.archs import build
from prunekit.pruning.api import prune
from prunekit.pruning.masks import apply_, total_parameters
from prunekit.pruning.shrink import shrink

MODELS = {
    "resnet20": lambda: build("resnet20", classes=10, seed=0),
    "densenet22": lambda: build("densenet22", classes=10, seed=0),
    "mobilenet_v2": lambda: torchvision.models.mobilenet_v2(num_classes=10),
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("method", ["ft", "pfp"])
def test_a_shrunken_model_is_smaller_and_the_same_function(name, method):
    torch.manual_seed(0)
    model, inputs = MODELS[name](), torch.randn(2, 3, 32, 32)
    masks = prune(model, method=method, prune_ratio=0.5, batches=[inputs])
    before = copy.deepcopy(model.state_dict())
    smaller = shrink(model, masks)
    assert total_parameters(smaller) < 0.75 * total_parameters(model)
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    apply_(model, masks)
    torch.testing.assert_close(smaller(inputs), model.eval()(inputs), rtol=0, atol=1e-5)


def test_single_weights_stay_as_zeros():
    model = build("resnet8", classes=10, seed=0)
    smaller = shrink(model, prune(model, method="wt", prune_ratio=0.3))
    assert total_parameters(smaller) == total_parameters(model)


class Forked(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.a = torch.nn.Linear(2, 2)

    def forward(self, x):
        return self.a(x) if x.sum() > 0 else x


@pytest.mark.filterwarnings("ignore::prunekit.errors.PrunekitWarning")
def test_an_untraceable_model_is_refused():
    with pytest.raises(UsageError, match="cannot be traced"):
        shrink(Forked(), {})
