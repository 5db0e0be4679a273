import pytest

from prunekit.engine.devices import assign
from prunekit.errors import UsageError


@pytest.mark.parametrize("device", ["cpu", "cuda:1"])
def test_a_named_device_is_every_workers(device):
    assert assign(device, jobs=3, gpus=2) == (device,) * 3


def test_gpus_are_given_one_per_worker_and_then_shared():
    assert assign("cuda", jobs=2, gpus=4) == ("cuda:0", "cuda:1")
    assert assign("cuda", jobs=4, gpus=2, per_gpu=2) == ("cuda:0", "cuda:1", "cuda:0", "cuda:1")


def test_more_workers_than_places_are_refused():
    with pytest.raises(
        UsageError, match="--jobs 3 needs 3 places on GPUs, but there are 2: 2 GPUs with --per-gpu 1"
    ):
        assign("cuda", jobs=3, gpus=2)


def test_without_a_gpu_the_worker_itself_says_what_is_wrong():
    assert assign("cuda", jobs=2, gpus=0) == ("cuda", "cuda")
