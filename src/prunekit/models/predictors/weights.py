"""How many weights were removed from a network, compared with its unpruned root. Pure functions.

An export changes the number of weights without pruning: batch norms are folded into the convolutions before them,
constants are unfolded, and rounding to 8 bits makes small weights zero.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

# Rounding makes 0, 1 and -1 equally likely, so that zeros are a third of these values. If they exceed a half by this
# many standard deviations, they have another cause.
ROUNDED_SHARE, DEVIATIONS = 0.5, 4.0


class Weight(NamedTuple):
    """One tensor of weights: its number of values, bits per value, and zeros that rounding does not explain.

    A vector (biases, batch norm: at most one axis is longer than 1) counts no zeros.
    """

    size: int
    vector: bool
    bits: float
    zeros: int = 0

    @classmethod
    def of(cls, shape: Sequence[int], bits: float, zeros: int = 0) -> Weight:
        """A weight of this shape."""
        vector = sum(side > 1 for side in shape) < 2
        return cls(math.prod(shape), vector, bits, 0 if vector else zeros)


def zeros_beyond_rounding(steps: np.ndarray[Any, Any]) -> int:
    """How many zeros of a quantised weight (in steps from its zero point) exceed what rounding makes."""
    zeros, ones = (int(np.count_nonzero(np.abs(steps) == value)) for value in (0, 1))
    near = zeros + ones
    if zeros <= ROUNDED_SHARE * near + DEVIATIONS * math.sqrt(2 * near) / 3:
        return 0
    return zeros - ones // 2


def removed(root: Iterable[Weight], own: Iterable[Weight]) -> int:
    """How many weights of its unpruned root a network lacks.

    Tensors of equal size count as the same layer; the rest on both sides are layers that were narrowed, split or
    joined. Vectors count only if some layer is narrower and the network has as many vectors as its root; otherwise the
    missing ones were folded into layers.
    """
    theirs, ours = tuple(root), tuple(own)
    zeros, narrower = _removed(
        [each for each in theirs if not each.vector], [each for each in ours if not each.vector]
    )
    vectors = [[each for each in side if each.vector] for side in (theirs, ours)]
    if narrower and len(vectors[0]) == len(vectors[1]):
        narrower += sum(_removed(*vectors))
    return zeros + narrower


def _removed(root: Sequence[Weight], own: Sequence[Weight]) -> tuple[int, int]:
    """The zeros in layers that both have, and the number of weights by which the root's other layers are larger."""
    left = Counter(each.size for each in root)
    zeros = other = 0
    for each in sorted(own, key=lambda weight: -weight.zeros):
        if left[each.size] > 0:
            left[each.size] -= 1
            zeros += each.zeros
        else:
            other += each.size - each.zeros
    return zeros, max(0, sum(size * count for size, count in left.items()) - other)
