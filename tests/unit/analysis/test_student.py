import numpy as np
import pytest
from scipy.stats import t

from prunekit.analysis.student import Student


def test_the_interval_and_the_p_value_agree():
    found = Student(np.array([1.0, -0.5]), np.array([0.5, 0.2]), np.array([4.0, 20.0]))
    low, high = found.ends()
    assert low == pytest.approx([1 - t.ppf(0.975, 4) * 0.5, -0.5 - t.ppf(0.975, 20) * 0.2])
    assert found.p_value(low) == pytest.approx([0.05, 0.05])
    assert found.p_not_above(low) == pytest.approx([0.025, 0.025])
    assert found.p_not_below(high) == pytest.approx([0.025, 0.025])


def test_without_an_error_a_number_is_certain():
    found = Student(np.array([0.1, 0.1]), np.array([0.0, 0.0]), np.array([9.0, 9.0]))
    assert found.p_not_below(np.array([0.2, 0.1])).tolist() == [0.0, 0.5]
    assert found.p_value(0.0).tolist() == [0.0, 0.0]


def test_what_is_not_defined_stays_so():
    found = Student(np.array([0.1]), np.array([np.nan]), np.array([3.0]))
    assert np.isnan(found.ends()).all()
    assert np.isnan(found.p_value()).all()
