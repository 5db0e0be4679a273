"""Results of other data, code or inputs than are here: refused, said, or made again."""

from types import SimpleNamespace

import numpy as np
import pytest

from prunekit.base import source
from prunekit.data.versions import version_of
from prunekit.errors import UsageError
from prunekit.params import ErrorParams, PruneParams, TrainParams
from prunekit.steps.versions import (
    check_parent,
    code_of,
    measurement_sources,
    model_sources,
    settle,
    standing,
)
from prunekit.store.records import MeasurementRecord, ModelRecord, Step
from prunekit.store.store import Store


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A store with a parent on a folder of images, a network pruned from it, and the parent's error."""
    monkeypatch.chdir(tmp_path)
    source._digest.cache_clear()
    for split in ("train", "test"):
        (tmp_path / "photos" / split / "cat").mkdir(parents=True)
        (tmp_path / "photos" / split / "cat" / "0.png").write_bytes(split.encode())
    (tmp_path / "nets.py").write_text("x = 1")
    store, data = Store(tmp_path / "store"), tmp_path / "data"
    train = TrainParams(arch="module:nets:build", dataset="folder:photos")
    prune = PruneParams(parent=train.key, method="wt", prune_ratio=0.5)
    error = ErrorParams(model=train.key, distribution="folder:photos+fog@3")
    found = SimpleNamespace(store=store, data=data, train=train, prune=prune, error=error)
    found.steps = [train, prune, error]
    save_model(found, [train], 1.0)
    save_model(found, [train, prune], 0.0)
    sources = measurement_sources(error, store, data)
    record = MeasurementRecord(key=error.key, step=Step.of(error), provenance=sources.noted())
    store.save_outcomes(record, {"rank": np.zeros(1, np.int32)})
    yield found
    source._digest.cache_clear()


def _keys(here):
    return [params.key for params in here.steps]


def save_model(here, lineage, weight):
    steps = tuple(map(Step.of, lineage))
    provenance = model_sources(steps, here.store, here.data).noted()
    record = ModelRecord(
        key=steps[-1].key,
        lineage=steps,
        classes=("cat",),
        parameters=1,
        nonzero=1,
        error=0.0,
        provenance=provenance,
    )
    here.store.save_model(record, {"w": np.full(1, weight, np.float32)}, {})


def change_images(here):
    (here.store.root.parent / "photos" / "test" / "cat" / "0.png").write_bytes(b"tset")


def change_code(here):
    (here.store.root.parent / "nets.py").write_text("x = 2")
    source._digest.cache_clear()


def test_records_note_data_code_and_inputs(here):
    digest = version_of("folder:photos", here.data)
    parent = here.store.sources(here.train.key)
    assert parent.data == {"folder:photos": digest}
    assert list(parent.code) == ["module:nets:build"]
    assert parent.inputs == {}
    for key in (here.prune.key, here.error.key):
        assert here.store.sources(key) == parent._replace(
            inputs={here.train.key: here.store.digest(here.train.key)}
        )


def test_what_is_as_it_was_stands(here):
    assert standing(_keys(here), here.store, here.data) == ({}, {}, {})
    assert settle(here.steps, here.store, here.data, ()) == (frozenset(), ())
    check_parent(here.store.record(here.train.key), here.data)


def test_results_of_other_images_are_refused_until_they_are_made_again(here):
    change_images(here)
    with pytest.raises(
        UsageError, match=r"folder:photos has changed since train-.* and 2 more results in this store were"
    ):
        settle(here.steps, here.store, here.data, ())
    with pytest.raises(UsageError, match=r"has changed since train-.* was made from it"):
        check_parent(here.store.record(here.train.key), here.data)
    again = settle(here.steps, here.store, here.data, {here.train.key}).again
    assert again == {params.key for params in here.steps}


def test_data_that_are_not_here_cannot_be_compared(here):
    change_images(here)
    (here.store.root.parent / "photos").rename(here.store.root.parent / "away")
    assert standing(_keys(here), here.store, here.data) == ({}, {}, {})


def test_finished_results_of_other_code_are_told_and_not_gone_on_from(here):
    change_code(here)
    settled = settle(here.steps, here.store, here.data, ())
    assert settled.again == frozenset()
    (note,) = settled.notes
    assert "were made by a different version of module:nets:build" in note
    more = PruneParams(parent=here.train.key, method="wt", prune_ratio=0.9)
    with pytest.raises(UsageError, match=f"{more.key} would start"):
        settle([*here.steps, more], here.store, here.data, ())
    with pytest.raises(UsageError, match="is not the code that"):
        check_parent(here.store.record(here.train.key), here.data)


def test_what_comes_from_a_result_made_again_is_stale(here):
    save_model(here, [here.train], 2.0)
    found = standing(_keys(here), here.store, here.data)
    assert found.inputs == {here.prune.key: here.train.key, here.error.key: here.train.key}
    assert settle(here.steps, here.store, here.data, ()).again == {here.prune.key, here.error.key}


def test_the_same_bytes_again_make_nothing_stale(here):
    save_model(here, [here.train], 1.0)
    assert standing(_keys(here), here.store, here.data).inputs == {}


def test_a_result_of_version_0_1_stands_and_its_own_note_is_still_compared(here):
    record = here.store.record(here.train.key)
    silent = record.model_copy(update={"provenance": {}})
    here.store.save_model(silent, {"w": np.ones(1, np.float32)}, {})
    change_images(here)
    assert here.train.key not in standing([here.train.key], here.store, here.data).data
    check_parent(silent, here.data)
    with pytest.raises(UsageError, match="folder:photos has changed since"):
        check_parent(record.model_copy(update={"provenance": {"data": "0" * 16}}), here.data)


def test_a_row_of_a_plugin_has_its_code_noted(monkeypatch):
    point = SimpleNamespace(name="mine", value="pydantic.main:BaseModel")
    monkeypatch.setitem(
        vars(__import__("prunekit.pruning.methods", fromlist=["METHODS"]).METHODS), "_points", {"mine": point}
    )
    step = Step.of(PruneParams(parent="train-0000000000000000", method="mine", prune_ratio=0.5))
    assert list(code_of([step])) == ["pydantic.main:BaseModel"]


def test_a_method_of_ones_own_is_noted_as_code(here):
    step = Step.of(PruneParams(parent=here.train.key, method="module:nets.py:mine", prune_ratio=0.5))
    assert list(code_of([step])) == ["module:nets:mine"]
