import pytest

from prunekit.report.study import read_study
from prunekit.report.summary import headline, sentences


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


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (WORST, "Test error lets wt prune 80 %, but the worst shifted distribution allows only 12 %."),
        (WORST[:1], "Test error lets wt prune 80 %; no shifted distribution says whether that is safe."),
        ([*WORST[:1], of_set("minimum", "wt", 0.8)], "Test error lets wt prune 80 %, and every shifted distribution allows as much."),
        ([*WORST[:1], of_set("minimum", "wt", 0.8, ["digits"])], "Test error lets wt prune 80 %; no shifted distribution says whether that is safe."),
        ([potential("wt", "digits", 0.0)], "No tested prune ratio keeps the test error of the unpruned network, by wt or any other method."),
        ([], "No prune potential was found on the nominal distribution."),
    ],
)  # fmt: skip
def test_headline_says_what_the_worst_shift_allows(rows, expected):
    assert headline(read_study(rows, {})).replace("\u00a0", " ") == expected


def test_potentials_name_the_worst_distribution():
    assert told(WORST)[0] == (
        "By wt one can prune 80 % before test error rises by more than 0.5 points; over 2 distributions of the set "
        "“shifted” the potential is 41 % on average and 12 % at worst (digits+snow@3)."
    )


def test_methods_that_fail_at_once_are_said_to():
    assert told([potential("ft", "digits", 0.0)]) == [
        "By ft no tested prune ratio keeps the rise of test error within 0.5 points."
    ]


@pytest.mark.parametrize(
    ("low", "verdict"),
    [(0.01, "Every interval lies above zero"), (-0.01, "No interval lies above zero")],
)
def test_excess_error_is_decided_by_its_interval(low, verdict):
    slope = {
        "finding": "excess-slope",
        "distributions": ["digits+fog@3"],
        "method": "wt",
        "distribution": "shifted",
        "value": 0.02,
        "low": low,
        "high": 0.03,
    }
    text = told([slope])[0]
    assert text.startswith("Each 10 % pruned changes excess error by 0.2 points by wt (")
    assert verdict in text


def test_similarity_needs_both_metrics_and_every_level():
    rows = [similar(None, 0.0, "agreement", 0.9), similar(None, 0.0, "softmax_l2", 0.2)]
    rows += [similar("wt", 0.5, "agreement", 0.95), similar("wt", 0.5, "softmax_l2", 0.1)]
    rows += [similar("wt", 0.8, "agreement", 0.95), similar("wt", 0.8, "softmax_l2", 0.25)]
    assert told(rows) == [
        "Going by means, a pruned network is closer to its parent under noise than a separate one: up to 50 % for wt."
    ]


def test_without_a_control_nothing_is_said_of_similarity():
    assert told([similar("wt", 0.5, "agreement", 0.95)]) == []


def test_one_seed_and_the_grids_end_are_warned_of():
    row = potential("wt", "digits", 0.95) | {
        "seeds": 1,
        "flags": ["at-largest-ratio"],
    }
    text = told([row])
    assert text[-2].startswith("One seed:")
    assert (
        text[-1]
        == "1 potential sits on the largest prune ratio that was tested: the true value may be higher."
    )


def test_claims_are_counted_by_verdict():
    rows = [
        {"finding": "claim", "number": n, "verdict": verdict}
        for n, verdict in enumerate(["holds", "holds", "cannot tell"])
    ]
    assert told(rows) == ["Of 3 claims of the paper, 2 hold and 1 cannot be told."]


def test_the_parent_trained_as_long_is_told_of():
    control = [each | {"finding": "longer-potential", "value": each["value"] / 2} for each in WORST[:2]]
    told_of = "Against the unpruned parent trained as long again, the nominal potential is 40 % by wt."
    assert told_of in told([*WORST, *control])
    assert not any("trained as long" in sentence for sentence in told(WORST))
