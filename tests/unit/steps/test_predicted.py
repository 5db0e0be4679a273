import numpy as np
import pytest

from prunekit.data.predictions.outcomes import Predictions, Scores
from prunekit.errors import PrunekitWarning, UsageError
from prunekit.params import ErrorParams
from prunekit.steps.predicted import Known, add, names_in
from prunekit.store import Store

DRAWS = np.random.default_rng(0)
LABELS = DRAWS.integers(0, 3, 40)
LOGITS = DRAWS.normal(size=(40, 3))
IDS = tuple(f"{place:02d}.png" for place in range(40))


def predictions(ids=IDS, labels=LABELS, logits=LOGITS):
    return Predictions(labels, logits, Scores.LOGITS, ids)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def test_a_network_known_by_its_predictions_has_a_record_a_label_and_outcomes(store):
    record, measurement = add(store, Known("dense"), predictions(), "photos")
    assert store.resolve("dense") == record.key
    assert (record.form, record.prune_ratio, record.param("dataset")) == ("predictions", 0.0, "photos")
    assert store.record(record.key).error == measurement.summary["error"]
    assert names_in(store.outcomes(measurement.key)) == IDS
    assert list(store.problems()) == []


def test_a_descendant_has_its_ratio_its_method_and_the_parents_classes(store):
    parent, _ = add(store, Known("dense", classes=("a", "b", "c")), predictions(), "photos")
    small, _ = add(store, Known("half", parent.key, "magnitude", 0.5), predictions(), "photos")
    assert (small.prune_ratio, small.method, small.classes) == (0.5, "magnitude", ("a", "b", "c"))
    assert small.root.key == parent.key


def test_files_in_another_order_pair_by_their_ids(store):
    parent, first = add(store, Known("dense"), predictions(), "photos")
    order = DRAWS.permutation(40)
    shuffled = Predictions(LABELS[order], LOGITS[order], Scores.LOGITS, tuple(IDS[place] for place in order))
    _, second = add(store, Known("copy", parent.key), shuffled, "photos")
    one, other = store.outcomes(first.key), store.outcomes(second.key)
    assert all(np.array_equal(one[name], other[name]) for name in one)


def test_where_the_parents_have_no_ids_the_order_of_the_file_counts(store):
    parent, first = add(store, Known("dense"), predictions(ids=None), "photos")
    backwards = tuple(reversed(IDS))
    with pytest.warns(
        PrunekitWarning, match="photos: the parent's outcomes have no ids, so examples are paired by"
    ):
        _, second = add(store, Known("copy", parent.key), predictions(ids=backwards), "photos")
    one, other = store.outcomes(first.key), store.outcomes(second.key)
    assert one.keys() == other.keys()
    assert all(np.array_equal(one[name], other[name]) for name in one)
    assert store.measurement(first.key).provenance == store.measurement(second.key).provenance


def test_more_distributions_belong_to_the_same_network(store):
    first, _ = add(store, Known("dense"), predictions(), "photos")
    second, night = add(store, Known("dense"), predictions(), "night")
    assert first.key == second.key
    assert night.key == ErrorParams(model=first.key, distribution="night").key
    assert store.record(first.key).param("dataset") == "photos"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"ids": (*IDS[:-1], "x.png")}, "lack 'x.png'"),
        ({"labels": (LABELS + 1) % 3}, "has the label"),
        ({"logits": DRAWS.normal(size=(40, 4))}, "have 4 classes"),
        ({"ids": IDS[:-1], "labels": LABELS[:-1], "logits": LOGITS[:-1]}, "these predictions lack '39.png'"),
        ({"ids": None, "labels": LABELS[:-1], "logits": LOGITS[:-1]}, "39 predictions for the 40"),
    ],
)
def test_other_examples_than_the_parents_are_refused_and_nothing_is_stored(store, change, why):
    parent, _ = add(store, Known("dense"), predictions(), "photos")
    before = store.present()
    with pytest.raises(UsageError, match=why):
        add(store, Known("other", parent.key), predictions(**change), "photos")
    assert store.present() == before
    assert "other" not in store.labels()


def test_a_name_means_one_network(store):
    parent, _ = add(store, Known("dense"), predictions(), "photos")
    add(store, Known("half", parent.key, prune_ratio=0.5), predictions(), "photos")
    with pytest.raises(UsageError, match=r"was added with prune_ratio 0\.5, not 0\.6"):
        add(store, Known("half", parent.key, prune_ratio=0.6), predictions(), "night")
