"""What can be wrong with the CIFAR files."""

import numpy as np
import pytest

from prunekit.data import cifar
from prunekit.data.cifar import load_binary, load_cifar10_1, load_shifted
from prunekit.errors import UsageError


@pytest.fixture
def cifar10(tmp_path, published, monkeypatch):
    monkeypatch.setitem(cifar.BINARIES["cifar10"].file_records, "test", published["RECORDS"])
    published["write_cifar10"](tmp_path)
    return tmp_path / "cifar-10-batches-bin" / "test_batch.bin"


def _load(file):
    return load_binary(file.parents[1], "test", name="cifar10")


def test_planes_are_red_green_blue_row_by_row(cifar10):
    record = np.frombuffer(cifar10.read_bytes(), dtype=np.uint8)[3073 : 2 * 3073]
    examples = _load(cifar10)
    assert examples.labels[1] == record[0]
    assert examples.images[1, 2, 5, 7] == record[1 + 2 * 1024 + 5 * 32 + 7]


@pytest.mark.parametrize("size", [0, 3073, 3072 * 12])
def test_a_file_cut_short_is_named_with_both_sizes(cifar10, size):
    cifar10.write_bytes(cifar10.read_bytes()[:size])
    with pytest.raises(UsageError, match=rf"test_batch\.bin has {size} bytes, not 36876"):
        _load(cifar10)


def test_a_label_that_is_no_class_is_refused(cifar10):
    cifar10.write_bytes(b"\x0a" + cifar10.read_bytes()[1:])
    with pytest.raises(UsageError, match="label outside 0 to 9"):
        _load(cifar10)


def test_files_of_other_classes_are_refused(cifar10):
    (cifar10.parent / "batches.meta.txt").write_text("apple\npear\n")
    with pytest.raises(UsageError, match="classes that differ from the published ones: airplane"):
        _load(cifar10)


def test_a_missing_file_is_named(cifar10):
    cifar10.unlink()
    with pytest.raises(
        UsageError, match=r"cifar10 is missing: there is no .*test_batch\.bin.*data get cifar10"
    ):
        _load(cifar10)


def test_the_published_file_sizes_are_the_default():
    assert cifar.BINARIES["cifar10"].file_records == {"train": 10_000, "test": 10_000}
    assert cifar.BINARIES["cifar100"].file_records == {"train": 50_000, "test": 10_000}


def _save_labels(folder, labels):
    np.save(folder / "labels.npy", labels)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros(14, dtype=np.uint8), "does not fit the images of cifar10-c"),
        (np.zeros(15), "does not fit the images of cifar10-c"),
        (np.full(15, 10, dtype=np.uint8), "label outside 0 to 9"),
        (np.full(15, -1, dtype=np.int32), "label outside 0 to 9"),
    ],
)
def test_labels_that_do_not_fit_are_refused(tmp_path, published, labels, message):
    published["write_cifar_c"](tmp_path, "C")
    _save_labels(tmp_path / "C", labels)
    with pytest.raises(UsageError, match=message):
        load_shifted(tmp_path, "fog", 1, name="cifar10-c", folder="C", classes=10)


def test_a_file_that_is_not_five_severities_is_refused(tmp_path, published):
    published["write_cifar_c"](tmp_path, "C")
    np.save(tmp_path / "C" / "fog.npy", np.zeros((14, 32, 32, 3), dtype=np.uint8))
    with pytest.raises(UsageError, match="14 images: not five severities"):
        load_shifted(tmp_path, "fog", 1, name="cifar10-c", folder="C", classes=10)


def test_a_missing_corruption_is_named(tmp_path, published):
    published["write_cifar_c"](tmp_path, "C")
    with pytest.raises(UsageError, match=r"no .*snow\.npy \(get it with `prunekit data get cifar10-c`\)"):
        load_shifted(tmp_path, "snow", 1, name="cifar10-c", folder="C", classes=10)


def test_versions_of_cifar10_1_differ(tmp_path, published):
    published["write_cifar10_1"](tmp_path)
    assert [len(load_cifar10_1(tmp_path, "test", version=version)) for version in ("v4", "v6")] == [5, 4]
