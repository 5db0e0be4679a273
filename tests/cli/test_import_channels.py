"""Networks that take BGR or one grey channel see a coloured folder as they were trained to, from import to error."""

import shutil

import numpy as np
import pytest
import torch
from PIL import Image

NETS = """
import torch
from torch import nn


def colours(classes=3):
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, classes))


def grey(classes=3):
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1, classes))
"""
PIXELS = ("--mean", "0,0,0", "--std", "1,1,1")


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """Three classes of 8x8 images of one colour each; a builder of networks beside them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "channelnets.py").write_text(NETS)
    draws = np.random.default_rng(0)
    for split in ("train", "test"):
        for label in range(3):
            folder = tmp_path / "photos" / split / str(label)
            folder.mkdir(parents=True)
            for number in range(10):
                pixels = np.empty((8, 8, 3), np.uint8)
                pixels[:] = draws.integers(0, 200, 3)
                pixels[..., label] += 50
                Image.fromarray(pixels).save(folder / f"{number}.png")
    return tmp_path / "photos"


def images(photos):
    paths = sorted((photos / "test").glob("*/*.png"))
    return [Image.open(path) for path in paths], np.array([int(path.parent.name) for path in paths])


def kept(path, weight, bias):
    torch.save({"2.weight": torch.tensor(weight), "2.bias": torch.tensor(bias)}, path)
    return path


def test_a_network_of_bgr_is_fed_bgr(photos, cli, tmp_path):
    weight = np.eye(3, dtype=np.float32)
    pictures, labels = images(photos)
    seen = np.stack([np.asarray(each)[0, 0] for each in pictures]) / 255
    expected = {
        order: float(((seen[:, ::step] @ weight.T).argmax(axis=1) != labels).mean())
        for order, step in (("rgb", 1), ("bgr", -1))
    }
    assert expected["rgb"] != expected["bgr"]
    net = kept(tmp_path / "net.pt", weight, np.zeros(3, np.float32))
    flags = ("--arch", "module:channelnets:colours", "--dataset", "folder:photos", *PIXELS)
    for order, error in expected.items():
        ran = cli("import", net, *flags, "--channels", order, "--label", order)
        assert ran.row["error"] == pytest.approx(error), ran.err
        assert cli("show", order).row["preprocessing"]["channels"] == order
    flipped = kept(tmp_path / "flipped.pt", weight[:, ::-1].copy(), np.zeros(3, np.float32))
    row = cli("import", flipped, *flags, "--channels", "bgr").row
    assert row["error"] == pytest.approx(expected["rgb"])


def test_a_network_of_one_channel_is_fed_the_luma(photos, cli, tmp_path):
    pictures, labels = images(photos)
    luma = np.array([np.asarray(each.convert("L"))[0, 0] for each in pictures]) / 255
    weight, bias = np.array([[-4.0], [0.0], [4.0]], np.float32), np.array([1.5, 0.0, -2.5], np.float32)
    expected = float(((luma[:, None] @ weight.T + bias).argmax(axis=1) != labels).mean())
    net = kept(tmp_path / "grey.pt", weight, bias)
    flags = ("--arch", "module:channelnets:grey", "--dataset", "folder:photos", "--channels", "grey")
    row = cli("import", net, *flags, "--mean", "0", "--std", "1", "--label", "grey").row
    assert row["error"] == pytest.approx(expected)
    pruned = cli("prune", "grey", "--method", "wt", "--prune-ratio", "0.3")
    assert pruned.code == 0, pruned.err
    refused = cli("import", net, *flags, *PIXELS)
    assert (refused.code, "1 value, one per channel" in refused.err) == (2, True)


def test_a_project_that_moved_goes_on_and_a_folder_that_is_not_there_is_named(
    photos, cli, tmp_path, monkeypatch
):
    net = kept(tmp_path / "net.pt", np.eye(3, dtype=np.float32), np.zeros(3, np.float32))
    flags = ("--arch", "module:channelnets:colours", "--dataset", "folder:photos")
    first = cli("import", net, *flags, "--label", "mine").row
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    shutil.move(photos, moved / "photos")
    refused = cli("import", net, *flags, "--force")
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert f"no such folder in {tmp_path}" in refused.err
    monkeypatch.chdir(moved)
    found = cli("potential", "mine", "--distribution", "folder:photos+fog@1")
    assert "folder" not in found.err
    assert cli("import", net, *flags).row["key"] == first["key"]
