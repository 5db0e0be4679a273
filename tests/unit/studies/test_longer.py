"""An unpruned network that was trained again is a control of its own: not pruned, not separate."""

import numpy as np
import pytest

from prunekit.params import NoiseParams, ReportParams, RetrainParams, TrainParams
from prunekit.store.records import MeasurementRecord, Step
from prunekit.studies import findings
from prunekit.studies.outcomes import casts, compared, measured

SETTINGS = ReportParams(margin=0.1, resamples=200)


@pytest.fixture
def longer(study):
    """The control, trained again from the study's parent."""
    return study.model(RetrainParams(parent=study.parent.key), study.parent.lineage)


@pytest.fixture
def errors(study, longer):
    """The parent is wrong on 6 of 40 images, the control on 2, the network pruned to a half on 8."""
    counts = {study.parent.key: 6, longer.key: 2, study.half.key: 8, study.separate.key: 5}
    models = {record.key: record for record in (study.parent, longer, study.half, study.separate)}
    return [study.outcome(models[key], "digits", wrong) for key, wrong in counts.items()]


def rows_of(study, errors):
    found = {}
    for row in findings.error_findings(study.store, errors, SETTINGS):
        found.setdefault(row["finding"], []).append(row)
    return found


def test_its_error_and_the_potential_against_it_are_findings(study, longer, errors):
    found = rows_of(study, errors)
    (row,) = found["longer-error"]
    assert (row["models"], row["value"]) == ([longer.key], pytest.approx(2 / 40))
    assert row["rise"] == pytest.approx(-4 / 40)
    # The margin is 4 images: 8 <= 6 + 4, but 8 > 2 + 4.
    assert found["potential"][0]["value"] == pytest.approx(0.5)
    assert found["longer-potential"][0]["value"] == 0


def noise(study, record):
    params = NoiseParams(model=record.key, to=study.parent.key, levels=(0.0,))
    step = MeasurementRecord(key=params.key, step=Step.of(params))
    study.store.save_outcomes(step, {"agreement": np.ones((1, 40))})
    return params


def test_it_is_no_pruned_network_and_no_separate_one(study, longer, errors):
    assert {each.record.key for each in measured(study.store, errors)} == {study.half.key}
    noises = [noise(study, record) for record in (study.half, study.separate, longer)]
    found = {each.key: each.variant.role for each in compared(study.store, noises)}
    assert found == {study.half.key: "pruned", study.separate.key: "separate", longer.key: "longer"}
    (cast,) = casts(study.store, [study.parent.key, study.half.key, study.separate.key, longer.key])
    assert cast.parts == {study.parent.key: 0.0, study.half.key: 0.5, study.separate.key: "separate"}


def test_without_the_control_there_is_nothing_to_say(study, longer, errors):
    others = [params for params in errors if params.model != longer.key]
    assert {"longer-error", "longer-potential"}.isdisjoint(rows_of(study, others))


def test_two_controls_of_one_parent_have_rows_of_their_own(study, longer, errors):
    tuned = study.model(RetrainParams(parent=study.parent.key, mode="fine-tune"), study.parent.lineage)
    found = rows_of(study, [*errors, study.outcome(tuned, "digits", 30)])
    assert [row["models"] for row in found["longer-error"]] == [[longer.key], [tuned.key]]
    controls = {row["variant"]: row["value"] for row in found["longer-error"]}
    assert {row["control"]: row["value"] for row in found["longer-potential"]} == dict(
        zip(controls, (0, 0.5), strict=True)
    )


def test_two_retrainings_of_one_parent_are_repetitions_of_one_control(study, longer, errors):
    """Against the first (2 of 40 wrong) nothing is commensurate, against the second (6) half is: .25."""
    again = study.model(RetrainParams(parent=study.parent.key, seed=1), study.parent.lineage)
    found = rows_of(study, [*errors, study.outcome(again, "digits", 6)])
    (error,), (potential,) = found["longer-error"], found["longer-potential"]
    assert (error["value"], error["seeds"], error["repetitions"]) == (pytest.approx(4 / 40), 1, 2)
    assert error["models"] == [longer.key, again.key]
    assert (potential["value"], potential["repetitions"]) == (0.25, 2)


def test_each_ratio_is_compared_with_the_control_that_was_trained_as_long(study, longer, errors):
    """Half: 8 > 2 + 4 images. The next, retrained twice: 11 <= 7 + 4, though 11 > 2 + 4."""
    twice = study.model(RetrainParams(parent=longer.key), longer.lineage)
    more = [study.outcome(twice, "digits", 7), study.outcome(study.most, "digits", 11)]
    found = rows_of(study, [*errors, *more])
    epochs = TrainParams(arch="resnet8", dataset="digits").epochs
    assert [row["rounds"] for row in found["longer-error"]] == [[epochs], [epochs, epochs]]
    half, most = found["longer-rise"]
    assert [half["value"], most["value"]] == pytest.approx([6 / 40, 4 / 40])
    assert [half["retrained"], most["retrained"]] == [epochs, 2 * epochs]
    assert all(row["fair"] and row["control_retrained"] == row["retrained"] for row in (half, most))
    (potential,) = found["longer-potential"]
    assert (potential["value"], potential["fair_at"]) == (pytest.approx(0.8), [0.5, 0.8])


def test_one_control_says_which_ratio_it_is_fair_to(study, longer, errors):
    found = rows_of(study, [*errors, study.outcome(study.most, "digits", 11)])
    assert [row["fair"] for row in found["longer-rise"]] == [True, False]
    assert found["longer-potential"][0]["fair_at"] == [0.5]


def test_of_controls_in_one_round_and_in_two_that_of_as_many_rounds_is_taken(study, longer, errors):
    twice = study.model(RetrainParams(parent=longer.key), longer.lineage)
    epochs = 2 * TrainParams(arch="resnet8", dataset="digits").epochs
    long = study.model(RetrainParams(parent=study.parent.key, epochs=epochs), study.parent.lineage)
    more = [(twice, 7), (long, 1), (study.most, 11)]
    found = rows_of(study, [*errors, *(study.outcome(model, "digits", wrong) for model, wrong in more)])
    assert [row["value"] for row in found["longer-rise"]] == pytest.approx([6 / 40, 4 / 40])


def test_a_ratio_without_a_control_of_its_length_is_left_out_where_controls_differ(study, longer, errors):
    epochs = 3 * TrainParams(arch="resnet8", dataset="digits").epochs
    long = study.model(RetrainParams(parent=study.parent.key, epochs=epochs), study.parent.lineage)
    more = [study.outcome(long, "digits", 1), study.outcome(study.most, "digits", 11)]
    assert [row["asked"] for row in rows_of(study, [*errors, *more])["longer-rise"]] == [0.5]


@pytest.mark.parametrize(("mode", "fair"), [("lr-rewind", True), ("none", False), ("least-squares", False)])
def test_modes_that_train_nothing_count_no_epochs(study, longer, errors, mode, fair):
    pruned = study.pruned(study.parent, 0.9, mode)
    found = rows_of(study, [*errors, study.outcome(pruned, "digits", 9)])
    assert next(row["fair"] for row in found["longer-rise"] if row["asked"] == 0.9) is fair


def test_controls_of_ordinary_and_of_robust_training_are_not_seeds_of_one(study, errors):
    robust = study.model(TrainParams(arch="resnet8", dataset="digits", train_distribution="digits+mix1"))
    control = study.model(RetrainParams(parent=robust.key), robust.lineage)
    more = [study.outcome(robust, "digits", 4), study.outcome(control, "digits", 3)]
    found = {row["train_distribution"]: row for row in rows_of(study, [*errors, *more])["longer-error"]}
    assert found["digits+mix1"]["models"] == [control.key]
    assert [row["seeds"] for row in found.values()] == [1, 1]
