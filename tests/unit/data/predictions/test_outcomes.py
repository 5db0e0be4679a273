import numpy as np
import pytest
import torch

from prunekit.data.predictions.outcomes import Predictions, Scores, checked, outcomes
from prunekit.data.scoring import classification_outcomes
from prunekit.errors import UsageError

DRAWS = np.random.default_rng(0)
LOGITS = DRAWS.normal(size=(50, 7)) * 3
LABELS = DRAWS.integers(0, 7, 50)


def test_outcomes_are_those_that_a_measurement_of_the_same_logits_stores():
    logits = LOGITS.copy()
    logits[3] = 1.0  # all tied
    logits[4, LABELS[4]] = logits[4].max()  # tied with the best
    own = outcomes(Predictions(LABELS, logits, Scores.LOGITS))
    measured = classification_outcomes(torch.from_numpy(logits), torch.from_numpy(LABELS))
    assert list(own) == list(measured)
    for name, values in measured.items():
        np.testing.assert_allclose(own[name], values.numpy(), atol=2e-6, err_msg=name)
        assert own[name].dtype == values.numpy().dtype


def test_probabilities_give_what_their_logits_give():
    p = torch.from_numpy(LOGITS).softmax(dim=1).numpy()
    own, other = (
        outcomes(Predictions(LABELS, scores, kind))
        for scores, kind in ((p, Scores.PROBABILITIES), (LOGITS, Scores.LOGITS))
    )
    for name in own:
        np.testing.assert_allclose(own[name], other[name], atol=2e-6)


def test_classes_alone_give_right_and_wrong():
    own = outcomes(Predictions(np.array([0, 1, 2]), np.array([0, 2, 2]), Scores.CLASSES))
    assert own["rank"].tolist() == [0, 1, 0]
    assert set(own) == {"predicted", "label", "rank"}


def test_a_certain_wrong_answer_has_a_finite_loss():
    own = outcomes(Predictions(np.array([0]), np.array([[0.0, 1.0]]), Scores.PROBABILITIES))
    assert own["loss"][0] == pytest.approx(-np.log(1e-12), rel=1e-3)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"labels": np.array([0, 7])}, "outside 0 to 2"),
        ({"labels": np.array([0, -1])}, "outside 0 to 2"),
        ({"labels": np.array([0])}, "1 labels for 2 predictions"),
        ({"scores": np.array([[0.2, 0.3, 0.5], [np.nan, 0, 1]])}, "not numbers"),
        ({"scores": np.array([[0.2, 0.3, 0.5], [0.9, 0.9, 0.9]])}, "do not sum to 1"),
        ({"scores": np.array([[0.2, 0.3, 0.5], [-1.0, 1.0, 1.0]])}, "outside 0 to 1"),
        ({"scores": np.array([[1.0], [1.0]])}, "2 or more classes"),
        ({"ids": ("a",)}, "1 ids for 2 labels"),
        ({"ids": ("a", "a")}, "'a' appears twice"),
        ({"labels": np.array([], dtype=int), "scores": np.empty((0, 3))}, "no predictions"),
    ],
)
def test_what_cannot_be_is_refused_and_named(change, why):
    good = {
        "labels": np.array([0, 2]),
        "scores": np.array([[0.2, 0.3, 0.5], [0.1, 0.1, 0.8]]),
        "kind": Scores.PROBABILITIES,
        "ids": None,
    }
    with pytest.raises(UsageError, match=why):
        checked(Predictions(**(good | change)), "file")


def test_the_first_wrong_example_is_named_by_its_id():
    found = Predictions(np.array([0, 9, 9]), np.zeros((3, 2)), Scores.LOGITS, ("x.png", "y.png", "z.png"))
    with pytest.raises(UsageError, match=r"example 'y.png'.*\(and 1 more\)"):
        checked(found, "file")
