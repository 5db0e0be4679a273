"""The networks against torchprune's: its counts, and the logits of its own weights."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from prunekit.models.archs import build
from prunekit.models.cost import cost
from prunekit.models.state import load_arrays
from prunekit.models.vgg import Vgg

GOLDEN = Path(__file__).resolve().parents[2].parent / "shared" / "golden" / "methods"
OWN = Path(__file__).resolve().parents[1] / "data" / "archs"

# name: parameters, prunable weights, prunable layers, multiplications (as torchprune, commit 14b392c, counts; in millions, rounded).
COUNTS = {
    "resnet20": (272_474, 270_896, 22, 40.8),
    "resnet56-bottleneck": (869_530, 856_496, 86, 127.3),
    "resnet110-bottleneck": (1_704_154, 1_679_024, 167, 247.6),
    "vgg16": (14_728_266, 14_715_584, 14, 313.2),
    "densenet22": (71_686, 69_684, 22, 31.2),
    "wrn16_8": (10_961_370, 10_954_160, 17, 1548.1),
}


@pytest.mark.parametrize("name", COUNTS)
def test_counts_are_torchprunes(name: str) -> None:
    model = build(name, classes=10, seed=0)
    counted = cost(model, (32, 32))
    layers = [m.weight for m in model.modules() if isinstance(m, torch.nn.Conv2d | torch.nn.Linear)]
    found = (
        counted.parameters,
        sum(w.numel() for w in layers),
        len(layers),
        round(counted.multiplications / 1e6, 1),
    )
    assert found == COUNTS[name]


def test_resnet20_multiplications_exactly() -> None:
    assert cost(build("resnet20", seed=0), (32, 32)).multiplications == 40_813_184


def _logits(model: torch.nn.Module, images: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return model.eval()(torch.from_numpy(images)).numpy()


def test_resnet20_computes_torchprunes_logits() -> None:
    golden = load_file(OWN / "resnet20.safetensors")
    model = build("resnet20", seed=1)
    load_arrays(
        model,
        {
            name.removeprefix("weights:"): array
            for name, array in golden.items()
            if name.startswith("weights:")
        },
    )
    np.testing.assert_allclose(_logits(model, golden["images"]), golden["logits"], rtol=1e-4, atol=1e-5)


def test_vgg_computes_torchprunes_logits() -> None:
    if not GOLDEN.exists():
        pytest.skip(f"no golden data at {GOLDEN}")
    model = Vgg(((16,), (32,), (48, 48), (64, 64), (64, 64)), classes=10)
    load_arrays(model, load_file(GOLDEN / "vgg_narrow" / "weights.safetensors"))
    images = load_file(GOLDEN / "S.safetensors")["x"][:16]
    expected = load_file(GOLDEN / "vgg_narrow" / "logits_S.safetensors")["logits"][:16]
    np.testing.assert_allclose(_logits(model, images), expected, rtol=1e-4, atol=1e-5)
