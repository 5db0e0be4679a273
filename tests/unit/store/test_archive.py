import errno
import json
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prunekit.errors import PrunekitError, StoreError
from prunekit.store import archive

ARRAYS = {
    "weight": np.arange(12, dtype=np.float32).reshape(3, 4),
    "steps": np.array(5),
    "mask": np.array([True, False]),
}
RECORD = {"key": "train-0123456789abcdef", "name": "ä ☃", "error": 0.25}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "train-0123456789abcdef.safetensors"
    archive.write(path, ARRAYS, RECORD)
    return path


def test_what_is_written_is_read(file):
    arrays, record = archive.read(file)
    assert record == RECORD == archive.read_header(file).record
    assert arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(arrays[name], array)


def test_equal_input_gives_equal_bytes():
    backwards = dict(reversed(ARRAYS.items()))
    assert archive.dump(ARRAYS, RECORD) == archive.dump(backwards, dict(reversed(RECORD.items())))


@pytest.mark.parametrize("flip", [0x01, 0x20, 0x80, 0xFF])
def test_every_flipped_byte_is_found(file, flip):
    whole = file.read_bytes()
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= flip
        file.write_bytes(damaged)
        with pytest.raises(StoreError):
            archive.read(file)


def test_a_flipped_header_byte_is_found_without_reading_tensors(file):
    whole = file.read_bytes()
    for place in range(8 + int.from_bytes(whole[:8], "little")):
        damaged = bytearray(whole)
        damaged[place] ^= 0x04
        file.write_bytes(damaged)
        with pytest.raises(StoreError):
            archive.read_header(file)


def test_every_truncation_is_found(file):
    whole = file.read_bytes()
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        for read in (archive.read, archive.read_header):
            with pytest.raises(StoreError, match="damaged"):
                read(file)


def test_more_bytes_than_promised_are_found(file):
    file.write_bytes(file.read_bytes() + b"\0")
    for read in (archive.read, archive.read_header):
        with pytest.raises(StoreError, match="damaged"):
            read(file)


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_in_one_line(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("junk") / "train-0123456789abcdef.safetensors"
    path.write_bytes(data)
    for read in (archive.read, archive.read_header):
        with pytest.raises(StoreError) as caught:
            read(path)
        assert "\n" not in str(caught.value)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    )
)
def test_any_json_header_is_refused_in_one_line(tmp_path_factory, header):
    text = json.dumps({"__metadata__": header}).encode()
    path = tmp_path_factory.mktemp("junk") / "train-0123456789abcdef.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text)
    with pytest.raises(StoreError):
        archive.read_header(path)


def test_a_missing_file_names_key_and_path(tmp_path):
    path = tmp_path / "train-0123456789abcdef.safetensors"
    with pytest.raises(StoreError, match=f"train-0123456789abcdef is not in the store: no file {path}"):
        archive.read(path)


def test_a_file_of_a_newer_format_asks_for_an_upgrade(file, monkeypatch):
    monkeypatch.setattr(archive, "FORMAT", 2)
    archive.write(file, ARRAYS, RECORD)
    monkeypatch.setattr(archive, "FORMAT", 1)
    with pytest.raises(StoreError, match="store format 2; this prunekit reads up to 1: upgrade prunekit"):
        archive.read_header(file)


def test_a_full_disk_leaves_the_old_file_and_nothing_else(file, monkeypatch):
    before = file.read_bytes()

    def full(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(PrunekitError, match="No space left on device"):
        archive.write(file, ARRAYS, {"other": 1})
    assert file.read_bytes() == before
    assert os.listdir(file.parent) == [file.name]
