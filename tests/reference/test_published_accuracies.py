"""timm's published ImageNet accuracies: its evaluation is ours, and so are its numbers where images and weights are here.

Errors in percent, of results/results-imagenet.csv in timm's repository (networks that were evaluated at 224 pixels).
"""

import math
import os
from pathlib import Path

import pytest
from tests.conftest import call_inline

from prunekit.base.environment import default_data
from prunekit.models.pretrained import timm_preprocessing

# name: (error, share of the crop, interpolation)
PUBLISHED = {
    "mobilenetv3_small_050.lamb_in1k": (42.090, 0.875, "bicubic"),
    "tf_mobilenetv3_small_minimal_100.in1k": (37.110, 0.875, "bilinear"),
    "lcnet_050.ra2_in1k": (36.880, 0.875, "bicubic"),
    "regnetx_002.pycls_in1k": (31.254, 0.875, "bicubic"),
    "resnet18.tv_in1k": (30.240, 0.875, "bilinear"),
    "vit_tiny_patch16_224.augreg_in21k_ft_in1k": (24.546, 0.900, "bicubic"),
}
TENTH_OF_A_POINT = 0.001


@pytest.mark.parametrize("name", PUBLISHED)
def test_networks_see_images_as_timm_published_them(name):
    _, share, interpolation = PUBLISHED[name]
    found = timm_preprocessing(f"timm:{name}")
    assert (found["size"], found["crop"]) == ((224, 224), "center")
    assert (found["resize"], found["interpolation"]) == (math.floor(224 / share), interpolation)


@pytest.fixture(scope="module")
def imagenet():
    """The data folder that holds ``imagenet/val``: PRUNEKIT_IMAGENET, or the one that commands use."""
    folder = Path(os.environ.get("PRUNEKIT_IMAGENET") or default_data())
    if not (folder / "imagenet" / "val").is_dir():
        pytest.skip(
            f"no ImageNet: {folder} has no imagenet/val (PRUNEKIT_IMAGENET names another data folder)"
        )
    return folder


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("name", PUBLISHED)
def test_published_accuracies_are_reproduced(name, imagenet, tmp_path):
    timm = pytest.importorskip("timm")
    try:
        timm.create_model(name, pretrained=True)
    except Exception as error:  # whatever the download raises
        pytest.skip(f"the weights of {name} are not cached and cannot be downloaded: {error}")
    flags = ("--arch", f"timm:{name}", "--pretrained", "--dataset", "imagenet")
    ran = call_inline(("import", *flags), tmp_path / "store", imagenet)
    assert ran.code == 0, ran.err
    assert ran.row["error"] == pytest.approx(PUBLISHED[name][0] / 100, abs=TENTH_OF_A_POINT)
