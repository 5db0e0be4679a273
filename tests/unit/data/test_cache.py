"""What is kept is found again; what is damaged is made again; what cannot be kept is said."""

import os

import pytest
import torch
from safetensors.torch import save_file

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

    monkeypatch.setattr("prunekit.base.files.os.fsync", full)
    with pytest.warns(PrunekitWarning, match="No space left"):
        found = kept(tmp_path, "set", _make(1))
    assert (found["images"] == 1).all()
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_data_folder_that_is_a_file_costs_a_warning(tmp_path):
    (tmp_path / "data").write_text("")
    with pytest.warns(PrunekitWarning, match="cannot keep"):
        kept(tmp_path / "data", "set", _make(1))


def test_a_file_that_was_changed_is_made_again(tmp_path):
    kept(tmp_path, "set", _make(1))
    path = tmp_path / "cache" / "set.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\x09")
    assert (kept(tmp_path, "set", _make(2))["images"] == 2).all()
    kept(tmp_path, "other", _make(3))
    (tmp_path / "cache" / "other.safetensors").replace(path)
    assert (kept(tmp_path, "set", _make(4))["images"] == 4).all()
    assert (kept(tmp_path, "set", _make(5))["images"] == 4).all()


def test_a_file_that_is_little_but_a_length_is_made_again(tmp_path):
    kept(tmp_path, "set", _make(1))
    os.truncate(tmp_path / "cache" / "set.safetensors", 10**13)
    assert (kept(tmp_path, "set", _make(2))["images"] == 2).all()
    assert (kept(tmp_path, "set", _make(3))["images"] == 2).all()


def test_what_version_0_1_kept_is_replaced_and_what_others_wrote_is_not(tmp_path):
    path = tmp_path / "cache" / "set.safetensors"
    path.parent.mkdir()
    save_file(_make(1)(), path)
    assert (kept(tmp_path, "set", _make(2))["images"] == 2).all()
    assert (kept(tmp_path, "set", _make(3))["images"] == 2).all()
    save_file({"x": torch.zeros(1)}, path)
    before = path.read_bytes()
    with pytest.warns(PrunekitWarning, match="was not written by prunekit"):
        assert (kept(tmp_path, "set", _make(4))["images"] == 4).all()
    assert path.read_bytes() == before


def test_nothing_is_kept_through_a_link(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "cache").symlink_to(tmp_path / "elsewhere")
    with pytest.warns(PrunekitWarning, match="is a link"):
        kept(tmp_path, "set", _make(1))
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_what_an_interrupted_writer_left_goes_a_day_later(tmp_path):
    kept(tmp_path, "other", _make(1))
    names = ("set.safetensors.0123456789ab", "set.safetensors.ba9876543210", "mine.safetensors.0123456789ab")
    old, fresh, another = (tmp_path / "cache" / f".{name}.part" for name in names)
    for path in (old, fresh, another):
        path.write_bytes(b"half")
    for path in (old, another):
        os.utime(path, (0, 0))
    kept(tmp_path, "set", _make(1))
    assert (old.exists(), fresh.exists(), another.exists()) == (False, True, True)
