import pytest

from prunekit.report.select import (
    at_deployed,
    curve_distributions,
    deployed,
    noisy_rows,
    shift_of,
    shift_set,
    slug,
    spread,
)
from prunekit.report.study import read_study


def curve(method, ratio, value, commensurate, distribution="digits"):
    return {
        "finding": "prune-curve",
        "method": method,
        "prune_ratio": ratio,
        "value": value,
        "commensurate": commensurate,
        "distribution": distribution,
        "nominal": distribution == "digits",
    }


def test_deployed_is_the_largest_ratio_that_test_error_allows():
    rows = [
        curve("wt", 0.0, 0.1, True),
        curve("wt", 0.5, 0.2, False),
        curve("wt", 0.8, 0.1, True),
        curve("wt", 0.9, 0.3, False),
    ]
    rows += [curve("ft", 0.3, 0.2, False), curve("ft", 0.6, 0.3, False)]
    assert deployed(read_study(rows, {})) == {"wt": 0.8, "ft": 0.3}


def test_rows_at_the_deployed_ratio_fall_back_to_the_largest():
    rows = [curve("wt", 0.5, 0.1, True)]
    rows += [
        {
            "finding": "recall-shift",
            "method": method,
            "prune_ratio": ratio,
            "value": 0.0,
            "distribution": "digits",
            "nominal": True,
        }
        for method in ("wt", "ft")
        for ratio in (0.5, 0.9)
    ]
    found = at_deployed(read_study(rows, {}), "recall-shift")
    assert [(row["method"], row["prune_ratio"]) for row in found] == [("wt", 0.5), ("ft", 0.9)]


def test_curves_start_with_the_nominal_one_then_the_steepest():
    rows = [
        curve("wt", ratio, 0.1 + rise * ratio, True, name)
        for name, rise in (("digits", 0.0), ("digits+fog@3", 0.1), ("digits+snow@3", 0.5))
        for ratio in (0, 1)
    ]
    assert curve_distributions(read_study(rows, {})) == ["digits", "digits+snow@3", "digits+fog@3"]
    assert curve_distributions(read_study(rows, {}), most=1) == ["digits"]


def test_the_set_to_speak_of_is_the_largest_without_the_nominal_distribution():
    sets = {"all": ["digits", "a", "b", "c"], "shifted": ["a", "b", "c"], "noises": ["a"]}
    rows = [
        {"finding": "excess-error", "distribution": name, "distributions": members}
        for name, members in sets.items()
    ]
    assert shift_set(read_study(rows, {"nominal": "digits"}), "excess-error") == "shifted"
    assert shift_set(read_study([], {}), "excess-error") is None
    nominal = [{"finding": "potential-mean", "distribution": "nominal", "distributions": ["digits"]}]
    assert shift_set(read_study(nominal, {"nominal": "digits"}), "potential-mean") is None


def test_two_kinds_of_noise_are_not_mixed():
    rows = [{"finding": "similarity", "noise": noise} for noise in ("gaussian", "uniform")]
    assert [row["noise"] for row in noisy_rows(read_study(rows, {}), "similarity")] == ["uniform"]
    assert [row["noise"] for row in noisy_rows(read_study(rows[:1], {}), "similarity")] == ["gaussian"]


@pytest.mark.parametrize(("count", "picked"), [(3, [0, 1, 2]), (11, [0, 5, 10])])
def test_spread_keeps_both_ends(count, picked):
    assert spread(list(range(count)), 3) == picked


def test_the_shift_of_a_row_is_its_corruption_and_how_hard():
    names = ["digits+fog@3", "cifar10-c/snow@5", "digits", "digits+uniform@0.1", "no such thing+@"]
    found = [shift_of({"distribution": name}) for name in names]
    assert found == [("digits+fog", 3), ("cifar10-c/snow", 5), *((name, 0) for name in names[2:])]


def test_slugs_are_file_names():
    assert slug("prune-accuracy", "folder:/a b/../ü+fog@3") == "prune-accuracy-folder-a-b-..-fog-3"
