"""How a name becomes an architecture, and how a wrong one is refused."""

import re

import pytest

from prunekit.errors import UsageError
from prunekit.models.archs import build, check_arch, find_arch


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("resnte20", "did you mean 'resnet20'"),
        ("resnet7", "depths are 6n+2: resnet8, resnet14, resnet20 …"),
        ("resnet7-bottleneck", "6n+2: resnet8-bottleneck, resnet14-bottleneck"),
        ("resnet2", "unknown architecture"),
        ("wrn16_0", "6n+4: wrn10_2, wrn16_2, wrn22_2 …"),
        ("resnet50", "write torchvision:resnet50"),
        ("resnet152", "ambiguous"),
        ("tmm:convnext_atto", "did you mean 'timm'"),
        ("timm:", "write it like timm:convnext_atto"),
        ("module:mynets", "write it like module:package.file:builder"),
    ],
)
def test_wrong_names_are_refused_in_one_line(name: str, said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said)) as caught:
        check_arch(name)
    assert "\n" not in str(caught.value)


def test_a_row_wins_over_a_family() -> None:
    assert find_arch("resnet20").note == "the paper's ResNet20"
    assert find_arch("resnet18").source == "torchvision"


def test_a_network_without_outputs_is_refused() -> None:
    with pytest.raises(UsageError, match="at least one output"):
        build("resnet8", classes=0)


@pytest.mark.parametrize(("depth", "blocks"), [(8, 1), (14, 2), (32, 5)])
def test_depth_counts_layers(depth: int, blocks: int) -> None:
    model = build(f"resnet{depth}", seed=0)
    assert [len(stage) for stage in (model.layer1, model.layer2, model.layer3)] == [blocks] * 3
