"""What is kept is found again; what is damaged is made again; what cannot be kept is said."""

import pytest
import torch

from prunekit.data.cache import kept
from prunekit.errors import PrunekitWarning


def _make(value):
    return lambda: {"images": torch.full((2, 3, 4, 4), value, dtype=torch.uint8), "labels": torch.arange(2)}


def test_the_second_call_reads_the_first_ones_file(tmp_path):
    kept(tmp_path, "set", _make(1))
    found = kept(tmp_path, "set", _make(2))
    assert (found["images"] == 1).all()
    assert found["labels"].tolist() == [0, 1]


@pytest.mark.parametrize("left", [0, 7, 60, 100])
def test_a_file_cut_short_is_made_again(tmp_path, left):
    kept(tmp_path, "set", _make(1))
    path = tmp_path / "cache" / "set.safetensors"
    path.write_bytes(path.read_bytes()[:left])
    assert (kept(tmp_path, "set", _make(2))["images"] == 2).all()
    assert (kept(tmp_path, "set", _make(3))["images"] == 2).all()


def test_a_full_disk_costs_a_warning_and_leaves_nothing(tmp_path, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("prunekit.files.os.fsync", full)
    with pytest.warns(PrunekitWarning, match="No space left"):
        found = kept(tmp_path, "set", _make(1))
    assert (found["images"] == 1).all()
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_data_folder_that_is_a_file_costs_a_warning(tmp_path):
    (tmp_path / "data").write_text("")
    with pytest.warns(PrunekitWarning, match="cannot keep"):
        kept(tmp_path / "data", "set", _make(1))
