"""What was removed of a network that another program wrote: folding, joining and rounding remove nothing."""

import numpy as np
import pytest

from prunekit.models.predictors.weights import Weight, removed, zeros_beyond_rounding

CONV, NORM, HEAD, BIAS = (16, 3, 3, 3), (16,), (10, 16), (10,)
DENSE = [Weight.of(shape, 32) for shape in (CONV, NORM, NORM, HEAD, BIAS)]


def weights(*shapes, zeros=()):
    return [
        Weight.of(shape, 32, count) for shape, count in zip(shapes, zeros or [0] * len(shapes), strict=True)
    ]


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        (weights(CONV, NORM, NORM, HEAD, BIAS), 0),
        (weights(CONV, NORM, HEAD, BIAS), 0),  # batch norm folded: its scale is gone, its shift a bias
        (weights(CONV, NORM, HEAD, BIAS, (1,)), 0),  # folded, and a constant more: as many vectors by chance
        (weights(CONV, HEAD), 0),  # 8 bits: biases are whole numbers
        (weights(CONV, NORM, HEAD, BIAS, (1, 49, 16)), 0),  # a constant that was worked out
        (weights((432,), (16, 27), HEAD, BIAS), 0),  # a kernel as a matrix
        (weights((8, 27), (8, 27), NORM, HEAD, BIAS), 0),  # a layer in two parts
        (weights(CONV, NORM, HEAD, BIAS, zeros=(200, 3, 7, 1)), 207),  # zeros of vectors are no pruning
        (weights(CONV, NORM, HEAD, BIAS, (432,), zeros=(200, 0, 7, 0, 0)), 207),
        (weights((8, 3, 3, 3), (8,), (8,), (10, 8), BIAS), 216 + 80 + 16),  # narrower, nothing folded
        (weights((8, 3, 3, 3), (8,), (10, 8), BIAS), 216 + 80),  # narrower, and folded: what is certain
    ],
)
def test_what_is_removed(own, expected):
    assert removed(DENSE, own) == expected


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("draw", ["normal", "laplace", "uniform"])
@pytest.mark.parametrize("count", [30, 1000, 100_000])
def test_zeros_of_rounding_are_no_pruning(seed, draw, count):
    values = getattr(np.random.default_rng(seed), draw)(size=count)
    steps = np.rint(values / np.abs(values).max() * 127).astype(np.int32)
    assert zeros_beyond_rounding(steps) == 0


@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_zeros_of_pruning_are_found_in_8_bits(share):
    values = np.random.default_rng(0).normal(size=100_000)
    values[: round(share * len(values))] = 0
    steps = np.rint(values / np.abs(values).max() * 127).astype(np.int32)
    assert zeros_beyond_rounding(steps) == pytest.approx(share * len(values), rel=0.01)
