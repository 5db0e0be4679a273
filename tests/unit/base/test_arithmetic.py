import torch
from threadpoolctl import ThreadpoolController

from prunekit.base.arithmetic import exact, one_thread


def test_within_the_block_gpus_round_nothing_and_choose_nothing():
    cudnn = torch.backends.cudnn
    before = (cudnn.deterministic, cudnn.allow_tf32, cudnn.benchmark)
    torch.set_float32_matmul_precision("high")
    try:
        with exact():
            assert (cudnn.deterministic, cudnn.allow_tf32, cudnn.benchmark) == (True, False, False)
            assert torch.get_float32_matmul_precision() == "highest"
        assert torch.get_float32_matmul_precision() == "high"
    finally:
        torch.set_float32_matmul_precision("highest")
    assert (cudnn.deterministic, cudnn.allow_tf32, cudnn.benchmark) == before


def test_it_is_a_decorator_too():
    @exact()
    def inside():
        return torch.backends.cudnn.deterministic

    assert inside()
    assert inside()
    assert not torch.backends.cudnn.deterministic


def test_products_use_one_thread_and_then_as_many_as_before():
    before = [each["num_threads"] for each in ThreadpoolController().info()]
    with one_thread():
        inside = [each["num_threads"] for each in ThreadpoolController().info() if each["user_api"] == "blas"]
        assert set(inside) == {1}
    assert [each["num_threads"] for each in ThreadpoolController().info()] == before
