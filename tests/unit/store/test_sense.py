"""Right digests around what cannot be: named, and nothing of it is given out."""

import itertools
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from prunekit.errors import StoreError
from prunekit.store import archive
from prunekit.store.store import Store

GOLDEN = Path(__file__).resolve().parents[2] / "data" / "store" / "v1"
TRAIN, PRUNE, RETRAIN = "train-43ae8cc7ef596dce", "prune-7f37147db829c9ec", "retrain-e30eddee8e02023e"
ERROR, NOISE = "error-a74e85a2278b5a9a", "noise-a658b735437a060c"
FEATURES, TRANSFER = "features-fefb22b66413c676", "transfer-c659d05068240109"


@pytest.fixture
def store(tmp_path):
    shutil.copytree(GOLDEN, tmp_path / "store")
    return Store(tmp_path / "store")


def _change(store, key, *, arrays=None, record=None):
    """Lay a file down again, with right digests, after a change of its arrays or its record."""
    path = store.path(key)
    held, said = archive.read(path)
    said = json.loads(json.dumps(said))
    (arrays or (lambda held: None))(held)
    (record or (lambda said: None))(said)
    path.write_bytes(archive.dump(held, said))


RECORDS = {
    "parameters of another key": (TRAIN, lambda r: r["lineage"][0]["params"].update(seed=9)),
    "a root that prunes": (TRAIN, lambda r: r["lineage"][0].update(kind="prune")),
    "a lineage twice over": (RETRAIN, lambda r: r.update(lineage=r["lineage"] * 2)),
    "a lineage without its middle": (RETRAIN, lambda r: r["lineage"].pop(1)),
    "another root": (RETRAIN, lambda r: r["lineage"][0].update(key="train-0000000000000bad")),
    "a root elsewhere": (RETRAIN, lambda r: r["lineage"][0].update(key="../../../etc/passwd")),
    "a parameter missing": (PRUNE, lambda r: r["lineage"][-1]["params"].pop("method")),
    "an error above one": (TRAIN, lambda r: r.update(error=1.5)),
    "more nonzero than parameters": (TRAIN, lambda r: r.update(nonzero=10**6)),
    "a negative size": (TRAIN, lambda r: r.update(parameters=-6, nonzero=-6)),
    "a seed that is no number": (TRAIN, lambda r: r["lineage"][0]["params"].update(seed="x")),
}


@pytest.mark.parametrize("what", RECORDS)
def test_a_record_that_cannot_be_is_refused_and_named(store, what):
    key, change = RECORDS[what]
    _change(store, key, record=change)
    with pytest.raises(StoreError, match=key) as caught:
        store.record(key)
    assert "\n" not in str(caught.value)
    assert [problem.key for problem in store.problems()] == [key]


def _all(arrays, value):
    arrays.update({name: np.full_like(array, value) for name, array in arrays.items()})


ARRAYS = {
    "no arrays": (ERROR, lambda a: a.clear()),
    "fewer images than it says": (ERROR, lambda a: a.update({n: v[:1] for n, v in a.items()})),
    "no images": (ERROR, lambda a: a.update({n: v[:0] for n, v in a.items()})),
    "one array shorter": (ERROR, lambda a: a.update(loss=a["loss"][:1])),
    "numbers without a place": (ERROR, lambda a: a.update({n: v[0] for n, v in a.items()})),
    "a rank below zero": (ERROR, lambda a: a.update(rank=a["rank"] * 0 - 5)),
    "ranks that are no numbers": (ERROR, lambda a: a.update(rank=np.full(2, np.nan, np.float32))),
    "a label below zero": (ERROR, lambda a: a.update(label=a["label"] - 5)),
    "confidence above one": (ERROR, lambda a: a.update(confidence=a["confidence"] + 1e30)),
    "confidence that is no number": (ERROR, lambda a: a.update(confidence=a["confidence"] * np.nan)),
    "a loss that is no number": (ERROR, lambda a: a.update(loss=a["loss"] * np.nan)),
    "a loss below zero": (ERROR, lambda a: a.update(loss=a["loss"] - 5)),
    "right and wrong at once": (ERROR, lambda a: a.update(predicted=a["label"])),
    "another error than it says": (ERROR, lambda a: a.update(rank=a["rank"] * 0 + 1)),
    "noise without arrays": (NOISE, lambda a: a.clear()),
    "fewer levels than it says": (NOISE, lambda a: a.update({n: v[:1] for n, v in a.items()})),
    "fewer images under noise": (NOISE, lambda a: a.update({n: v[:, :1] for n, v in a.items()})),
    "agreement above one": (NOISE, lambda a: _all(a, 2)),
    "agreement that is no number": (NOISE, lambda a: _all(a, np.nan)),
    "a pixel twice": (FEATURES, lambda a: _all(a, 1)),
    "a pixel below zero": (FEATURES, lambda a: a.update(order=a["order"] - 9)),
    "no order": (FEATURES, lambda a: a.clear()),
    "fewer shares than it says": (TRANSFER, lambda a: a.update(confidence=a["confidence"][:, :1])),
    "a share of confidence above one": (TRANSFER, lambda a: _all(a, 3)),
}


@pytest.mark.parametrize("what", ARRAYS)
def test_outcomes_that_cannot_be_are_refused_and_named(store, what):
    key, change = ARRAYS[what]
    _change(store, key, arrays=change)
    with pytest.raises(StoreError, match=key) as caught:
        store.outcomes(key)
    assert "\n" not in str(caught.value)
    assert [problem.key for problem in store.problems()] == [key]


WEIGHTS = {
    "no weights": lambda a: [a.pop(name) for name in list(a) if not name.startswith("mask:")],
    "a mask of nothing": lambda a: a.update({"mask:nothing": np.ones(3, bool)}),
    "a mask without a name": lambda a: a.update({"mask:": np.ones(3, bool)}),
    "a mask of another shape": lambda a: a.update({"mask:conv.weight": np.ones((2, 3), bool)}),
    "a mask of numbers": lambda a: a.update({"mask:conv.weight": a["mask:conv.weight"].astype(np.float32)}),
    "masks that prune nothing": lambda a: a.update({"mask:conv.weight": np.ones((2, 2), bool)}),
    "a bias missing": lambda a: a.pop("conv.bias"),
    "masks that prune all": lambda a: a.update({"mask:conv.weight": np.zeros((2, 2), bool)}),
}


@pytest.mark.parametrize("what", WEIGHTS)
def test_weights_that_are_not_those_of_their_record_are_refused(store, what):
    _change(store, RETRAIN, arrays=WEIGHTS[what])
    with pytest.raises(StoreError, match=RETRAIN):
        store.tensors(RETRAIN)


@pytest.mark.parametrize("what", WEIGHTS)
def test_show_reports_nothing_of_weights_that_are_not_those_of_their_record(store, cli, what):
    _change(store, RETRAIN, arrays=WEIGHTS[what])
    ran = cli("show", RETRAIN, store=store.root)
    assert (ran.code, ran.out, ran.err.count("\n")) == (3, "", 1), ran
    assert str(store.path(RETRAIN)) in ran.err


def test_show_reports_no_measurement_that_cannot_be(store, cli):
    whole = cli("show", RETRAIN, store=store.root)
    assert whole.code == 0
    assert ERROR in [row["key"] for row in whole.row["measurements"]]
    _change(store, ERROR, arrays=lambda a: a.update(rank=a["rank"] * 0 + 1))
    ran = cli("show", RETRAIN, store=store.root)
    assert (ran.code, ran.out) == (3, "")
    assert ERROR in ran.err


def test_whole_results_are_taken(store):
    for key in itertools.chain(store.keys("models"), store.keys("measurements")):
        store.verify(key)


def test_a_summary_or_a_result_cannot_take_the_place_of_a_key(store):
    _change(store, TRAIN, record=lambda r: r.update(results={"key": "x; reboot", "error": 0.0, "loss": 2.0}))
    row = store.record(TRAIN).row()
    assert (row["key"], row["error"], row["loss"]) == (TRAIN, 0.25, 2.0)
    _change(store, ERROR, record=lambda r: r["summary"].update(key="x; reboot", model="y"))
    row = store.measurement(ERROR).row()
    assert (row["key"], row["model"]) == (ERROR, RETRAIN)


def test_a_number_that_is_none_is_not_read(store):
    blob = store.path(TRAIN).read_bytes()
    changed = blob.replace(b'\\"error\\":0.25', b'\\"error\\": NaN')
    assert changed != blob
    store.path(TRAIN).write_bytes(changed)
    with pytest.raises(StoreError, match="not one that prunekit wrote"):
        store.record(TRAIN)
