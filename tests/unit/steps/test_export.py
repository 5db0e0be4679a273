import pytest
import torch
from torch import nn

from prunekit.errors import PrunekitError, UsageError
from prunekit.steps.export import compare


def test_a_network_that_answers_at_random_is_named_as_such():
    model = nn.Sequential(nn.Linear(4, 3), nn.Dropout(0.5)).train()
    with pytest.raises(UsageError, match="gives different outputs for the same images"):
        compare(model, model, torch.ones(8, 4))


def test_another_function_is_refused_and_the_same_one_is_not():
    torch.manual_seed(0)
    plain, other = nn.Linear(4, 3), nn.Linear(4, 3)
    assert compare(plain, plain, torch.ones(8, 4)) == 0
    with pytest.raises(PrunekitError, match="logits differ"):
        compare(plain, other, torch.ones(8, 4))
