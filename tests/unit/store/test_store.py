import os

import numpy as np
import pytest

from prunekit.errors import PrunekitWarning, StoreError, UsageError
from prunekit.params import ErrorParams, PruneParams, TrainParams
from prunekit.steps.make import require
from prunekit.store.records import MeasurementRecord, ModelRecord, Step
from prunekit.store.store import Store

TRAIN = TrainParams(arch="resnet8", dataset="digits", epochs=1)
PRUNE = PruneParams(parent=TRAIN.key, method="wt", prune_ratio=0.5)


def record(params, *ancestors, parameters=4, nonzero=4):
    lineage = tuple(Step.of(step) for step in (*ancestors, params))
    return ModelRecord(
        key=params.key,
        lineage=lineage,
        classes=("0", "1"),
        parameters=parameters,
        nonzero=nonzero,
        error=0.25,
    )


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "store")
    store.save_model(record(TRAIN), {"weight": np.ones(4, np.float32)}, {})
    store.save_model(
        record(PRUNE, TRAIN, nonzero=2),
        {"weight": np.ones(4, np.float32)},
        {"weight": np.array([1, 0, 1, 0], bool)},
    )
    return store


def test_a_store_is_opened_by_its_path_as_text_too(store):
    assert Store(str(store.root)).keys("models") == store.keys("models")


def test_weights_and_masks_come_back_under_their_own_names(store):
    weights, masks = store.tensors(PRUNE.key)
    assert list(weights) == ["weight"] == list(masks)
    assert masks["weight"].tolist() == [True, False, True, False]


def test_a_record_knows_its_lineage(store):
    found = store.record(PRUNE.key)
    assert [step.kind for step in found.lineage] == ["train", "prune"]
    assert (found.root.key, found.parent, found.method, found.prune_ratio) == (
        TRAIN.key,
        TRAIN.key,
        "wt",
        0.5,
    )
    assert found.param("epochs") == 1
    assert found.param("seed") == 0


def test_names_resolve(store):
    store.label("small", PRUNE.key)
    assert store.resolve("small") == PRUNE.key
    assert store.resolve(PRUNE.key) == PRUNE.key
    assert store.resolve(PRUNE.key[:9]) == PRUNE.key
    assert store.resolve(PRUNE.key.partition("-")[2][:6]) == PRUNE.key


def test_a_label_that_moves_says_whose_it_was(store):
    store.label("small", PRUNE.key)
    store.label("small", PRUNE.key)
    with pytest.warns(PrunekitWarning, match=f"label 'small' was {PRUNE.key}'s, and is {TRAIN.key}'s now"):
        store.label("small", TRAIN.key)
    assert store.resolve("small") == TRAIN.key


def test_a_name_that_matches_none_or_several_says_so(store):
    with pytest.raises(UsageError, match="unknown model 'nothing'"):
        store.resolve("nothing")
    another = TRAIN.model_copy(update={"seed": 7})
    store.save_model(record(another), {}, {})
    with pytest.raises(UsageError, match="'train-' means 2 models"):
        store.resolve("train-")


@pytest.mark.parametrize(
    "label", ["../out", "", ".hidden", "a/b", "a" * 101, "train-0123456789abcdef", "a\nb"]
)
def test_labels_cannot_leave_their_folder_or_look_like_keys(store, label):
    with pytest.raises(UsageError, match="label"):
        store.label(label, TRAIN.key)


@pytest.mark.parametrize(
    "key", ["../../etc/passwd", "train-../x", "train-0123", "train-0123456789abcdef/../x", ""]
)
def test_keys_cannot_leave_their_folder(store, key):
    with pytest.raises(UsageError, match="is not a key"):
        store.path(key)


def test_a_store_path_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="is a file"):
        Store(tmp_path / "file")


def test_a_file_under_another_key_is_damage(store):
    store.path(TRAIN.key).replace(store.path(PRUNE.key))
    with pytest.raises(StoreError, match=f"it holds {TRAIN.key}"):
        store.record(PRUNE.key)


def test_a_measurement_comes_back(store):
    params = ErrorParams(model=TRAIN.key, distribution="digits")
    store.save_outcomes(
        MeasurementRecord(key=params.key, step=Step.of(params), summary={"n": 3}), {"rank": np.arange(3)}
    )
    assert store.outcomes(params.key)["rank"].tolist() == [0, 1, 2]
    assert store.measurement(params.key).step.read() == params
    assert store.keys("measurements") == [params.key]


def test_require_names_what_is_missing(store):
    lost = PruneParams(parent="train-0123456789abcdef", method="wt", prune_ratio=0.5)
    with pytest.raises(StoreError, match="needs train-0123456789abcdef, which is not in the store"):
        require(store, lost)
    require(store, PRUNE)


def test_leftovers_are_half_written_files_and_checkpoints_of_finished_steps(store):
    part = store.root / "models" / ".x.safetensors.0a1b0a1b0a1b.part"
    done, open_ = store.checkpoint(TRAIN.key), store.checkpoint("train-ffffffffffffffff")
    for path in (part, done, open_):
        path.parent.mkdir(exist_ok=True)
        path.touch()
    assert store.leftovers() == sorted([part, done])


def test_a_model_that_a_later_one_needs_is_found_by_header_alone(store):
    whole = store.path(TRAIN.key).read_bytes()
    store.path(TRAIN.key).write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert store.record(TRAIN.key).key == TRAIN.key
    with pytest.raises(StoreError, match="do not match their digest"):
        store.tensors(TRAIN.key)


def test_the_latest_notes_of_what_steps_took_are_read_and_no_more(tmp_path):
    store = Store(tmp_path)
    for place in range(30):
        store.note_cost("train", key=f"train-{place}", seconds=place, arch="resnet8" * 9)
    assert [note["seconds"] for note in store.costs("train", latest=3)] == [27, 28, 29]
    assert len(store.costs("train")) == 30
    os.truncate(tmp_path / "costs" / "train.jsonl", 10**13)
    assert store.costs("train") == []
    assert store.costs("noise") == []
