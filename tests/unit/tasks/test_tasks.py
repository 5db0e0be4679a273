"""Errors from stored outcomes, worked by hand."""

import numpy as np
import pytest

from prunekit.analysis.outcome import outcome_of
from prunekit.errors import PrunekitError
from prunekit.params import ErrorParams
from prunekit.store.records import MeasurementRecord, Step
from prunekit.store.sense import senseless_measurement
from prunekit.studies.findings import HIDDEN
from prunekit.tasks import TASKS
from prunekit.tasks.classification import top_k_error
from prunekit.tasks.segmentation import miou_error, pixel_error
from prunekit.tasks.task import Counts, Task


def test_top_k_error_counts_ranks():
    outcomes = {"rank": np.array([0, 1, 4, 0])}
    assert [top_k_error(outcomes, k) for k in (1, 2, 5)] == [0.5, 0.25, 0.0]


def test_miou_sums_over_the_data_set_before_it_divides():
    # Per image the IoU of class 0 is 1/1 and 1/9; over the data set it is 2/10, and class 1 never appears.
    outcomes = {"intersection": np.array([[1, 0], [1, 0]]), "union": np.array([[1, 0], [9, 0]])}
    assert miou_error(outcomes) == pytest.approx(0.8)


def test_miou_counts_a_class_that_is_only_predicted():
    outcomes = {"intersection": np.array([[4, 0]]), "union": np.array([[4, 1]])}
    assert miou_error(outcomes) == pytest.approx(0.5)


def test_pixel_error_weighs_images_by_their_pixels():
    assert pixel_error({"wrong": np.array([1, 0]), "pixels": np.array([1, 9])}) == pytest.approx(0.1)


def test_images_without_a_labelled_pixel_have_no_error():
    empty = {
        "intersection": np.zeros((1, 3)),
        "union": np.zeros((1, 3)),
        "wrong": np.zeros(1),
        "pixels": np.zeros(1),
    }
    assert miou_error(empty) == 0
    assert pixel_error(empty) == 0


@pytest.mark.parametrize("task", TASKS)
def test_no_examples_have_no_error(task):
    none = {name: np.zeros((0, 2)) for name in ("rank", "intersection", "union")}
    with pytest.raises(PrunekitError, match="zero examples"):
        TASKS[task].error(none)


@pytest.mark.parametrize("name", TASKS)
def test_the_counts_of_a_task_add_up_to_its_error(name):
    arrays = {
        "rank": np.array([0, 1, 4, 0]),
        "intersection": np.array([[1, 2], [3, 0]]),
        "union": np.array([[2, 2], [6, 1]]),
    }
    counts = TASKS[name].outcome(arrays)
    total = len(counts.wrong) if counts.total is None else counts.total.sum(axis=0)
    assert (counts.wrong.sum(axis=0) / total).mean() == pytest.approx(TASKS[name].error(arrays))


@pytest.mark.parametrize("name", TASKS)
def test_the_findings_of_a_task_are_those_that_its_arrays_carry(name):
    assert TASKS[name].findings <= set(HIDDEN)


def test_a_class_that_is_only_predicted_does_not_count():
    """Two classes in the truth, a third predicted for one pixel: its intersection over union of 0 is no third of the mean."""
    arrays = {
        "intersection": np.array([[90, 10, 0]]),
        "union": np.array([[91, 10, 1]]),
        "truth": np.array([[91, 10, 0]]),
    }
    task = TASKS["segmentation"]
    assert task.error(arrays) == pytest.approx(1 - (90 / 91 + 1) / 2)
    wrong, total = task.outcome(arrays)
    assert (wrong.tolist(), total.tolist()) == ([[1, 0]], [[91, 10]])


def test_outcomes_of_version_0_1_count_as_they_did():
    arrays = {"intersection": np.array([[90, 10, 0]]), "union": np.array([[91, 10, 1]])}
    assert TASKS["segmentation"].error(arrays) == pytest.approx(1 - (90 / 91 + 1) / 3)


def _tagging():
    """A third task: tags, of which a share is wrong."""

    def senseless(arrays):
        if (arrays["missed"] > arrays["tags"]).any():
            yield "more tags are missed than there are"

    def outcome(arrays, *, top_k=1):
        return Counts(arrays["missed"].reshape(-1, 1), arrays["tags"].reshape(-1, 1))

    def error(arrays):
        return float(arrays["missed"].sum() / arrays["tags"].sum())

    nothing = TASKS["segmentation"]
    return Task(nothing.loss, nothing.outcomes, outcome, error, "missed tags", senseless)


def _stored(summary):
    step = Step.of(ErrorParams(model="train-0000000000000000", distribution="digits"))
    return MeasurementRecord(key=step.key, step=step, summary=summary, provenance={})


def test_a_third_task_is_one_row(monkeypatch):
    """Its arrays are counted and its store is checked, by what its row says alone."""
    monkeypatch.setitem(TASKS._own, "tagging", _tagging())
    arrays = {"missed": np.array([1, 0]), "tags": np.array([3, 2])}
    assert outcome_of(arrays, task="tagging").error == pytest.approx(0.2)
    assert not TASKS["tagging"].breaks
    said = {"n": 2, "task": "tagging", "error": 0.2}
    assert senseless_measurement(_stored(said), arrays) == ""
    assert senseless_measurement(_stored(said | {"error": 0.3}), arrays).startswith("its error does not")
    more = arrays | {"missed": np.array([4, 0])}
    assert senseless_measurement(_stored(said), more) == "more tags are missed than there are"
    assert senseless_measurement(_stored(said | {"task": "none"}), arrays) == "its task 'none' is unknown"
