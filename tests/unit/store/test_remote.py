import logging
import shutil
from pathlib import Path

import pytest

from prunekit.errors import PrunekitError, StoreError, UsageError
from prunekit.store.remote import Remote
from prunekit.store.store import Store

pytest.importorskip("fsspec", reason="fsspec is not installed (pip install 'prunekit[ray]')")
GOLDEN = Path(__file__).resolve().parents[2] / "data" / "store" / "v1"
TRAIN, ERROR = "train-43ae8cc7ef596dce", "error-a74e85a2278b5a9a"


@pytest.fixture
def store(tmp_path):
    shutil.copytree(GOLDEN, tmp_path / "store")
    return Store(tmp_path / "store")


@pytest.fixture(scope="module")
def bucket():
    """The URL of an empty bucket in an S3 that lives in this process."""
    server_module = pytest.importorskip(
        "moto.server", reason="moto is not installed (pip install 'moto[server]' s3fs)"
    )
    pytest.importorskip("s3fs", reason="s3fs is not installed (pip install 'moto[server]' s3fs)")
    import boto3

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = server_module.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "made-up")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:{1}".format(*server.get_host_and_port()))
        boto3.client("s3").create_bucket(Bucket="studies")
        yield "s3://studies"
    server.stop()


@pytest.fixture(params=["memory", "file", "s3"])
def remote(request, tmp_path):
    if request.param == "s3":
        return Remote(f"{request.getfixturevalue('bucket')}/{tmp_path.name}")
    return Remote({"memory": f"memory://{tmp_path.name}", "file": f"file://{tmp_path}/far"}[request.param])


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
    with pytest.raises(StoreError, match=f"the copy of {TRAIN} at .* cannot be used"):
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
