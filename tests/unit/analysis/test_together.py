"""Several rises decided at once: alike, apart, and beside the exact chance of one."""

import numpy as np
import pytest

from prunekit.analysis.power import Rates, power
from prunekit.analysis.together import chance_of_all

N = 10_000


def breaks(broken, fixed, start=0):
    """So many images are broken and fixed, one behind the other."""
    found = np.zeros(N, dtype=np.int8)
    found[start : start + broken] = 1
    found[start + broken : start + broken + fixed] = -1
    return found


@pytest.mark.parametrize(("broken", "fixed", "margin", "n"), [(600, 300, 0.01, 1000), (400, 400, 0.02, 1000)])
def test_one_rise_has_its_exact_chance(broken, fixed, margin, n):
    exact = power(Rates(broken / N, fixed / N), n=n, margin=margin)
    assert chance_of_all([breaks(broken, fixed)], n=n, margin=margin) == pytest.approx(exact, abs=0.03)


def test_networks_that_break_the_same_images_are_decided_together():
    alone = chance_of_all([breaks(600, 300)], n=1000, margin=0.01)
    alike = chance_of_all([breaks(600, 300), breaks(600, 300)], n=1000, margin=0.01)
    apart = chance_of_all([breaks(600, 300), breaks(600, 300, 5000)], n=1000, margin=0.01)
    assert alike == alone
    assert apart == pytest.approx(alone**2, abs=0.03)
