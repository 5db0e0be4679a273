"""The 8 x 8 cosine transform of JPEG in integers, with 13 fractional bits.

The algorithm of Loeffler, Ligtenberg and Moschytz (ICASSP 1989) as libjpeg's accurate integer transform rounds it
(CORRUPTIONS, appendix A). All arrays are int32 ``[8, 8, *]``.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

POINT = 13
# How far the rows and then the columns are scaled back; the rows keep 2 more bits for the second pass.
_KEPT = 2


def _fixed(value: float) -> int:
    return round(value * (1 << POINT))


_C_541, _C_765, _C_1847 = _fixed(0.541196100), _fixed(0.765366865), _fixed(1.847759065)
_C_1175, _C_899, _C_2562 = _fixed(1.175875602), _fixed(0.899976223), _fixed(2.562915447)
_C_1961, _C_390 = _fixed(1.961570560), _fixed(0.390180644)
_C_298, _C_2053, _C_3072, _C_1501 = (_fixed(v) for v in (0.298631336, 2.053119869, 3.072711026, 1.501321110))


def forward(blocks: Tensor) -> Tensor:
    """Coefficients ``[row frequency, column frequency, *]``, 8 times too large, of blocks ``[column, row, *]``."""
    rows = _forward_pass(blocks.unbind(0))
    rows = [_shift_left(x, _KEPT) if k in (0, 4) else _descale(x, POINT - _KEPT) for k, x in enumerate(rows)]
    columns = _forward_pass(torch.stack(rows).unbind(1))
    return torch.stack([_descale(x, _KEPT if k in (0, 4) else POINT + _KEPT) for k, x in enumerate(columns)])


def inverse(coefficients: Tensor) -> Tensor:
    """Blocks ``[column, row, *]`` of dequantised coefficients ``[row frequency, column frequency, *]``."""
    columns = [_descale(x, POINT - _KEPT) for x in _inverse_pass(coefficients.unbind(0))]
    rows = _inverse_pass(torch.stack(columns).unbind(1))
    return torch.stack([_descale(x, POINT + _KEPT + 3) for x in rows])


def _forward_pass(a: Sequence[Tensor]) -> list[Tensor]:
    """Frequencies 0..7; all but 0 and 4 carry 13 more bits."""
    sums = [a[i] + a[7 - i] for i in range(4)]
    differences = [a[i] - a[7 - i] for i in range(4)]
    e0, e1, e2, e3 = sums[0] + sums[3], sums[1] + sums[2], sums[1] - sums[2], sums[0] - sums[3]
    turned = (e2 + e3) * _C_541
    seventh, fifth, third, first = _odd_part(*reversed(differences))
    return [e0 + e1, first, turned + e3 * _C_765, third, e0 - e1, fifth, turned - e2 * _C_1847, seventh]


def _inverse_pass(y: Sequence[Tensor]) -> list[Tensor]:
    """Samples 0..7, carrying 13 more bits."""
    turned = (y[2] + y[6]) * _C_541
    b0, b1 = _shift_left(y[0] + y[4], POINT), _shift_left(y[0] - y[4], POINT)
    b2, b3 = turned - y[6] * _C_1847, turned + y[2] * _C_765
    even = [b0 + b3, b1 + b2, b1 - b2, b0 - b3]
    odd = _odd_part(y[7], y[5], y[3], y[1])[::-1]
    pairs = list(zip(even, odd, strict=True))
    return [e + o for e, o in pairs] + [e - o for e, o in reversed(pairs)]


def _odd_part(p: Tensor, q: Tensor, r: Tensor, t: Tensor) -> list[Tensor]:
    """The rotation that the odd frequencies share; it is symmetric, so both directions use it."""
    pr, qt = p + r, q + t
    z5 = (pr + qt).mul_(_C_1175)
    z1, z2 = (p + t).mul_(-_C_899), (q + r).mul_(-_C_2562)
    z3, z4 = z5 + pr.mul_(-_C_1961), z5.add_(qt.mul_(-_C_390))
    scaled = zip(
        (p, q, r, t), (_C_298, _C_2053, _C_3072, _C_1501), (z1, z2, z2, z1), (z3, z4, z3, z4), strict=True
    )
    return [(x * constant).add_(one).add_(other) for x, constant, one, other in scaled]


def _shift_left(x: Tensor, bits: int) -> Tensor:
    return x * (1 << bits)


def _descale(x: Tensor, bits: int) -> Tensor:
    """Divide by a power of two in place and round halves up; the caller must own ``x``."""
    return x.add_(1 << (bits - 1)).bitwise_right_shift_(bits)
