import pytest
import torch

from prunekit.errors import PrunekitError, UsageError
from prunekit.steps.device import checked, enough_memory


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("gpu", "did you mean cuda"),
        ("mps", "not support float64"),
        ("cuda:x", "did you mean cuda"),
        ("tpu", "allowed are cpu, cuda, and cuda:0"),
    ],
)
def test_a_name_that_is_no_device_is_refused_in_one_line(name, says):
    with pytest.raises(UsageError, match=says) as refused:
        checked(name)
    assert repr(name) in str(refused.value)


def test_a_gpu_that_is_not_there_is_refused(pretend_gpu, monkeypatch):
    chosen = []
    with pretend_gpu():
        monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
        with pytest.raises(UsageError, match="'cuda:9': this machine has 1 GPUs, cuda:0 to cuda:0"):
            checked("cuda:9")
        assert (checked("cuda"), checked("cuda:0"), checked("cpu")) == ("cuda", "cuda:0", "cpu")
        monkeypatch.setenv("LOCAL_RANK", "0")
        assert checked("cuda") == "cuda:0"
    assert chosen == [0, 0]


def test_too_little_memory_is_a_line_of_its_own():
    with (
        pytest.raises(PrunekitError, match="cuda has too little memory to prune") as failed,
        enough_memory("cuda", "prune"),
    ):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has\nmore")
    assert failed.value.exit_code == 1
    assert "\n" not in str(failed.value)
