"""torchvision's segmentation networks give one tensor of logits at the size of the images."""

import pytest
import torch
import torchvision

import prunekit


@pytest.mark.parametrize("name", ["lraspp_mobilenet_v3_large", "deeplabv3_mobilenet_v3_large"])
def test_the_logits_are_torchvisions_own(name):
    model = prunekit.build(f"torchvision:{name}", classes=5, seed=0).eval()
    theirs = torchvision.models.get_model(name, weights=None, weights_backbone=None, num_classes=5).eval()
    theirs.load_state_dict(model.state_dict(), strict=False)
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        found, expected = model(images), theirs(images)["out"]
    assert found.shape == (2, 5, 64, 64)
    torch.testing.assert_close(found, expected)
