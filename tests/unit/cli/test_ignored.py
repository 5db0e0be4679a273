import pytest

from prunekit.cli.ignored import RUN, SIMILARITY, check
from prunekit.errors import UsageError

UNSET = {"out": None, "dry_run": False, "calibrate": None, "address": None, "per_gpu": 1, "executor": "local"}
UNSET |= {"device": "cpu"}


@pytest.mark.parametrize(
    ("given", "flag"),
    [
        ({"out": "report", "dry_run": True}, "--out"),
        ({"calibrate": True}, "--calibrate/--no-calibrate"),
        ({"calibrate": False}, "--calibrate/--no-calibrate"),
        ({"address": "10.0.0.1:6379"}, "--address"),
        ({"per_gpu": 2}, "--per-gpu"),
    ],
)
def test_a_flag_that_would_change_nothing_is_refused(given, flag):
    with pytest.raises(UsageError, match=f"{flag} would change nothing here"):
        check(RUN, UNSET | given)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"out": "report"},
        {"dry_run": True, "calibrate": True},
        {"executor": "ray", "address": "auto"},
        {"device": "cuda:1", "per_gpu": 2},
    ],
)
def test_a_flag_that_means_something_is_taken(given):
    check(RUN, UNSET | given)


@pytest.mark.parametrize("given", [{}, {"churn": True, "top_k": 5}, {"churn": True, "error_seed": 3}])
def test_settings_of_similarity_that_are_unset_or_of_churn_are_taken(given):
    check(SIMILARITY, {"churn": False, "top_k": None, "error_seed": None} | given)


@pytest.mark.parametrize("given", [{"top_k": 5}, {"error_seed": 3}])
def test_settings_of_churn_are_refused_without_it(given):
    with pytest.raises(UsageError, match="it applies only with --churn"):
        check(SIMILARITY, {"churn": False, "top_k": None, "error_seed": None} | given)
