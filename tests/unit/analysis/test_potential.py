import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prunekit.analysis.flags import Flag
from prunekit.analysis.potential import (
    interpolated_draws,
    potential_draws,
    potential_flags,
    prune_potential,
)
from prunekit.errors import UsageError

shares = st.floats(0, 1)
ratios = st.floats(0.01, 0.99)
curves = st.lists(st.tuples(ratios, shares), max_size=8)


@given(points=curves, parent=shares, margins=st.tuples(shares, shares))
def test_potential_rises_with_the_margin(points, parent, margins):
    low, high = sorted(margins)
    assert prune_potential(points, parent, low) <= prune_potential(points, parent, high)


@given(points=curves, parent=shares, margin=shares, data=st.data())
def test_potential_does_not_depend_on_the_order_of_the_points(points, parent, margin, data):
    shuffled = data.draw(st.permutations(points))
    assert prune_potential(shuffled, parent, margin) == prune_potential(points, parent, margin)


@given(points=curves, parent=shares, margin=shares)
def test_potential_is_a_tested_ratio_or_zero(points, parent, margin):
    assert prune_potential(points, parent, margin) in {0.0, *(ratio for ratio, _ in points)}


@given(
    points=st.lists(st.tuples(ratios, shares), min_size=1, max_size=6, unique_by=lambda point: point[0]),
    parent=shares,
    margin=shares,
)
def test_interpolation_goes_beyond_the_potential_but_not_past_the_next_ratio(points, parent, margin):
    grid, errors = np.array(points).T
    found = interpolated_draws(grid, errors[None], np.array([parent]), margin=margin)[0]
    potential = prune_potential(points, parent, margin)
    following = min((ratio for ratio in grid if ratio > potential), default=potential)
    assert potential - 1e-12 <= found <= following + 1e-12


@given(
    counts=st.lists(st.integers(0, 360), min_size=2, max_size=5),
    parent=st.integers(0, 350),
    rise=st.integers(0, 10),
)
def test_the_margin_is_inclusive_whatever_floats_do_to_the_counts(counts, parent, rise):
    points = [((place + 1) / 10, count / 360) for place, count in enumerate(counts)]
    expected = max(
        [ratio for (ratio, _), count in zip(points, counts, strict=True) if count <= parent + rise], default=0
    )
    assert prune_potential(points, parent / 360, rise / 360) == expected


def test_draws_agree_with_the_scalar_function():
    rng = np.random.default_rng(0)
    grid, errors, parent = np.array([0.9, 0.2, 0.5]), rng.random((40, 3)), rng.random(40)
    found = potential_draws(grid, errors, parent, margin=0.1)
    expected = [
        prune_potential(list(zip(grid, row, strict=True)), base, 0.1)
        for row, base in zip(errors, parent, strict=True)
    ]
    assert found.tolist() == expected


@pytest.mark.parametrize(
    ("errors", "flags"),
    [
        ([0.1, 0.1, 0.1], (Flag.AT_LARGEST,)),
        ([0.1, 0.1, 0.2], ()),
        ([0.2, 0.2, 0.2], (Flag.NONE_COMMENSURATE,)),
        ([0.1, 0.2, 0.1], (Flag.AT_LARGEST, Flag.NOT_MONOTONE)),
        ([0.2, 0.1, 0.2], (Flag.NOT_MONOTONE,)),
        ([0.1, 0.09, 0.1], (Flag.AT_LARGEST,)),
    ],
)
def test_flags_say_what_the_number_hides(errors, flags):
    grid = np.array([0.9, 0.2, 0.5])
    assert potential_flags(grid, np.array([errors[2], errors[0], errors[1]]), 0.1, margin=0.005) == flags


@pytest.mark.parametrize("margin", [-1.001, 1.001, float("nan")])
def test_a_margin_beyond_all_errors_is_refused(margin):
    with pytest.raises(UsageError, match="the margin is"):
        prune_potential([(0.5, 0.1)], 0.1, margin)


def test_a_network_may_be_asked_to_be_better_than_its_parent():
    points = [(0.5, 0.08), (0.8, 0.095), (0.9, 0.2)]
    assert prune_potential(points, 0.1, 0.0) == 0.8
    assert prune_potential(points, 0.1, -0.01) == 0.5
    assert prune_potential(points, 0.1, -0.03) == 0.0
