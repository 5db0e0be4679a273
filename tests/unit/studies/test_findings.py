"""Findings from a store whose outcomes are made up, so that every number can be worked by hand. No torch."""

import numpy as np
import pytest

from prunekit.errors import UsageError
from prunekit.params import ErrorParams, NoiseParams, ReportParams, TrainParams
from prunekit.store.records import MeasurementRecord, Step
from prunekit.studies import findings
from prunekit.studies.choose import check_pruned
from prunekit.studies.outcomes import measured
from prunekit.studies.subject import measurements_of, report_context

SETTINGS = ReportParams(margin=0.1, resamples=200)


@pytest.fixture
def errors(study):
    """Errors in images of 40: nominal 4, 6, 9; fog 8, 16, 30 (parent, half, most)."""
    counts = {"digits": (4, 6, 9), "digits+fog@3": (8, 16, 30)}
    models = (study.parent, study.half, study.most)
    return [
        study.outcome(model, distribution, wrong)
        for distribution, wrongs in counts.items()
        for model, wrong in zip(models, wrongs, strict=True)
    ]


def value(rows, finding, **where):
    (row,) = [
        row
        for row in rows
        if row["finding"] == finding and all(row[name] == want for name, want in where.items())
    ]
    return row["value"]


def test_potentials_by_hand(study, errors):
    """Margin 0.1 is 4 of 40 images: nominal 6 <= 8 at 50 %, 9 > 8 at 80 %; fog 16 > 12 and 30 > 12: none."""
    rows = findings.error_findings(study.store, errors, SETTINGS)
    assert value(rows, "potential", distribution="digits") == pytest.approx(0.5)
    assert value(rows, "potential", distribution="digits+fog@3") == 0
    assert value(rows, "potential-mean", distribution="nominal and shifted") == pytest.approx(0.25)
    assert value(rows, "potential-minimum", distribution="nominal and shifted") == 0


def test_excess_error_by_hand(study, errors):
    """At 80 %: (30 - 9)/40 less the parent's (8 - 4)/40 is 17/40."""
    rows = findings.error_findings(study.store, errors, SETTINGS)
    assert value(rows, "excess-error", asked=0.8) == pytest.approx(17 / 40)


def test_another_margin_gives_another_potential_from_the_same_outcomes(study, errors):
    rows = findings.error_findings(study.store, errors, SETTINGS.model_copy(update={"margin": 0.5}))
    assert value(rows, "potential", distribution="digits") == pytest.approx(0.8)


def test_churn_by_hand(study, errors):
    """At 80 % on digits, images 4..8 changed: 5 of 40, all broken."""
    rows = findings.hidden_findings(study.store, errors, SETTINGS, only=["churn"])
    (row,) = [row for row in rows if row["distribution"] == "digits" and row["asked"] == 0.8]
    assert (row["value"], row["broken"], row["fixed"]) == (pytest.approx(5 / 40), pytest.approx(5 / 40), 0)


def test_churn_beside_any_other_network(study, errors):
    """Of the 40 images the separate network has 7 wrong, the parent the first 4 of them: 3 broken."""
    other = study.outcome(study.separate, "digits", 7)

    def to(record):
        return study.parent.key if record.key == study.separate.key else None

    (row,) = findings.hidden_findings(study.store, [*errors, other], SETTINGS, only=["churn"], to=to)
    assert (row["role"], row["broken"], row["fixed"]) == ("separate", pytest.approx(3 / 40), 0)


def test_classes_keep_their_names_where_two_tasks_are_studied(study, errors):
    parent = study.model(TrainParams(arch="resnet8", dataset="cifar10"), classes=("ship", "truck"))
    pruned = study.pruned(parent, 0.5)
    other = [study.outcome(model, "cifar10", 3) for model in (parent, pruned)]
    rows = findings.hidden_findings(study.store, [*errors, *other], SETTINGS, only=["recall-shift"])
    named = {(row["distribution"], row["class"]) for row in rows}
    assert {name for distribution, name in named if distribution == "cifar10"} == {"ship", "truck"}
    assert {name for distribution, name in named if distribution == "digits"} == {"cat", "dog"}


def test_what_is_not_measured_is_left_out(study, errors):
    missing = ErrorParams(model=study.most.key, distribution="digits+snow@3")
    assert findings.error_findings(study.store, [*errors, missing], SETTINGS) == findings.error_findings(
        study.store, errors, SETTINGS
    )
    assert findings.all_findings(study.store, [missing], SETTINGS) == []


def test_a_pruned_network_without_its_parents_outcome_is_left_out(study):
    alone = study.outcome(study.half, "digits", 3)
    assert measured(study.store, [alone]) == []


def noise(study, record, agreement):
    n = study.n
    params = NoiseParams(model=record.key, to=study.parent.key, images=n, draws=1, levels=(0.0, 0.5))
    arrays = {
        "agreement": np.full((2, n), agreement),
        "wrong": np.full((2, n), 0.1),
        "reference_wrong": np.full((2, n), 0.1),
    }
    study.store.save_outcomes(MeasurementRecord(key=params.key, step=Step.of(params)), arrays)
    return params


def test_a_separate_network_is_the_control(study):
    noises = [noise(study, study.half, 0.9), noise(study, study.separate, 0.6)]
    rows = findings.noise_findings(study.store, noises, SETTINGS)
    assert value(rows, "similarity", role="separate", metric="agreement", level=0.5) == pytest.approx(0.6)
    assert value(rows, "similarity-gain", method="wt", metric="agreement", level=0.5) == pytest.approx(0.3)


def test_a_potential_of_unpruned_networks_is_refused(study):
    with pytest.raises(UsageError, match="these are all unpruned"):
        check_pruned(study.store, [study.parent.key])
    check_pruned(study.store, [study.parent.key, study.half.key])


def test_measurements_of_models_take_their_parents_along(study, errors):
    found = measurements_of(study.store, [study.half.key])
    assert {step.model for step in found} == {study.half.key, study.parent.key}


def test_the_context_says_where_numbers_come_from(study):
    study.store.label("half", study.half.key)
    context = report_context(study.store, [study.parent.key, study.half.key], SETTINGS, title="T", recipe="R")
    assert (context["title"], context["recipe"], context["margin"], context["seeds"]) == ("T", "R", 0.1, [0])
    assert context["lineage"][1]["label"] == "half"
    assert [step["kind"] for step in context["lineage"][1]["steps"]] == ["train", "prune", "retrain"]


def test_more_classes_than_can_be_wrong_are_refused(study, errors):
    with pytest.raises(UsageError, match="top_k: with 2 of the 2 classes of digits, no prediction is wrong"):
        findings.error_findings(study.store, errors, SETTINGS.model_copy(update={"top_k": 2}))


def test_robust_and_ordinary_training_side_by_side(study, errors):
    """Fog: no ordinary network passes (16 and 30 of 40 against 8); the robust ones do, at 50 % (9 against 8)."""
    train = TrainParams(arch="resnet8", dataset="digits", train_distribution="digits+mix1")
    parent = study.model(train)
    pruned = study.pruned(parent, 0.5)
    counts = ((parent, 8), (pruned, 9), (study.pruned(pruned, 0.8), 30))
    robust = [study.outcome(model, "digits+fog@3", wrong) for model, wrong in counts]
    rows = findings.error_findings(study.store, [*errors, *robust], SETTINGS)
    assert value(rows, "potential", train_distribution="digits+mix1") == pytest.approx(0.5)
    assert value(rows, "robust-gain", method="wt", distribution="digits+fog@3") == pytest.approx(0.5)
