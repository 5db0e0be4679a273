"""What a report is about: every model that was named is in it, or it is said why not."""

import pytest

from prunekit.errors import UsageError
from prunekit.params import ReportParams
from prunekit.studies.subject import Source, check_rows, of_models, of_plan, write_report

SETTINGS = ReportParams(margin=0.1, resamples=100)


def test_a_model_without_measurements_is_refused_by_name(study):
    for record in (study.parent, study.half):
        study.outcome(record, "digits", 5)
    named = [study.parent.key, study.half.key]
    found = of_models(study.store, named, SETTINGS, "T", say=print)
    assert [model["key"] for model in found.context["lineage"]] == named
    with pytest.raises(
        UsageError, match=f"there is no measurement of {study.most.key}: the report would have no number"
    ):
        of_models(study.store, [*named, study.most.key], SETTINGS, "T", say=print)


def test_a_plan_is_reported_under_its_title(study):
    steps = [study.outcome(record, "digits", 5) for record in (study.parent, study.half)]
    found = of_plan(study.store, steps, SETTINGS, Source("A title", "a recipe"), say=print)
    assert (found.context["title"], found.context["recipe"]) == ("A title", "a recipe")
    assert {row["finding"] for row in found.rows} >= {"potential", "claim"}


def test_nothing_to_report_and_a_file_in_the_way_are_one_line(study, tmp_path):
    empty = of_models(study.store, [study.half.key], SETTINGS, "T", say=print)
    with pytest.raises(UsageError, match="nothing to report"):
        check_rows(empty)
    (tmp_path / "out").write_text("mine")
    found = empty._replace(rows=[{"finding": "claim"}])
    with pytest.raises(UsageError, match="a file is in the way; name another folder"):
        write_report(found, tmp_path / "out", study.store, tmp_path)
