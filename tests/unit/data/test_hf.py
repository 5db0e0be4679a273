"""``hf:PATH``: parquet files and saved folders as the ``datasets`` library writes them."""

import io
import json
import os

import numpy as np
import pytest
from PIL import Image

from prunekit.data import own
from prunekit.data.datasets import open_dataset
from prunekit.data.glance import Glance, glance
from prunekit.errors import UsageError

pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is the extra prunekit[hf]")
parquet = pytest.importorskip("pyarrow.parquet")

FEATURES = {
    "img": {"_type": "Image"},
    "coarse_label": {"names": ["x"], "_type": "ClassLabel"},
    "fine_label": {"names": ["cat", "dog"], "_type": "ClassLabel"},
}


def _png(seed, size=(8, 8)):
    encoded = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)).save(
        encoded, "PNG"
    )
    return encoded.getvalue()


def _table(seeds, features=FEATURES, images=None, labels=None):
    images = images or [{"bytes": _png(seed), "path": None} for seed in seeds]
    columns = {
        "img": pyarrow.array(
            images, pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])
        ),
        "coarse_label": [0] * len(seeds),
        "fine_label": labels or [seed % 2 for seed in seeds],
    }
    return pyarrow.table(columns).replace_schema_metadata(
        {"huggingface": json.dumps({"info": {"features": features}})}
    )


def _write_arrow(path, table):
    path.parent.mkdir(parents=True)
    with pyarrow.OSFile(str(path), "wb") as sink, pyarrow.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)


@pytest.fixture(params=["parquet", "saved"])
def saved(tmp_path, request):
    folder = tmp_path / "set"
    if request.param == "parquet":
        (folder / "data").mkdir(parents=True)
        parquet.write_table(_table([0, 1]), folder / "data" / "train-00000-of-00002.parquet")
        parquet.write_table(_table([2]), folder / "data" / "train-00001-of-00002.parquet")
        parquet.write_table(_table([3]), folder / "data" / "test-00000-of-00001.parquet")
    else:
        _write_arrow(folder / "train" / "data-00000-of-00001.arrow", _table([0, 1, 2]))
        _write_arrow(folder / "test" / "data-00000-of-00001.arrow", _table([3]))
        (folder / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    return folder


def test_images_labels_and_classes(saved, tmp_path):
    dataset = open_dataset(f"hf:{saved}", tmp_path / "data")
    train = dataset.load("train")
    assert dataset.classes == ("cat", "dog")
    assert (dataset.size, dataset.splits) == ((8, 8), ("train", "test"))
    assert train.labels.tolist() == [0, 1, 0]
    expected = np.asarray(Image.open(io.BytesIO(_png(2))))
    assert np.array_equal(train.images[2].permute(1, 2, 0).numpy(), expected)
    assert len(dataset.load("test")) == 1


def test_statistics_are_of_the_training_images(saved, tmp_path):
    dataset = open_dataset(f"hf:{saved}", tmp_path / "data")
    pixels = dataset.load("train").images.double() / 255
    assert dataset.mean == pytest.approx(pixels.mean(dim=(0, 2, 3)).tolist())


def test_a_glance_counts_rows_and_reads_one_header(saved):
    expected = Glance("classification", 2, (8, 8), "crop-flip", {"train": 3, "test": 1})
    assert glance(f"hf:{saved}") == expected


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "set").mkdir()
    parquet.write_table(_table([0, 1]), tmp_path / "set" / "train.parquet")
    parquet.write_table(_table([2]), tmp_path / "set" / "validation.parquet")
    return tmp_path / "set"


def _open(folder):
    return open_dataset(f"hf:{folder}", folder.parent / "data")


def test_validation_is_the_test_split_where_there_is_no_other(folder):
    assert _open(folder).splits == ("train", "test")
    parquet.write_table(_table([3]), folder / "test.parquet")
    assert _open(folder).splits == ("train", "valid", "test")


def test_an_image_may_lie_beside_its_table(folder):
    (folder / "beside.png").write_bytes(_png(0))
    parquet.write_table(_table([0], images=[{"bytes": None, "path": "beside.png"}]), folder / "train.parquet")
    assert len(_open(folder).load("train")) == 1


BROKEN = {
    "hf:.*has no files of the test split": lambda folder: (folder / "validation.parquet").unlink(),
    "does not say which columns": lambda folder: parquet.write_table(
        _table([0], features={}), folder / "train.parquet"
    ),
    r"train\.parquet is damaged": lambda folder: (folder / "train.parquet").write_text("<html>"),
    r"unreadable image .*train\.parquet, row 1": lambda folder: parquet.write_table(
        _table([0, 1], images=[{"bytes": _png(0), "path": None}, {"bytes": b"<html>", "path": None}]),
        folder / "train.parquet",
    ),
    r"row 1 has no image": lambda folder: parquet.write_table(
        _table([0, 1], images=[{"bytes": _png(0), "path": None}, None]), folder / "train.parquet"
    ),
    r"images of several sizes: .*row 0 has 8x8 pixels, .*row 1 has 4x8": lambda folder: parquet.write_table(
        _table([0, 1], images=[{"bytes": _png(0), "path": None}, {"bytes": _png(1, (4, 8)), "path": None}]),
        folder / "train.parquet",
    ),
    "label outside 0 to 1": lambda folder: parquet.write_table(
        _table([0], labels=[2]), folder / "train.parquet"
    ),
    "without a label": lambda folder: parquet.write_table(
        _table([0, 1], labels=[1, None]), folder / "train.parquet"
    ),
    "has no images": lambda folder: parquet.write_table(_table([0]).slice(0, 0), folder / "train.parquet"),
}


@pytest.mark.parametrize("message", BROKEN)
def test_a_broken_set_gets_one_line(folder, message):
    BROKEN[message](folder)
    with pytest.raises(UsageError, match=message) as found:
        _open(folder)
    assert "\n" not in str(found.value)


def test_a_set_too_large_to_hold_is_refused(folder, monkeypatch):
    monkeypatch.setattr(own, "HELD_BYTES", 100)
    with pytest.raises(UsageError, match="do not fit in memory"):
        _open(folder)


FORMS = {
    "no JSON": b"{",
    "a list": b"[1]",
    "info is a list": b'{"info": []}',
    "no names": b'{"info": {"features": {"img": {"_type": "Image"}, "fine_label": {"_type": "ClassLabel"}}}}',
    "nested": b'{"info":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
}


@pytest.mark.parametrize("form", FORMS)
def test_a_schema_of_another_form_is_one_line(folder, form):
    table = _table([0]).replace_schema_metadata({"huggingface": FORMS[form]})
    parquet.write_table(table, folder / "train.parquet")
    with pytest.raises(UsageError, match=r"does not (say which columns|name the classes)"):
        _open(folder)


@pytest.mark.parametrize(
    "path", ["/etc/hostname", "../secret.png", "link.png", "fifo.png", "a\0b", "train.parquet"]
)
def test_a_row_cannot_name_a_file_of_this_machine(folder, path):
    (folder.parent / "secret.png").write_bytes(_png(0))
    (folder / "link.png").symlink_to(folder.parent / "secret.png")
    if path == "fifo.png":
        os.mkfifo(folder / path)
    parquet.write_table(_table([0], images=[{"bytes": None, "path": path}]), folder / "train.parquet")
    with pytest.raises(UsageError, match=r"(is not an image next to it|cannot read)"):
        _open(folder)


@pytest.mark.parametrize("labels", [["a", "b"], [0.5, 1.0], [[0], [1]]])
def test_labels_that_are_no_whole_numbers_are_refused(folder, labels):
    parquet.write_table(_table([0, 1], labels=labels), folder / "train.parquet")
    with pytest.raises(UsageError, match="not whole numbers"):
        _open(folder)
