import numpy as np
import pytest

from prunekit.analysis.made_up import PAIRED
from prunekit.analysis.proportions import means_of, moments_of_sums, over_images
from prunekit.analysis.student import Student
from prunekit.analysis.verdict import Margin, Verdict, checked, decide, judge_rises, overall
from prunekit.errors import UsageError


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (-0.01, 0.005, Verdict.WITHIN),
        (-0.01, 0.0051, Verdict.UNDECIDED),
        (0.005, 0.02, Verdict.UNDECIDED),
        (0.0051, 0.02, Verdict.BEYOND),
        (np.nan, np.nan, Verdict.UNDECIDED),
    ],
)
def test_the_upper_limit_says_within_and_the_lower_beyond(low, high, verdict):
    assert decide(low, high, 0.005) is verdict


def test_a_margin_is_a_rise_or_a_share_of_the_parents_error():
    assert Margin(0.005).of(0.2) == 0.005
    assert Margin(0.1, relative=True).of(0.005) == pytest.approx(0.0005)
    assert checked(Margin(-0.01)).of(0.2) == -0.01
    assert checked(Margin(2.0, relative=True)).of(0.005) == pytest.approx(0.01)


@pytest.mark.parametrize("margin", [Margin(1.5), Margin(-1.5), Margin(-2, relative=True), Margin(np.nan)])
def test_a_margin_that_cannot_be_is_refused(margin):
    with pytest.raises(UsageError, match="the margin is"):
        checked(margin)


def test_a_network_may_be_asked_to_be_better_than_its_parent():
    better = Student(np.array([-0.03]), np.array([0.005]), np.array([1e6]))
    assert judge_rises(better, -0.01).verdicts == (Verdict.WITHIN,)
    assert judge_rises(better, -0.025).verdicts == (Verdict.UNDECIDED,)
    assert judge_rises(better, -0.05).verdicts == (Verdict.BEYOND,)


def test_verdicts_are_those_of_the_intervals():
    rng = np.random.default_rng(0)
    rises = Student(rng.normal(0, 0.02, 200), rng.uniform(0.001, 0.02, 200), rng.uniform(3, 100, 200))
    found = judge_rises(rises, 0.005).verdicts
    assert found == tuple(decide(low, high, 0.005) for low, high in rises.ends().T)
    assert set(found) == set(Verdict)


def test_together_some_verdicts_are_not_as_sure():
    rises = Student(np.full(20, -0.02), np.full(20, 0.011), np.full(20, 1e6))
    rises.centre[0] = -0.2
    assert set(judge_rises(rises, 0.005).verdicts) == {Verdict.WITHIN}
    together = judge_rises(rises, 0.005, together=True)
    assert together.verdicts == (Verdict.WITHIN, *[Verdict.UNDECIDED] * 19)


def test_one_distribution_beyond_the_margin_is_enough():
    assert overall([Verdict.WITHIN, Verdict.WITHIN]) is Verdict.WITHIN
    assert overall([Verdict.WITHIN, Verdict.UNDECIDED]) is Verdict.UNDECIDED
    assert overall([Verdict.UNDECIDED, Verdict.BEYOND]) is Verdict.BEYOND
    assert overall([]) is Verdict.UNDECIDED


@pytest.mark.parametrize(("n", "discordance"), [(36, 0.3), (360, 0.1), (1000, 0.05), (10_000, 0.08)])
def test_at_the_margin_a_verdict_is_wrong_in_one_case_of_twenty_at_most(n, discordance):
    """The rise is exactly the margin: nothing may be within it, and nothing beyond."""
    margin = 0.02
    rates = [(discordance + margin) / 2, (discordance - margin) / 2, 1 - discordance]
    broken, fixed, _ = np.random.default_rng(0).multinomial(n, rates, size=4000).T
    found = moments_of_sums((broken - fixed)[:, None], (broken + fixed)[:, None, None], n, PAIRED)
    verdicts = judge_rises(over_images(means_of(found)), margin).verdicts
    assert verdicts.count(Verdict.WITHIN) / len(verdicts) <= 0.05
    assert verdicts.count(Verdict.BEYOND) / len(verdicts) <= 0.05
