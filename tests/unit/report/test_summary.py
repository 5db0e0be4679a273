import pytest
from judged import curve

from prunekit.report.study import read_study
from prunekit.report.summary import caution, sentences


def potential(method, distribution, value):
    return {
        "finding": "potential",
        "method": method,
        "distribution": distribution,
        "nominal": distribution == "digits",
        "value": value,
        "flags": [],
    }


def of_set(statistic, method, value, members=("digits+fog@3", "digits+snow@3")):
    members = list(members)
    return {
        "finding": f"potential-{statistic}",
        "method": method,
        "distribution": "shifted",
        "nominal": False,
        "value": value,
        "distributions": members,
    }


def similar(method, ratio, metric, value, level=0.1):
    return {
        "finding": "similarity",
        "method": method,
        "role": "pruned" if method else "separate",
        "prune_ratio": ratio,
        "metric": metric,
        "level": level,
        "value": value,
        "noise": "uniform",
    }


WORST = [
    potential("wt", "digits", 0.8),
    potential("wt", "digits+fog@3", 0.7),
    potential("wt", "digits+snow@3", 0.12),
    of_set("mean", "wt", 0.41),
    of_set("minimum", "wt", 0.12),
]


def told(rows):
    return [sentence.replace("\u00a0", " ") for sentence in sentences(read_study(rows, {}))]


def test_potentials_name_the_worst_distribution():
    assert told(WORST)[0] == (
        "wt: 80 % is the highest tested ratio whose measured error is within 0.5 points on the test set; over 2 distributions of the set "
        "“shifted” it is 41 % on average and 12 % at worst (digits+snow@3)."
    )


@pytest.mark.parametrize(
    ("rises", "certain"),
    [
        ((0.0, 0.0), ""),
        ((0.0, 0.009), " (50 % is with 95 % confidence)"),
        ((0.009, 0.009), " (none is with 95 % confidence)"),
    ],
)
def test_a_potential_says_up_to_which_ratio_it_is_certain(rises, certain):
    curves = [curve(ratio, rise, margin=0.005) for ratio, rise in zip((0.5, 0.75), rises, strict=True)]
    text = told([potential("wt", "digits", 0.75), *curves])[0]
    assert text.endswith(f"within 0.5 points on the test set{certain}.")


def test_methods_that_fail_at_once_are_said_to():
    assert told([potential("ft", "digits", 0.0)]) == [
        "ft: every tested ratio raises the measured error on the test set by more than 0.5 points."
    ]


def test_excess_error_is_said_as_measured_at_the_ratio_that_test_error_allows():
    common = {
        "finding": "excess-error",
        "method": "wt",
        "distribution": "shifted",
        "distributions": ["digits+fog@3"],
    }
    rows = [
        common
        | {"prune_ratio": ratio, "asked": ratio, "value": value, "low": value - 0.01, "high": value + 0.01}
        for ratio, value in ((0.5, 0.002), (0.8, 0.009))
    ]
    assert told(rows) == [
        "wt pruned by 80 %: pruning costs 0.9 points more under shift than on the test set (difference +0.9 [−0.1, +1.9])."
    ]


def test_similarity_needs_both_metrics_and_every_level():
    rows = [similar(None, 0.0, "agreement", 0.9), similar(None, 0.0, "softmax_l2", 0.2)]
    rows += [similar("wt", 0.5, "agreement", 0.95), similar("wt", 0.5, "softmax_l2", 0.1)]
    rows += [similar("wt", 0.8, "agreement", 0.95), similar("wt", 0.8, "softmax_l2", 0.25)]
    assert told(rows) == [
        "On average, pruned networks agree with their parent under noise more than a separate network does: up to 50 % for wt."
    ]


def test_without_a_control_nothing_is_said_of_similarity():
    assert told([similar("wt", 0.5, "agreement", 0.95)]) == []


def test_one_seed_and_the_grids_end_are_warned_of():
    row = potential("wt", "digits", 0.95) | {
        "seeds": 1,
        "flags": ["at-largest-ratio"],
    }
    text = list(caution(read_study([row], {})))
    assert text[-2].startswith("One seed:")
    assert (
        text[-1]
        == "1 potential sits at the largest prune ratio that was tested: the true value may be higher."
    )


def test_claims_are_counted_by_verdict():
    rows = [
        {"finding": "claim", "number": n, "verdict": verdict}
        for n, verdict in enumerate(["holds", "holds", "cannot tell"])
    ]
    assert told(rows) == ["Of 3 claims of the paper, 2 hold and 1 is undecided."]


def test_the_parent_trained_as_long_is_told_of():
    control = [each | {"finding": "longer-potential", "value": each["value"] / 2} for each in WORST[:2]]
    rise = WORST[0] | {"finding": "longer-rise", "asked": 0.5, "fair": True}
    told_of = "Compared with the unpruned parent with as much extra training as each network, the nominal potential is 40 %"
    assert f"{told_of} for wt." in told([*WORST, *control, rise])
    (said,) = [each for each in told([*WORST, *control, rise | {"fair": False}]) if "extra training" in each]
    assert "This control is fair for some ratios only" in said
    assert not any("training" in sentence for sentence in told(WORST))
