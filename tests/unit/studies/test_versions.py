"""What is paired is of one version: mixed versions are refused, and what says nothing is warned of."""

import numpy as np
import pytest

from prunekit.errors import PrunekitWarning, StoreError, UsageError
from prunekit.params import ErrorParams, ReportParams
from prunekit.store.records import MeasurementRecord, Step
from prunekit.studies.findings import error_findings, hidden_findings, noise_findings
from prunekit.studies.versions import check_versions


def _noted(study, params, **made):
    """The stored outcomes again, with what they were made of."""
    record, arrays = study.store.measurement(params.key), study.store.outcomes(params.key)
    model = study.store.record(params.model).model_copy(update={"error": record.summary["error"]})
    study.store.save_model(model, {"w": np.zeros(1, np.float32)}, {})
    inputs = {params.model: study.store.digest(params.model)}
    made = {"made_of": {"digits": "one"}, "made_from": inputs} | made
    study.store.save_outcomes(
        MeasurementRecord(key=record.key, step=record.step, summary=record.summary, provenance=made), arrays
    )


@pytest.fixture
def errors(study):
    found = [study.outcome(study.parent, "digits", 4), study.outcome(study.half, "digits", 8)]
    for params in found:
        _noted(study, params)
    return found


def test_one_version_goes_together(study, errors, recwarn):
    check_versions(study.store, errors)
    assert [str(each.message) for each in recwarn] == []


@pytest.mark.parametrize("findings", [error_findings, hidden_findings])
def test_two_versions_of_a_test_set_are_never_paired(study, errors, findings):
    _noted(study, errors[1], made_of={"digits": "two"})
    with pytest.raises(UsageError, match=r"two versions of digits are mixed: error-.* and error-.*"):
        findings(study.store, errors, ReportParams(resamples=100))


def test_two_versions_of_a_builder_are_never_paired(study, errors):
    for params, code in zip(errors, ("x", "y"), strict=True):
        _noted(study, params, made_by={"module:nets:build": code})
    with pytest.raises(UsageError, match="two versions of module:nets:build are mixed"):
        check_versions(study.store, errors)


def test_a_record_that_disagrees_with_its_outcomes_is_refused(study, errors):
    record = study.store.record(study.half.key).model_copy(update={"error": 0.0})
    study.store.save_model(record, {"w": np.zeros(1, np.float32)}, {})
    with pytest.raises(
        StoreError, match=f"{study.half.key} says that its error is 0, but its outcomes .* give 0.2"
    ):
        error_findings(study.store, errors, ReportParams(resamples=100))


def test_what_was_measured_of_another_model_under_the_key_is_refused(study, errors):
    study.store.save_model(study.store.record(study.half.key), {"w": np.ones(1, np.float32)}, {})
    with pytest.raises(
        UsageError, match=f"was made from another version of {study.half.key} than the one in the store"
    ):
        check_versions(study.store, errors)


def test_results_of_version_0_1_are_reported_on_with_one_warning(study):
    found = [study.outcome(study.parent, "digits", 4), study.outcome(study.half, "digits", 8)]
    with pytest.warns(PrunekitWarning, match="by prunekit 0.1") as said:
        assert error_findings(study.store, found, ReportParams(resamples=100))
    assert len({str(each.message) for each in said}) == 1


def test_what_is_missing_is_passed_over(study, errors):
    check_versions(study.store, [*errors, ErrorParams(model=study.most.key, distribution="digits")])
    assert noise_findings(study.store, [], ReportParams()) == []
    assert Step.of(errors[0]).key == errors[0].key
