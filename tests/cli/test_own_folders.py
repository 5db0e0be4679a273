"""Photos as people have them: several sizes, validation folders, tests alone, fewer classes, awkward names."""

import os

import numpy as np
import pytest
from PIL import Image

from prunekit.params import ErrorParams
from prunekit.progress import SILENT
from prunekit.steps.make import make, open_context
from prunekit.steps.settings import Settings
from prunekit.store.store import Store

COLOURS = {"cat": (200, 60, 60), "dog": (60, 200, 60), "owl": (60, 60, 200)}


def write(folder, splits, classes=tuple(COLOURS), sizes=((70, 90), (64, 64), (120, 66)), count=6):
    """Images that a network learns at a glance: each class has a colour."""
    for split in splits:
        for name in classes:
            (folder / split / name).mkdir(parents=True)
            for place in range(count):
                width, height = sizes[place % len(sizes)]
                draws = np.random.default_rng(place + 50 * (split != "train"))
                pixels = draws.normal(COLOURS[name], 30, (height, width, 3)).clip(0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(folder / split / name / f"{place}.png")
    return folder


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture
def measured(store, data_folder):
    def measure(key, distribution):
        params = ErrorParams(model=key, distribution=distribution)
        make([params], open_context(Settings(str(store.root), str(data_folder)), SILENT))
        return store.measurement(params.key).summary, store.outcomes(params.key)

    return measure


def train(cli, folder, *flags):
    ran = cli(
        "train", "--arch", "resnet8", "--dataset", f"folder:{folder}", "--epochs", "6", "--batch-size", "6",
        "--lr", "0.05", "--warmup-epochs", "0", "--image-size", "16", "--valid-fraction", "0", *flags,
    )  # fmt: skip
    assert ran.code == 0, ran.err
    return ran.row


def test_photos_of_several_sizes_give_a_number_and_a_night_folder_another(
    tmp_path, cli, measured, data_folder
):
    photos = write(tmp_path / "photos", ("train", "val", "test"))
    row = train(cli, photos)
    assert row["error"] < 0.4
    assert cli("show", row["key"]).row["preprocessing"]["size"] == [16, 16]
    night = write(tmp_path / "night", ("test",), classes=("cat", "owl"), sizes=((40, 50),))
    summary, arrays = measured(row["key"], f"folder:{night}")
    assert summary["among"] == ["cat", "owl"]
    assert set(arrays["label"].tolist()) == {0, 2}
    assert set(arrays["predicted"].tolist()) <= {0, 2}
    assert len(arrays["label"]) == 12
    cli("prune", row["key"], "--method", "wt", "--prune-ratio", "0.5", "--label", "half")
    (compared,) = cli("compare", row["key"], "half", "--kl", "--distribution", f"folder:{night}").rows
    assert (compared["among"], compared["n"], compared["kl"]) == (["cat", "owl"], 12, None)
    foggy, _ = measured(row["key"], f"folder:{night}+fog@3")
    assert foggy["n"] == 12


def test_a_class_that_the_network_does_not_know_is_refused(tmp_path, cli, measured):
    photos = write(tmp_path / "photos", ("train", "test"), classes=("cat", "dog"), count=6)
    row = train(cli, photos)
    night = write(tmp_path / "night", ("test",), classes=("cat", "owl"), count=1)
    with pytest.raises(Exception, match="has no class 'owl'"):
        measured(row["key"], f"folder:{night}")


def test_a_folder_whose_name_reads_like_a_shift_is_written_with_escapes(tmp_path, cli):
    write(tmp_path / "photos+fog@3", ("train", "test"), classes=("cat", "dog"))
    row = train(cli, tmp_path / "photos%2Bfog%403")
    assert row["dataset"] == f"folder:{tmp_path}/photos%2Bfog%403"
    ran = cli("potential", row["key"])
    assert "not a corruption" not in ran.err


def test_a_folder_brings_its_groups_and_its_images_are_called_by_their_files(tmp_path, cli):
    photos = write(tmp_path / "photos", ("train", "test"), classes=("cat", "dog"))
    rows = [f"test/{name}/{place}.png,{'ab'[place % 2]}" for name in ("cat", "dog") for place in range(6)]
    (photos / "groups.csv").write_text("\n".join(["file,camera", *rows]) + "\n")
    parent = train(cli, photos, "--label", "parent")
    pruned = cli("prune", "parent", "--method", "wt", "--prune-ratio", "0.98", "--label", "pruned").row
    main, *groups = cli("compare", "parent", "pruned", "--per-group").rows
    assert [(row["grouping"], row["member"], row["n"]) for row in groups] == [
        ("camera", "a", 6),
        ("camera", "b", 6),
    ]
    assert np.mean([row["error"] for row in groups]) == pytest.approx(pruned["error"])
    assert main["parent_error"] == parent["error"]
    names = [row["image"] for row in cli("compare", "parent", "pruned", "--broken").rows]
    assert len(names) == main["broken"] > 0
    assert all((tmp_path / name).is_file() and name.startswith(f"{photos}/test/") for name in names)


def test_names_that_are_not_utf_8_are_names(tmp_path, cli):
    photos = write(tmp_path / "photos", ("train", "test"), classes=("cat", "dog"))
    for split in ("train", "test"):
        (photos / split / "cat" / "0.png").rename(photos / split / "cat" / os.fsdecode(b"\xff.png"))
        (photos / split / "cat").rename(photos / split / os.fsdecode(b"cat\xfe"))
    odd = photos.rename(tmp_path / os.fsdecode(b"photos\xfd"))
    row = train(cli, odd, "--epochs", "1", "--label", "odd")
    assert row["dataset"] == f"folder:{odd}"
    assert cli("show", "odd").row["key"] == row["key"]
    assert cli("verify").code == 0
    refused = cli("train", "--arch", "resnet8", "--dataset", f"folder:{odd}/nowhere")
    assert (refused.code, "there is no such folder" in refused.err) == (2, True)
