"""Which files of a Hugging Face folder are which split: by name, without torch or pyarrow."""

import subprocess
import sys

import pytest

from prunekit.data import hf_names
from prunekit.data.datasets import check_dataset
from prunekit.data.hf_names import splits
from prunekit.errors import UsageError


def _touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


LAYOUTS = {
    "hub": (
        "data/train-00000-of-00002.parquet",
        "data/train-00001-of-00002.parquet",
        "data/test-00000-of-00001.parquet",
    ),
    "saved": (
        "train/data-00000-of-00002.arrow",
        "train/data-00001-of-00002.arrow",
        "test/data-00000-of-00001.arrow",
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_parts_are_in_order_and_by_split(tmp_path, layout):
    found = splits(_touch(tmp_path, *LAYOUTS[layout], "README.md", "dataset_infos.json"))
    assert list(found) == ["train", "test"]
    assert [str(file.relative_to(tmp_path)) for file in found["train"]] == list(LAYOUTS[layout][:2])


@pytest.mark.parametrize("name", ["validation.parquet", "val-00000.parquet", "valid/data.arrow"])
def test_validation_is_the_test_split_only_where_there_is_no_other(tmp_path, name):
    assert list(splits(_touch(tmp_path, "train.parquet", name))) == ["train", "test"]
    assert list(splits(_touch(tmp_path, "test.parquet"))) == ["train", "valid", "test"]


def test_a_folder_without_training_files_is_told(tmp_path):
    with pytest.raises(UsageError, match=r"no files of the train split \(expected train-\*\.parquet"):
        splits(_touch(tmp_path, "test.parquet"))


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(UsageError, match="there is no such folder"):
        check_dataset(f"hf:{tmp_path / 'nowhere'}")


def test_without_pyarrow_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(hf_names, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"needs pyarrow: pip install 'prunekit\[hf\]'"):
        check_dataset(f"hf:{_touch(tmp_path, 'train.parquet', 'test.parquet')}")


def test_checking_loads_no_torch(tmp_path):
    folder = _touch(tmp_path, "train.parquet", "test.parquet")
    program = f"import sys; from prunekit.data.hf_names import splits; from pathlib import Path; splits(Path('{folder}')); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
