"""Small image folders, written as a user would have them."""

import runpy
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

CLASSES = ("cat", "dog")


def write_image(path, *, seed, size=(8, 8)):
    """A random image of ``size`` (H, W); its pixels are returned as uint8 [H, W, 3]."""
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return pixels


@pytest.fixture
def folder(tmp_path):
    """Two classes, three training and two test images each, as PNG."""
    for split, count in (("train", 3), ("test", 2)):
        for label, name in enumerate(CLASSES):
            for image in range(count):
                seed = 100 * label + 10 * image + (split == "test")
                write_image(tmp_path / "images" / split / name / f"{image}.png", seed=seed)
    return tmp_path / "images"


@pytest.fixture(scope="session")
def published():
    """The functions that write small data sets in the published formats."""
    return runpy.run_path(str(Path(__file__).parents[2] / "data" / "datasets" / "published.py"))
