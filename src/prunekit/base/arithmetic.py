"""Arithmetic for results: full float32 on a GPU, and the same bytes every time. Does not load torch by itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from threadpoolctl import ThreadpoolController

WHOLE = "highest"


@contextmanager
def exact() -> Iterator[None]:
    """In the block, use deterministic convolution kernels without autotuning, and no TF32 in float32 arithmetic.

    Also a decorator. On a CPU it changes nothing; the previous settings are restored afterwards.
    """
    import torch

    precision = torch.get_float32_matmul_precision()
    flags = torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)
    with flags:
        if precision != WHOLE:
            torch.set_float32_matmul_precision(WHOLE)
        try:
            yield
        finally:
            if precision != WHOLE:
                torch.set_float32_matmul_precision(precision)


@contextmanager
def one_thread() -> Iterator[None]:
    """In the block, numpy's products and decompositions use one thread: the same bytes whatever the number of threads.

    Also a decorator. The matrices of findings are small: a second thread spends more time waiting than it saves.
    """
    with _products().limit(limits=1, user_api="blas"):
        yield


@cache
def _products() -> ThreadpoolController:
    """The libraries that numpy has loaded; one of torch's that is loaded later keeps its threads."""
    return ThreadpoolController()
