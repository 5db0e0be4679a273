import numpy as np
import pytest

from prunekit.analysis.margins import needed_margins, potential_at, potential_steps
from prunekit.analysis.potential import prune_potential

RATIOS = np.array([0.2, 0.5, 0.8, 0.9])
RISES = np.array([-0.01, 0.004, 0.002, 0.05])


def test_the_steps_are_the_rises_of_ratios_that_no_larger_one_beats():
    found = potential_steps(RATIOS, RISES)
    assert [(step.margin, step.ratio, step.place) for step in found] == [
        (-0.01, 0.2, 0),
        (0.002, 0.8, 2),
        (0.05, 0.9, 3),
    ]


@pytest.mark.parametrize("margin", [0.0, 0.001, 0.002, 0.003, 0.01, 0.05, 0.5])
def test_the_steps_are_the_potential_at_every_margin(margin):
    rng = np.random.default_rng(0)
    for _ in range(50):
        rises = rng.normal(0, 0.01, 4).round(4)
        expected = prune_potential(list(zip(RATIOS, 0.2 + rises, strict=True)), 0.2, margin)
        assert potential_at(potential_steps(RATIOS, rises), margin) == expected


def test_equal_rises_make_one_step_to_the_larger_ratio():
    found = potential_steps(np.array([0.5, 0.8]), np.array([0.01, 0.01]))
    assert [step.ratio for step in found] == [0.8]


def test_the_margin_that_each_ratio_needs():
    assert needed_margins(RATIOS, RISES) == pytest.approx([-0.01, 0.002, 0.002, 0.05])
    assert potential_steps(np.array([]), np.array([])) == []
