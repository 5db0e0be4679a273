import math

from prunekit.report.study import nominal_of, plain, read_study, reading_order, split


def test_nominal_is_the_shortest_unshifted_name():
    assert (
        nominal_of(
            [
                {"distribution": "cifar10+fog@3", "nominal": False},
                {"distribution": "cifar10", "nominal": True},
            ]
        )
        == "cifar10"
    )
    assert nominal_of([{"distribution": "cifar10+fog@3", "nominal": False}]) is None


def test_the_name_of_a_set_is_no_distribution():
    """Any name longer than "nominal" would lose to it."""
    photos = {"finding": "potential", "distribution": "folder:photos", "nominal": True}
    of_set = {
        "finding": "potential-mean",
        "distribution": "nominal",
        "distributions": ["folder:photos"],
        "nominal": True,
    }
    assert read_study([of_set, photos], {}).nominal == "folder:photos"


def test_numbers_that_are_not_finite_become_missing():
    assert plain({"a": math.nan, "b": [math.inf, 1.5], "c": {2, 1}}) == {
        "a": None,
        "b": [None, 1.5],
        "c": [1, 2],
    }


def test_the_order_of_rows_does_not_matter():
    rows = [{"finding": "churn", "value": value} for value in (0.3, 0.1, 0.2)]
    assert read_study(rows, {}) == read_study(rows[::-1], {})


def test_methods_are_read_in_the_papers_order_and_the_control_last():
    names = ["separate", "random", "pfp", "wt", "ft", "sipp"]
    assert sorted(names, key=reading_order) == ["wt", "sipp", "ft", "pfp", "random", "separate"]


def test_numbers_are_read_by_size():
    rows = [{"level": level} for level in (0.5, 0.05, 0.1)]
    assert list(split(rows, "level")) == [0.05, 0.1, 0.5]


def test_rows_of_another_margin_and_interpolated_ones_are_not_shown():
    rows = [
        {"finding": "potential", "margin": margin, "interpolated": read}
        for margin in (0.005, 0.01)
        for read in (False, True)
    ]
    assert read_study(rows, {"margin": 0.01}).of("potential") == [rows[2]]
    assert read_study(rows[1::2], {"margin": 0.01}).of("potential") == [rows[3]]


def test_what_else_the_context_says_is_kept_as_facts():
    study = read_study([], {"title": "T", "seeds": [0, 1], "versions": {"torch": "2"}})
    assert study.title == "T"
    assert study.facts == (("seeds", [0, 1]), ("versions", {"torch": "2"}))
