import shutil
from pathlib import Path

import pytest

from prunekit.errors import PrunekitError, StoreError, UsageError
from prunekit.remote import Remote
from prunekit.store import Store

fsspec = pytest.importorskip("fsspec", reason="fsspec is not installed (pip install 'prunekit[ray]')")
GOLDEN = Path(__file__).resolve().parents[1] / "data" / "store" / "v1"
TRAIN, ERROR = "train-43ae8cc7ef596dce", "error-a74e85a2278b5a9a"


@pytest.fixture
def store(tmp_path):
    shutil.copytree(GOLDEN, tmp_path / "store")
    return Store(tmp_path / "store")


@pytest.fixture(params=["memory://study", "file://{}/far"])
def remote(request, tmp_path):
    yield Remote(request.param.format(tmp_path))
    fsspec.filesystem("memory").store.clear()


def test_nothing_is_there_at_first(remote):
    assert remote.present() == frozenset()


def test_what_is_pushed_is_there_and_is_fetched_with_equal_bytes(remote, store, tmp_path):
    remote.push(store, [TRAIN, ERROR])
    assert remote.present() == {TRAIN, ERROR}
    copy = Store(tmp_path / "copy")
    remote.fetch(copy, [TRAIN, ERROR])
    assert copy.present() == {TRAIN, ERROR}
    for key in (TRAIN, ERROR):
        assert copy.path(key).read_bytes() == store.path(key).read_bytes()


def test_what_is_not_there_is_passed_over(remote, tmp_path):
    copy = Store(tmp_path / "copy")
    remote.fetch(copy, [TRAIN])
    assert not copy.has(TRAIN)


def test_a_damaged_result_is_refused_and_not_kept(remote, store, tmp_path):
    whole = store.path(TRAIN).read_bytes()
    store.path(TRAIN).write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    remote.push(store, [TRAIN])
    copy = Store(tmp_path / "copy")
    with pytest.raises(StoreError, match=f"has of {TRAIN} cannot be used"):
        remote.fetch(copy, [TRAIN])
    assert not copy.has(TRAIN)


def test_a_protocol_that_nobody_knows_is_a_usage_error():
    with pytest.raises(UsageError, match="--remote nothing://x: "):
        Remote("nothing://x")


def test_a_place_that_cannot_be_written_is_one_line(store, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(PrunekitError, match="the store file://") as caught:
        Remote(f"file://{tmp_path}/file").push(store, [TRAIN])
    assert "\n" not in str(caught.value)
