"""A digest of what files hold: equal wherever they lie, another one for any change, cheap for large sets."""

import json
import os

import pytest

from prunekit.data import contents as module
from prunekit.data.contents import read_contents, tree
from prunekit.errors import PrunekitWarning, UsageError


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in "abc":
        (folder / name).write_bytes(name.encode() * 100)
    return folder


def _digest(folder, keep):
    return read_contents(folder, sorted(folder.iterdir()), keep=keep).digest


def _settle(folder):
    """As if the files had been there for a while."""
    for path in folder.iterdir():
        os.utime(path, (1e9, 1e9))


@pytest.fixture
def large(monkeypatch):
    """Every set is too large to be read each time, and every file has been there for a while."""
    monkeypatch.setattr(module, "EXACT_BYTES", 10)
    monkeypatch.setattr(module, "SETTLED_NS", -(10**15))
    monkeypatch.setattr(module, "_known", {})


def _forget(monkeypatch):
    """As a new process begins."""
    monkeypatch.setattr(module, "_known", {})


def test_the_digest_is_of_names_and_bytes_and_of_nothing_else(photos, tmp_path):
    before = _digest(photos, tmp_path)
    assert len(before) == 32
    moved = photos.rename(tmp_path / "elsewhere")
    _settle(moved)
    assert _digest(moved, tmp_path) == before
    (moved / "a").rename(moved / "d")
    assert _digest(moved, tmp_path) != before


def test_other_bytes_of_one_size_and_time_are_another_version(photos, tmp_path):
    _settle(photos)
    before = _digest(photos, tmp_path)
    (photos / "b").write_bytes(b"x" * 100)
    _settle(photos)
    assert _digest(photos, tmp_path) != before


def test_other_bytes_of_one_size_and_time_are_found_in_a_large_set(photos, tmp_path, large, monkeypatch):
    _settle(photos)
    before = _digest(photos, tmp_path)
    _forget(monkeypatch)
    (photos / "b").write_bytes(b"x" * 100)
    _settle(photos)
    assert _digest(photos, tmp_path) != before


def test_a_large_set_is_read_once(photos, tmp_path, large, monkeypatch):
    before = _digest(photos, tmp_path)
    _forget(monkeypatch)
    monkeypatch.setattr(module, "_sum", None)
    assert _digest(photos, tmp_path) == before


@pytest.mark.parametrize(
    "left", [b"", b"{", b"[]", b'{"prunekit": "contents", "files": {"a": [1]}}', b"\xff" * 50]
)
def test_what_is_remembered_and_damaged_is_read_anew(photos, tmp_path, large, monkeypatch, left):
    before = _digest(photos, tmp_path)
    _forget(monkeypatch)
    (place,) = (tmp_path / "cache").glob("contents-*.json")
    place.write_bytes(left)
    monkeypatch.setattr("warnings.warn", lambda *args, **more: None)
    assert _digest(photos, tmp_path) == before


def test_a_file_of_another_program_is_not_replaced(photos, tmp_path, large, monkeypatch):
    _digest(photos, tmp_path)
    _forget(monkeypatch)
    (place,) = (tmp_path / "cache").glob("contents-*.json")
    place.write_text('{"mine": 1}')
    with pytest.warns(PrunekitWarning, match="was not written by prunekit"):
        _digest(photos, tmp_path)
    assert json.loads(place.read_text()) == {"mine": 1}


def test_a_file_that_changed_just_now_is_not_remembered(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "EXACT_BYTES", 10)
    monkeypatch.setattr(module, "_known", {})
    _digest(photos, tmp_path)
    (place,) = (tmp_path / "cache").glob("contents-*.json")
    assert json.loads(place.read_bytes())["files"] == {}
    assert module._known == {}


def _hollow(path):
    path.touch()
    os.truncate(path, 10**13)


ODD = {
    "link": lambda odd: odd.symlink_to("nowhere"),
    "fifo": os.mkfifo,
    "folder": lambda odd: odd.mkdir(),
    "a sparse file": _hollow,
}


@pytest.mark.parametrize("how", ODD)
def test_what_is_no_file_is_named(photos, tmp_path, monkeypatch, how):
    monkeypatch.setattr(module, "EXACT_BYTES", 10**14)
    odd = photos / "odd"
    ODD[how](odd)
    with pytest.raises(UsageError, match=f"cannot read {odd}"):
        _digest(photos, tmp_path)


def test_names_need_not_be_utf_8(photos, tmp_path):
    before = _digest(photos, tmp_path)
    (photos / os.fsdecode(b"caf\xe9")).write_bytes(b"x")
    assert _digest(photos, tmp_path) != before


def test_a_part_of_a_set_has_a_digest_of_its_own(tmp_path):
    for split in ("train", "test"):
        (tmp_path / split).mkdir()
        (tmp_path / split / "a").write_text(split)
    paths = [tmp_path / "train" / "a", tmp_path / "test" / "a"]
    before = read_contents(tmp_path, paths, keep=tmp_path)
    (tmp_path / "test" / "a").write_text("else")
    after = read_contents(tmp_path, paths, keep=tmp_path)
    assert before.of("train/") == after.of("train/")
    assert before.of("test/") != after.of("test/")


def test_a_tree_of_too_many_files_is_not_read(photos):
    assert tree(photos, most=3) == sorted(photos.iterdir())
    assert tree(photos, most=2) is None
    assert tree(photos / "nowhere") is None
