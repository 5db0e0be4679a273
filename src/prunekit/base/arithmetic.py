"""GPU arithmetic for results: full float32, and the same bytes every time. Does not load torch by itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

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
