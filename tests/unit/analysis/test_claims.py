"""Each claim, on rows that support it and on rows that contradict it."""

import pytest

from prunekit.analysis.claims import CLAIMS, judge
from prunekit.analysis.evidence import FAILS, HOLDS, UNKNOWN, Contrast, stretch, verdict_on
from prunekit.analysis.flags import Flag
from prunekit.analysis.variant import Variant

STRUCTURES = {"wt": "weight", "ft": "filter"}


def row(
    finding, value, *, method="wt", half=0.02, distribution="digits", robust=None, dataset="digits", **more
):
    known = {
        "method": method,
        "structure": STRUCTURES[method],
        "train_distribution": robust,
        "dataset": dataset,
    }
    fields = {name: more.pop(name) for name in ("arch", "retraining", "settings") if name in more}
    return {
        "finding": finding,
        **Variant(**known, **fields).columns(),
        "nominal": distribution == dataset,
        "value": value,
        "low": value - half,
        "high": value + half,
        "distribution": distribution,
        **NOISE,
        **SOUGHT,
        **more,
    }


NOISE = {"noise": "uniform", "space": "normalised", "clip": False, "draws": 1}
SOUGHT = {"control": None, "block": 1, "candidates": None, "kept": 0.1}


def verdict(number, rows):
    (found,) = [each for each in judge(rows) if each["claim"] == number]
    return found["verdict"]


def gain(value, ratio=0.8, **more):
    return row("similarity-gain", value, asked=ratio, metric="agreement", level=0.1, **more)


def potential(value, distribution="digits", method="wt", **more):
    return row("potential", value, method=method, distribution=distribution, interpolated=False, **more)


def noise(method, *values, half=0.01):
    return [
        row("noise-potential", value, method=method, level=0.1 * place, half=half)
        for place, value in enumerate(values)
    ]


def cell(value, own, other):
    control = "separate" if "separate" in (own, other) else None
    return row("features-transfer", value, row_model=own, column_model=other, control=control)


def agreement(value, ratio, level):
    return row("similarity", value, metric="agreement", asked=ratio, level=level)


FOG, GAUSS, JPEG = "digits+fog@3", "digits+gaussian_noise@3", "digits+jpeg_compression@3"
SLOW, FAST = noise("wt", 0.8, 0.8, 0.8, 0.6, 0.3, 0.0), noise("ft", 0.6, 0.4, 0.2, 0.1, 0.1, 0.0)
MEANS = [
    row("potential-mean", value, method=method, distribution="shifted")
    for method, value in (("wt", 0.7), ("ft", 0.5))
]
MINIMA = [row("potential-minimum", 0.0, method=method, distribution="shifted") for method in ("wt", "ft")]
CELLS = [cell(0.8, 0.0, 0.5), cell(0.5, 0.0, "separate"), cell(0.7, 0.5, 0.0), cell(0.4, "separate", 0.0)]
AGREEMENTS = [
    agreement(0.9, 0.2, 0.0),
    agreement(0.8, 0.9, 0.0),
    agreement(0.7, 0.2, 0.5),
    agreement(0.5, 0.9, 0.5),
]

SUPPORT = {
    1: [gain(0.1), gain(0.05, method="ft")],
    2: [gain(-0.1, ratio=0.95)],
    3: AGREEMENTS,
    4: CELLS,
    5: SLOW,
    6: [*SLOW, *FAST],
    7: [potential(0.8), potential(0.2, GAUSS), potential(0.78, FOG)],
    8: [
        *(potential(0.8, "digits", name) for name in ("wt", "ft")),
        potential(0.79, JPEG),
        potential(0.2, JPEG, "ft"),
    ],
    9: [row("excess-slope", 0.05)],
    10: [potential(0.8), potential(0.6, method="ft"), *MEANS, *MINIMA],
    11: [
        potential(0.8),
        potential(0.8, FOG),
        potential(0.5, "voc", dataset="voc"),
        potential(0.3, "voc+fog@3", dataset="voc"),
        row("prune-curve", 0.1, asked=0.0),
        row("prune-curve", 0.4, asked=0.0, distribution="voc", dataset="voc"),
    ],
    12: [*MEANS, row("potential-mean", 0.85, robust="digits+mix1", distribution="shifted")],
    13: [potential(0.8), *MINIMA],
}
AGAINST = {
    1: [gain(0.1), gain(-0.1, method="ft")],
    2: [gain(0.1, ratio=0.95)],
    3: [each | {"level": 0.5 - each["level"], "asked": 1.1 - each["asked"]} for each in AGREEMENTS],
    4: [cell(0.2, 0.0, 0.5), *CELLS[1:]],
    5: noise("wt", 0.5, 0.5, 0.5, 0.5, 0.5, 0.5),
    6: [*noise("ft", 0.8, 0.8, 0.8, 0.6, 0.3, 0.0), *noise("wt", 0.6, 0.4, 0.2, 0.1, 0.1, 0.0)],
    7: [potential(0.8), potential(0.9, GAUSS)],
    8: [potential(0.8), potential(0.2, JPEG)],
    9: [row("excess-slope", 0.05), row("excess-slope", -0.05, method="ft")],
    10: [potential(0.5), potential(0.6, method="ft")],
    11: [
        each
        | (
            {"value": 0.9, "low": 0.88, "high": 0.92}
            if each["distribution"] == "voc" and each["finding"] == "potential"
            else {}
        )
        for each in SUPPORT[11]
    ],
    12: [*MEANS, row("potential-mean", 0.5, robust="digits+mix1", distribution="shifted")],
    13: [potential(0.8), row("potential-minimum", 0.9, distribution="shifted")],
}


@pytest.mark.parametrize("number", CLAIMS)
def test_a_claim_holds_on_rows_that_support_it(number):
    assert verdict(number, SUPPORT[number]) == HOLDS


@pytest.mark.parametrize("number", CLAIMS)
def test_a_claim_does_not_hold_on_rows_that_contradict_it(number):
    assert verdict(number, AGAINST[number]) == FAILS


@pytest.mark.parametrize("number", CLAIMS)
def test_without_its_rows_a_claim_cannot_be_told_and_says_what_it_needs(number):
    (found,) = [each for each in judge([]) if each["claim"] == number]
    assert (found["verdict"], found["value"]) == (UNKNOWN, None)
    assert CLAIMS[number].needs in found["evidence"]


def test_an_interval_that_holds_zero_cannot_tell_and_is_the_one_named():
    (found,) = [each for each in judge([gain(0.1), gain(0.01, method="ft")]) if each["claim"] == 1]
    assert found["verdict"] == UNKNOWN
    assert (found["value"], found["low"], found["high"]) == (0.01, -0.01, 0.03)
    assert (
        found["evidence"]
        == "1 of 2 comparisons above zero, 0 below; ft, 0.8, agreement, 0.1: 0.01 [-0.01, 0.03]"
    )


def test_one_of_many_intervals_below_zero_may_be_chance():
    """An arm of 0.098 is 2 % more than 0.1 needs; of 40 comparisons it must be 3.23 / 1.96 = 1.65 times as far."""
    below = Contrast("below", -0.1, -0.198, -0.002)
    above = Contrast("above", 0.1, 0.05, 0.15)
    assert verdict_on([below], "").verdict == FAILS
    found = verdict_on([below, *[above] * 39], "")
    assert (found.verdict, found.decided_by) == (UNKNOWN, below)
    assert found.evidence.startswith(
        "39 of 40 comparisons above zero, 1 below (0 corrected for their number); below"
    )
    farther = below._replace(value=-0.17, low=-0.268, high=-0.072)
    assert verdict_on([farther, *[above] * 39], "").verdict == FAILS


def test_intervals_are_stretched_by_the_quantiles_of_what_they_rest_on():
    """Normal: 0.05 / 2 is at 1.960, 0.05 / 20 at 2.807. Student's t of 2 degrees: 4.303 and 14.089."""
    assert stretch(1, 1) == 1
    assert stretch(10, 1) == pytest.approx(2.807 / 1.960, abs=1e-3)
    assert stretch(10, 3) == pytest.approx(14.089 / 4.303, abs=1e-3)


def test_three_seeds_need_more_than_one_does():
    below = Contrast("below", -0.2, -0.3, -0.1)
    above = Contrast("above", 0.1, 0.05, 0.15)
    assert verdict_on([below, *[above] * 9], "").verdict == FAILS
    assert verdict_on([below._replace(seeds=3), *[above] * 9], "").verdict == UNKNOWN


def test_a_lopsided_interval_is_stretched_by_its_longer_arm():
    grid = Contrast("on a grid", -0.25, -0.5, -0.25)
    assert not grid.is_below(10)
    assert Contrast("certain", -0.25, -0.25, -0.25).is_below(10)


def test_a_potential_at_the_largest_ratio_tested_may_be_anything_above():
    capped = potential(0.95, half=0.0, flags=[Flag.AT_LARGEST])
    rows = [capped, potential(0.94, method="ft", half=0.0, flags=[Flag.AT_LARGEST])]
    assert verdict(10, rows) == UNKNOWN
    assert verdict(10, [row | {"flags": []} for row in rows]) == HOLDS


def test_rows_without_a_number_are_no_evidence():
    empty = gain(0.1) | {"value": None, "low": None, "high": None}
    assert verdict(1, [empty]) == UNKNOWN


def test_networks_made_differently_are_not_set_against_each_other():
    rows = [potential(0.5), potential(0.6, method="ft")]
    assert verdict(10, rows) == FAILS
    for other in (
        {"arch": "resnet20"},
        {"retraining": "fine-tune"},
        {"settings": (("train", '{"lr": 0.1}'),)},
    ):
        assert verdict(10, [rows[0], potential(0.6, method="ft", **other)]) == UNKNOWN
