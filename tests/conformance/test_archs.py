"""Every architecture of the table, and one of each family and door, keeps the same promises."""

import subprocess
import sys

import pytest
import torch

from prunekit.models.archs import ARCHS, DOORS, build, check_arch, find_arch
from prunekit.models.state import to_arrays

SMALL = [name for name, arch in ARCHS.items() if arch.size <= 32]
OTHERS = ["resnet8", "resnet8-bottleneck", "wrn10_1", "torchvision:shufflenet_v2_x0_5", "timm:convnext_atto"]


def _images(count: int = 2) -> torch.Tensor:
    # Every network pools globally, so that ImageNet's and VOC's can be tried on small images too.
    return torch.randn(count, 3, 32, 32, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", ARCHS)
def test_the_table_tells_the_number_of_parameters(name: str) -> None:
    arch = ARCHS[name]
    with torch.device("meta"):
        model = build(name, classes=arch.classes)
    assert sum(parameter.numel() for parameter in model.parameters()) == arch.parameters


@pytest.mark.parametrize("name", [*ARCHS, *OTHERS])
def test_evaluation_gives_logits_per_class(name: str) -> None:
    images = _images()
    with torch.no_grad():
        logits = build(name, classes=7, seed=0).eval()(images)
    per_pixel = images.shape[2:] if find_arch(name).task == "segmentation" else ()
    assert logits.shape == (2, 7, *per_pixel)
    assert torch.isfinite(logits).all()


@pytest.mark.parametrize("name", [*SMALL, *OTHERS])
def test_equal_seeds_give_equal_weights(name: str) -> None:
    first, again, other = (to_arrays(build(name, seed=seed)) for seed in (3, 3, 4))
    assert all((first[key] == again[key]).all() for key in first)
    assert any((first[key] != other[key]).any() for key in first)


@pytest.mark.parametrize("name", [*SMALL, "resnet8", "wrn10_1"])
def test_building_leaves_the_global_generator_alone(name: str) -> None:
    before = torch.get_rng_state()
    build(name, seed=0)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("name", [*ARCHS, "resnet8-bottleneck", "wrn10_1", "torchvision:mobilenet_v2"])
def test_the_graph_can_be_traced(name: str) -> None:
    model = build(name, classes=5, seed=0).eval()
    traced = torch.fx.symbolic_trace(model)
    images = _images()
    with torch.no_grad():
        torch.testing.assert_close(traced(images), model(images))


@pytest.mark.parametrize("name", SMALL)
def test_every_parameter_is_trained(name: str) -> None:
    model = build(name, seed=0).train()
    model(_images()).square().sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


@pytest.mark.parametrize("name", [*ARCHS, *OTHERS, *(door.example for door in DOORS.values())])
def test_names_are_checked_without_torch(name: str) -> None:
    check_arch(name)


def test_the_table_loads_no_torch() -> None:
    code = (
        "import sys; from prunekit.models.archs import ARCHS, check_arch; [check_arch(n) for n in ARCHS];"
        "check_arch('timm:x'); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
