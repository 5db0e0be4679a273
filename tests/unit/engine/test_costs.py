import pytest

from prunekit.engine.costs import PastCosts, estimates, in_words, measured
from prunekit.params import ErrorParams, NoiseParams, PruneParams, RetrainParams, TrainParams
from prunekit.store.store import Store

TRAIN = TrainParams(arch="resnet8", dataset="digits", epochs=10)
PRUNE = PruneParams(parent=TRAIN.key, method="wt", prune_ratio=0.5)
SHORT = RetrainParams(parent=PRUNE.key, epochs=2)
LONG = RetrainParams(parent=SHORT.key)
ERROR = ErrorParams(model=LONG.key, distribution="digits")
NOISE = NoiseParams(model=LONG.key, to=TRAIN.key)
STEPS = [TRAIN, PRUNE, SHORT, LONG, ERROR, NOISE]


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "store")
    for seconds in (10, 30, 500):
        store.note_cost("train", arch="resnet8", dataset="digits", epochs=10, seconds=seconds)
    store.note_cost("train", arch="vgg16", dataset="digits", epochs=1, seconds=100)
    store.note_cost("retrain", arch="vgg16", dataset="cifar10", epochs=5, seconds=20)
    return store


def test_the_median_of_the_same_work_comes_first_then_of_the_same_kind(store):
    found = estimates({params.key: params for params in STEPS}, measured(store))
    assert found[TRAIN.key] == 3.0 * 10
    assert found[SHORT.key] == 4.0 * 2
    assert (
        found[LONG.key] == 4.0 * 10
    )  # as the unpruned parent was trained, not as its own parent was retrained
    assert found[ERROR.key] == 2.0


def test_networks_of_another_input_size_are_other_work(store):
    store.note_cost("train", arch="resnet8", dataset="digits", image_size=[16], epochs=10, seconds=2)
    small = TRAIN.model_copy(update={"image_size": (16, 16)})
    other = TRAIN.model_copy(update={"image_size": (8,)})
    steps = {params.key: params for params in (TRAIN, small, other)}
    found = estimates(steps, measured(store))
    assert [found[key] for key in steps] == [30.0, 2.0, 10 * measured(store).by_kind["train"]]


def test_nothing_measured_is_said(tmp_path, store):
    assert not measured(Store(tmp_path / "empty")).known
    assert measured(store).known


SENSELESS = (
    '{"seconds": "x"}', "[1]", '{"seconds": 1, "epochs": 0}', '{"seconds": Infinity}', '{"seconds": NaN}', '{"seconds": -1}',
    '{"seconds": 1' + "0" * 400 + "}", '{"seconds": 1, "epochs": 1' + "0" * 400 + "}", '{"seconds": 1, "epochs": null}',
)  # fmt: skip


def test_lines_that_make_no_sense_are_passed_over(store):
    path = store.root / "costs" / "train.jsonl"
    before = measured(store)
    path.write_bytes(path.read_bytes() + "\n".join(SENSELESS).encode() + b'\n\xff\n{"cut')
    assert measured(store) == before


def test_steps_without_their_root_are_costed_by_kind():
    assert estimates({LONG.key: LONG}, PastCosts({}, {"retrain": 3.0})) == {LONG.key: 3.0}


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "a second"), (40, "40 seconds"), (119, "2 minutes"), (3 * 3600, "3 hours"), (1e6, "12 days")],
)
def test_durations_in_words(seconds, words):
    assert in_words(seconds) == words
