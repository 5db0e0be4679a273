"""``data get`` and ``data ls``: from the network, from a local copy, by hand."""

import hashlib
import tarfile

import numpy as np
import pytest

from prunekit.data import fetch
from prunekit.data.datasets import DATASETS, SHIFTED
from prunekit.data.downloads import DOWNLOADS, Download, RemoteFile
from prunekit.data.fetch import get, listing
from prunekit.errors import PrunekitError, UsageError


def _md5(path):
    return f"md5:{hashlib.md5(path.read_bytes()).hexdigest()}"


@pytest.fixture
def local(tmp_path, monkeypatch):
    """A local copy of a data set of one archive and one plain file, and of nothing else."""
    folder = tmp_path / "copy"
    (folder / "set").mkdir(parents=True)
    np.save(folder / "set" / "fog.npy", np.arange(3))
    with tarfile.open(folder / "set.tar", "w") as tar:
        tar.add(folder / "set", "set")
    (folder / "plain.npy").write_bytes(b"plain")
    files = (
        RemoteFile("set.tar", "http://127.0.0.1:9/set.tar", _md5(folder / "set.tar"), contents=("set",)),
        RemoteFile(
            "plain.npy",
            "http://127.0.0.1:9/plain.npy",
            _md5(folder / "plain.npy"),
            5,
            into="p",
            contents=("plain.npy",),
            archive=False,
        ),
    )
    monkeypatch.setitem(DOWNLOADS._own, "cifar10", Download(files))
    return folder


def test_a_local_copy_needs_no_network_and_is_left_alone(local, tmp_path):
    before = sorted(path.name for path in local.iterdir())
    places = get("cifar10", tmp_path / "data", source=local, offline=True)
    assert places == [tmp_path / "data" / "set", tmp_path / "data" / "p" / "plain.npy"]
    assert all(place.exists() for place in places)
    assert sorted(path.name for path in local.iterdir()) == before


def test_a_second_call_does_nothing(local, tmp_path):
    get("cifar10", tmp_path / "data", source=local)
    assert get("cifar10", tmp_path / "data") == []


def test_one_file_of_a_set_can_be_given_alone(local, tmp_path):
    assert get("cifar10", tmp_path / "data", source=local / "set.tar") == [tmp_path / "data" / "set"]


def test_a_local_copy_is_checked_before_it_is_used(local, tmp_path):
    (local / "set.tar").write_bytes(b"something else")
    with pytest.raises(PrunekitError, match=r"set\.tar is not set\.tar: its md5 is"):
        get("cifar10", tmp_path / "data", source=local)
    assert not (tmp_path / "data" / "set").exists()


def test_a_copy_that_lacks_the_files_is_told_what_was_looked_for(local, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=r"empty does not hold cifar10: looked for set\.tar, plain\.npy"):
        get("cifar10", tmp_path / "data", source=tmp_path / "empty")


def test_offline_says_how_to_go_on(local, tmp_path):
    with pytest.raises(UsageError, match="offline: name a local copy with --from PATH"):
        get("cifar10", tmp_path / "data", offline=True)


def test_a_download_is_unpacked_and_its_archive_removed(local, tmp_path, monkeypatch):
    def copied(file, folder, *, progress):
        fetch.copy(local / file.name, folder / file.name)
        return folder / file.name

    monkeypatch.setattr(fetch, "download", copied)
    get("cifar10", tmp_path / "data")
    assert (tmp_path / "data" / "set" / "fog.npy").exists()
    assert (tmp_path / "data" / "p" / "plain.npy").read_bytes() == b"plain"
    assert list((tmp_path / "data" / "downloads").iterdir()) == []


def test_a_full_disk_leaves_no_half_copy(local, tmp_path, monkeypatch):
    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("prunekit.base.files.os.fsync", full)
    with pytest.raises(PrunekitError, match="No space left"):
        get("cifar10", tmp_path / "data", source=local / "plain.npy")
    assert list((tmp_path / "data" / "p").iterdir()) == []


@pytest.mark.parametrize("name", ["imagenet", "objectnet"])
def test_what_needs_a_registration_says_so(tmp_path, name):
    with pytest.raises(UsageError, match=f"{name} cannot be downloaded: .*(register|licence)"):
        get(name, tmp_path)


def test_digits_need_nothing(tmp_path):
    assert get("digits", tmp_path) == []


def test_a_misspelt_name_gets_the_nearest(tmp_path):
    with pytest.raises(UsageError, match="did you mean 'cifar10"):
        get("cifar-10", tmp_path)


def test_the_listing_says_what_is_there_and_what_is_missing(local, tmp_path):
    root = tmp_path / "data"
    get("cifar10", root, source=local / "set.tar")
    rows = {row["name"]: row for row in listing(root)}
    assert rows["digits"]["there"]
    assert rows["cifar10"]["missing"] == ["p/plain.npy"]
    assert rows["cifar10"]["get"] == "prunekit data get cifar10"
    assert "objectnet.dev" in rows["objectnet"]["get"]
    assert set(rows) == {*DATASETS, *SHIFTED}
